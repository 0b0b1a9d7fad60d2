"""Facts of discord.py's errors in words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

# Where Discord's settings call a permission otherwise than its API does. "Mention @everyone, @here
# and All Roles" is not among them: it would be one more @everyone in a text.
_IN_SETTINGS = {
    "create_polls": "Create Polls",
    "external_emojis": "Use External Emoji",
    "external_stickers": "Use External Stickers",
    "manage_emojis": "Manage Expressions",
    "manage_emojis_and_stickers": "Manage Expressions",
    "moderate_members": "Timeout Members",
    "read_messages": "View Channel",
    "send_messages_in_threads": "Send Messages in Threads",
    "send_polls": "Create Polls",
    "stream": "Video",
    "use_embedded_activities": "Use Activities",
    "use_external_emojis": "Use External Emoji",
    "use_external_stickers": "Use External Stickers",
    "use_voice_activation": "Use Voice Activity",
}

# What discord.py says when Python itself does not take an argument; nothing but words tells it.
_CONVERTING = re.compile(r'Converting to "(.+)" failed for parameter "(.+)"\.')
_KINDS = {"int": "a whole number", "float": "a number"}


def permission(name: str) -> str:
    """Answer the permission *name* of discord.py as Discord's settings call it."""
    words = name.replace("guild", "server").replace("_", " ").title()
    return _IN_SETTINGS.get(name, words)


def listed(names: Iterable[object], joint: str = "and") -> str:
    """Answer *names* with commas, the last one after *joint*."""
    words = [str(name) for name in names]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {joint} {words[-1]}"


def permissions(error: Any) -> str:
    """Answer the permissions that somebody lacks."""
    names = getattr(error, "missing_permissions", ())
    return listed(f"**{permission(name)}**" for name in names) or "more permissions"


def roles(error: Any) -> str:
    """Roles by name; by id they are mentions, which the message does not ring."""
    lacking = getattr(error, "missing_roles", None) or [getattr(error, "missing_role", "")]
    shown = (f"<@&{role}>" if isinstance(role, int) else f"**{role}**" for role in lacking)
    return listed(shown, "or")


def name(error: Any) -> str:
    """Answer the name of the option that an error is about."""
    thing = getattr(error, "param", None) or getattr(error, "flag", None)
    return str(getattr(thing, "displayed_name", None) or getattr(thing, "name", None) or "input")


def converted(error: Any) -> str:
    """Answer what an argument must be that could not be converted; else the error's own words."""
    found = _CONVERTING.fullmatch(str(error))
    if found is None:
        return str(error)
    kind, argument = found.groups()
    return f"`{argument}` must be {_KINDS.get(kind, 'something else')}."


def limits(error: Any) -> str:
    """Answer what a number must be, or the length of a text."""
    lowest, highest = getattr(error, "minimum", None), getattr(error, "maximum", None)
    long = " characters long" if isinstance(getattr(error, "value", None), str) else ""
    if lowest is None:
        return f"That must be at most {highest}{long}."
    if highest is None:
        return f"That must be at least {lowest}{long}."
    return f"That must be between {lowest} and {highest}{long}."


def uses(error: Any) -> str:
    """Answer how often a command may run at a time."""
    number = getattr(error, "number", 1)
    times = "once" if number == 1 else f"{number} times"
    return f"This may run only {times} at the same time. Please try again when it has ended."
