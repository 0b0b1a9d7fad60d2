"""A case as an embed. Pure."""

from __future__ import annotations

from datetime import datetime

import discord

from bot.moderation.case import ON_CHANNELS, Case

COLOURS = {
    "ban": 0xB3261E,
    "softban": 0xC4532D,
    "kick": 0xD9822B,
    "timeout": 0xE0B23A,
    "warn": 0xE8CE5A,
}
COLOUR = 0x5B7FA6  # of all others, which take nothing away from anybody
WORDS = {
    "nick": "nickname",
    "role_add": "role given",
    "role_remove": "role taken",
    "untimeout": "timeout ended",
}
MAX_VALUE = 1024  # characters of an embed's field, of Discord


def title_of(case: Case) -> str:
    """Answer ``Case 12: ban``, and how it went where that is not well."""
    went = {"pending": " (unfinished)", "failed": " (failed)"}.get(case.status, "")
    return f"Case {case.number}: {word_of(case.action)}{went}"


def word_of(action: str) -> str:
    """Answer what people call an action."""
    return WORDS.get(action, action)


def target_of(case: Case) -> str:
    """Answer a mention, which rings nobody in an embed, and the id, which outlives the cache."""
    mention = f"<#{case.target_id}>" if case.action in ON_CHANNELS else f"<@{case.target_id}>"
    return f"{mention} `{case.target_id}`"


def when(at: datetime) -> str:
    """Answer a time that Discord shows in each reader's own time zone."""
    return f"{discord.utils.format_dt(at, 'f')} ({discord.utils.format_dt(at, 'R')})"


def embed_of(case: Case) -> discord.Embed:
    """Answer what the log channel and ``case`` show."""
    embed = discord.Embed(
        title=title_of(case),
        colour=COLOURS.get(case.action, COLOUR),
        timestamp=case.created_at,
    )
    target = "Channel" if case.action in ON_CHANNELS else "User"
    embed.add_field(name=target, value=target_of(case))
    embed.add_field(name="Moderator", value=f"<@{case.moderator_id}>")
    embed.add_field(name="Reason", value=_cut(case.reason), inline=False)
    if case.expires_at is not None:
        name = "Until" if case.ended_at is None else "Was until"
        name = "Counts until" if case.action == "warn" else name
        embed.add_field(name=name, value=when(case.expires_at))
    if case.ended_at is not None:
        embed.add_field(name="Ended", value=when(case.ended_at))
    if case.extra.get("shown"):
        embed.add_field(name="Details", value=_cut(str(case.extra["shown"])), inline=False)
    for name, text in (("Note", case.note), ("Error", case.error)):
        if text:
            embed.add_field(name=name, value=_cut(text), inline=False)
    return embed


def line_of(case: Case, now: datetime) -> str:
    """Answer a case in two lines, for lists; with a third where it ends or has ended."""
    went = {"pending": " unfinished", "failed": " failed"}.get(case.status, "")
    reason = case.reason if len(case.reason) <= 80 else f"{case.reason[:79]}…"
    on = discord.utils.format_dt(case.created_at, "d")
    reason = discord.utils.escape_markdown(reason)
    head = f"**{case.number}** {word_of(case.action)}{went}, {on}"
    line = f"{head}, {target_of(case)} by <@{case.moderator_id}>\n{reason}"
    end = _end_of(case, now)
    return f"{line}\n-# {end}" if end else line


def _end_of(case: Case, now: datetime) -> str:
    """Answer until when it holds or held; empty for what holds for good or was never done."""
    if case.status != "done":
        return ""
    if case.ended_at is not None:
        return f"ended {discord.utils.format_dt(case.ended_at, 'R')}"
    if case.expires_at is None:
        return ""
    word = "until" if case.expires_at > now else "expired"
    return f"{word} {discord.utils.format_dt(case.expires_at, 'R')}"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"
