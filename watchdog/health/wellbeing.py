"""What needs a look although the bot serves. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from watchdog.health.limits import Limits
from watchdog.health.observation import Sight
from watchdog.health.progress import SERVING_NAMES, Progress
from watchdog.heartbeat.schema import MAX_PROBLEM, Heartbeat

STATE_UNWRITABLE = "state_unwritable"
SLOW_LAG_MS = 1000.0
FEW_IDENTIFIES = 50  # of 1000 a day; Discord resets the token when none is left
FULL_SHARE = 0.8  # of the files, or threads, that are allowed
WAITING_TASKS = 5  # fewer that take long are a few slow commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One thing that needs a look; *reason* is a short word."""

    reason: str
    advice: str


def complaints(sight: Sight, progress: Progress, limits: Limits) -> tuple[Complaint, ...]:
    """Answer all complaints, the gravest first."""
    beat = sight.beat.beat
    found = list(_of_writing(sight, progress, limits))
    if beat is not None:
        found += _of_beat(beat, progress, limits)
        found += _of_memory(beat, progress, limits)
        found += _of_backups(beat)
    return tuple(found)


def _of_writing(sight: Sight, progress: Progress, limits: Limits) -> list[Complaint]:
    found = []
    if progress.instance is not None and progress.missing_s >= limits.frozen_s:
        found.append(
            Complaint(
                reason="heartbeat_writer",
                advice="No heartbeat comes, though the process is not stuck: look at the disk of"
                " state/ (full, read-only, slow) and at logs/bot.jsonl.",
            )
        )
    if not sight.state_writable:
        found.append(
            Complaint(
                reason=STATE_UNWRITABLE,
                advice="The watchdog can't write into state/: the disk is full or read-only, or"
                " the folder is gone. Missing heartbeats restart nothing until it can.",
            )
        )
    return found


def _of_beat(beat: Heartbeat, progress: Progress, limits: Limits) -> list[Complaint]:
    found = []
    if beat.loop.lag_ms_p99 >= SLOW_LAG_MS:
        found.append(
            Complaint(
                reason="slow_loop",
                advice="Callbacks block the event loop for a second and more; logs/bot.jsonl"
                " holds their stacks.",
            )
        )
    found += _of_waiting(beat, progress, limits)
    remaining = beat.gateway.identify_remaining
    if remaining is not None and remaining <= FEW_IDENTIFIES:
        found.append(
            Complaint(
                reason="identify_budget",
                advice=f"Only {remaining} logins are left today; find out why the bot logs in"
                " so often.",
            )
        )
    return [*found, *_of_database(beat), *_of_leaks(beat)]


def _of_database(beat: Heartbeat) -> list[Complaint]:
    if beat.storage.state != "degraded":
        return []
    problem = (beat.storage.problem or "it does not say why")[:MAX_PROBLEM]
    return [
        Complaint(
            reason="database",
            advice=f"The database: {problem}. The bot serves all that needs none, and a restart"
            " would not mend it.",
        )
    ]


def _of_backups(beat: Heartbeat) -> list[Complaint]:
    problem = beat.storage.backup_problem
    if problem is None:
        return []
    return [
        Complaint(
            reason="backup_failed",
            advice=f"The last nightly backup failed: {problem[:MAX_PROBLEM]}. It is tried again"
            " every ten minutes.",
        )
    ]


def _of_leaks(beat: Heartbeat) -> list[Complaint]:
    found, process = [], beat.process
    if 0 < process.open_files_limit * FULL_SHARE < process.open_files:
        found.append(
            Complaint(
                reason="open_files",
                advice=f"{process.open_files} of {process.open_files_limit} files are open:"
                " something leaks them.",
            )
        )
    if 0 < process.threads_limit * FULL_SHARE < process.threads:
        found.append(
            Complaint(
                reason="threads",
                advice=f"{process.threads} of {process.threads_limit} threads run: something"
                " starts them and never ends them.",
            )
        )
    return found


def _of_waiting(beat: Heartbeat, progress: Progress, limits: Limits) -> list[Complaint]:
    found, limit_s = [], limits.waiting_s
    serving = [task for name, task in beat.tasks.by_name.items() if name.startswith(SERVING_NAMES)]
    oldest_s = max((task.oldest_s or 0.0 for task in serving), default=0.0)
    active = sum(task.active for task in serving)
    if progress.tasks_s >= limit_s and oldest_s >= limit_s and active >= WAITING_TASKS:
        found.append(
            Complaint(
                reason="tasks_waiting",
                advice=f"{active} handlers are at work and none has ended for {limit_s:.0f} s:"
                " they may wait for one lock or one service.",
            )
        )
    if progress.jobs_s >= limit_s:
        found.append(
            Complaint(
                reason="jobs_waiting",
                advice=f"Jobs are queued and none has ended for {limit_s:.0f} s.",
            )
        )
    return found


def _of_memory(beat: Heartbeat, progress: Progress, limits: Limits) -> list[Complaint]:
    if limits.heavy_bytes == 0 or progress.heavy_s < limits.heavy_s:
        return []
    megabytes = beat.process.rss_bytes // (1024 * 1024)
    return [
        Complaint(
            reason="memory_high",
            advice=f"The bot holds {megabytes} MiB, more than MAX_RSS_MB, and is restarted"
            " gracefully.",
        )
    ]
