"""Reads and changes a guild's automod config, one change after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.commands.refusals import Refused
from bot.plugins.automod.config import Config, ConfigError, decode, encode

if TYPE_CHECKING:
    from bot.client import Novera


class Keeper:
    """The configs of all guilds, as they are stored."""

    def __init__(self, bot: Novera) -> None:
        self._bot, self._changing = bot, asyncio.Lock()

    async def of(self, guild_id: int) -> Config:
        """Answer a guild's config.

        Raises:
            Refused: what is stored makes no sense.
        """
        settings = await self._bot.services.guilds.of(guild_id)
        try:
            return decode(settings.automod)
        except ConfigError as error:
            raise Refused(f"What is stored for automod can't be read: {error}") from error

    async def change(self, guild_id: int, change: Callable[[Config], Config]) -> Config:
        """Keep, and answer, the config that *change* makes of the present one.

        Raises:
            Refused: *change* raised a `ConfigError`; says what.
        """
        async with self._changing:
            try:
                config = change(await self.of(guild_id))
            except ConfigError as error:
                raise Refused(str(error)) from error
            await self._bot.services.guilds.change(guild_id, automod=encode(config))
        return config
