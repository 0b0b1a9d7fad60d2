"""The verdicts, and the report that every status shown is made from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from watchdog.heartbeat.schema import Role as Role

Verdict = Literal[
    "starting",  # no beat yet, or not ready, within STARTUP_TIMEOUT_S
    "healthy",
    "degraded",  # serves, but something needs a look
    "backing_off",  # the bot waits for Discord: leave it alone
    "hung",  # beats go on, the loop's pulse does not
    "frozen",  # no beat, process exists
    "zombie",  # loop well, gateway silent past its limit
    "dead",  # no process
    "failed",  # permanent: token, intent, settings
    "held",  # restart budget spent
    "stopped",  # an operator stopped it
    "unknown",  # unreadable, with a deadline
]


SERVING: frozenset[Verdict] = frozenset({"healthy", "degraded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """The restart budget; *next_at* is an ISO 8601 UTC time while a restart is waited for."""

    total: int = 0
    in_window: int = 0
    allowed: int = 5
    window_s: float = 600.0
    next_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentSummary:
    """The open incident, or the last one."""

    number: int
    kind: str
    cause: str
    first_seen_at: str
    recovered_at: str | None = None
    time_to_recovery_s: float | None = None
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSummary:
    """One of supervisord's two bot programs.

    Attributes:
        program: `bot` or `spare`, supervisord's name; either may lead.
        role: What its process is at the moment, null while nobody knows.
        verdict, reason: The judgement of it alone.
        uptime_s: Age in seconds, null without a process, and so is *pid*.
    """

    program: str
    role: Role | None
    verdict: Verdict
    reason: str
    pid: int | None = None
    uptime_s: float | None = None
    rss_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """One judgement of one observation; everything shown to anybody comes from here.

    Attributes:
        reason: Short word for what was seen, such as `pulse_stopped`.
        advice: What the operator can do, a sentence; empty when nothing is to be done.
        since: When this verdict began, ISO 8601 UTC.
        bot_pid, uptime_s, heartbeat: Of the process that leads, or is about to.
        heartbeat: The last believed beat as a JSON object, null without one.
        standby: A spare is wanted.
        takeovers: How often a spare came to lead, ever.
    """

    verdict: Verdict
    reason: str
    advice: str
    since: str
    checked_at: str
    bot_pid: int | None = None
    uptime_s: float | None = None
    heartbeat: Mapping[str, Any] | None = None
    restarts: Restarts = field(default_factory=Restarts)
    incident: IncidentSummary | None = None
    watchdog_pid: int = 0
    watchdog_started_at: str = ""
    warnings: tuple[str, ...] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    processes: tuple[ProcessSummary, ...] = ()
    standby: bool = True
    takeovers: int = 0
