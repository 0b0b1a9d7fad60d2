"""Deletes messages that break a rule, those of a channel in one call where there are several."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING

import discord

if TYPE_CHECKING:
    from bot.client import Novera


async def remove(bot: Novera, places: Mapping[int, Set[int]], *, reason: str) -> int:
    """Delete messages; answers how many are gone now. Those of a rule are too few for two calls.

    Args:
        places: Ids of messages by channel; none is as old as Discord's limit of 14 days.
        reason: For Discord's audit log.

    Raises:
        discord.HTTPException: in no channel it could be done; the first that was refused.
    """
    # Our own audit log need not tell of what automod tells of.
    bot.dispatch("own_deletion", tuple(each for ids in places.values() for each in ids))
    gone, refused = 0, None
    for channel_id, ids in places.items():
        try:
            gone += await _in_channel(bot, channel_id, sorted(ids), reason)
        except discord.HTTPException as error:  # others may be where we may
            refused = refused or error
    if refused is not None and not gone:
        raise refused
    return gone


async def _in_channel(bot: Novera, channel_id: int, ids: list[int], reason: str) -> int:
    if len(ids) > 1:
        try:
            await bot.http.delete_messages(channel_id, [*ids], reason=reason)
        except discord.Forbidden:
            raise
        except discord.HTTPException as error:
            if error.status not in (400, 404):
                raise  # one of them makes the call fail: each by itself
        else:
            return len(ids)
    for message_id in reversed(ids):
        try:
            await bot.http.delete_message(channel_id, message_id, reason=reason)
        except discord.NotFound:
            continue  # by somebody else, or by us before we died
    return len(ids)
