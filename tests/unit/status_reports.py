"""Status reports that tests share: a healthy one, and one of every verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from watchdog.health.verdict import IncidentSummary, ProcessSummary, Restarts, StatusReport
from watchdog.heartbeat import schema
from watchdog.status.report import beat_of
from watchdog.status.view import View, compose

NOW_AT = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
MONOTONIC_S = 5000.0
BOOT = "boot-1"

INCIDENT = IncidentSummary(
    number=4,
    kind="hung",
    cause="pulse_stopped",
    first_seen_at="2026-05-04T11:50:00.000Z",
    recovered_at="2026-05-04T11:50:07.600Z",
    time_to_recovery_s=7.6,
    actions=("SIGKILL to process 4198", "started: process 4242"),
)
LEADER = ProcessSummary(
    program="spare",
    role="leader",
    verdict="healthy",
    reason="serving",
    pid=4242,
    uptime_s=592.0,
    rss_bytes=71_303_168,
)
SPARE = ProcessSummary(
    program="bot",
    role="spare",
    verdict="healthy",
    reason="serving",
    pid=4250,
    uptime_s=590.0,
    rss_bytes=60_000_000,
)


def beat(**parts: Any) -> schema.Heartbeat:
    """Answer a heartbeat of a bot that is well, but for *parts*."""
    well = schema.Heartbeat(
        boot_id=BOOT,
        pid=4242,
        process_started=1.0,
        instance="instance-1",
        sequence=17,
        written_at="2026-05-04T11:59:59.500Z",
        monotonic_s=MONOTONIC_S - 0.5,
        interval_s=1.0,
        state="ready",
        loop=schema.Loop(pulse=99, lag_ms_p50=0.1, lag_ms_p99=1.9, lag_ms_max=4.0),
        gateway=schema.Gateway(
            connected=True,
            latency_ms=41.0,
            last_event_age_s=0.8,
            identify_remaining=998,
            redelivered_events=2,
            skipped_events=31,
            journal=schema.JournalFacts(usable=True, lag_ms=12.0, events=40, unfinished=3),
        ),
        stages_s={"lead": 0.0, "cache": 0.004, "resumed": 0.011, "ready": 0.012},
        tasks=schema.Tasks(
            active=1,
            created=9,
            completed=7,
            failed=1,
            by_name={"sweep": schema.TaskName(active=1, created=9, completed=7, failed=1)},
        ),
        commands=schema.Commands(invoked=1893, failed=4, p50_ms=12.0, p99_ms=80.0),
        storage=schema.Storage(kind="sqlite", state="ready", state_age_s=590.0),
        process=schema.Process(rss_bytes=71_303_168, cpu_percent=40.0, open_files=18, threads=5),
        bot=schema.Bot(name="novera", version="1.2.3", guilds=3, members=119),
    )
    return replace(well, **parts)


def as_json(heartbeat: schema.Heartbeat) -> dict[str, Any]:
    """Answer *heartbeat* as a report holds it."""
    document: dict[str, Any] = orjson.loads(schema.encode(heartbeat))
    return document


def report(**parts: Any) -> StatusReport:
    """Answer the report of a healthy bot, but for *parts*."""
    healthy = StatusReport(
        verdict="healthy",
        reason="serving",
        advice="",
        since="2026-05-04T11:50:08.000Z",
        checked_at="2026-05-04T11:59:59.900Z",
        bot_pid=4242,
        uptime_s=592.0,
        heartbeat=as_json(beat()),
        restarts=Restarts(total=6, in_window=1),
        incident=INCIDENT,
        watchdog_pid=4101,
        watchdog_started_at="2026-05-01T00:00:00.000Z",
        counters={"polls": 1000},
        processes=(SPARE, LEADER),
        takeovers=3,
    )
    return replace(healthy, **parts)


def view(shown: StatusReport | None, *, live: bool = True) -> View:
    """Answer the view of *shown* at `NOW_AT`."""
    return compose(
        shown,
        beat_of(shown) if shown is not None else None,
        live=live,
        report_age_s=0.1 if shown is not None else None,
        now_at=NOW_AT,
        monotonic_s=MONOTONIC_S,
        boot_id=BOOT,
    )
