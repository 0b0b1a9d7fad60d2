"""The program `bot` as supervisord runs it: ask, wait until it is reaped, start.

supervisord's loop looks for dead children once a second, but any call wakes it. Asking every 20 ms
after a death ("poking") has the child reaped and a new one started in some 50 ms instead of 2 s.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import structlog

from watchdog.errors import SupervisordFaultError, SupervisordSilentError
from watchdog.health.observation import PROGRAM_STATES, ProgramSight, ProgramState
from watchdog.supervisord.log_lines import LoggedEnd, last_end
from watchdog.supervisord.rpc import SupervisordRpc

POKE_S = 0.02
LOG_TAIL_BYTES = 16 * 1024

log = structlog.get_logger(__name__)


class Program:
    """One program of supervisord's, by name."""

    def __init__(
        self,
        rpc: SupervisordRpc,
        name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self._rpc, self._clock, self._sleep = rpc, clock, sleep

    def look(self) -> ProgramSight:
        """Answer what supervisord says of the program now.

        Raises:
            SupervisordError: it does not answer, or does not know the program.
        """
        info = self._rpc.call("getProcessInfo", self.name)
        return _sight(info)

    def supervisord_pid(self) -> int:
        """Answer supervisord's own pid.

        Raises:
            SupervisordError: it does not answer.
        """
        pid = self._rpc.call("getPID")
        if type(pid) is not int or pid <= 0:
            raise SupervisordSilentError("getPID", "not_a_pid")
        return pid

    def reap(self, pid: int, *, timeout_s: float) -> ProgramSight:
        """Poke supervisord until it has seen the death of *pid*, at most *timeout_s*.

        Raises:
            SupervisordError: it does not answer.
        """
        deadline_s = self._clock() + timeout_s
        while True:
            sight = self.look()
            if sight.pid != pid or self._clock() >= deadline_s:
                return sight
            self._sleep(POKE_S)

    def start(self) -> ProgramSight:
        """Start the program, and answer what supervisord says of it right after.

        A start by somebody else in the same moment is as good as ours.

        Raises:
            SupervisordError: it does not answer, or can't start the program.
        """
        try:
            # wait=False: the answer must not wait for startsecs
            self._rpc.call("startProcess", self.name, False)
        except SupervisordFaultError as fault:
            if fault.reason != "already_started":
                raise
            log.info("program.already_started", program=self.name)
        return self.look()

    def last_end(self, pid: int | None) -> LoggedEnd | None:
        """Answer how the process *pid* ended by supervisord's log, None when the log is silent.

        Raises:
            SupervisordSilentError: it does not answer.
        """
        try:
            text = self._rpc.call("readLog", -LOG_TAIL_BYTES, 0)
        except SupervisordFaultError as fault:  # no log file, or one it can't read
            log.info("supervisord_log.unavailable", fault=fault.reason)
            return None
        return last_end(text, program=self.name, pid=pid) if isinstance(text, str) else None


def _sight(info: Any) -> ProgramSight:
    """Answer *info* as believed facts; supervisord's answer is checked like any other input."""
    try:
        state, pid, status = info["statename"], info["pid"], info["exitstatus"]
        spawn_error = info["spawnerr"]
    except (TypeError, KeyError) as error:
        raise SupervisordSilentError("getProcessInfo", "not_process_info") from error
    if (
        not isinstance(state, str)
        or state not in PROGRAM_STATES
        or type(pid) is not int
        or type(status) is not int
        or not isinstance(spawn_error, str)
    ):
        raise SupervisordSilentError("getProcessInfo", "not_process_info")
    return ProgramSight(
        state=cast(ProgramState, state),
        pid=pid,
        exit_status=status if state == "EXITED" else None,
        spawn_error=spawn_error[:200] if state in ("BACKOFF", "FATAL") else "",
    )
