"""What Discord's refusals mean for a moderator. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

UNKNOWN_MEMBER: Final = 10007
UNKNOWN_USER: Final = 10013
UNKNOWN_BAN: Final = 10026

_CODES: Mapping[int, str] = {
    10003: "That channel is gone.",
    UNKNOWN_MEMBER: "That user is no member of this server (any more).",
    10011: "That role is gone.",
    UNKNOWN_USER: "Discord knows no user with that id.",
    UNKNOWN_BAN: "That user is not banned.",
    30035: "This server has reached Discord's limit of bans of users who are not members. Lift"
    " some of them first.",
    50001: "I have no access to that.",
    50013: "Discord does not let me do that: I lack the permission, or my role is too low.",
    50024: "That can't be done in this kind of channel.",
    50035: "Discord did not accept one of the values.",
}


def explain(status: int, code: int) -> str | None:
    """Answer what to tell the moderator; None for what they can do nothing about.

    Args:
        status: Of HTTP.
        code: Of Discord, 0 when it gave none.
    """
    if code in _CODES:
        return _CODES[code]
    if status == 403:
        return _CODES[50013]
    if status == 404:
        return "Discord can't find that any more."
    return None
