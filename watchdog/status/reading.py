"""What a found `state/status.json` is worth, and how a terminal shows it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import orjson

from watchdog.health.verdict import SERVING, StatusReport
from watchdog.heartbeat.identity import Identity
from watchdog.status import database, pair
from watchdog.status.report import StatusReportError, beat_of, decode
from watchdog.status.wording import (
    HEADLINES,
    ago,
    clock_time,
    count,
    duration,
    milliseconds,
    moment,
    size,
    words,
)

STALE_AFTER_S = 30.0  # it is written at every tick, and a tick is limited to TICK_LIMIT_S
EXIT_SERVING, EXIT_NOT_SERVING, EXIT_UNKNOWN = 0, 1, 3

Trouble = Literal["missing", "unreadable", "not_running", "stale"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who wrote the file: a process is its pid and start time, within one boot of the machine."""

    boot_id: str
    identity: Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The report and why it may not be true; *trouble* is None while the watchdog judges."""

    report: StatusReport | None
    trouble: Trouble | None = None
    detail: str = ""

    @property
    def exit_code(self) -> int:
        """0: the bot serves. 1: it does not. 3: nobody knows."""
        if self.trouble is not None or self.report is None or self.report.verdict == "unknown":
            return EXIT_UNKNOWN
        return EXIT_SERVING if self.report.verdict in SERVING else EXIT_NOT_SERVING


def writer_of(raw: bytes) -> Writer | None:
    """Answer who wrote *raw*, None when it does not say so."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    boot_id, pid = document.get("boot_id"), document.get("watchdog_pid")
    started = document.get("watchdog_process_started")
    if not isinstance(boot_id, str) or type(pid) is not int or not isinstance(started, int | float):
        return None
    return Writer(boot_id=boot_id, identity=Identity(pid=pid, started=float(started)))


def assess(raw: bytes, *, now_at: datetime, boot_id: str, process: Identity | None) -> Reading:
    """Answer what *raw* is worth.

    Args:
        process: The process that has the writer's pid now, None without one.
    """
    try:
        report = decode(raw)
    except StatusReportError as error:
        return Reading(report=None, trouble="unreadable", detail=error.reason)
    writer = writer_of(raw)
    if writer is None or writer.boot_id != boot_id or writer.identity != process:
        return Reading(report=report, trouble="not_running")
    checked_at = moment(report.checked_at)
    if checked_at is None or (now_at - checked_at).total_seconds() > STALE_AFTER_S:
        return Reading(report=report, trouble="stale")
    return Reading(report=report)


def to_text(reading: Reading, *, now_at: datetime, path: str) -> str:
    """Answer the lines of `python -m watchdog status`."""
    report = reading.report
    lines = _trouble_lines(reading, now_at=now_at, path=path)
    if report is None:
        return "\n".join(map(_plain, lines))
    if lines:
        lines += ["", f"Last seen, {clock_time(report.checked_at)}:"]
    rows = [*_state_rows(report, now_at=now_at), *_beat_rows(report), *_incident_rows(report)]
    rows += [("Warning", words(warning)) for warning in report.warnings]
    rows += [("Advice", line) for line in report.advice.splitlines()[:20]]
    width = max(len(name) for name, _ in rows)
    lines += [f"{name:<{width}}  {value}" for name, value in rows]
    return "\n".join(map(_plain, lines))


def _trouble_lines(reading: Reading, *, now_at: datetime, path: str) -> list[str]:
    report = reading.report
    match reading.trouble:
        case "missing":
            return [
                f"The watchdog is not running here: there is no {path}.",
                "Start everything with ./NEVER_DOWN.sh, from the folder of the installation.",
            ]
        case "unreadable":
            return [
                f"{path} can't be believed: {reading.detail}.",
                "A running watchdog writes it anew every second; if this stays, look at its owner,"
                " its mode and the disk.",
            ]
        case "not_running":
            return ["The watchdog is not running. Start it: supervisorctl start watchdog"]
        case "stale" if report is not None:
            return [
                f"The watchdog runs (process {report.watchdog_pid}) but has not judged for"
                f" {ago(report.checked_at, now_at=now_at)}.",
                "If this stays: look at logs/watchdog.jsonl, then supervisorctl restart watchdog",
            ]
    return []


def _state_rows(report: StatusReport, *, now_at: datetime) -> list[tuple[str, str]]:
    headline, restarts = HEADLINES[report.verdict], report.restarts
    since = ago(report.since, now_at=now_at)
    spent = f"{restarts.in_window} of {restarts.allowed} in {duration(restarts.window_s)}"
    process = f" (process {report.bot_pid})" if report.bot_pid is not None else ""
    rows = [
        ("State", f"{headline.title} for {since}: {words(report.reason)}"),
        ("Uptime", duration(report.uptime_s) + process),
        *pair.rows(report),
        ("Restarts", f"{restarts.total} in all"),
        ("Budget", f"{spent} spent"),
    ]
    next_at = moment(restarts.next_at) if restarts.next_at is not None else None
    if next_at is not None:
        rows.append(("Next start", f"in {duration((next_at - now_at).total_seconds())}"))
    return rows


def _beat_rows(report: StatusReport) -> list[tuple[str, str]]:
    beat = beat_of(report)
    if beat is None:
        return []
    gateway, tasks = beat.gateway, beat.tasks
    connection = (
        f"connected, {milliseconds(gateway.latency_ms)}"
        if gateway.connected
        else f"not connected, {words(gateway.reason or beat.state)}"
    )
    kind = "Takeover" if pair.is_takeover(beat.stages_s) else "Start"
    stages = [(kind, pair.stages_text(beat.stages_s))] if beat.stages_s else []
    delivered = (f"{number} {name.lower()}" for name, number in pair.delivery_rows(gateway))
    return [
        ("Discord", connection),
        ("Journal", pair.journal_text(gateway.journal)),
        ("Events", ", ".join(delivered)),
        *stages,
        ("Loop", f"lag {milliseconds(beat.loop.lag_ms_p99)} at p99"),
        ("Tasks", f"{count(tasks.active)} alive, {count(tasks.failed)} failed"),
        ("Commands", f"{count(beat.commands.invoked)} run, {count(beat.commands.failed)} failed"),
        ("Memory", size(beat.process.rss_bytes)),
        *database.rows(beat.storage),
    ]


def _incident_rows(report: StatusReport) -> list[tuple[str, str]]:
    incident = report.incident
    if incident is None:
        return [("Last incident", "none")]
    end = "not recovered"
    if incident.recovered_at is not None:
        end = f"recovered after {duration(incident.time_to_recovery_s)}"
    return [
        (
            "Last incident",
            f"#{incident.number} {words(incident.kind)}: {words(incident.cause)},"
            f" {clock_time(incident.first_seen_at)}, {end}",
        )
    ]


def _plain(text: str) -> str:
    """Answer *text* with nothing in it that a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)
