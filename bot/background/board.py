"""The message in which a background job is shown."""

from __future__ import annotations

import aiohttp
import discord
import structlog

from bot.background.cancelling import CancelButton
from bot.background.entry import OPEN, Entry
from bot.background.progress import describe

log = structlog.get_logger(__name__)

_UNREACHABLE = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)


class Board:
    """Posts and edits these messages; no fault of Discord's is a fault of the job."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def post(self, entry: Entry) -> int | None:
        """Post the message of a job; answers its id, None where nothing can be posted."""
        channel = self._channel(entry)
        if channel is None:
            return None
        # The same in each process: Discord answers with the message that is there.
        nonce = f"job-{entry.id}" if entry.status in OPEN else f"job-{entry.id}-end"
        silent = discord.AllowedMentions.none()
        try:
            if entry.status in OPEN:
                message = await channel.send(
                    describe(entry), view=_view(entry), nonce=nonce, allowed_mentions=silent
                )
            else:
                message = await channel.send(describe(entry), nonce=nonce, allowed_mentions=silent)
        except _UNREACHABLE as error:
            log.warning("job.not_shown", job=entry.id, error=type(error).__name__)
            return None
        return message.id

    async def edit(self, entry: Entry) -> bool:
        """Show how a job is now; answers False when its message is gone for good."""
        channel = self._channel(entry)
        if channel is None or entry.message_id is None:
            return False
        view = _view(entry) if entry.status in OPEN else None
        try:
            await channel.get_partial_message(entry.message_id).edit(
                content=describe(entry), view=view, allowed_mentions=discord.AllowedMentions.none()
            )
        except (discord.NotFound, discord.Forbidden) as error:
            log.info("job.message_lost", job=entry.id, code=error.code)
            return False
        except _UNREACHABLE as error:
            log.warning("job.not_shown", job=entry.id, error=type(error).__name__)
        return True

    def _channel(self, entry: Entry) -> discord.PartialMessageable | None:
        place = entry.place
        if place.channel_id is None:
            return None
        return self._client.get_partial_messageable(place.channel_id, guild_id=place.guild_id)


def _view(entry: Entry) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    view.add_item(CancelButton(entry.id))
    return view
