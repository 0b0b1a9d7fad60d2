"""An incident: from the first bad verdict until recovery. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import orjson

from watchdog.health.verdict import IncidentSummary
from watchdog.heartbeat.decoder import HeartbeatError, check_bounds

SCHEMA = 1
MAX_ACTIONS = 40
MAX_TEXT = 16 * 1024
MAX_NUMBER = 1 << 53  # a larger one is not believed: counted on, it could not be written any more

Outcome = Literal["open", "recovered", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One incident; two failures of one process are one, and so are those until recovery.

    Attributes:
        kind: What was seen first: `crash`, `hung`, `frozen`, `zombie`, `failed` …
        cause: `SIGKILL`, `exit 1`, `pulse_stopped`, `out_of_memory` …
        first_seen_at, last_seen_at: ISO 8601 UTC, of bad verdicts.
        first_seen_s: The same on the monotonic clock, for the time to recovery.
        evidence: Facts that were gathered before anything was done.
        stack: Where the bot stood, as the last beat or its own dump says.
        actions: What was done, in order.
        outcome: `stopped` when an operator ended the wait for recovery.
    """

    number: int
    kind: str
    cause: str
    first_seen_at: str
    last_seen_at: str
    first_seen_s: float
    evidence: Mapping[str, Any] = field(default_factory=dict)
    stack: str | None = None
    actions: tuple[str, ...] = ()
    failures: int = 1
    outcome: Outcome = "open"
    recovered_at: str | None = None
    time_to_recovery_s: float | None = None


def seen_again(incident: Incident, *, at: str) -> Incident:
    """Answer the incident with a later last sight."""
    return replace(incident, last_seen_at=at)


def failed_again(incident: Incident, *, cause: str, at: str) -> Incident:
    """Answer the incident after one more process of the same outage failed."""
    return acted(
        replace(incident, failures=incident.failures + 1, last_seen_at=at), f"failed again: {cause}"
    )


def acted(incident: Incident, action: str) -> Incident:
    """Answer the incident with one more thing done; the first and the latest ones are kept."""
    actions = (*incident.actions, action)
    if len(actions) > MAX_ACTIONS:
        half = MAX_ACTIONS // 2
        actions = (*actions[:half], *actions[-half:])
    return replace(incident, actions=actions)


def close(incident: Incident, outcome: Outcome, *, at: str, now_s: float) -> Incident:
    """Answer the incident as it ended; only a recovery has a time to recovery."""
    if outcome != "recovered":
        return replace(incident, outcome=outcome)
    span_s = round(max(0.0, now_s - incident.first_seen_s), 3)
    return replace(incident, outcome=outcome, recovered_at=at, time_to_recovery_s=span_s)


def summary(incident: Incident) -> IncidentSummary:
    """Answer what a status report shows of it."""
    return IncidentSummary(
        number=incident.number,
        kind=incident.kind,
        cause=incident.cause,
        first_seen_at=incident.first_seen_at,
        recovered_at=incident.recovered_at,
        time_to_recovery_s=incident.time_to_recovery_s,
        actions=incident.actions,
    )


def encode(incident: Incident, *, boot_id: str) -> bytes:
    """Answer the incident as one line of JSON."""
    record = {
        "schema": SCHEMA,
        "record": "opened" if incident.outcome == "open" else "closed",
        "boot_id": boot_id,
        "number": incident.number,
        "kind": incident.kind,
        "cause": incident.cause,
        "first_seen_at": incident.first_seen_at,
        "last_seen_at": incident.last_seen_at,
        "first_seen_s": incident.first_seen_s,
        "outcome": incident.outcome,
        "recovered_at": incident.recovered_at,
        "time_to_recovery_s": incident.time_to_recovery_s,
        "failures": incident.failures,
        "actions": incident.actions,
        "evidence": incident.evidence,
        "stack": incident.stack[-MAX_TEXT:] if incident.stack else None,
    }
    return orjson.dumps(record, default=str, option=orjson.OPT_NON_STR_KEYS) + b"\n"


def decode(line: bytes, *, boot_id: str, now_s: float) -> Incident | None:
    """Answer the incident of one line, None when the line is torn or not one.

    Args:
        now_s: Stands in for the monotonic first sight of an incident of an earlier boot.
    """
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        return None
    texts = [record.get(key) for key in ("kind", "cause", "first_seen_at", "last_seen_at")]
    number, outcome = record.get("number"), record.get("outcome")
    first_seen_s = _number(record.get("first_seen_s"))
    if not all(isinstance(text, str) for text in texts):
        return None
    if type(number) is not int or not 0 < number <= MAX_NUMBER or first_seen_s is None:
        return None
    if outcome not in ("open", "recovered", "stopped"):
        return None
    kind, cause, first_seen_at, last_seen_at = texts
    actions, failures = record.get("actions"), record.get("failures")
    recovered_at, span_s = record.get("recovered_at"), _number(record.get("time_to_recovery_s"))
    stack = record.get("stack")
    return Incident(
        number=number,
        kind=str(kind),
        cause=str(cause),
        first_seen_at=str(first_seen_at),
        last_seen_at=str(last_seen_at),
        first_seen_s=first_seen_s if record.get("boot_id") == boot_id else now_s,
        outcome=outcome,
        actions=tuple(str(action) for action in actions) if isinstance(actions, list) else (),
        failures=failures if type(failures) is int and 0 < failures <= MAX_NUMBER else 1,
        recovered_at=recovered_at if isinstance(recovered_at, str) else None,
        time_to_recovery_s=span_s,
        evidence=_evidence(record.get("evidence")),
        stack=stack if isinstance(stack, str) else None,
    )


def _evidence(value: Any) -> Mapping[str, Any]:
    """Answer evidence that can be written again, nothing when it is nested deeper than ours is."""
    if not isinstance(value, dict):
        return {}
    try:
        check_bounds(value)
    except HeartbeatError:
        return {}
    return value


def _number(value: Any) -> float | None:
    return float(value) if type(value) is int or type(value) is float else None
