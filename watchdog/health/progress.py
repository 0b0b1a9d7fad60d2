"""What has moved between polls, and for how many polls something has not. Pure.

Polls are counted, clocks are not subtracted. A poll is worth the time since the one before, and at
most one interval; a poll that comes late (its gap over twice the interval) is worth nothing and
voids the counts that a restart may follow from: the machine slept, not the bot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchdog.health.limits import Limits
from watchdog.health.observation import ProcessSight, Sight
from watchdog.health.verdict import Role
from watchdog.heartbeat.schema import Heartbeat

if TYPE_CHECKING:
    from watchdog.heartbeat.identity import Identity

LATE_FACTOR = 2  # a gap over this many intervals is late
SERVING_NAMES = ("discord", "CommandTree")  # tasks in which discord.py runs handlers and commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Counts of polls, each in seconds' worth of punctual polls in a row.

    Attributes:
        blind: Nothing could be written into the state folder: what a beat says may be old.
        warmed: It has been ready, if only to take over: nothing is imported any more.
        stalled_s: The loop's pulse did not move.
        stuck_beats: New beats seen since then, all with the old pulse.
        missing_s: No new beat.
        burned_s: Processor time used while no new beat came.
        rested: No thread ran at one poll at least while no new beat came.
        unready_s: The bot was not ready, and nobody had it wait.
        silent_s: Ready, but nothing came from the gateway for half the zombie limit and more.
        stopping_s: The bot says that it is ending.
        backing_off_s: The bot waits for Discord.
        heavy_s: More memory than allowed.
        jobs_s, tasks_s: Work waits, and none of it has ended.
    """

    identity: Identity | None = None
    instance: str | None = None
    role: Role | None = None
    sequence: int = -1
    pulse: int = -1
    ever_ready: bool = False
    warmed: bool = False
    traced: bool = False
    blind: bool = False
    polls: int = 0
    late_polls: int = 0
    stalled_s: float = 0.0
    stuck_beats: int = 0
    missing_s: float = 0.0
    burned_s: float = 0.0
    rested: bool = False
    unready_s: float = 0.0
    silent_s: float = 0.0
    stopping_s: float = 0.0
    backing_off_s: float = 0.0
    heavy_s: float = 0.0
    jobs_s: float = 0.0
    jobs_ended: int = -1
    tasks_s: float = 0.0
    tasks_ended: int = -1
    cpu_s: float = 0.0


def advance(progress: Progress, sight: Sight, limits: Limits) -> Progress:
    """Answer the counts after one more poll."""
    late = sight.gap_s > LATE_FACTOR * limits.poll_s
    progress = replace(
        progress, polls=progress.polls + 1, late_polls=progress.late_polls + (1 if late else 0)
    )
    process = sight.process
    if process is None:
        return Progress(polls=progress.polls, late_polls=progress.late_polls)
    worth_s = max(0.0, min(sight.gap_s, limits.poll_s))
    if process.identity != progress.identity:
        worth_s = 0.0
        progress = Progress(
            identity=process.identity,
            polls=progress.polls,
            late_polls=progress.late_polls,
            cpu_s=process.cpu_s,
        )
    detached = progress.traced and not process.tracer_pid
    mended = progress.blind and sight.state_writable  # the next beat is on its way
    void = late or detached or mended
    progress = replace(progress, traced=process.tracer_pid != 0, blind=not sight.state_writable)
    progress = _count_beats(progress, sight, limits, worth_s=worth_s, void=void)
    beat = sight.beat.beat
    if progress.blind:
        worth_s = 0.0
    if beat is None:
        return replace(
            progress, unready_s=progress.unready_s + (0.0 if progress.ever_ready else worth_s)
        )
    return _count_work(_count_state(progress, beat, limits, worth_s), beat, limits, worth_s)


def _count_beats(
    progress: Progress, sight: Sight, limits: Limits, *, worth_s: float, void: bool
) -> Progress:
    """Count polls without a new beat, and without a new pulse.

    A beat is up to one interval old when it is first seen. That much is counted at once, from the
    beat's own ages, else every hang would be found an interval late; never more than that much,
    and nothing for the first beat seen or at a late poll, so no age can kill by itself.
    """
    beat, process = sight.beat.beat, sight.process
    known = progress.instance is not None
    longest_s = limits.beat_s + limits.poll_s
    seen_s = 0.0 if void or not known else _bounded(sight.beat.age_s, longest_s)
    if beat is None or (beat.instance, beat.sequence) == (progress.instance, progress.sequence):
        return _count_missing(progress, process, worth_s=worth_s, void=void)
    moved = (beat.instance, beat.loop.pulse) != (progress.instance, progress.pulse)
    if moved:
        pulse_age_s = 0.0 if void or not known else _bounded(beat.loop.pulse_age_s, longest_s)
        stalled_s, stuck_beats = min(seen_s + pulse_age_s, longest_s), 0
    elif void:
        stalled_s, stuck_beats = 0.0, 0
    else:
        stalled_s, stuck_beats = progress.stalled_s + worth_s, progress.stuck_beats + 1
    return replace(
        progress,
        instance=beat.instance,
        sequence=beat.sequence,
        pulse=beat.loop.pulse,
        stalled_s=stalled_s,
        stuck_beats=stuck_beats,
        missing_s=seen_s,
        burned_s=0.0,
        rested=False,
        cpu_s=process.cpu_s if process is not None else 0.0,
    )


def _bounded(age_s: float, longest_s: float) -> float:
    """Answer an age from a beat as far as it can be believed; NaN and the future are 0."""
    return min(age_s, longest_s) if age_s > 0 else 0.0


def _count_missing(
    progress: Progress, process: ProcessSight | None, *, worth_s: float, void: bool
) -> Progress:
    cpu_s = process.cpu_s if process is not None else 0.0
    if void:
        progress = replace(progress, stalled_s=0.0, stuck_beats=0, missing_s=0.0)
        return replace(progress, burned_s=0.0, rested=False, cpu_s=cpu_s)
    return replace(
        progress,
        stalled_s=progress.stalled_s + worth_s,
        missing_s=progress.missing_s + worth_s,
        burned_s=progress.burned_s + max(0.0, cpu_s - progress.cpu_s),
        rested=progress.rested or (process is not None and process.running == 0),
        cpu_s=cpu_s,
    )


def _count_state(progress: Progress, beat: Heartbeat, limits: Limits, worth_s: float) -> Progress:
    """Count polls in the state that the bot says it is in."""
    state = beat.state
    waiting = state == "backing_off"
    if beat.role != progress.role:  # a spare that took over has the time of a start to be ready
        progress = replace(progress, role=beat.role, ever_ready=False, unready_s=0.0)
    unready_s = progress.unready_s
    if state == "ready" or waiting:
        unready_s = 0.0
    elif state in ("starting", "connecting", "resuming"):
        unready_s += worth_s
    return replace(
        progress,
        ever_ready=progress.ever_ready or state in ("ready", "resuming"),
        warmed=progress.warmed or state == "ready",
        unready_s=unready_s,
        silent_s=progress.silent_s + worth_s if _is_silent(beat, limits) else 0.0,
        stopping_s=progress.stopping_s + worth_s if state in ("stopping", "failed") else 0.0,
        backing_off_s=progress.backing_off_s + worth_s if waiting else 0.0,
    )


def silence_s(beat: Heartbeat) -> float | None:
    """Answer for how long nothing at all has come from the gateway, None when nobody measures."""
    ages = (beat.gateway.last_event_age_s, beat.gateway.last_ack_age_s)
    return min((age for age in ages if age is not None), default=None)


def _is_silent(beat: Heartbeat, limits: Limits) -> bool:
    silent_s = silence_s(beat)
    return beat.state == "ready" and silent_s is not None and silent_s >= limits.zombie_s / 2


def _count_work(progress: Progress, beat: Heartbeat, limits: Limits, worth_s: float) -> Progress:
    """Count polls with too much memory, and polls in which work waits and none of it ends."""
    heavy = 0 < limits.heavy_bytes < beat.process.rss_bytes
    jobs_ended = beat.jobs.done + beat.jobs.failed
    jobs_wait = beat.jobs.queued > 0 and jobs_ended == progress.jobs_ended
    serving = [task for name, task in beat.tasks.by_name.items() if name.startswith(SERVING_NAMES)]
    tasks_ended = sum(task.completed + task.failed + task.cancelled for task in serving)
    tasks_wait = sum(task.active for task in serving) > 0 and tasks_ended == progress.tasks_ended
    return replace(
        progress,
        heavy_s=progress.heavy_s + worth_s if heavy else 0.0,
        jobs_s=progress.jobs_s + worth_s if jobs_wait else 0.0,
        jobs_ended=jobs_ended,
        tasks_s=progress.tasks_s + worth_s if tasks_wait else 0.0,
        tasks_ended=tasks_ended,
    )
