"""The gateway's part of the heartbeat, asked for by its thread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.gateway.transitions import Phase
from watchdog.heartbeat import schema

if TYPE_CHECKING:
    from bot.gateway.shard import ShardLoop
    from bot.gateway.waits import Waits

MAX_SHARDS_SHOWN = 128  # of a beat's 64 KiB


def snapshot(
    shards: Sequence[ShardLoop],
    login_waits: Waits,
    *,
    now_s: float,
    quarantined: int,
    identify_remaining: int | None,
    late_interactions: int,
    journal: schema.JournalFacts,
) -> schema.Gateway:
    """Answer what *shards* are at; *now_s* is monotonic."""
    wires = [shard.wire for shard in shards]
    waits = [login_waits, *(shard.waits for shard in shards)]
    waiting = next((each for each in waits if each.reason is not None), None)
    latencies = [ms for ms in map(_latency_ms, shards) if ms is not None]
    events = [wire.last_event_s for wire in wires if wire.last_event_s is not None]
    acks = [wire.last_ack_s for wire in wires if wire.last_ack_s is not None]
    return schema.Gateway(
        connected=bool(shards) and all(shard.phase is Phase.READY for shard in shards),
        latency_ms=sum(latencies) / len(latencies) if latencies else None,
        last_event_age_s=max(0.0, now_s - min(events)) if events else None,
        last_ack_age_s=max(0.0, now_s - min(acks)) if acks else None,
        identifies=sum(shard.identifies for shard in shards),
        resumes=sum(shard.resumes for shard in shards),
        replayed_events=sum(wire.replayed for wire in wires),
        quarantined_events=quarantined,
        redelivered_events=sum(wire.redelivered for wire in wires),
        skipped_events=sum(wire.skipped for wire in wires),
        poisoned_events=sum(wire.poisoned for wire in wires),
        late_interactions=late_interactions,
        identify_remaining=identify_remaining,
        retry_at_s=waiting.retry_at_s if waiting else None,
        reason=waiting.reason if waiting else None,
        shards=tuple(
            schema.Shard(
                id=shard.id, connected=shard.phase is Phase.READY, latency_ms=_latency_ms(shard)
            )
            for shard in shards[:MAX_SHARDS_SHOWN]
        ),
        journal=journal,
    )


def state(
    phases: Sequence[Phase], login: Phase, *, stopped: bool, waits: bool, ready: bool
) -> schema.State:
    """Answer the connection's state by the *phases* of its shards, or of the login before them."""
    now = list(phases) or [login]
    if Phase.FAILED in now or login is Phase.FAILED:
        return "failed"
    if stopped or Phase.STOPPED in now:
        return "stopping"
    if Phase.BACKING_OFF in now or Phase.HOLDING in now or waits:
        return "backing_off"
    if ready:
        return "ready"
    return "resuming" if Phase.RESUMING in now else "connecting"


def _latency_ms(shard: ShardLoop) -> float | None:
    socket = shard.ws
    if socket is None or shard.phase is not Phase.READY or not math.isfinite(socket.latency):
        return None
    return socket.latency * 1000
