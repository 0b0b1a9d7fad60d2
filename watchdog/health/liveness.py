"""Judge what was seen: one verdict, its reason, and what the operator can do. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from watchdog.health.limits import WRITER_FACTOR, Limits
from watchdog.health.observation import ProcessSight, Sight
from watchdog.health.progress import Progress, silence_s
from watchdog.health.verdict import Role, Verdict
from watchdog.health.wellbeing import complaints
from watchdog.heartbeat.schema import Heartbeat

# Without a beat, a process that ran at every look and used the processor has its interpreter's lock
# held in C. A small share is enough: the machine may be busy, and one beat costs a millisecond.
BURNING_SHARE = 0.1
BURNING_LEAST_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the watchdog has decided about a bot that does not run.

    Attributes:
        kind: `waiting` for a restart, `retrying` at a time that the bot asked for, `held`,
            `failed` for good, `stopped` by itself with exit 0, or `none`.
        reason: How the last process ended, a short word such as `SIGKILL`.
        role: What that process was.
    """

    kind: Literal["none", "waiting", "retrying", "held", "failed", "stopped"] = "none"
    reason: str = ""
    advice: str = ""
    role: Role | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """All that a verdict depends on."""

    sight: Sight
    progress: Progress
    standing: Standing = Standing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One verdict; *warnings* are short words for what needs a look besides."""

    verdict: Verdict
    reason: str
    advice: str = ""
    warnings: tuple[str, ...] = ()


def judge(observation: Observation, limits: Limits) -> Judgement:
    """Answer the one verdict on *observation*; the same question has the same answer.

    Nothing here depends on a clock: what lasted is counted in polls (`progress.advance`), and ages
    in the beat are believed only together with such a count.
    """
    sight, progress = observation.sight, observation.progress
    found = complaints(sight, progress, limits)
    process = sight.process
    judgement: Judgement | None
    if process is None:
        judgement = _without_process(sight, observation.standing)
    else:
        judgement = (
            _of_supervisord(sight)
            or _of_process(sight, process, progress, limits)
            or _of_file(sight, progress, limits)
            or _of_loop(sight, process, progress, limits)
            or _of_state(sight, progress, limits)
        )
        if judgement is None:
            judgement = (
                Judgement(verdict="degraded", reason=found[0].reason, advice=found[0].advice)
                if found
                else Judgement(verdict="healthy", reason="serving")
            )
    warnings = [complaint.reason for complaint in found]
    if sight.program is None:
        warnings.append(f"supervisord_{sight.program_trouble or 'silent'}")
    if process is not None and process.tracer_pid:
        warnings.append("debugger_attached")
    if sight.beat.trouble is not None:
        warnings.append(f"heartbeat: {sight.beat.trouble}")
    return Judgement(
        verdict=judgement.verdict,
        reason=judgement.reason,
        advice=judgement.advice,
        warnings=tuple(warnings),
    )


def _without_process(sight: Sight, standing: Standing) -> Judgement:
    program = sight.program
    if program is None and sight.program_trouble == "shutting_down":
        return Judgement(verdict="stopped", reason="shutting_down")
    if program is None:
        return Judgement(
            verdict="unknown",
            reason=f"supervisord_{sight.program_trouble or 'silent'}",
            advice="supervisord does not answer, so nobody knows whether the bot runs; look at"
            " logs/supervisord.log.",
        )
    if program.state in ("STOPPED", "STOPPING"):
        return Judgement(
            verdict="stopped",
            reason="operator" if program.state == "STOPPED" else "stopping",
            advice="Start it with `supervisorctl start bot`.",
        )
    match standing.kind:
        case "held":
            return Judgement(verdict="held", reason=standing.reason, advice=standing.advice)
        case "failed":
            return Judgement(verdict="failed", reason=standing.reason, advice=standing.advice)
        case "stopped":
            return Judgement(verdict="stopped", reason=standing.reason, advice=standing.advice)
        case "retrying":
            return Judgement(verdict="backing_off", reason=standing.reason, advice=standing.advice)
    return Judgement(verdict="dead", reason=standing.reason or "ended", advice=standing.advice)


def _of_supervisord(sight: Sight) -> Judgement | None:
    if sight.program is not None and sight.program.state == "STOPPING":
        return Judgement(verdict="stopped", reason="stopping")
    return None


def _of_process(
    sight: Sight, process: ProcessSight, progress: Progress, limits: Limits
) -> Judgement | None:
    """Judge what the kernel says: under a debugger, or stopped by a signal."""
    stuck = progress.missing_s >= limits.frozen_s or (
        progress.stalled_s >= limits.hung_s and progress.stuck_beats > 0
    )
    if process.tracer_pid and stuck:
        return Judgement(
            verdict="held",
            reason="debugger_attached",
            advice=f"Process {process.tracer_pid} debugs the bot, which is left alone until it"
            " lets go.",
        )
    if process.run_state == "T" and progress.missing_s >= limits.frozen_s:
        return Judgement(verdict="frozen", reason="stopped_by_signal")
    return None


def _of_file(sight: Sight, progress: Progress, limits: Limits) -> Judgement | None:
    """Judge a heartbeat file that is there and can't be believed."""
    if sight.beat.distrusted:
        return Judgement(
            verdict="unknown",
            reason="heartbeat_distrusted",
            advice=f"The heartbeat is not believed: {sight.beat.trouble}. Mend the owner and mode"
            " of state/ (0700); nothing is restarted for it.",
        )
    if (
        sight.beat.trouble is not None
        and sight.state_writable  # else the disk explains it
        and progress.instance is not None
        and 2 * limits.beat_s + limits.poll_s <= progress.missing_s
        and (sight.beat.strange or progress.missing_s < WRITER_FACTOR * limits.frozen_s)
    ):
        return Judgement(
            verdict="unknown",
            reason="heartbeat_unreadable",
            advice=f"The heartbeat can't be read: {sight.beat.trouble}.",
        )
    return None


def _of_loop(
    sight: Sight, process: ProcessSight, progress: Progress, limits: Limits
) -> Judgement | None:
    """Judge whether the loop turns and beats come."""
    beat = sight.beat.beat
    state = beat.state if beat is not None else "starting"
    starting = state == "starting" and not progress.warmed  # a spare that takes over only connects
    if progress.instance is None or starting or state in ("stopping", "failed"):
        return None  # a start and an end have limits of their own, whatever they do meanwhile
    # Only a beat tells of the pulse; two right after each other with one pulse prove nothing.
    beats_come = progress.missing_s <= limits.beat_s + min(limits.poll_s, limits.beat_s)
    if progress.stalled_s >= limits.hung_s and progress.stuck_beats > 0 and beats_come:
        return Judgement(verdict="hung", reason="pulse_stopped")
    if progress.missing_s < limits.frozen_s or not sight.state_writable:
        return None
    least_s = max(BURNING_LEAST_S, BURNING_SHARE * progress.missing_s)
    if progress.burned_s >= least_s and not progress.rested and not process.disk_waits:
        return Judgement(verdict="frozen", reason="interpreter_stuck")
    if progress.missing_s >= WRITER_FACTOR * limits.frozen_s:
        return Judgement(verdict="frozen", reason="no_heartbeat")
    return None


def _of_state(sight: Sight, progress: Progress, limits: Limits) -> Judgement | None:
    """Judge the state that the bot says it is in; None when it is ready and hears Discord."""
    beat = sight.beat.beat
    if beat is None:
        if progress.unready_s >= limits.startup_s and sight.state_writable:
            return Judgement(verdict="frozen", reason="never_ready")
        return Judgement(verdict="starting", reason="no_beat_yet")
    if beat.state in ("stopping", "failed"):
        return _of_ending(beat, progress, limits)
    if beat.state == "backing_off":
        return Judgement(
            verdict="backing_off",
            reason=beat.gateway.reason or "discord",
            advice="The bot waits for Discord and goes on by itself.",
        )
    if beat.state == "ready":
        return _of_gateway(beat, progress, limits) if beat.role == "leader" else None
    if not progress.ever_ready:
        if progress.unready_s >= limits.startup_s:
            return Judgement(verdict="hung", reason="never_ready")
        return Judgement(verdict="starting", reason=beat.state)
    if progress.unready_s >= limits.zombie_s:
        return Judgement(verdict="zombie", reason="not_ready_again")
    return Judgement(verdict="starting", reason=beat.state)


def _of_ending(beat: Heartbeat, progress: Progress, limits: Limits) -> Judgement:
    if progress.stopping_s >= limits.stopping_s:
        return Judgement(verdict="hung", reason="stop_overdue")
    if beat.failure is not None and beat.failure.permanent:
        return Judgement(
            verdict="failed", reason=beat.failure.kind[:64], advice=beat.failure.message[:1000]
        )
    return Judgement(verdict="stopped", reason="ending")


def _of_gateway(beat: Heartbeat, progress: Progress, limits: Limits) -> Judgement | None:
    silent_s = silence_s(beat)
    if (
        silent_s is not None
        and silent_s >= limits.zombie_s
        and progress.silent_s >= limits.zombie_s / 2
    ):
        return Judgement(
            verdict="zombie",
            reason="gateway_silent",
            advice="The loop turns, but nothing comes from Discord.",
        )
    return None
