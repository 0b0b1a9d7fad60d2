"""Which names the status server answers to, against DNS rebinding. Pure.

A page elsewhere can have its own name point to 127.0.0.1, and then read what is served there as if
it were its own. It can't do so under a name that is not its own, nor under an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from watchdog.heartbeat.addresses import is_loopback, literal

_PORT = re.compile(r":[0-9]{0,5}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The names of a server; addresses and `localhost` are always among them.

    Attributes:
        all: Any name will do: whoever binds to more than loopback shows the page to others.
    """

    names: frozenset[str] = frozenset()
    all: bool = False

    @classmethod
    def of(cls, bound: str, allowed: Iterable[str] = ()) -> Hosts:
        """Answer the names of a server bound to *bound*, with those that its operator *allowed*."""
        names = frozenset(name.lower().rstrip(".") for name in allowed)
        return cls(names=names | {bound.lower()}, all=not names and not is_loopback(bound))

    def admits(self, host: str) -> bool:
        """Answer whether a request for *host* (name or address, a port after it or not) is served.

        One without a host comes from no browser.
        """
        if self.all or not host:
            return True
        name = _PORT.sub("", host.lower()).rstrip(".")
        if name == "localhost" or name.endswith(".localhost"):
            return True
        return name in self.names or literal(name) is not None
