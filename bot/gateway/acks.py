"""Whether the gateway still acknowledges our heartbeats. Pure."""

from __future__ import annotations

MAX_MISSED = 2


class Acks:
    """Counts gateway heartbeats that nobody acknowledged; times are monotonic seconds.

    Any other packet proves nothing: a connection that only receives looks alive for ever.
    """

    def __init__(self, *, now_s: float) -> None:
        self.missed = 0
        self.latency_s = float("inf")
        self._sent_at_s = now_s

    @property
    def lost(self) -> bool:
        """Whether too many are missing; ask before the next one is sent."""
        return self.missed >= MAX_MISSED

    def sent(self, *, now_s: float) -> None:
        """Note a heartbeat that went out."""
        self.missed += 1
        self._sent_at_s = now_s

    def acknowledged(self, *, now_s: float) -> None:
        """Note an ACK."""
        self.missed = 0
        self.latency_s = now_s - self._sent_at_s
