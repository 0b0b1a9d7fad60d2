"""Asks the service, and tells."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import hybrid
from bot.commands.refusals import Refused
from bot.outbound.weather_source import Source
from bot.plugins.weather.cache import Cache, Kept
from bot.plugins.weather.page import page
from bot.plugins.weather.report import MAX_PLACE, Report, place_of, read
from bot.views.pages import send_pages

if TYPE_CHECKING:
    from bot.client import Novera

TIMEOUT_S = 8.0
MAX_BYTES = 64 * 1024
REDIRECTS = 2
TTL_S = 600.0
MAX_PLACES = 500
AT_ONCE = 4  # questions to the service; the others wait
COOLDOWN = (5, 60.0)  # uses of one user in so many seconds


class Weather(commands.Cog, name="Weather"):
    """The weather, by a service that the owner chose."""

    def __init__(self, bot: Novera, source: Source) -> None:
        self.bot, self._source = bot, source
        self._cache: Cache[Report] = Cache(size=MAX_PLACES, ttl_s=TTL_S)
        self._asking: dict[str, asyncio.Task[Kept[Report]]] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    @hybrid("The weather at a place.", examples=["Berlin", "Paris, Texas"])
    @app_commands.describe(place="A town, with its country where there are several.")
    @commands.cooldown(*COOLDOWN, commands.BucketType.user)
    async def weather(
        self, ctx: commands.Context[Novera], *, place: commands.Range[str, 1, MAX_PLACE]
    ) -> None:
        try:
            wanted = place_of(place)
        except ValueError as error:
            raise Refused(str(error)) from None
        kept = await self._report(wanted)
        host = urlsplit(self._source.url).hostname or "?"
        age_s = time.monotonic() - kept.at_s
        await send_pages(ctx, [page(kept.value, place=wanted, age_s=age_s, host=host)])

    async def _report(self, place: str) -> Kept[Report]:
        """Answer what the service says, or said lately; who asks meanwhile gets the same answer.

        Raises:
            Refused: it said nothing that can be used.
            OutboundError: it can't be asked.
        """
        key = place.casefold()
        kept = self._cache.get(key, now_s=time.monotonic())
        if kept is not None:
            return kept
        asking = self._asking.get(key)
        if asking is None:
            work = self._ask(key, place)
            asking = self._asking[key] = self.bot.services.tasks.create_task(work, name="weather")
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(asking)

    async def _ask(self, key: str, place: str) -> Kept[Report]:
        async with self._places:
            response = await self.bot.services.outbound.request(
                "GET",
                self._source.url_for(place),
                timeout_s=TIMEOUT_S,
                max_bytes=MAX_BYTES,
                redirects=REDIRECTS,
                headers={"Accept": "application/json"},
            )
        report = read(response.body, self._source)
        if report is None:
            raise Refused(f"The weather service told nothing that I understand about {place}.")
        return self._cache.put(key, report, now_s=time.monotonic())
