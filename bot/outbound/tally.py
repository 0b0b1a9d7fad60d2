"""What is known of each host that was called: counts, durations and its breaker; bounded. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.outbound.breaker import Breaker, State
from bot.tasks.stats import Durations

MAX_HOSTS = 64
OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatistics:
    """One host since the start; *refused* were stopped by the breaker, nothing was sent."""

    requests: int = 0
    failed: int = 0
    retried: int = 0
    refused: int = 0
    received_bytes: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None
    breaker: State = "closed"


@dataclass(slots=True)
class Host:
    """One host: its breaker, and counts that only grow."""

    breaker: Breaker = field(default_factory=Breaker)
    requests: int = 0
    failed: int = 0
    retried: int = 0
    refused: int = 0
    received_bytes: int = 0
    durations: Durations = field(default_factory=Durations)

    def add(self, other: Host) -> None:
        """Add the counts of *other* to these."""
        self.requests += other.requests
        self.failed += other.failed
        self.retried += other.retried
        self.refused += other.refused
        self.received_bytes += other.received_bytes

    def statistics(self) -> HostStatistics:
        """Answer the counts of now."""
        return HostStatistics(
            requests=self.requests,
            failed=self.failed,
            retried=self.retried,
            refused=self.refused,
            received_bytes=self.received_bytes,
            p50_ms=self.durations.quantile_ms(0.5),
            p99_ms=self.durations.quantile_ms(0.99),
            breaker=self.breaker.state,
        )


class Hosts:
    """The hosts called last, at most *limit*; the counts of all others are one sum."""

    def __init__(self, *, limit: int = MAX_HOSTS, make: Callable[[], Host] = Host) -> None:
        self._limit, self._make = limit, make
        self._hosts: dict[str, Host] = {}
        self._other = Host()

    def of(self, name: str) -> Host:
        """Answer the host *name*, which becomes the newest."""
        host = self._hosts.pop(name, None)
        if host is None:
            host = self._make()
            if len(self._hosts) >= self._limit:
                self._forget_one()
        self._hosts[name] = host
        return host

    def statistics(self) -> Mapping[str, HostStatistics]:
        """Answer the counts by host, `other` for those no longer kept."""
        known = {name: host.statistics() for name, host in list(self._hosts.items())}
        if self._other.requests or self._other.refused:
            known[OTHER] = self._other.statistics()
        return known

    def _forget_one(self) -> None:
        # An open breaker is worth keeping: forgetting it would let a dead host be called again.
        names = [name for name, host in self._hosts.items() if host.breaker.state == "closed"]
        oldest = names[0] if names else next(iter(self._hosts))
        self._other.add(self._hosts.pop(oldest))
