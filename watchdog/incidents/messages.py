"""Alerts, in words for the operator. Pure."""

from __future__ import annotations

from watchdog.alerts.alert import Alert
from watchdog.incidents.incident import Incident

MAX_STACK_LINES = 12


def opened(incident: Incident, advice: str) -> Alert:
    """Answer the alert for a new incident."""
    if incident.kind == "failed":
        return failed(incident, incident.cause, advice)
    lines = [f"Seen: {incident.kind}, cause {incident.cause}.", *incident.actions]
    if incident.stack:
        lines += ["Stack:", *incident.stack.strip().splitlines()[-MAX_STACK_LINES:]]
    return Alert(
        kind="incident",
        key=f"incident-{incident.number}",
        at=incident.first_seen_at,
        title=f"Incident {incident.number}: {incident.kind} ({incident.cause})",
        text="\n".join(lines),
    )


def failed(incident: Incident, cause: str, advice: str) -> Alert:
    """Answer the alert for a failure that no restart mends."""
    return Alert(
        kind="permanent_failure",
        key=f"failed-{incident.number}-{incident.failures}",
        at=incident.last_seen_at,
        title=f"The bot can't run: {cause}",
        text=f"{advice or 'See logs/bot.jsonl.'}\nIt is not restarted until .env changes or"
        " `supervisorctl start bot` is called.",
    )


def recovered(incident: Incident) -> Alert:
    """Answer the alert for the end of an incident."""
    span = (
        f" after {incident.time_to_recovery_s:.1f} s"
        if incident.time_to_recovery_s is not None
        else ""
    )
    return Alert(
        kind="recovery",
        key=f"recovery-{incident.number}",
        at=incident.recovered_at or incident.last_seen_at,
        title=f"Incident {incident.number}: recovered{span}",
        text=f"The bot serves again. It was {incident.kind} ({incident.cause}).",
    )


def noted(incident: Incident, text: str) -> Alert:
    """Answer the alert for an incident that was over when it was found."""
    return Alert(
        kind="incident",
        key=f"incident-{incident.number}",
        at=incident.first_seen_at,
        title=f"Incident {incident.number}: {incident.kind.replace('_', ' ')}",
        text=text,
    )


def gave_up(incident: Incident, *, restarts: int, window_s: float, at: str) -> Alert:
    """Answer the alert for a spent budget."""
    return Alert(
        kind="give_up",
        key=f"give-up-{incident.number}-{incident.failures}",
        at=at,
        title=f"Incident {incident.number}: given up after {restarts} restarts",
        text=f"{restarts} restarts within {window_s:.0f} s did not help, the last cause is"
        f" {incident.cause}. The bot stays down. Find the cause in logs/bot.jsonl, then"
        " `supervisorctl start bot`.",
    )


def warning(reason: str, text: str, *, at: str) -> Alert:
    """Answer the alert for something that needs a look and restarts nothing."""
    return Alert(
        kind="warning",
        key=f"warning-{reason}-{at}",
        at=at,
        title=f"Warning: {reason.replace('_', ' ')}",
        text=text or "See `python -m watchdog status`.",
    )
