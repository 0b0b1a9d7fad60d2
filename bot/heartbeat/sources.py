"""Where the parts of a beat come from."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from watchdog.heartbeat.schema import Bot, Commands, Failure, Gateway, Jobs, State, Storage, Tasks


def _starting() -> State:
    return "starting"


def _no_failure() -> Failure | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """One callable for each part; every one is called by the heartbeat's thread.

    They must be thread-safe, must not wait and must not touch the loop.
    """

    state: Callable[[], State] = _starting
    gateway: Callable[[], Gateway] = Gateway
    tasks: Callable[[], Tasks] = Tasks
    jobs: Callable[[], Jobs] = Jobs
    commands: Callable[[], Commands] = Commands
    storage: Callable[[], Storage] = Storage
    bot: Callable[[], Bot] = Bot
    stages: Callable[[], Mapping[str, float]] = dict
    failure: Callable[[], Failure | None] = _no_failure


# What each source must answer; another answer is as bad as none.
ANSWERS: Mapping[str, tuple[type, ...]] = {
    "state": (str,),
    "gateway": (Gateway,),
    "tasks": (Tasks,),
    "jobs": (Jobs,),
    "commands": (Commands,),
    "storage": (Storage,),
    "bot": (Bot,),
    "stages": (Mapping,),
    "failure": (Failure, type(None)),
}
# What the watchdog acts upon is never told from memory.
ALWAYS_ASKED = frozenset({"state", "failure"})
STATES = frozenset(typing.get_args(State))
