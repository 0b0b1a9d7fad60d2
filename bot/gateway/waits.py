"""Waiting before the next try: told once a minute, seen in the heartbeat, ended by a close."""

from __future__ import annotations

import discord
import structlog

from bot.gateway import backoff
from bot.gateway.actions import BackOff, Hold
from bot.gateway.pace import Pace
from bot.gateway.signals import DelayOver, StopAsked
from bot.gateway.statefile import StateFile
from watchdog.heartbeat import retry

log = structlog.get_logger(__name__)

QUIET_S = 60.0  # one line a minute for a trouble that goes on
SLICE_S = 1.0  # a client that closes itself meanwhile is noticed within it
RECHECK_S = 900.0  # Discord is asked again at least this often while it allows no login


class Waits:
    """Carries out `BackOff` and `Hold` for one connection.

    Attributes:
        reason: Why it waits now, None while it does not.
        retry_at_s: When it will try again, Unix time in seconds.
    """

    def __init__(
        self,
        client: discord.Client,
        retry_file: StateFile,
        *,
        subject: str,
        pace: Pace,
    ) -> None:
        self.reason: str | None = None
        self.retry_at_s: float | None = None
        self._client, self._retry_file, self._subject = client, retry_file, subject
        self._pace = pace
        self._told: dict[str, float] = {}

    async def carry_out(self, action: BackOff | Hold) -> DelayOver | StopAsked:
        """Wait as *action* says; answers early when the client is closed."""
        now_s = self._pace.wall_clock()
        if isinstance(action, Hold):
            wait_s = max(0.0, action.until_s - now_s)
            if action.reason == "session_start_limit":
                wait_s = min(wait_s, RECHECK_S)
        else:
            own_s = backoff.delay_s(action.attempt, draw=self._pace.draw())
            wait_s = max(own_s, action.at_least_s)
            if action.at_least_s > 0:
                await self._keep(now_s + wait_s, action.reason)
        return await self.wait(wait_s, action.reason)

    async def honour_disk(self) -> DelayOver | StopAsked:
        """Wait out what an earlier process was told to wait."""
        raw = await self._retry_file.read()
        entry = retry.decode(
            raw or b"", now_s=self._pace.wall_clock(), reading=self._pace.reading()
        )
        if entry is None:
            return DelayOver()
        return await self.wait(entry.retry_at_s - self._pace.wall_clock(), entry.reason)

    async def forget(self) -> None:
        """Take back what was left on disk: the wait is over and the try succeeded."""
        await self._retry_file.remove()

    async def wait(self, wait_s: float, reason: str) -> DelayOver | StopAsked:
        """Wait *wait_s* by both clocks, whichever is first: either may be set or stand still."""
        self.reason, self.retry_at_s = reason, self._pace.wall_clock() + wait_s
        self._tell(reason, wait_s)
        until_s = self._pace.clock() + wait_s
        try:
            while not self._client.is_closed():
                left_s = min(
                    until_s - self._pace.clock(), self.retry_at_s - self._pace.wall_clock()
                )
                if left_s <= 0:
                    return DelayOver()
                await self._pace.sleep(min(left_s, SLICE_S))
            return StopAsked()
        finally:
            self.reason = self.retry_at_s = None

    async def _keep(self, retry_at_s: float, reason: str) -> None:
        entry = retry.Retry(retry_at_s=retry_at_s, reason=reason)
        await self._retry_file.write(retry.encode(entry, self._pace.reading()))

    def _tell(self, reason: str, wait_s: float) -> None:
        now_s, told_s = self._pace.clock(), self._told.get(reason)
        if told_s is None or now_s - told_s >= QUIET_S:
            self._told[reason] = now_s
            event = f"{self._subject}.backed_off"
            log.warning(event, reason=reason, delay_s=round(wait_s, 3))
