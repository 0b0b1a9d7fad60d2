"""What is asked of the kernel about processes, and what is done to them, in one object.

Everything that acts on a process gets it handed in, so that tests can have a machine of their own.
"""

from __future__ import annotations

from pathlib import Path

from watchdog.health.observation import ProcessSight
from watchdog.heartbeat import identity
from watchdog.heartbeat.identity import Identity
from watchdog.process import facts, group, stack_dump
from watchdog.process.handle import ProcessHandle


class Kernel:
    """The one of this machine."""

    def open(self, pid: int) -> ProcessHandle | None:
        """Answer a handle on the process *pid*, None when there is none."""
        return ProcessHandle.open(pid)

    def identify(self, pid: int) -> Identity | None:
        """Answer who the process *pid* is, None when there is none."""
        return identity.read(pid)

    def see(self, pid: int) -> ProcessSight | None:
        """Answer the facts of the process *pid*, None when there is none."""
        return facts.read(pid)

    def see_threads(self, process: ProcessSight) -> ProcessSight:
        """Answer *process* with its threads counted."""
        return facts.with_threads(process)

    def take_stack(self, handle: ProcessHandle, path: Path) -> str:
        """Answer the stacks that the process appends to *path*; raises `SignalRefusedError`."""
        return stack_dump.take(handle, path)

    def end_leftovers(self, leader: Identity) -> int:
        """Kill what the dead *leader* left in its process group."""
        return group.end_leftovers(leader)


KERNEL = Kernel()
