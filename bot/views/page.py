"""Pages that fit Discord's limits for embeds. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

# https://discord.com/developers/docs/resources/message#embed-object-embed-limits
MAX_TITLE = 256
MAX_TEXT = 4096
MAX_FIELDS = 25
MAX_NAME = 256
MAX_VALUE = 1024
MAX_TOTAL = 6000
ROOM = MAX_TOTAL - 16  # for the page number that a footer bears
MAX_MESSAGE = 2000

EMPTY = "\u200b"  # Discord refuses an empty field


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
    while shown.fields and shown.size() > ROOM:
        shown = replace(shown, fields=shown.fields[:-1])
    return shown


def plain(page: Page) -> str:
    """Answer *page* as a message, for channels where the bot may not send embeds."""
    lines = [f"**{page.title}**"]
    if page.text:
        lines.append(page.text)
    for field in page.fields:
        lines += ["", f"**{field.name}**", field.value]
    return cut("\n".join(lines), MAX_MESSAGE)


def listed(lines: list[str], *, title: str, per_page: int = 10, empty: str = "") -> list[Page]:
    """Answer *lines* on as many pages as they need, at least one.

    Args:
        per_page: Lines of one page, fewer where they are long.
        empty: What the only page says when there are none.
    """
    pages: list[Page] = []
    held: list[str] = []
    for line in lines:
        short = cut(line, MAX_VALUE)
        if held and (len(held) == per_page or len("\n".join([*held, short])) > MAX_TEXT):
            pages.append(Page(title=title, text="\n".join(held)))
            held = []
        held.append(short)
    if held or not pages:
        pages.append(Page(title=title, text="\n".join(held) or empty))
    return pages
