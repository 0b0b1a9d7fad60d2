"""The settings of a guild on one page. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from bot.guilds.model import GuildSettings
from bot.plugins.settings import entry
from bot.views.page import Field, Page

UNSET = "not set"
MAX_SHOWN = 300  # characters of a text; the whole of it is in its form
MAX_LISTED = 10  # channels
_MENTION = re.compile(r"<(#|@&)(\d{1,20})>")


def page(fields: Sequence[Field], *, server: str, there: Collection[int]) -> Page:
    """Answer what is set, and what holds where nothing is.

    Args:
        there: Ids of the channels and roles of the server: what is set may be gone.
    """
    return Page(
        title=f"Settings of {server}",
        text="Choose below, or use `/settings set`. An empty choice takes a setting away.",
        fields=tuple(replace(each, value=_with_losses(each.value, there)) for each in fields),
    )


def general(settings: GuildSettings, default_prefix: str) -> Sequence[Field]:
    """Answer where things are told, how commands begin, what warnings lead to."""
    prefix = f"`{settings.prefix}`" if settings.prefix else f"`{default_prefix}` (default)"
    warnings = entry.written(settings.warn_thresholds) or "lead to nothing by themselves"
    return (
        Field(name="Log channel", value=_channel(settings.log_channel_id)),
        Field(name="Audit log leaves out", value=_channels(settings.audit_ignored)),
        Field(name="Ticket role", value=_role(settings.ticket_role_id)),
        Field(name="Prefix", value=prefix),
        Field(name="Time zone", value=settings.timezone or "UTC (default)"),
        Field(name="Warnings", value=warnings, inline=False),
    )


def arrivals(settings: GuildSettings) -> Sequence[Field]:
    """Answer what new members see and get."""
    autorole = _role(settings.autorole_id)
    if settings.autorole_bots:
        autorole += " (bots too)"
    return (
        Field(name="Welcome channel", value=_channel(settings.welcome_channel_id)),
        Field(name="Autorole", value=autorole),
        Field(name="Welcome text", value=_text(settings.welcome_text), inline=False),
        Field(name="Leave text", value=_text(settings.leave_text), inline=False),
    )


def _channel(channel_id: int | None) -> str:
    return f"<#{channel_id}>" if channel_id else UNSET


def _channels(ids: Sequence[int]) -> str:
    shown = ", ".join(map(_channel, ids[:MAX_LISTED]))
    more = len(ids) - MAX_LISTED
    return f"{shown} and {more} more" if more > 0 else shown or "nothing"


def _role(role_id: int | None) -> str:
    return f"<@&{role_id}>" if role_id else UNSET


def _text(text: str | None) -> str:
    if text is None:
        return UNSET
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def _with_losses(value: str, there: Collection[int]) -> str:
    """Answer *value* with a word on each channel and role that is not there any more."""
    kinds = {"#": "a channel", "@&": "a role"}

    def shown(mention: re.Match[str]) -> str:
        if int(mention[2]) in there:
            return mention.group()
        return f"{kinds[mention[1]]} that is gone (`{mention[2]}`)"

    return _MENTION.sub(shown, value)
