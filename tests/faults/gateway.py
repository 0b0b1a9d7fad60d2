"""Faults of Discord's gateway, caused by the simulator that the bot is connected to.

What lasts is a context manager and ends with its block; what happens once happens to the
connections that are open now. `ControlClient.fault` has more, those of REST among them:
docs/simulator.md lists all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from simulator.control import ControlClient

Which = Literal["all", "existing", "new"]


class Gateway:
    """Discord's side of every gateway connection; *shard* means one shard's, None all of them.

    What happens once raises LookupError when nobody is connected: it would prove nothing.
    """

    def __init__(self, simulator: ControlClient) -> None:
        self._simulator = simulator

    # What lasts

    @contextmanager
    def silence(self, connections: Which = "all") -> Iterator[None]:
        """Send nothing, not even HELLO, with TCP open; what was held back comes when it ends."""
        with self._standing("silent_gateway", connections=connections):
            yield

    @contextmanager
    def no_acks(self, connections: Which = "all") -> Iterator[None]:
        """Acknowledge no heartbeat, while events go on."""
        with self._standing("no_acks", connections=connections):
            yield

    @contextmanager
    def refuse(self, scope: Literal["all", "rest", "gateway"] = "all") -> Iterator[None]:
        """Close the ports: new connections are refused, those that are open stay."""
        with self._standing("refuse", scope=scope):
            yield

    @contextmanager
    def slow(self, delay_s: float) -> Iterator[None]:
        """Hold every payload back for *delay_s* seconds."""
        with self._standing("slow_gateway", delay_s=delay_s):
            yield

    @contextmanager
    def hang_up_after_hello(self, code: int = 1001, *, times: int | None = None) -> Iterator[None]:
        """Close each new connection with *code* as soon as it is greeted, or the next *times*."""
        with self._standing("close_after_hello", code=code, times=times):
            yield

    @contextmanager
    def no_ready(self) -> Iterator[None]:
        """Take IDENTIFY, and never answer it."""
        with self._standing("no_ready"):
            yield

    @contextmanager
    def no_resumed(self) -> Iterator[None]:
        """Take RESUME, and never answer it."""
        with self._standing("no_resumed"):
            yield

    # What happens once

    def drop_tcp(self, shard: int | None = None) -> None:
        """Reset the connections (RST), as a broken network does; sessions can be resumed."""
        self._instant("drop_tcp", shard)

    def close(self, code: int = 4000, shard: int | None = None) -> None:
        """Close the connections with *code*, which says what becomes of the session."""
        self._instant("close", shard, code=code)

    def ask_to_reconnect(self, shard: int | None = None) -> None:
        """Send op 7."""
        self._instant("reconnect", shard)

    def invalidate(self, *, resumable: bool, shard: int | None = None) -> None:
        """Send op 9; unless *resumable* the session is gone."""
        self._instant("invalid_session", shard, resumable=resumable)

    def send_rubbish(
        self,
        kind: Literal[
            "malformed_event", "unknown_event", "unknown_op", "huge_event", "not_json", "bad_zlib"
        ],
        shard: int | None = None,
    ) -> None:
        """Send what no client expects; *kind* is the simulator's name of it."""
        self._instant(kind, shard)

    # What is asked

    def count(self, what: Literal["connect", "identify", "resume", "resumed", "ready"]) -> int:
        """Answer how often *what* has happened since the simulator's start."""
        return int(self._simulator.stats()["gateway"][what])

    @contextmanager
    def _standing(self, name: str, **parameters: Any) -> Iterator[None]:
        given = {key: value for key, value in parameters.items() if value is not None}
        self._simulator.fault(name, **given)
        try:
            yield
        finally:
            self._simulator.clear_fault(name)

    def _instant(self, name: str, shard: int | None, **parameters: Any) -> None:
        which = {} if shard is None else {"shard": shard}
        if self._simulator.fault(name, **parameters, **which)["struck"] == 0:
            raise LookupError(f"no connection was there for {name}, so nothing was broken")
