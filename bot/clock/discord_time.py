"""Compares our clock with the `Date` header of Discord's REST answers, as they come by."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import aiohttp
import structlog

from bot.clock.skew import Answer, Skew, is_off, skew

log = structlog.get_logger(__name__)

KEPT = 9  # a suspended machine's monotonic clock stands still: five new answers outvote the old
API_PATH = "/api/"  # files come from a cache, which may keep the date of what it holds


class DiscordTime:
    """Remembers the newest answers; asks Discord nothing itself."""

    def __init__(
        self,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._answers: deque[Answer] = deque(maxlen=KEPT)
        self._was_off = False

    def trace(self) -> aiohttp.TraceConfig:
        """Answer what discord.py takes as `http_trace`."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._on_start)
        config.on_request_end.append(self._on_end)
        return config

    def skew(self) -> Skew | None:
        """Answer how far our clock is off now, None while that is not known."""
        return skew(self._answers, wall_s=self._wall(), monotonic_s=self._monotonic())

    def heard(self, date: str | None, *, sent_at_s: float) -> None:
        """Note the `Date` header of an answer that came just now; what is no date is none.

        Args:
            sent_at_s: Monotonic time of the request.
        """
        try:
            date_s = parsedate_to_datetime(date or "").timestamp()
        except (ValueError, OverflowError, OSError):
            return
        self._answers.append(
            Answer(date_s=date_s, sent_at_s=sent_at_s, received_at_s=self._monotonic())
        )
        self._report()

    def _report(self) -> None:
        """Log when the clock begins to be off, and when it is right again."""
        found = self.skew()
        now_off = is_off(found, was_off=self._was_off)
        if found is not None and now_off and not self._was_off:
            log.warning("clock.skewed", skew_s=round(found.middle_s, 1), answers=found.agreeing)
        elif found is not None and self._was_off and not now_off:
            log.info("clock.corrected", skew_s=round(found.middle_s, 1))
        self._was_off = now_off

    async def _on_start(
        self,
        session: aiohttp.ClientSession,
        call: SimpleNamespace,
        params: aiohttp.TraceRequestStartParams,
    ) -> None:
        call.sent_at_s = self._monotonic()

    async def _on_end(
        self,
        session: aiohttp.ClientSession,
        call: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        if params.url.path.startswith(API_PATH):
            self.heard(params.response.headers.get("Date"), sent_at_s=call.sent_at_s)
