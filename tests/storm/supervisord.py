"""A supervisord that is made up, as `docs/architecture.md` and its own source tell of it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.storm.bots import BotProcess
from tests.storm.machine import Machine, Process
from watchdog.errors import SupervisordFaultError, SupervisordSilentError
from watchdog.health.observation import ProgramState

REAP_EVERY_S = 1.0
STOP_WAIT_S = 9.0
TIMEOUT_S = 2.0
ALREADY_STARTED, NO_SUCH_PROGRAM = 60, 10
RUNNING: tuple[ProgramState, ...] = ("STARTING", "RUNNING", "STOPPING")


@dataclass
class Slot:
    """One program; *failed*: its last process ended as none should."""

    process: BotProcess | None = None
    state: ProgramState = "STOPPED"
    exit_status: int = 0
    failed: bool = False
    kill_at_s: float | None = None


class Supervisord(Process):
    """Starts both programs, reaps them, and stops them for an operator."""

    def __init__(self, machine: Machine, make: Callable[[str, int], BotProcess]) -> None:
        super().__init__(machine, "supervisord", parent_pid=1)
        self.slots = {name: Slot() for name in ("bot", "spare")}
        self.log: list[str] = []
        self._make, self._reaped_at_s = make, machine.now_s
        for name in self.slots:
            self.start(name)

    def live(self, step_s: float) -> None:
        """Look for dead children once a second."""
        super().live(step_s)
        if self.stopped or self.dead:
            return
        for slot in self.slots.values():
            if slot.kill_at_s is not None and self.machine.now_s >= slot.kill_at_s:
                slot.kill_at_s = None
                if slot.process is not None:
                    slot.process.take(signal.SIGKILL)
        if self.machine.now_s - self._reaped_at_s >= REAP_EVERY_S:
            self.reap()

    def end(self, status: int, *, by: str = "") -> None:
        """Die, and all children with it, by their parent-death signal."""
        super().end(status, by=by)
        for slot in self.slots.values():
            if slot.process is not None:
                slot.process.take(signal.SIGKILL)
                slot.process.end(-1, by="SIGKILL")
                self.machine.processes.pop(slot.process.pid, None)

    def reap(self) -> None:
        """Notice the children that have died."""
        self._reaped_at_s = self.machine.now_s
        for name, slot in self.slots.items():
            process = slot.process
            if process is None or not process.dead:
                continue
            how = (
                f"terminated by {process.ended_by}"
                if process.ended_by
                else (f"exit status {process.status}")
            )
            stopped = slot.state == "STOPPING"
            self.log.append(f"{'stopped' if stopped else 'exited'}: {name} ({how}; not expected)")
            slot.state = "STOPPED" if stopped else "EXITED"
            slot.exit_status, slot.process = process.status or 0, None
            slot.failed = slot.exit_status in (-1, 1)
            slot.kill_at_s = None
            self.machine.processes.pop(process.pid, None)

    def start(self, name: str) -> bool:
        """Start *name*, unless it runs; while it stops, nothing comes of it."""
        slot = self.slots[name]
        if slot.state in RUNNING:
            return False
        slot.process, slot.state = self._make(name, self.pid), "RUNNING"
        self.log.append(f"spawned: '{name}' with pid {slot.process.pid}")
        return True

    def stop(self, name: str) -> None:
        """Stop *name* for an operator; one that does not run stays what it is."""
        slot = self.slots[name]
        if slot.process is not None and slot.state == "RUNNING":
            slot.state, slot.kill_at_s = "STOPPING", self.machine.now_s + STOP_WAIT_S
            slot.process.take(signal.SIGINT)


class Rpc:
    """As `SupervisordRpc`: calls of the watchdog to the supervisord that there is.

    Args:
        on_start: Told of each start, by program, before it is done.
    """

    def __init__(
        self,
        machine: Machine,
        find: Callable[[], Supervisord],
        *,
        on_start: Callable[[str, Slot], None],
    ) -> None:
        self.waited_s = 0.0
        self._machine, self._find, self._on_start = machine, find, on_start

    def call(self, method: str, *arguments: str | int | bool) -> Any:
        """Answer what supervisord answers."""
        self._machine.reach_out()
        supervisord = self._find()
        if supervisord.dead:
            raise SupervisordSilentError(method, "refused")
        if supervisord.stopped:
            self._machine.advance(TIMEOUT_S)
            self.waited_s += TIMEOUT_S
            raise SupervisordSilentError(method, "timeout")
        answer = self._answer(supervisord, method, *arguments)
        self._machine.reach_out()  # what was done is done, although nobody may hear of it
        return answer

    def _answer(self, supervisord: Supervisord, method: str, *arguments: Any) -> Any:
        match method:
            case "getPID":
                return supervisord.pid
            case "readLog":
                return "\n".join(supervisord.log[-50:])
        slot = supervisord.slots.get(arguments[0])
        if slot is None:
            raise SupervisordFaultError(method, code=NO_SUCH_PROGRAM)
        if method == "startProcess":
            self._on_start(arguments[0], slot)
            if slot.state in ("STARTING", "RUNNING"):
                raise SupervisordFaultError(method, code=ALREADY_STARTED)
            return supervisord.start(arguments[0]) or True
        answer = {
            "statename": slot.state,
            "pid": slot.process.pid if slot.process is not None else 0,
            "exitstatus": slot.exit_status,
            "spawnerr": "",
        }
        supervisord.reap()  # a call wakes its loop, which looks for dead children
        return answer
