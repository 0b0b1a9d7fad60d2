"""The open incident: opened, added to, closed; recorded in the journal and told to the operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from watchdog.alerts.alert import Alert
from watchdog.health.verdict import IncidentSummary
from watchdog.heartbeat.identity import Identity
from watchdog.incidents import incident as incidents
from watchdog.incidents import messages
from watchdog.incidents.incident import Incident
from watchdog.incidents.journal import Journal

log = structlog.get_logger(__name__)


class Casebook:
    """At most one incident is open; a watchdog that starts finds the open one in the journal."""

    def __init__(
        self,
        journal: Journal,
        *,
        offer: Callable[[Alert], None],
        at: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        self._journal, self._offer, self._at, self._clock = journal, offer, at, clock
        self._last = journal.last(now_s=clock())
        self._told = True  # what another watchdog opened, it has told
        self._exhausted = False
        self._accused: Identity | None = None
        self._serving_since: tuple[str, float] | None = None

    @property
    def open(self) -> Incident | None:
        """Answer the incident under way."""
        last = self._last
        return last if last is not None and last.outcome == "open" else None

    @property
    def count(self) -> int:
        """Answer how many incidents there were."""
        return self._last.number if self._last is not None else 0

    @property
    def lost_records(self) -> int:
        """Answer how many records the disk refused."""
        return self._journal.lost

    def summary(self) -> IncidentSummary | None:
        """Answer the open incident, or the last one."""
        return incidents.summary(self._last) if self._last is not None else None

    def fail(
        self,
        who: Identity | None,
        kind: str,
        cause: str,
        *,
        evidence: Callable[[], Mapping[str, Any]] = dict,
        stack: str | None = None,
    ) -> None:
        """Note that the process *who* failed: an incident, or one more failure of the open one.

        Two failures of one process are one. None is a process that never came to be.

        Args:
            evidence: Asked for only when this is a new failure.
        """
        current, at = self.open, self._at()
        if current is not None and who is not None and who == self._accused:
            self._last = incidents.seen_again(current, at=at)
            return
        self._accused = who
        if current is not None:
            self._last = incidents.failed_again(current, cause=cause, at=at)
            return
        self._last = Incident(
            number=self.count + 1,
            kind=kind,
            cause=cause,
            first_seen_at=at,
            last_seen_at=at,
            first_seen_s=self._clock(),
            evidence=evidence(),
            stack=stack,
        )
        self._told = False
        log.warning("incident.opened", incident=self._last.number, kind=kind, cause=cause)

    def add(self, *, cause: str | None = None, stack: str | None = None, **evidence: Any) -> None:
        """Add what was learnt about the open incident; a first stack stays."""
        if (current := self.open) is not None:
            self._last = replace(
                current,
                cause=cause or current.cause,
                stack=current.stack or stack,
                evidence={**current.evidence, **evidence},
            )

    def act(self, action: str) -> None:
        """Note what was done about the open incident."""
        if (current := self.open) is not None:
            self._last = incidents.acted(current, action)

    def tell(self, advice: str = "") -> None:
        """Record and announce an incident that was opened, once its evidence is complete."""
        current = self.open
        if current is None or self._told:
            return
        self._told = True
        self._journal.append(current)
        self._offer(messages.opened(current, advice))

    def fail_for_good(self, who: Identity | None, cause: str, advice: str) -> None:
        """Note and announce a failure that no restart mends."""
        self.fail(who, "failed", cause)
        current = self.open
        if current is not None and self._told:
            self._offer(messages.failed(current, cause, advice))
        self.tell(advice)

    def exhaust(self) -> None:
        """Note that the budget is spent; the other process may serve yet."""
        self._exhausted = True

    def give_up(self, *, restarts: int, window_s: float) -> None:
        """Announce, once, that the budget is spent and nobody is left to serve."""
        exhausted, self._exhausted = self._exhausted, False
        if exhausted and (current := self.open) is not None:
            self.act(f"gave up after {restarts} restarts")
            self._offer(
                messages.gave_up(current, restarts=restarts, window_s=window_s, at=self._at())
            )

    def serve(self, *, steady: bool) -> None:
        """Note that the bot serves; once that is *steady*, the open incident is closed.

        The recovery is dated from when it began to serve.
        """
        if self._serving_since is None:
            self._serving_since = (self._at(), self._clock())
        if steady:
            at, now_s = self._serving_since
            closed = self._close("recovered", at=at, now_s=now_s)
            if closed is not None:
                self._offer(messages.recovered(closed))

    def falter(self) -> None:
        """Note that the bot does not serve."""
        self._serving_since = None

    def stop(self) -> None:
        """Close the open incident: an operator stopped the bot."""
        self._close("stopped", at=self._at(), now_s=self._clock())

    def note(self, kind: str, cause: str, text: str) -> None:
        """Open an incident, announce it, and close it at once: what it tells of is over already."""
        if self.open is not None:
            raise ValueError("another incident is open")
        self.fail(None, kind, cause)
        self._told = True
        if self._last is not None:
            self._journal.append(self._last)
            self._offer(messages.noted(self._last, text))
        self._close("recovered", at=self._at(), now_s=self._clock())

    def warn(self, reason: str, text: str) -> None:
        """Announce something that restarts nothing."""
        log.warning("warning.raised", reason=reason, text=text)
        self._offer(messages.warning(reason, text, at=self._at()))

    def _close(self, outcome: incidents.Outcome, *, at: str, now_s: float) -> Incident | None:
        current = self.open
        if current is None:
            return None
        self.tell()
        closed = incidents.close(current, outcome, at=at, now_s=now_s)
        self._last = closed
        self._journal.append(closed)
        log.info(
            "incident.closed",
            incident=closed.number,
            outcome=outcome,
            time_to_recovery_s=closed.time_to_recovery_s,
        )
        return closed
