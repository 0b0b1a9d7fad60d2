"""One report of one judgement. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from watchdog.health.liveness import Judgement
from watchdog.health.observation import Sight
from watchdog.health.verdict import (
    IncidentSummary,
    ProcessSummary,
    Restarts,
    Role,
    StatusReport,
)

MAX_YEAR_S = 253_402_300_799.0  # the last second of the year 9999


def iso(unix_s: float) -> str:
    """Answer a Unix time as ISO 8601 UTC with milliseconds."""
    at = datetime.fromtimestamp(min(max(unix_s, 0.0), MAX_YEAR_S), tz=UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a report says besides the judgement."""

    now_unix_s: float
    since: str
    restarts: Restarts
    incident: IncidentSummary | None
    watchdog_pid: int
    watchdog_started_at: str
    warnings: tuple[str, ...] = ()
    counters: Mapping[str, int]
    processes: tuple[ProcessSummary, ...] = ()
    standby: bool = True
    takeovers: int = 0


def summary(program: str, role: Role | None, judgement: Judgement, sight: Sight) -> ProcessSummary:
    """Answer what is shown of one process."""
    process, beat = sight.process, sight.beat.beat
    return ProcessSummary(
        program=program,
        role=role,
        verdict=judgement.verdict,
        reason=judgement.reason,
        pid=process.identity.pid if process is not None else None,
        uptime_s=round(process.age_s, 3) if process is not None else None,
        rss_bytes=beat.process.rss_bytes if process is not None and beat is not None else None,
    )


def compose(judgement: Judgement, sight: Sight, facts: Facts) -> StatusReport:
    """Answer the report; warnings come without repetition."""
    process, beat = sight.process, sight.beat.beat
    heartbeat: Mapping[str, Any] | None = None
    if beat is not None and process is not None:
        heartbeat = orjson.loads(orjson.dumps(beat))
    return StatusReport(
        verdict=judgement.verdict,
        reason=judgement.reason,
        advice=judgement.advice,
        since=facts.since,
        checked_at=iso(facts.now_unix_s),
        bot_pid=process.identity.pid if process is not None else None,
        uptime_s=round(process.age_s, 3) if process is not None else None,
        heartbeat=heartbeat,
        restarts=facts.restarts,
        incident=facts.incident,
        watchdog_pid=facts.watchdog_pid,
        watchdog_started_at=facts.watchdog_started_at,
        warnings=tuple(dict.fromkeys((*judgement.warnings, *facts.warnings))),
        counters=facts.counters,
        processes=facts.processes,
        standby=facts.standby,
        takeovers=facts.takeovers,
    )
