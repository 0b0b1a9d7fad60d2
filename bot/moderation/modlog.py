"""Shows cases in the channel that a guild has set for that.

Nothing that goes wrong here undoes or hides what was done: it is logged, and the case stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import discord
import structlog

from bot.moderation.cards import embed_of
from bot.moderation.case import Case
from bot.storage.errors import StorageError
from bot.tasks.timeouts import with_timeout

if TYPE_CHECKING:
    from bot.services import Services

log = structlog.get_logger(__name__)

TIMEOUT_S = 5.0
NONCE_HOLDS_S = 300.0  # about, of Discord
_UNREACHABLE = (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError, StorageError)


class ModLog:
    """One message for each case."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def post(self, case: Case) -> tuple[int, int] | None:
        """Answer ids of channel and message; None where there is no channel, or it can't be used.

        Said again within `NONCE_HOLDS_S`, by whatever process, Discord recognises the message.
        """
        try:
            settings = await self._services.guilds.of(case.guild_id)
            channel = self._channel(settings.log_channel_id)
            if channel is None:
                return None
            sending = channel.send(embed=embed_of(case), nonce=f"case-{case.id}")
            sent = await with_timeout(sending, TIMEOUT_S)
        except _UNREACHABLE as error:
            log.warning("case.not_shown", case_id=case.id, error=type(error).__name__)
            return None
        return channel.id, sent.id

    async def edit(self, case: Case) -> None:
        """Show a case as it is now where it is shown already."""
        channel = self._channel(case.log_channel_id)
        if channel is None or case.log_message_id is None:
            return
        message = channel.get_partial_message(case.log_message_id)
        try:
            await with_timeout(message.edit(embed=embed_of(case)), TIMEOUT_S)
        except _UNREACHABLE as error:
            log.warning("case.not_shown", case_id=case.id, error=type(error).__name__)

    def _channel(self, channel_id: int | None) -> discord.TextChannel | discord.Thread | None:
        client = self._services.client
        if channel_id is None or client is None:
            return None
        channel = client.get_channel(channel_id)
        if isinstance(channel, discord.TextChannel | discord.Thread):
            return channel
        log.warning("case.not_shown", channel_id=channel_id, error="channel is gone")
        return None
