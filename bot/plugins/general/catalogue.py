"""Commands as help shows them, on pages that fit Discord's limits for embeds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.commands.wording import listed, permission
from bot.views.page import MAX_FIELDS, MAX_NAME, MAX_TITLE, MAX_VALUE, ROOM, Field, Page, cut

NO_COMMANDS = "Nothing that you may use here."


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What a command takes.

    Attributes:
        choices: The only values that it takes, where these are listed.
    """

    name: str
    text: str
    required: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One command.

    Attributes:
        group: The plugin's title.
        usage: How it is written as text; empty when it is a slash command only.
        slash: How it is written as a slash command; empty when it is a text command only.
        needs: Permissions that its user must have.
        bot_needs: Permissions that the bot must have.
        lacking: Those of *bot_needs* that it does not have here.
        parts: Names of its subcommands that the reader may use.
    """

    group: str
    name: str
    text: str
    usage: str = ""
    slash: str = ""
    aliases: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    needs: tuple[str, ...] = ()
    bot_needs: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The shorter way to write it."""
        return self.usage or self.slash or self.name


def grouped(entries: Iterable[Entry]) -> Mapping[str, tuple[Entry, ...]]:
    """Answer the commands by plugin, both in alphabetical order."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.group, []).append(entry)
    return {
        group: tuple(sorted(members, key=lambda entry: entry.name))
        for group, members in sorted(groups.items())
    }


def overview(entries: Iterable[Entry], *, prefix: str) -> list[Page]:
    """Answer the names of all commands by plugin, subcommands left to their groups' pages."""
    known = list(entries)
    names = {entry.name for entry in known}
    tops = [entry for entry in known if entry.name.rpartition(" ")[0] not in names]
    fields = [
        Field(name=cut(group, MAX_NAME), value=value, inline=False)
        for group, members in grouped(tops).items()
        for value in _joined([f"`{_code(cut(each.name, 100))}`" for each in members], " ")
    ]
    hint = f"Choose a plugin below, or ask with `{_code(prefix)}help` and a command or a word."
    return _filled("What I can do", fields, text=hint if fields else NO_COMMANDS)


def pages(entries: Iterable[Entry], *, title: str) -> list[Page]:
    """Answer the commands by plugin with what they do, at least one page."""
    fields = [
        Field(name=cut(group, MAX_NAME), value=value, inline=False)
        for group, members in grouped(entries).items()
        for value in _joined([_line(each) for each in members], "\n")
    ]
    return _filled(title, fields, text="" if fields else NO_COMMANDS)


def details(entry: Entry, parts: Sequence[Entry] = ()) -> list[Page]:
    """Answer all about one command.

    Args:
        parts: Its subcommands that the reader may use.
    """
    written = [f"`{_code(cut(form, 400))}`" for form in (entry.usage, entry.slash) if form]
    fields = [Field(name="How to write it", value="\n".join(written) or "?", inline=False)]
    fields += [
        Field(name=name, value=value, inline=False)
        for name, lines in (
            ("Options", [_option(each) for each in entry.options]),
            ("Subcommands", [_line(each) for each in sorted(parts, key=lambda each: each.name)]),
            ("Examples", [_written(each) for each in entry.examples]),
        )
        for value in _joined(lines, "\n")
    ]
    for name, words in (
        ("Also called", quoted(entry.aliases, "and")),
        ("You need", _permissions(entry.needs)),
        ("I need", _permissions(entry.bot_needs)),
        ("⚠️ I lack here", _permissions(entry.lacking)),
    ):
        if words:
            fields.append(Field(name=name, value=cut(words, MAX_VALUE)))
    return _filled(entry.name, fields, text=entry.text)


def _filled(title: str, fields: Sequence[Field], *, text: str) -> list[Page]:
    """Answer as many pages as *fields* need; the first one has the text."""
    made = [Page(title=cut(title, MAX_TITLE), text=cut(text, 1000) if text else "")]
    for field in fields:
        page = made[-1]
        grown = replace(page, fields=(*page.fields, field))
        if len(grown.fields) > MAX_FIELDS or grown.size() > ROOM:
            made.append(Page(title=page.title, fields=(field,)))
        else:
            made[-1] = grown
    return made


def _joined(lines: Sequence[str], joint: str) -> list[str]:
    """Answer the lines as the values of as few fields as they fit in."""
    values: list[str] = []
    for line in lines:
        short = cut(line, MAX_VALUE)
        if values and len(values[-1]) + len(joint) + len(short) <= MAX_VALUE:
            values[-1] = f"{values[-1]}{joint}{short}"
        else:
            values.append(short)
    return values


def _line(entry: Entry) -> str:
    return f"{_written(entry.shown)}\n{cut(entry.text or 'No description.', 200)}"


def _option(option: Option) -> str:
    words = [f"`{_code(cut(option.name, 100))}`" + ("" if option.required else " (optional)")]
    if option.text:
        words.append(cut(option.text, 200))
    if option.choices:
        words.append(cut(f"One of {listed(option.choices, 'or')}.", 200))
    return " — ".join(words[:2]) + (f" {words[2]}" if len(words) > 2 else "")


def quoted(names: Iterable[str], joint: str = "or") -> str:
    """Answer names as code, in one sentence."""
    return listed((f"`{_code(name)}`" for name in names), joint)


def _permissions(names: Iterable[str]) -> str:
    return listed(f"**{permission(name)}**" for name in names)


def _written(form: str) -> str:
    return f"`{_code(cut(form, 100))}`"


def _code(text: str) -> str:
    """Text that ends no code span, and is never none."""
    return text.replace("`", "'") or " "
