"""What a dead bot leaves behind: processes that a plugin started, still in its process group.

supervisord makes each program the leader of its own group. While the leader is dead but not
reaped, its pid can't be given to anybody, and the whole group is killed by one call. Later, each
member is killed by itself: a group's number is not reused while one member lives.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

import structlog

from watchdog.heartbeat.identity import Identity
from watchdog.process import facts
from watchdog.process.handle import ProcessHandle

ROUNDS = 3  # a member may fork while its group is being killed

log = structlog.get_logger(__name__)


def end_leftovers(leader: Identity) -> int:
    """Kill what the dead *leader* left in its group; answer how many processes were killed one
    by one (a group killed by one call counts as 0).
    """
    if leader.pid <= 1 or leader.pid == os.getpgrp():
        return 0
    seen = facts.read(leader.pid)
    if seen is not None and seen.identity == leader:
        if seen.run_state in ("Z", "X") and seen.group == leader.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(leader.pid, signal.SIGKILL)
        return 0
    if seen is not None or sys.platform != "linux":
        return 0  # the pid is somebody else's by now, or the members can't be told
    killed = 0
    for _ in range(ROUNDS):
        found = [
            member
            for member in facts.members(leader.pid)
            if member.identity.started >= leader.started
        ]
        if not found:
            break
        killed += sum(_kill(member.identity) for member in found)
    if killed:
        log.warning("leftovers.killed", pid=leader.pid, processes=killed)
    return killed


def _kill(who: Identity) -> bool:
    handle = ProcessHandle.open(who.pid)
    if handle is None:
        return False
    try:
        return handle.identity == who and handle.send(signal.SIGKILL)
    finally:
        handle.close()
