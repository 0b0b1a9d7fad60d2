"""Commands laid out on pages that fit Discord's limits for embeds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

# https://discord.com/developers/docs/resources/message#embed-object-embed-limits
MAX_TITLE = 256
MAX_TEXT = 4096
MAX_FIELDS = 25
MAX_NAME = 256
MAX_VALUE = 1024
MAX_TOTAL = 6000

EMPTY = "\u200b"  # Discord refuses an empty field


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One command, as help shows it."""

    group: str
    name: str
    usage: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A titled block of a page."""

    name: str
    value: str
    inline: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One embed."""

    title: str
    text: str = ""
    fields: tuple[Field, ...] = ()

    def size(self) -> int:
        """Answer the characters that count against `MAX_TOTAL`."""
        fields = sum(len(field.name) + len(field.value) for field in self.fields)
        return len(self.title) + len(self.text) + fields


def cut(text: str, limit: int) -> str:
    """Answer *text*, at most *limit* characters of it and never none."""
    if len(text) > limit:
        return f"{text[: limit - 1]}…"
    return text or EMPTY


def pages(entries: Iterable[Entry], *, title: str) -> list[Page]:
    """Answer the commands by group on as few pages as they fit on, at least one."""
    fields = [
        Field(name=cut(group, MAX_NAME), value=value, inline=False)
        for group, members in _grouped(entries)
        for value in _values(members)
    ]
    made = [Page(title=cut(title, MAX_TITLE))]
    # Room for the page number that numbered titles bear.
    room = MAX_TOTAL - 16
    for field in fields:
        page = made[-1]
        grown = replace(page, fields=(*page.fields, field))
        if len(grown.fields) > MAX_FIELDS or grown.size() > room:
            made.append(Page(title=page.title, fields=(field,)))
        else:
            made[-1] = grown
    if not fields:
        made[0] = replace(made[0], text="Nothing that you may use here.")
    return made


def fitted(page: Page) -> Page:
    """Answer *page* cut to Discord's limits, fields dropped from its end if need be."""
    shown = Page(
        title=cut(page.title, MAX_TITLE),
        text=cut(page.text, MAX_TEXT) if page.text else "",
        fields=tuple(
            replace(field, name=cut(field.name, MAX_NAME), value=cut(field.value, MAX_VALUE))
            for field in page.fields[:MAX_FIELDS]
        ),
    )
    while shown.fields and shown.size() > MAX_TOTAL:
        shown = replace(shown, fields=shown.fields[:-1])
    return replace(shown, text=cut(shown.text, 4000)) if shown.size() > MAX_TOTAL else shown


def plain(page: Page) -> str:
    """Answer *page* as a message, for channels where the bot may not send embeds."""
    lines = [f"**{page.title}**", page.text]
    for field in page.fields:
        lines += ["", f"**{field.name}**", field.value]
    return cut("\n".join(line for line in lines if line is not None), 2000)


def _grouped(entries: Iterable[Entry]) -> list[tuple[str, list[Entry]]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.group, []).append(entry)
    return [
        (group, sorted(members, key=lambda entry: entry.name))
        for group, members in sorted(groups.items())
    ]


def _values(entries: Sequence[Entry]) -> list[str]:
    """Answer the entries as the values of as many fields as they need."""
    values: list[str] = []
    for entry in entries:
        usage, text = cut(entry.usage, 100), cut(entry.text or "No description.", 200)
        line = f"`{usage.replace('`', chr(39))}`\n{text}"
        if values and len(values[-1]) + 1 + len(line) <= MAX_VALUE:
            values[-1] = f"{values[-1]}\n{line}"
        else:
            values.append(line)
    return values
