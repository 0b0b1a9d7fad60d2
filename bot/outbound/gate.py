"""The gate in front of every host: lets a request pass or refuses it, and keeps the counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from bot.outbound.breaker import (
    BreakerPolicy,
    abandoned,
    admit,
    failed,
    open_for_s,
    succeeded,
)
from bot.outbound.errors import CircuitOpenError
from bot.outbound.tally import Host, Hosts, HostStatistics

log = structlog.get_logger(__name__)


class Ticket:
    """One request that passed; its outcome is told once, later calls change nothing."""

    def __init__(self, gate: Gate, name: str, host: Host, *, probe: bool) -> None:
        self._gate, self._name, self._host, self._probe = gate, name, host, probe
        self._began_s, self._settled = gate.clock(), False

    def answered(self, *, received_bytes: int = 0, failed: bool = False) -> None:
        """The host is well; *failed*: though the caller has no use for what it answered."""
        if self._settle():
            self._host.failed += failed
            self._host.received_bytes += received_bytes
            before = self._host.breaker
            self._host.breaker = succeeded(before, probe=self._probe, now_s=self._gate.clock())
            if before.state != "closed" and self._host.breaker.state == "closed":
                log.info("circuit.closed", host=self._name)

    def failed(self) -> None:
        """The host is not well: it did not answer, or with an error of its own."""
        if self._settle():
            self._host.failed += 1
            before, policy = self._host.breaker, self._gate.policy
            self._host.breaker = after = failed(
                policy, before, probe=self._probe, now_s=self._gate.clock()
            )
            if before.state != "open" and after.state == "open":
                log.warning(
                    "circuit.opened",
                    host=self._name,
                    failures=after.failures,
                    open_s=open_for_s(policy, after),
                )

    def abandoned(self) -> None:
        """The caller was cancelled: nothing was learned of the host."""
        if self._settle():
            self._host.breaker = abandoned(
                self._gate.policy, self._host.breaker, probe=self._probe, now_s=self._gate.clock()
            )

    def _settle(self) -> bool:
        if self._settled:
            return False
        self._settled = True
        self._host.durations.add(self._gate.clock() - self._began_s)
        return True


class Gate:
    """The breakers and counts of all hosts."""

    def __init__(self, policy: BreakerPolicy, *, clock: Callable[[], float]) -> None:
        self.policy, self.clock = policy, clock
        self._hosts = Hosts()

    def enter(self, method: str, name: str) -> Ticket:
        """Let one request to the host *name* pass.

        Raises:
            CircuitOpenError: its breaker is open.
        """
        host = self._hosts.of(name)
        admission = admit(self.policy, host.breaker, now_s=self.clock())
        if not admission.allowed:
            host.refused += 1
            raise CircuitOpenError(method, name, retry_after_s=admission.retry_after_s)
        host.breaker = admission.breaker
        host.requests += 1
        return Ticket(self, name, host, probe=admission.probe)

    def is_closed(self, name: str) -> bool:
        """Answer whether nothing is known against the host *name*."""
        return self._hosts.of(name).breaker.state == "closed"

    def retried(self, name: str) -> None:
        """Count a further attempt to the host *name*."""
        self._hosts.of(name).retried += 1

    def statistics(self) -> Mapping[str, HostStatistics]:
        """Answer the statistics by host; from any thread."""
        return self._hosts.statistics()
