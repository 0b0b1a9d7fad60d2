"""Reasons: as moderators give them, and as Discord's audit log takes them. Pure."""

from __future__ import annotations

import unicodedata

NO_REASON = "No reason given."
MAX_REASON = 1000  # characters; an embed's field holds 1024
MAX_AUDIT_REASON = 512  # characters, of Discord
MAX_NAME = 40
# Control characters, halves of surrogate pairs and unassigned ones: no header, no database takes
# the first two, and nobody can read the third.
_UNREADABLE = frozenset({"Cc", "Cs", "Cn"})


def cleaned(text: str) -> str:
    """Answer *text* on one line, without what neither a header nor a database takes."""
    shown = "".join(" " if unicodedata.category(each) in _UNREADABLE else each for each in text)
    return " ".join(shown.split())


def reason_of(text: str | None) -> str:
    """Answer a moderator's words as they are kept: one line, never empty, never too long."""
    return _cut(cleaned(text or ""), MAX_REASON) or NO_REASON


def audit_reason(reason: str, *, number: int, moderator_id: int, moderator_name: str = "") -> str:
    """Answer what Discord's audit log is to show: the case, the moderator, and why.

    The audit log names the bot as the one who acted, so the moderator must be in the reason.
    """
    name = _cut(cleaned(moderator_name), MAX_NAME)
    by = f"{name} ({moderator_id})" if name else str(moderator_id)
    return _cut(f"{_begins(number)}{by}: {cleaned(reason) or NO_REASON}", MAX_AUDIT_REASON)


def is_of(given: str | None, number: int) -> bool:
    """Answer whether a reason that Discord has is that of case *number*, by `audit_reason`."""
    return (given or "").startswith(_begins(number))


def _begins(number: int) -> str:
    return f"Case {number} by "


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
