"""Which shards a client has, and how discord.py's own methods find their connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import discord

from bot.errors import PermanentError
from bot.gateway.actions import BackOff, Fail, Hold
from bot.gateway.identify_gate import IdentifyGate
from bot.gateway.pace import Pace
from bot.gateway.signals import Lost, Signal, StopAsked
from bot.gateway.transitions import Phase, Standing, decide
from bot.gateway.waits import Waits

if TYPE_CHECKING:
    from bot.gateway.shard import ShardLoop

_SHARDS = "_AutoShardedClient__shards"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPlan:
    """The shards of one client; a client without shards has one, numbered 0."""

    client: discord.Client
    ids: tuple[int, ...]

    @classmethod
    async def of(
        cls,
        client: discord.Client,
        gate: IdentifyGate,
        waits: Waits,
        pace: Pace,
        *,
        known: int | None = None,
    ) -> ShardPlan:
        """Answer the plan; Discord is asked for the number when the client leaves it open.

        Args:
            known: The number that sessions to be continued were made for.

        Raises:
            PermanentError: Discord refuses the token, or this discord.py is not understood.
        """
        if not isinstance(client, discord.AutoShardedClient):
            return cls(client=client, ids=(client.shard_id or 0,))
        if not isinstance(getattr(client, _SHARDS, None), dict):
            raise PermanentError(
                "sharding_unsupported",
                f"This discord.py ({discord.__version__}) keeps its shards in another way than"
                " 2.7.1: install the version in requirements/",
            )
        given: int | None = client.shard_count  # annotated as a number, though None at first
        count = given or known or await _ask_count(gate, waits, pace)
        ids = tuple(client.shard_ids or range(count))
        # As `launch_shards` does: the cache needs both to tell when all shards are ready.
        client.shard_count = client._connection.shard_count = count
        client._connection.shard_ids = list(ids)
        return cls(client=client, ids=ids)

    def sent_id(self, shard_id: int) -> int | None:
        """Answer the number to IDENTIFY with, None for a client without shards."""
        sharded = isinstance(self.client, discord.AutoShardedClient)
        return shard_id if sharded else self.client.shard_id

    def show(self, shard: ShardLoop) -> None:
        """Show the client an open connection, for its latencies, presence, chunks and close."""
        if isinstance(self.client, discord.AutoShardedClient):
            # A private attribute, but of this one client: there is no public way to put it in.
            getattr(self.client, _SHARDS)[shard.id] = shard
        elif shard.ws is not None:
            self.client.ws = shard.ws


async def _ask_count(gate: IdentifyGate, waits: Waits, pace: Pace) -> int:
    standing = Standing(phase=Phase.CONNECTING, logged_in=True)
    while True:
        signal: Signal
        try:
            return (await gate.ask()).shards
        except Lost as lost:
            signal = lost.signal
        step = decide(standing, signal, now_s=pace.clock())
        match step.action:
            case Fail(kind=kind, advice=advice):
                raise PermanentError(kind, advice)
            case BackOff() | Hold():
                signal = await waits.carry_out(step.action)
        if isinstance(signal, StopAsked):
            return 1
        standing = decide(step.standing, signal, now_s=pace.clock()).standing
