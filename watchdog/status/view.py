"""What is shown at one moment: the last report, what of it is still true, and every age. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from watchdog.health.verdict import SERVING, StatusReport
from watchdog.heartbeat.schema import Heartbeat


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that page, JSON and metrics are made from, so that they never differ.

    Attributes:
        live: Whether the watchdog itself judges.
        report_age_s: Age of the report in seconds, None before the first.
        beat, beat_age_s: The bot's last believed heartbeat and its age in seconds.
        now_at: The moment that ages on the page are counted from.
    """

    report: StatusReport
    live: bool
    report_age_s: float | None
    beat: Heartbeat | None
    beat_age_s: float | None
    now_at: datetime

    @property
    def serving(self) -> bool:
        """Whether the bot serves, as far as anybody knows."""
        return self.report.verdict in SERVING

    @property
    def in_incident(self) -> bool:
        """Whether the report's incident still lasts; an operator's stop ends one as well."""
        incident, verdict = self.report.incident, self.report.verdict
        return (
            incident is not None
            and incident.recovered_at is None
            and verdict not in SERVING
            and verdict != "stopped"
        )


def compose(
    report: StatusReport | None,
    beat: Heartbeat | None,
    *,
    live: bool,
    report_age_s: float | None,
    now_at: datetime,
    monotonic_s: float,
    boot_id: str,
) -> View:
    """Answer the view of *report*; an old one is shown, but its verdict no longer holds.

    Args:
        report: The last one, None before the first.
        beat: The heartbeat in it (`report.beat_of`).
    """
    shown = report if report is not None else _nothing_yet(now_at)
    if not live:
        shown = replace(
            shown,
            verdict="unknown",
            reason="watchdog_hung" if report is not None else "watchdog_silent",
            advice="The watchdog has stopped judging, so what is shown here is old. It ends itself"
            " and is started again; if it is not, look at logs/watchdog.jsonl.",
        )
    beat_age_s = None
    if beat is not None and beat.boot_id == boot_id:
        beat_age_s = max(0.0, monotonic_s - beat.monotonic_s)
    return View(
        report=shown,
        live=live,
        report_age_s=report_age_s,
        beat=beat,
        beat_age_s=beat_age_s,
        now_at=now_at,
    )


def _nothing_yet(now_at: datetime) -> StatusReport:
    at = now_at.astimezone(UTC).isoformat()
    return StatusReport(
        verdict="unknown",
        reason="first_look",
        advice="The watchdog has just started and is taking its first look.",
        since=at,
        checked_at=at,
    )
