"""The view as Prometheus reads it; names follow its conventions, units are base units."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    UnknownMetricFamily,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from watchdog.health.verdict import Verdict
from watchdog.heartbeat.schema import Heartbeat, State, Storage
from watchdog.status.families import PREFIX, counter, gauge, one_hot, seconds
from watchdog.status.gateway_metrics import gateway
from watchdog.status.process_metrics import processes
from watchdog.status.view import View
from watchdog.status.wording import moment

# Format 0.0.4, which every Prometheus reads; what is written is the same in 1.0.0.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def text(view: View) -> tuple[str, bytes]:
    """Answer content type and text of all metrics of *view*."""
    return CONTENT_TYPE, generate_latest(ViewCollector(view))


class ViewCollector(Collector):
    """Metrics of one moment: what is not known then is left out, and never shown as zero."""

    def __init__(self, view: View) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        """Answer every metric family."""
        yield from _judgement(self._view)
        yield from _restarts(self._view)
        yield from _watchdog(self._view)
        yield from processes(self._view.report)
        beat = self._view.beat
        if beat is not None and self._view.report.bot_pid is not None:
            yield from _bot(self._view, beat)
            yield from gateway(beat)
            yield from _work(beat)
            yield from _database(beat.storage)


def own_rss_bytes() -> int | None:
    """Answer the resident memory of this process; None where there is no /proc."""
    try:
        resident_pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except OSError:
        return None
    return resident_pages * os.sysconf("SC_PAGE_SIZE")


def _judgement(view: View) -> Iterator[Metric]:
    report = view.report
    yield from gauge("up", "1 while the bot serves, 0 while it does not.", float(view.serving))
    yield from one_hot(
        "verdict",
        "1 for the verdict that holds, 0 for all others.",
        get_args(Verdict),
        report.verdict,
    )
    since = moment(report.since)
    yield from gauge(
        "verdict_start_time_seconds",
        "When this verdict began.",
        None if since is None else since.timestamp(),
    )
    yield from gauge("warnings", "What needs a look besides.", len(report.warnings))
    incident = report.incident
    yield from counter("incidents", "Incidents ever.", 0 if incident is None else incident.number)
    yield from gauge("incident_open", "1 while an incident lasts.", float(view.in_incident))
    if incident is not None:
        yield from gauge(
            "incident_recovery_seconds",
            "From first sight to recovery, of the last incident.",
            incident.time_to_recovery_s,
        )


def _restarts(view: View) -> Iterator[Metric]:
    restarts = view.report.restarts
    yield from counter("restarts", "Restarts of the bot by the watchdog, ever.", restarts.total)
    yield from gauge(
        "restarts_in_window",
        "Restarts within the window, which spend the budget.",
        restarts.in_window,
    )
    yield from gauge("restarts_allowed", "Restarts allowed within the window.", restarts.allowed)
    yield from gauge("restart_window_seconds", "Length of that window.", restarts.window_s)
    next_at = moment(restarts.next_at) if restarts.next_at is not None else None
    if next_at is not None:
        yield from gauge(
            "next_restart_time_seconds", "When the bot is to be started.", next_at.timestamp()
        )


def _watchdog(view: View) -> Iterator[Metric]:
    yield from gauge("watchdog_live", "1 while the watchdog judges.", float(view.live))
    yield from gauge("watchdog_report_age_seconds", "Age of the last judgement.", view.report_age_s)
    yield from gauge(
        "watchdog_resident_memory_bytes", "Resident memory of the watchdog.", own_rss_bytes()
    )
    started = moment(view.report.watchdog_started_at)
    if started is not None:
        yield from gauge(
            "watchdog_start_time_seconds", "When the watchdog began.", started.timestamp()
        )
    # Unknown type: some of these only grow, others go up and down.
    counts = UnknownMetricFamily(
        PREFIX + "watchdog_count", "What the watchdog counts, by name.", labels=["name"]
    )
    for name, count in view.report.counters.items():
        counts.add_metric([name], count)
    if view.report.counters:
        yield counts


def _bot(view: View, beat: Heartbeat) -> Iterator[Metric]:
    process, loop, bot = beat.process, beat.loop, beat.bot
    info = {"name": bot.name, "version": bot.version, "instance": beat.instance, "role": beat.role}
    yield InfoMetricFamily(PREFIX + "bot", "Who serves.", value=info)
    yield from one_hot(
        "bot_state",
        "1 for the state the bot says it is in, 0 for all others.",
        get_args(State),
        beat.state,
    )
    yield from gauge("bot_uptime_seconds", "Age of the bot's process.", view.report.uptime_s)
    yield from gauge("bot_resident_memory_bytes", "Resident memory of the bot.", process.rss_bytes)
    yield from gauge(
        "bot_cpu_ratio", "Share of one processor the bot uses.", process.cpu_percent / 100
    )
    yield from gauge("bot_open_fds", "Files the bot has open.", process.open_files)
    if process.open_files_limit:
        yield from gauge("bot_max_fds", "Files the bot may open.", process.open_files_limit)
    yield from gauge("bot_threads", "Threads of the bot.", process.threads)
    if process.threads_limit:
        yield from gauge("bot_max_threads", "Threads it may have.", process.threads_limit)
    yield from gauge("bot_guilds", "Servers it is in.", bot.guilds)
    yield from gauge("bot_members", "Members it sees.", bot.members)
    yield from counter("heartbeats", "Heartbeats of this process.", beat.sequence)
    yield from gauge("heartbeat_age_seconds", "Age of the last heartbeat.", view.beat_age_s)
    yield from counter("loop_pulses", "Turns of the event loop that were counted.", loop.pulse)
    yield from gauge("loop_pulse_age_seconds", "Age of the loop's pulse.", loop.pulse_age_s)
    yield from gauge(
        "loop_blocked_seconds",
        "How long the loop has been blocked, 0 while it turns.",
        loop.blocked_s,
    )
    lags = (("p50", loop.lag_ms_p50), ("p99", loop.lag_ms_p99), ("max", loop.lag_ms_max))
    for share, lag_ms in lags:
        documentation = f"How late the loop turns, {share} of one minute."
        yield from gauge(f"loop_lag_{share}_seconds", documentation, seconds(lag_ms))


def _work(beat: Heartbeat) -> Iterator[Metric]:
    tasks, jobs, commands = beat.tasks, beat.jobs, beat.commands
    yield from gauge("tasks_active", "Tasks alive.", tasks.active)
    yield from counter("tasks_created", "Tasks made.", tasks.created)
    yield from counter("tasks_completed", "Tasks that ended well.", tasks.completed)
    yield from counter("tasks_failed", "Tasks that raised.", tasks.failed)
    yield from counter("tasks_cancelled", "Tasks cancelled.", tasks.cancelled)
    yield from _task_names(beat)
    yield from gauge("jobs_queued", "Jobs that wait.", jobs.queued)
    yield from gauge("jobs_running", "Jobs at work.", jobs.running)
    yield from counter("jobs_done", "Jobs that ended well.", jobs.done)
    yield from counter("jobs_failed", "Jobs that failed.", jobs.failed)
    yield from counter("commands_invoked", "Commands and components run.", commands.invoked)
    yield from counter("commands_failed", "Of these, failed.", commands.failed)
    yield from counter("commands_timed_out", "Of these, out of time.", commands.timed_out)
    yield from gauge(
        "commands_duration_p50_seconds", "Median duration of a command.", seconds(commands.p50_ms)
    )
    yield from gauge(
        "commands_duration_p99_seconds",
        "99th percentile of a command's duration.",
        seconds(commands.p99_ms),
    )


def _database(storage: Storage) -> Iterator[Metric]:
    if not storage.kind:
        return
    yield from gauge(
        "database_up", "1 while the database answers.", float(storage.state == "ready")
    )
    yield from counter("database_retried", "Transactions that were run again.", storage.retried)
    yield from counter("database_failed", "Questions that got no answer.", storage.failed)
    failed = storage.backup_problem is not None
    yield from gauge("backup_failed", "1 when the last nightly backup failed.", float(failed))


def _task_names(beat: Heartbeat) -> Iterator[Metric]:
    if not beat.tasks.by_name:
        return
    active = GaugeMetricFamily(PREFIX + "task_active", "Tasks alive, by name.", labels=["task"])
    failed = CounterMetricFamily(PREFIX + "task_failed", "That raised, by name.", labels=["task"])
    oldest = GaugeMetricFamily(
        PREFIX + "task_oldest_seconds", "Age of the oldest alive, by name.", labels=["task"]
    )
    for name, task in beat.tasks.by_name.items():
        active.add_metric([name], task.active)
        failed.add_metric([name], task.failed)
        if task.oldest_s is not None:
            oldest.add_metric([name], task.oldest_s)
    yield from (active, failed, oldest)
