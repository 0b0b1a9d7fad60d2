"""Reading back what the bot did, and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from simulator.driver.base import as_id
from simulator.driver.interacting import InteractionVerbs
from simulator.journal import Entry, Log


def _fits_rest(method: str, path: str, entry: Entry) -> bool:
    return method in ("*", entry["method"]) and fnmatchcase(entry["path"], path)


def _fits_gateway(event: str, entry: Entry) -> bool:
    return fnmatchcase(entry["event"], event)


class _Nth:
    """Looks for the n-th fitting entry of a log, at each entry once."""

    def __init__(self, log: Log, after: int, count: int, fits: Callable[[Entry], bool]) -> None:
        self._log, self._scanned, self._left, self._fits = log, after, max(1, count), fits

    def __call__(self) -> Entry | None:
        for entry in self._log.after(self._scanned):
            self._scanned = entry["index"]
            if self._fits(entry):
                self._left -= 1
                if not self._left:
                    return entry
        return None


class ReadingVerbs(InteractionVerbs):
    """Messages, interactions, logs and counts. Every `at_s` is monotonic time of this machine.

    Verbs named `wait_for_…` answer as soon as it happened, or None after *timeout_s*.
    """

    async def messages(
        self,
        channel: str = "general",
        *,
        guild: str | None = None,
        user: str = "alice",
        after: str = "0",
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Answer messages of a channel, oldest first; `@dm` with *user* is the user's."""
        _, place = self._at(user, channel, guild)
        stored = self._parts.world.backend.messages[place.id].values()
        after_id = as_id("after", after)
        newer = [each for each in stored if each.id > after_id]
        return [self._show_message(each) for each in newer[-limit:]]

    async def wait_for_message(
        self,
        channel: str = "general",
        *,
        after: str = "0",
        guild: str | None = None,
        user: str = "alice",
        timeout_s: float = 5.0,
    ) -> dict[str, Any] | None:
        """Answer the bot's first finished message in a channel after message *after*."""
        _, place = self._at(user, channel, guild)
        return await self.reply_after(place, as_id("after", after), timeout_s)

    async def wait_for_change(
        self,
        channel: str = "general",
        *,
        version: int = -1,
        guild: str | None = None,
        user: str = "alice",
        timeout_s: float = 20.0,
        limit: int = 50,
    ) -> dict[str, Any]:
        """Answer what *user* sees in a channel once it is no longer at *version*."""
        author, place = self._at(user, channel, guild)
        versions = self._parts.tracker.versions
        await self._parts.waiters.until(
            ("channel", place.id),
            lambda: True if versions[place.id] != version else None,
            timeout_s=min(timeout_s, 60.0),
        )
        stored = self._parts.world.backend.messages[place.id].values()
        seen = [each for each in stored if each.visible_to(author.id)]
        return {
            "version": versions[place.id],
            "online": any(each.connection for each in self._parts.hub.sessions.values()),
            "messages": [self._show_message(each) for each in seen[-limit:]],
        }

    async def message(self, message: str) -> dict[str, Any]:
        """Answer one message."""
        return self._show_message(self._message(message))

    async def interaction(self, interaction: str) -> dict[str, Any]:
        """Answer an interaction: acknowledged, deferred (`loading`), response, followups."""
        return self._show_interaction(self._interaction(interaction))

    async def interactions(self, *, limit: int = 20) -> list[dict[str, Any]]:
        """Answer the newest interactions, oldest first."""
        records = list(self._parts.world.backend.interactions.values())
        return [self._show_interaction(each) for each in records[-limit:]]

    async def wait_for_interaction(
        self, interaction: str, *, until: str = "answered", timeout_s: float = 5.0
    ) -> dict[str, Any] | None:
        """Wait until an interaction is `acknowledged`, or `answered` (not deferred any more)."""
        record = self._interaction(interaction)
        done = await self._parts.waiters.until(
            ("interaction", record.id),
            lambda: (
                True
                if record.responded and (until == "acknowledged" or not record.loading)
                else None
            ),
            timeout_s=timeout_s,
        )
        return self._show_interaction(record) if done else None

    async def commands(self, *, guild: str | None = None) -> list[dict[str, Any]]:
        """Answer the application commands the bot synced: global ones, or those of a guild."""
        scope = None if guild is None else self._parts.world.find_guild(guild).id
        return list(self._parts.world.backend.commands.get(scope, {}).values())

    # ------------------------------------------------------------------ logs

    async def rest_log(
        self, *, after: int = 0, method: str = "*", path: str = "*", limit: int = 200
    ) -> list[dict[str, Any]]:
        """Answer REST requests: method, path, status (0: reset), began_s, duration_s."""
        entries = self._parts.rest.entries.after(after)
        return [each for each in entries if _fits_rest(method, path, each)][-limit:]

    async def wait_for_rest(
        self, *, after: int = 0, method: str = "*", path: str = "*", timeout_s: float = 5.0
    ) -> dict[str, Any] | None:
        """Wait for a REST request newer than *after* that fits *method* and *path*."""
        fits = partial(_fits_rest, method, path)
        probe = _Nth(self._parts.rest.entries, after, 1, fits)
        return await self._parts.waiters.until("rest", probe, timeout_s=timeout_s)

    async def gateway_log(
        self, *, after: int = 0, event: str = "*", limit: int = 200
    ) -> list[dict[str, Any]]:
        """Answer connects, identifies, resumes, disconnects and what clients sent."""
        entries = self._parts.hub.log.after(after)
        return [each for each in entries if _fits_gateway(event, each)][-limit:]

    async def wait_for_gateway(
        self, event: str, *, after: int = 0, count: int = 1, timeout_s: float = 5.0
    ) -> dict[str, Any] | None:
        """Wait for the *count*-th *event* newer than *after*: identify, ready, resumed, …"""
        probe = _Nth(self._parts.hub.log, after, count, partial(_fits_gateway, event))
        return await self._parts.waiters.until("gateway", probe, timeout_s=timeout_s)

    async def stats(self) -> dict[str, Any]:
        """Answer counts since the start, and where the logs stand."""
        parts, hub = self._parts, self._parts.hub
        hub.prune()
        counted = ("connect", "identify", "ready", "resume", "resumed", "disconnect")
        return {
            "now_s": time.monotonic(),
            "gateway": {name: hub.counts[name] for name in counted}
            | {
                "invalid_session": hub.counts["invalid_session"],
                "token_resets": parts.portal.token_resets,
                "connections": len(hub.connections),
                "log_index": hub.log.last_index,
            },
            "rest": {
                "requests": parts.rest.entries.last_index,
                "in_flight": parts.rest.in_flight,
                "invalid": parts.guard.invalid_requests,
                "log_index": parts.rest.entries.last_index,
            },
            "session_start_limit": hub.starts.as_json(),
            "sessions": [session.as_json() for session in hub.sessions.values()],
            "faults": [fault.as_json() for fault in parts.faults.active()],
        }
