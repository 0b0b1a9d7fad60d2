"""The weather plugin: asks a service that the settings name; without one it has no command.

It is also the example of how a plugin calls somebody else's service (docs/plugins.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.outbound.weather_source import source_of
from bot.plugins.weather.cog import Weather

if TYPE_CHECKING:
    from bot.client import Novera


async def setup(bot: Novera) -> None:
    """Entry point of the extension."""
    url = bot.settings.weather_url.get_secret_value().strip()
    if url:
        await bot.add_cog(Weather(bot, source_of(url, bot.settings.weather_fields)))
