"""Events for the cache alone: discord.py's parsers run, no handler hears of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from discord.state import ConnectionState

# Its parser changes no cache, and hands over to commands and views without `dispatch`.
HANDLERS_ONLY = frozenset({"INTERACTION_CREATE"})


def _unheard(_event: str, /, *_args: Any, **_kwargs: Any) -> None:
    """In place of `Client.dispatch`."""


@contextlib.contextmanager
def muted(state: ConnectionState[Any]) -> Iterator[None]:
    """Let no parser of *state* reach a handler until the block ends."""
    dispatch = state.dispatch
    # The attribute of this one instance, put back below: parsers know no other way to handlers.
    state.dispatch = _unheard
    try:
        yield
    finally:
        state.dispatch = dispatch
