"""Reads what a user wants to be reminded of, and when, from the words of a command."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.commands.refusals import Refused
from bot.moments import timezones
from bot.moments.dates import parse_beginning, parse_when
from bot.moments.moments import MomentError
from bot.plugins.reminders.model import MAX_TEXT
from bot.plugins.reminders.repeats import (
    Repeat,
    RepeatError,
    anchored,
    leading_repeat,
    next_due,
    parse_repeat,
)

NO_TIME = "When? Try `10m`, `1h30m`, `tomorrow 9am` or `every day 9am`."
NO_TEXT = "Of what? Write it after the time."
NOTHING = "Change what? Give another time, another text, or both."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was understood; what was not given is None or empty."""

    due_at: datetime | None = None
    repeat: Repeat | None = None
    text: str = ""


def checked_text(text: str) -> str:
    """Answer *text* if it can be kept.

    Raises:
        Refused: it is empty or too long.
    """
    written = text.strip()
    if not written:
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
        if " " in first.strip():  # in quotes, which discord.py has taken off
            rule, at = await _rule_and_time(first, now, timezone)
            return Wish(due_at=at, repeat=rule, text=rest)
        written = f"{first} {rest}"
        found = leading_repeat(written)
        if found is None:
            at, text = await parse_beginning(written, now=now, timezone=timezone)
            return Wish(due_at=at, text=text)
        rule, after = found
        try:
            at, text = await parse_beginning(after, now=now, timezone=timezone)
        except MomentError:
            at, text = _first_time(rule, now, timezone), after
        return Wish(due_at=at, repeat=rule, text=text)
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
) -> Wish:
    """Read what is to be changed; of a text command, words that are no time are the text.

    Raises:
        Refused: nothing is given, or nothing that can be used.
    """
    if when is None:
        if not text:
            raise Refused(NOTHING)
        return Wish(text=text)
    if not by_text:
        return await of_options(when, text or "", None, now=now, timezone=timezone)
    try:
        return await of_text(when, text or "", now=now, timezone=timezone)
    except Refused:
        written = f"{when} {text or ''}".strip()
        if written[0].isdigit():
            raise  # meant as a time
        return Wish(text=written)


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
