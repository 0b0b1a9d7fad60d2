"""Reads what a user wants to be reminded of, and when, from the words of a command."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.commands.refusals import Refused
from bot.moments import timezones
from bot.moments.dates import parse_beginning, parse_when
from bot.moments.moments import MomentError, NoMomentError
from bot.plugins.reminders.model import MAX_TEXT
from bot.plugins.reminders.repeats import (
    Repeat,
    RepeatError,
    anchored,
    leading_repeat,
    next_due,
    parse_repeat,
)

NO_TEXT = "Of what? Write it after the time."
NOTHING = "Change what? Give another time, another text, or both."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was understood of a command that makes a reminder."""

    due_at: datetime
    repeat: Repeat | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was understood of a command that changes one; what stays as it is is None."""

    due_at: datetime | None = None
    repeat: Repeat | None = None
    text: str | None = None


def checked_text(text: str) -> str:
    """Answer *text* if it can be kept.

    Raises:
        Refused: there is nothing to see in it, or it is too long.
    """
    written = text.replace("\0", "").strip()  # which PostgreSQL does not keep
    if not any(each.isprintable() and not each.isspace() for each in written):
        raise Refused(NO_TEXT)
    if len(written) > MAX_TEXT:
        raise Refused(f"That is {len(written)} characters; a reminder has at most {MAX_TEXT}.")
    return written


async def of_text(first: str, rest: str, *, now: datetime, timezone: str) -> Wish:
    """Read a text command: as many of its first words as are a time are the time.

    Raises:
        Refused: they are none, or one that can't be used.
    """
    try:
        return await _of_words(first, rest, now, timezone)
    except (MomentError, RepeatError) as error:
        raise Refused(str(error)) from error


async def of_options(
    when: str, text: str, repeat: str | None, *, now: datetime, timezone: str
) -> Wish:
    """Read the options of a slash command.

    Raises:
        Refused: they are none that can be used.
    """
    try:
        rule, at = await _rule_and_time(when, now, timezone)
        if repeat is not None:
            rule = parse_repeat(repeat)
    except (MomentError, RepeatError) as error:
        raise Refused(str(error)) from error
    return Wish(due_at=at, repeat=rule, text=text)


async def of_edit(
    when: str | None, text: str | None, *, by_text: bool, now: datetime, timezone: str
) -> Change:
    """Read what is to be changed; of a text command, words that are no time are the text.

    Raises:
        Refused: nothing is given, or nothing that can be used.
    """
    if when is None:
        if not text:
            raise Refused(NOTHING)
        return Change(text=checked_text(text))
    try:
        if by_text:
            wish = await _of_words(when, text or "", now, timezone)
        else:
            wish = await of_options(when, text or "", None, now=now, timezone=timezone)
    except NoMomentError as error:
        words = f"{when} {text or ''}".strip()
        if words[:1].isdigit():  # meant as a time
            raise Refused(str(error)) from error
        return Change(text=checked_text(words))
    except (MomentError, RepeatError) as error:
        raise Refused(str(error)) from error
    changed = checked_text(wish.text) if wish.text else None
    return Change(due_at=wish.due_at, repeat=wish.repeat, text=changed)


async def _of_words(first: str, rest: str, now: datetime, timezone: str) -> Wish:
    if " " in first.strip():  # in quotes, which discord.py has taken off
        rule, at = await _rule_and_time(first, now, timezone)
        return Wish(due_at=at, repeat=rule, text=rest)
    written = f"{first} {rest}"
    found = leading_repeat(written)
    if found is None:
        at, text = await parse_beginning(written, now=now, timezone=timezone)
        return Wish(due_at=at, repeat=None, text=text)
    rule, after = found
    try:
        at, text = await parse_beginning(after, now=now, timezone=timezone)
    except NoMomentError:
        at, text = _first_time(rule, now, timezone), after
    return Wish(due_at=at, repeat=rule, text=text)


async def _rule_and_time(
    written: str, now: datetime, timezone: str
) -> tuple[Repeat | None, datetime]:
    found = leading_repeat(written)
    if found is None:
        return None, await parse_when(written, now=now, timezone=timezone)
    rule, rest = found
    if not rest.strip():
        return rule, _first_time(rule, now, timezone)
    return rule, await parse_when(rest, now=now, timezone=timezone)


def _first_time(rule: Repeat, now: datetime, timezone: str) -> datetime:
    zone = timezones.zone(timezone)
    return next_due(anchored(rule, now, zone), now, now=now, zone=zone)
