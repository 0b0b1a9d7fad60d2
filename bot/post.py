"""Which of supervisord's programs this process is, and what follows from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Two programs run the same command; who leads is decided by the lock, not by the program.

    Attributes:
        supervised: supervisord started it: its SIGINT is an operator's stop.
        is_spare: It is the program `spare`: it lets the program `bot` lead first.
    """

    supervised: bool = False
    is_spare: bool = False

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Post:
        """Answer what supervisord says in the environment of those it starts."""
        supervised = "SUPERVISOR_ENABLED" in environ
        is_spare = supervised and environ.get("SUPERVISOR_PROCESS_NAME") == "spare"
        return cls(supervised=supervised, is_spare=is_spare)
