"""What moderators are asked and told. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import discord

from bot.moderation.cards import when
from bot.moderation.case import Case

_DONE = {
    "ban": "was banned",
    "unban": "was unbanned",
    "softban": "was removed with their newest messages",
    "kick": "was kicked",
    "timeout": "was timed out",
    "untimeout": "may write again",
    "warn": "was warned",
    "nick": "has another name",
    "role_add": "was given the role",
    "role_remove": "no longer has the role",
}
MAX_SHOWN_REASON = 200  # characters, in a question


def name_of(name: str, user_id: int) -> str:
    """Answer a user as moderators must see them: a name alone can be anybody's."""
    return f"**{discord.utils.escape_markdown(name)}** (`{user_id}`)"


def question(verb: str, who: str, *, details: Sequence[str], reason: str) -> str:
    """Answer what to ask before something that can't be taken back.

    Args:
        verb: As in ``Ban``.
        who: Of `name_of`.
        details: What else is to be known, a line each.
    """
    shown = reason if len(reason) <= MAX_SHOWN_REASON else f"{reason[: MAX_SHOWN_REASON - 1]}…"
    return "\n".join([f"{verb} {who}?", *details, f"Reason: {shown}"])


def ban_details(until: datetime | None, delete_days: int, *, is_member: bool) -> list[str]:
    """Answer what a ban involves, a line each."""
    lines = [f"Until {when(until)}." if until is not None else "For good."]
    if delete_days:
        lines.append(_deleted(delete_days))
    if not is_member:
        lines.append("They are no member of this server; the ban keeps them from joining.")
    return lines


def outcome(case: Case, who: str) -> str:
    """Answer what was done."""
    words = f"Case {case.number}: {who} {_DONE.get(case.action, 'was dealt with')}"
    if case.expires_at is not None:
        words = f"{words} until {when(case.expires_at)}"
    return f"{words}. {case.note}" if case.note else f"{words}."


def warned(case: Case, who: str, count: int, followed: Case | None, refused: str | None) -> str:
    """Answer what came of a warning."""
    lines = [outcome(case, who), f"Warnings that count now: {count}."]
    if followed is not None:
        lines.append(outcome(followed, who))
    if refused is not None:
        lines.append(f"What is set to follow so many warnings failed: {refused}")
    return "\n".join(lines)


def softban_details(delete_days: int) -> list[str]:
    """Answer what a softban involves, a line each."""
    lines = ["They may join again at once."]
    if delete_days:
        lines.insert(0, _deleted(delete_days))
    return lines


def _deleted(days: int) -> str:
    return f"Their messages of the last {'day' if days == 1 else f'{days} days'} are deleted."
