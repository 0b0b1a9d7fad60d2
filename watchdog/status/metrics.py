"""The view as Prometheus reads it; names follow its conventions, units are base units."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
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
from watchdog.heartbeat.schema import Heartbeat, State
from watchdog.status.view import View
from watchdog.status.wording import moment

# Format 0.0.4, which every Prometheus reads; what is written is the same in 1.0.0.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "novera_"


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
        beat = self._view.beat
        if beat is not None and self._view.report.bot_pid is not None:
            yield from _bot(self._view, beat)
            yield from _gateway(beat)
            yield from _work(beat)


def own_rss_bytes() -> int | None:
    """Answer the resident memory of this process; None where there is no /proc."""
    try:
        resident_pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except OSError:
        return None
    return resident_pages * os.sysconf("SC_PAGE_SIZE")


def _gauge(name: str, documentation: str, value: float | None) -> Iterator[Metric]:
    if value is not None:
        yield GaugeMetricFamily(PREFIX + name, documentation, value=value)


def _counter(name: str, documentation: str, value: float) -> Iterator[Metric]:
    yield CounterMetricFamily(PREFIX + name, documentation, value=value)


def _one_hot(name: str, documentation: str, words: Iterable[str], current: str) -> Iterator[Metric]:
    family = GaugeMetricFamily(PREFIX + name, documentation, labels=[name.rpartition("_")[2]])
    for word in words:
        family.add_metric([word], float(word == current))
    yield family


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _judgement(view: View) -> Iterator[Metric]:
    report = view.report
    yield from _gauge("up", "1 while the bot serves, 0 while it does not.", float(view.serving))
    yield from _one_hot(
        "verdict",
        "1 for the verdict that holds, 0 for all others.",
        get_args(Verdict),
        report.verdict,
    )
    since = moment(report.since)
    yield from _gauge(
        "verdict_start_time_seconds",
        "When this verdict began.",
        None if since is None else since.timestamp(),
    )
    yield from _gauge("warnings", "What needs a look besides.", len(report.warnings))
    incident = report.incident
    yield from _counter("incidents", "Incidents ever.", 0 if incident is None else incident.number)
    yield from _gauge("incident_open", "1 while an incident lasts.", float(view.in_incident))
    if incident is not None:
        yield from _gauge(
            "incident_recovery_seconds",
            "From first sight to recovery, of the last incident.",
            incident.time_to_recovery_s,
        )


def _restarts(view: View) -> Iterator[Metric]:
    restarts = view.report.restarts
    yield from _counter("restarts", "Restarts of the bot by the watchdog, ever.", restarts.total)
    yield from _gauge(
        "restarts_in_window",
        "Restarts within the window, which spend the budget.",
        restarts.in_window,
    )
    yield from _gauge("restarts_allowed", "Restarts allowed within the window.", restarts.allowed)
    yield from _gauge("restart_window_seconds", "Length of that window.", restarts.window_s)
    next_at = moment(restarts.next_at) if restarts.next_at is not None else None
    if next_at is not None:
        yield from _gauge(
            "next_restart_time_seconds", "When the bot is to be started.", next_at.timestamp()
        )


def _watchdog(view: View) -> Iterator[Metric]:
    yield from _gauge("watchdog_live", "1 while the watchdog judges.", float(view.live))
    yield from _gauge(
        "watchdog_report_age_seconds", "Age of the last judgement.", view.report_age_s
    )
    yield from _gauge(
        "watchdog_resident_memory_bytes", "Resident memory of the watchdog.", own_rss_bytes()
    )
    started = moment(view.report.watchdog_started_at)
    if started is not None:
        yield from _gauge(
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
    yield from _one_hot(
        "bot_state",
        "1 for the state the bot says it is in, 0 for all others.",
        get_args(State),
        beat.state,
    )
    yield from _gauge("bot_uptime_seconds", "Age of the bot's process.", view.report.uptime_s)
    yield from _gauge("bot_resident_memory_bytes", "Resident memory of the bot.", process.rss_bytes)
    yield from _gauge(
        "bot_cpu_ratio", "Share of one processor the bot uses.", process.cpu_percent / 100
    )
    yield from _gauge("bot_open_fds", "Files the bot has open.", process.open_files)
    if process.open_files_limit:
        yield from _gauge("bot_max_fds", "Files the bot may open.", process.open_files_limit)
    yield from _gauge("bot_threads", "Threads of the bot.", process.threads)
    yield from _gauge("bot_guilds", "Servers it is in.", bot.guilds)
    yield from _gauge("bot_members", "Members it sees.", bot.members)
    yield from _counter("heartbeats", "Heartbeats of this process.", beat.sequence)
    yield from _gauge("heartbeat_age_seconds", "Age of the last heartbeat.", view.beat_age_s)
    yield from _counter("loop_pulses", "Turns of the event loop that were counted.", loop.pulse)
    yield from _gauge("loop_pulse_age_seconds", "Age of the loop's pulse.", loop.pulse_age_s)
    yield from _gauge(
        "loop_blocked_seconds",
        "How long the loop has been blocked, 0 while it turns.",
        loop.blocked_s,
    )
    lags = (("p50", loop.lag_ms_p50), ("p99", loop.lag_ms_p99), ("max", loop.lag_ms_max))
    for share, lag_ms in lags:
        documentation = f"How late the loop turns, {share} of one minute."
        yield from _gauge(f"loop_lag_{share}_seconds", documentation, _seconds(lag_ms))


def _gateway(beat: Heartbeat) -> Iterator[Metric]:
    gateway = beat.gateway
    yield from _gauge("gateway_connected", "1 while connected.", float(gateway.connected))
    yield from _gauge(
        "gateway_latency_seconds",
        "Between a gateway heartbeat and its acknowledgement.",
        _seconds(gateway.latency_ms),
    )
    yield from _gauge(
        "gateway_last_event_age_seconds",
        "Since anything came from the gateway.",
        gateway.last_event_age_s,
    )
    yield from _gauge(
        "gateway_last_ack_age_seconds", "Since the last acknowledgement.", gateway.last_ack_age_s
    )
    yield from _counter("gateway_identifies", "Sessions begun with IDENTIFY.", gateway.identifies)
    yield from _counter("gateway_resumes", "Sessions continued with RESUME.", gateway.resumes)
    yield from _counter(
        "gateway_replayed_events", "Events replayed by RESUME.", gateway.replayed_events
    )
    yield from _counter(
        "gateway_quarantined_events",
        "Events that could not be parsed and were put aside.",
        gateway.quarantined_events,
    )
    yield from _gauge(
        "gateway_identifies_remaining",
        "Logins that Discord still allows today.",
        gateway.identify_remaining,
    )
    if gateway.shards:
        up = GaugeMetricFamily(
            PREFIX + "gateway_shard_connected", "1 while connected.", labels=["shard"]
        )
        for shard in gateway.shards:
            up.add_metric([str(shard.id)], float(shard.connected))
        yield up


def _work(beat: Heartbeat) -> Iterator[Metric]:
    tasks, jobs, commands = beat.tasks, beat.jobs, beat.commands
    yield from _gauge("tasks_active", "Tasks alive.", tasks.active)
    yield from _counter("tasks_created", "Tasks made.", tasks.created)
    yield from _counter("tasks_completed", "Tasks that ended well.", tasks.completed)
    yield from _counter("tasks_failed", "Tasks that raised.", tasks.failed)
    yield from _counter("tasks_cancelled", "Tasks cancelled.", tasks.cancelled)
    yield from _task_names(beat)
    yield from _gauge("jobs_queued", "Jobs that wait.", jobs.queued)
    yield from _gauge("jobs_running", "Jobs at work.", jobs.running)
    yield from _counter("jobs_done", "Jobs that ended well.", jobs.done)
    yield from _counter("jobs_failed", "Jobs that failed.", jobs.failed)
    yield from _counter("commands_invoked", "Commands and components run.", commands.invoked)
    yield from _counter("commands_failed", "Of these, failed.", commands.failed)
    yield from _counter("commands_timed_out", "Of these, out of time.", commands.timed_out)
    yield from _gauge(
        "commands_duration_p50_seconds", "Median duration of a command.", _seconds(commands.p50_ms)
    )
    yield from _gauge(
        "commands_duration_p99_seconds",
        "99th percentile of a command's duration.",
        _seconds(commands.p99_ms),
    )


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
