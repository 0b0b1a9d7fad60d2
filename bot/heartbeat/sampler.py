"""What a beat says, composed of what was gathered. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from watchdog.heartbeat.schema import (
    Bot,
    Commands,
    Failure,
    Gateway,
    Heartbeat,
    Jobs,
    Loop,
    Process,
    Role,
    State,
    Storage,
    Tasks,
)

CHEAP_S = 0.0003
COST_SHARE = 0.0003
MAX_PAUSE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who writes: what stays the same from beat to beat.

    Attributes:
        process_started: Start time of the process in seconds since boot.
        instance: A word of this life of the process alone.
    """

    boot_id: str
    pid: int
    process_started: float
    instance: str
    interval_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the bot's subsystems answered; the default stands for one that did not."""

    state: State = "starting"
    loop: Loop = field(default_factory=Loop)
    gateway: Gateway = field(default_factory=Gateway)
    tasks: Tasks = field(default_factory=Tasks)
    jobs: Jobs = field(default_factory=Jobs)
    commands: Commands = field(default_factory=Commands)
    storage: Storage = field(default_factory=Storage)
    process: Process = field(default_factory=Process)
    bot: Bot = field(default_factory=Bot)
    stages: Mapping[str, float] = field(default_factory=dict)
    failure: Failure | None = None


def compose(
    origin: Origin,
    parts: Parts,
    *,
    role: Role,
    sequence: int,
    written_at: datetime,
    monotonic_s: float,
) -> Heartbeat:
    """Answer the beat number *sequence*.

    Args:
        written_at: Aware wall-clock time in UTC.
        monotonic_s: Monotonic time of writing, in seconds.
    """
    return Heartbeat(
        boot_id=origin.boot_id,
        pid=origin.pid,
        process_started=origin.process_started,
        instance=origin.instance,
        interval_s=origin.interval_s,
        sequence=sequence,
        written_at=iso_utc(written_at),
        monotonic_s=round(monotonic_s, 3),
        role=role,
        state=parts.state,
        loop=parts.loop,
        gateway=parts.gateway,
        tasks=parts.tasks,
        jobs=parts.jobs,
        commands=parts.commands,
        storage=parts.storage,
        process=parts.process,
        bot=parts.bot,
        stages_s={name: at_s for name, at_s in parts.stages.items() if math.isfinite(at_s)},
        failure=parts.failure,
    )


def iso_utc(at: datetime) -> str:
    """Answer *at*, an aware UTC time, as ISO 8601 with milliseconds and `Z`."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_blocked(loop: Loop, *, pulse_interval_s: float, slow_s: float) -> bool:
    """Answer whether a callback holds the loop: two pulses and the slow limit have gone by."""
    return loop.pulse_age_s > 2 * pulse_interval_s + slow_s


def blocked(loop: Loop, *, pulse_interval_s: float, stack: str | None) -> Loop:
    """Answer *loop* with how long it has been blocked, and by what."""
    blocked_s = round(max(0.0, loop.pulse_age_s - pulse_interval_s), 3)
    return replace(loop, blocked_s=blocked_s, stack=stack)


def pause_after(cost_s: float) -> float:
    """Answer how long a part need not be asked for again, after *cost_s* seconds of CPU time.

    However much a part costs, it takes no more than `COST_SHARE` of a core, and its thread seldom
    keeps the interpreter from the loop.
    """
    return 0.0 if cost_s < CHEAP_S else min(MAX_PAUSE_S, cost_s / COST_SHARE)


def waits_for_events(stack: str) -> bool:
    """Answer whether the innermost frame of *stack* is the loop's selector.

    Then no callback holds the loop: the machine slept, or had no time for this process.
    """
    frames = [line for line in stack.splitlines() if not line.startswith(" ")]
    return bool(frames) and "selectors.py:" in frames[-1]


def lag_quantiles(lags_s: Sequence[float]) -> tuple[float, float, float]:
    """Answer median, 99th percentile and maximum of *lags_s* in milliseconds; zeros without any.

    The percentile is never the maximum of several: however few there are, one long pause (the
    machine slept, a debugger held the process) does not make a slow loop.
    """
    if not lags_s:
        return 0.0, 0.0, 0.0
    ordered = sorted(lags_s)

    def rank(share: float) -> float:
        return round(1000 * ordered[math.floor(share * (len(ordered) - 1))], 3)

    return rank(0.5), rank(0.99), rank(1.0)


def next_on_grid(start_s: float, *, interval_s: float, now_s: float) -> float:
    """Answer the first time after *now_s* on the grid from *start_s*; missed ones are skipped."""
    steps = math.floor((now_s - start_s) / interval_s) + 1
    return start_s + max(1, steps) * interval_s


def cpu_percent(*, used_s: float, elapsed_s: float) -> float | None:
    """Answer the share of one core in percent, None when *elapsed_s* is too short to tell."""
    if elapsed_s < 0.05:
        return None
    return round(100 * max(0.0, used_s) / elapsed_s, 1)
