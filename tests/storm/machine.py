"""A computer that is made up: two clocks, processes, one lock. Time moves when it is told to."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from watchdog.health.observation import ProcessSight
from watchdog.heartbeat.identity import Identity
from watchdog.process.kernel import Kernel

STEP_S = 0.25
FIRST_PID = 5_000_000  # above what a kernel gives, so that none is ever a real process


class WatchdogDiedError(BaseException):
    """The watchdog is killed in the middle of what it does; nothing of it may catch this."""


class Process:
    """A process: alive, stopped, traced, dead but not reaped; *kind* says what it runs.

    Attributes:
        status: Its exit status, -1 after a signal.
        ended_by: That signal's name.
        disk_s: Left of a wait for a disk, in which no signal acts.
    """

    def __init__(self, machine: Machine, kind: str, *, parent_pid: int, pid: int = 0) -> None:
        self.machine, self.kind, self.parent_pid = machine, kind, parent_pid
        self.identity = Identity(pid=pid or next(machine.pids), started=round(machine.now_s, 2))
        self.born_s = machine.now_s
        self.stopped = self.dead = self.busy = False
        self.tracer_pid, self.cpu_s, self.disk_s = 0, 0.0, 0.0
        self.status: int | None = None
        self.ended_by = ""
        self._pending: list[signal.Signals] = []
        machine.processes[self.pid] = self

    @property
    def pid(self) -> int:
        """Its pid."""
        return self.identity.pid

    @property
    def age_s(self) -> float:
        """How long ago it started."""
        return self.machine.now_s - self.born_s

    def live(self, step_s: float) -> None:
        """Let time go by."""
        if self.disk_s > 0:
            self.disk_s -= step_s
            if self.disk_s <= 0:
                self._deliver()

    def take(self, number: signal.Signals) -> None:
        """Get a signal, now or when it can act."""
        self._pending.append(number)
        if number is signal.SIGSTOP:
            self._pending.pop()
            self.stopped = True
        elif number is signal.SIGCONT:
            self._pending.pop()
            self.stopped = False
        self._deliver()

    def act_on(self, number: signal.Signals) -> None:
        """Do what a signal other than SIGKILL asks for."""

    def end(self, status: int, *, by: str = "") -> None:
        """Be dead; the parent has not reaped it yet."""
        if self.dead:
            return
        self.dead, self.status, self.ended_by = True, status, by
        self.machine.deaths += 1
        if self.machine.leader is self:
            self.machine.leader = None

    def _deliver(self) -> None:
        if self.dead or self.disk_s > 0:
            return
        if signal.SIGKILL in self._pending:
            self.end(-1, by="SIGKILL")
        while self._pending and not self.stopped and not self.dead:
            self.act_on(self._pending.pop(0))


class Machine:
    """Processes by pid, and *leader*, who holds `state/leader.lock`.

    Attributes:
        wrongs: What must never happen and did.
        doom: The watchdog dies at so many more calls of it to the outside; None: it does not.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.now_s, self.unix_s = folder, 1000.0, 1_700_000_000.0
        self.processes: dict[int, Process] = {}
        self.pids: Iterator[int] = itertools.count(FIRST_PID)
        self.leader: Process | None = None
        self.deaths = 0
        self.doom: int | None = None
        self.wrongs: list[str] = []

    def clock(self) -> float:
        """Answer monotonic seconds."""
        return self.now_s

    def wall_clock(self) -> float:
        """Answer Unix seconds, as far as they are right."""
        return self.unix_s

    def advance(self, seconds: float) -> None:
        """Let everybody live for *seconds*."""
        until_s = self.now_s + seconds
        while (left_s := until_s - self.now_s) > 1e-6:
            step_s = min(STEP_S, left_s)
            self.pause(step_s)
            for process in list(self.processes.values()):
                if not process.dead:
                    process.live(step_s)

    def pause(self, seconds: float) -> None:
        """Let time go by in which nobody lives: a suspended virtual machine."""
        self.now_s += seconds
        self.unix_s += seconds

    def reach_out(self) -> None:
        """The watchdog does something that others see; it may be its last."""
        if self.doom is not None:
            self.doom -= 1
            if self.doom < 0:
                self.doom = None
                raise WatchdogDiedError

    def wrong(self, what: str) -> None:
        """Note what must never happen."""
        self.wrongs.append(f"{self.now_s:.1f}: {what}")


class Handle:
    """What the watchdog holds of a process: as `ProcessHandle`, whose pid can't be reused."""

    def __init__(self, process: Process) -> None:
        self.identity, self._process = process.identity, process

    def fileno(self) -> int | None:
        """There is no descriptor to wait on."""
        return None

    def ended(self) -> bool:
        """Answer whether it is dead, reaped or not."""
        return self._process.dead

    def wait_end(self, timeout_s: float) -> bool:
        """Wait for its end."""
        if not self._process.dead:
            self._process.machine.advance(timeout_s)
        return self._process.dead

    def send(self, number: signal.Signals) -> bool:
        """Signal it; only our own processes may ever be."""
        machine, process = self._process.machine, self._process
        machine.reach_out()
        above = machine.processes.get(process.parent_pid)
        if process.kind not in ("bot", "spare") or above is None or above.kind != "supervisord":
            machine.wrong(f"{number.name} to {process.kind} {process.pid}, which is not ours")
        if process.tracer_pid:
            machine.wrong(f"{number.name} to {process.kind}, which a debugger holds")
        if process.dead:
            return False
        process.take(number)
        return True

    def close(self) -> None:
        """Let go."""


class MachineKernel(Kernel):
    """The kernel of a `Machine`."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def open(self, pid: int) -> Handle | None:  # type: ignore[override] # all that is asked of one
        """Answer a handle."""
        process = self._machine.processes.get(pid)
        return None if process is None else Handle(process)

    def identify(self, pid: int) -> Identity | None:
        """Answer who it is."""
        process = self._machine.processes.get(pid)
        return None if process is None else process.identity

    def see(self, pid: int) -> ProcessSight | None:
        """Answer the facts."""
        process = self._machine.processes.get(pid)
        if process is None:
            return None
        letter = "D" if process.disk_s > 0 else "T" if process.stopped else "S"
        return ProcessSight(
            identity=process.identity,
            run_state="Z" if process.dead else letter,
            cpu_s=process.cpu_s,
            parent_pid=process.parent_pid,
            group=process.pid,
            tracer_pid=process.tracer_pid,
            age_s=process.age_s,
        )

    def see_threads(self, process: ProcessSight) -> ProcessSight:
        """Answer the facts with the threads counted."""
        found = self._machine.processes.get(process.identity.pid)
        running = int(found is not None and found.busy and not found.stopped)
        waits = int(found is not None and found.disk_s > 0)
        return replace(process, running=running, disk_waits=waits)

    def take_stack(self, handle: object, path: Path) -> str:
        """Ask for the stack, which nobody writes."""
        assert isinstance(handle, Handle)
        handle.send(signal.SIGUSR1)
        return ""

    def end_leftovers(self, leader: Identity) -> int:
        """Nobody leaves any."""
        return 0
