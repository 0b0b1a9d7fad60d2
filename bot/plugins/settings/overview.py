"""The settings of a guild on one page. Pure."""

from __future__ import annotations

from bot.guilds.model import GuildSettings
from bot.plugins.settings import entry
from bot.views.page import Field, Page

UNSET = "not set"
MAX_SHOWN = 300  # characters of a text; the whole of it is in its form


def page(settings: GuildSettings, *, server: str, default_prefix: str) -> Page:
    """Answer what is set, and what holds where nothing is."""
    prefix = f"`{settings.prefix}`" if settings.prefix else f"`{default_prefix}` (default)"
    warnings = entry.written(settings.warn_thresholds) or "lead to nothing by themselves"
    autorole = _role(settings.autorole_id)
    if settings.autorole_id and settings.autorole_bots:
        autorole += " (bots too)"
    return Page(
        title=f"Settings of {server}",
        text="Choose below, or use `/settings set`. An empty choice takes a setting away.",
        fields=(
            Field(name="Log channel", value=_channel(settings.log_channel_id)),
            Field(name="Welcome channel", value=_channel(settings.welcome_channel_id)),
            Field(name="Autorole", value=autorole),
            Field(name="Ticket role", value=_role(settings.ticket_role_id)),
            Field(name="Prefix", value=prefix),
            Field(name="Time zone", value=settings.timezone or "UTC (default)"),
            Field(name="Welcome text", value=_text(settings.welcome_text), inline=False),
            Field(name="Leave text", value=_text(settings.leave_text), inline=False),
            Field(name="Warnings", value=warnings, inline=False),
        ),
    )


def _channel(channel_id: int | None) -> str:
    return f"<#{channel_id}>" if channel_id else UNSET


def _role(role_id: int | None) -> str:
    return f"<@&{role_id}>" if role_id else UNSET


def _text(text: str | None) -> str:
    if text is None:
        return UNSET
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
