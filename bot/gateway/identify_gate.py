"""Who may IDENTIFY, and when: Discord's own limit, our budget, and five seconds between two."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import structlog
import yarl
from discord.http import HTTPClient, Route

from bot.gateway import endpoint, rest
from bot.gateway.failures import MALFORMED, RECOVERABLE, signal_of
from bot.gateway.identify_ledger import IdentifyLedger
from bot.gateway.pace import Pace
from bot.gateway.signals import BudgetSpent, Lost, PayloadBroken

log = structlog.get_logger(__name__)

# Discord's documentation, "Rate limiting" of the gateway: per key `shard_id % max_concurrency`.
IDENTIFY_INTERVAL_S = 5.0
PATIENCE_S = 5.0  # a longer wait is told and sat out by the connection loop, not inside the call
MAX_HOLD_S = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayInfo:
    """What ``GET /gateway/bot`` answers; *address* of the gateway, the rest about logins."""

    address: str
    shards: int
    remaining: int
    reset_after_s: float
    max_concurrency: int


def read_info(answer: Any) -> GatewayInfo | None:
    """Answer what *answer* says, None when it is not what Discord documents."""
    try:
        limit = answer["session_start_limit"]
        info = GatewayInfo(
            address=str(answer["url"]),
            shards=int(answer["shards"]),
            remaining=int(limit["remaining"]),
            reset_after_s=max(0.0, int(limit["reset_after"]) / 1000),
            max_concurrency=max(1, int(limit["max_concurrency"])),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return info if usable(info.address) and info.shards > 0 else None


def usable(address: object) -> bool:
    """Answer whether *address* is one that a WebSocket can be opened to."""
    if not isinstance(address, str):
        return False
    try:
        url = yarl.URL(address)
        return url.scheme in ("ws", "wss") and bool(url.host) and url.port != 0
    except ValueError:  # also a name that begins like an encoded one and is none
        return False


class IdentifyGate:
    """One per client. Answers where the gateway is and lets one login of a kind pass at a time."""

    def __init__(
        self,
        http: HTTPClient,
        ledger: IdentifyLedger,
        *,
        pace: Pace,
        interval_s: float = IDENTIFY_INTERVAL_S,
    ) -> None:
        self.info: GatewayInfo | None = None
        self._http, self._ledger, self._pace = http, ledger, pace
        self._interval_s = interval_s
        self._locks: dict[int, asyncio.Lock] = {}
        self._last_at_s: dict[int, float] = {}

    @property
    def remaining(self) -> int | None:
        """Logins that Discord still allows, None before it was asked."""
        return None if self.info is None else self.info.remaining

    async def ask(self) -> GatewayInfo:
        """Ask Discord for the gateway's address and the logins that are left.

        Raises:
            Lost: it did not answer, or not like Discord.
        """
        patience = rest.patience.set(lambda: PATIENCE_S)
        try:
            answer = await self._http.request(Route("GET", "/gateway/bot"))
        except RECOVERABLE as error:
            raise Lost(signal_of(error)) from error
        except MALFORMED as error:
            raise Lost(PayloadBroken(reason="bad_gateway_answer")) from error
        finally:
            rest.patience.reset(patience)
        info = read_info(answer)
        if info is None or endpoint.trusted(info.address) is None:
            raise Lost(PayloadBroken(reason="bad_gateway_answer"))
        self.info = info
        return info

    @contextlib.asynccontextmanager
    async def turn(self, shard_id: int) -> AsyncIterator[Turn]:
        """Wait for this shard's turn, and keep others of its kind out until the block ends.

        Raises:
            Lost: no login is left, or Discord could not be asked.
        """
        info = await self.ask()
        key = shard_id % info.max_concurrency
        async with self._locks.setdefault(key, asyncio.Lock()):
            await self._check()
            last_at_s = self._last_at_s.get(key)
            if last_at_s is not None:
                await self._pace.sleep(max(0.0, last_at_s + self._interval_s - self._pace.clock()))
            yield Turn(self, key, info.address)

    async def spend(self, key: int) -> None:
        """Take one login, on disk before it is sent.

        Raises:
            Lost: another shard took the last one.
        """
        await self._check()
        await self._ledger.record()
        self._last_at_s[key] = self._pace.clock()
        if self.info is not None:
            left = max(0, self.info.remaining - 1)
            self.info = dataclasses.replace(self.info, remaining=left)

    async def _check(self) -> None:
        info, now_s = self.info, self._pace.wall_clock()
        if info is not None and info.remaining <= 0:
            until_s = now_s + min(info.reset_after_s, MAX_HOLD_S)
            raise Lost(BudgetSpent(until_s=until_s, reason="session_start_limit"))
        free_at_s = await self._ledger.free_at_s()
        if free_at_s is not None:
            raise Lost(BudgetSpent(until_s=free_at_s, reason="identify_budget"))


class Turn:
    """The right to one IDENTIFY; *address* is where to send it."""

    def __init__(self, gate: IdentifyGate, key: int, address: str) -> None:
        self.address = address
        self._gate, self._key = gate, key

    async def spend(self) -> None:
        """Take the login; raises `Lost` when none is left."""
        await self._gate.spend(self._key)
