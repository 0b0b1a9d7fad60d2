"""Faults of a process, from outside: killed, frozen, starved, or under a debugger.

A process is held by its pidfd, so that none of this ever hits another one that got its pid.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from watchdog.process.handle import ProcessHandle

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17  # ptrace(2)
WALL = 0x40000000  # waitpid(2): threads too
END_S = 5.0


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send *number* to the process *pid*, which then is as dead as that makes it.

    Raises:
        ProcessLookupError: there is no such process.
    """
    with _held(pid) as handle:
        handle.send(number)


@contextmanager
def freeze(pid: int) -> Iterator[None]:
    """Stop the process *pid* (SIGSTOP); when the block ends it goes on, if it still lives.

    Raises:
        ProcessLookupError: there is no such process.
    """
    with _held(pid) as handle:
        handle.send(signal.SIGSTOP)
        try:
            yield
        finally:
            handle.send(signal.SIGCONT)


@contextmanager
def starve_cpu(*, workers: int = 4, nice: int = 0) -> Iterator[None]:
    """Keep the processors busy with *workers* processes until the block ends.

    Args:
        nice: Their priority; below 0, which needs root, they come before everybody else.
    """
    busy: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(workers):
            busy.append(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            os.setpriority(os.PRIO_PROCESS, busy[-1].pid, nice)
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait(END_S)


@contextmanager
def traced(pid: int) -> Iterator[None]:
    """Attach to the process *pid* as a debugger does at a breakpoint: every thread stands still.

    When the block ends it is let go and runs on. Linux only.

    Raises:
        OSError: this kernel or sandbox lets nobody debug.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    libc.ptrace.restype = ctypes.c_long

    def ptrace(request: int, thread: int) -> None:
        if libc.ptrace(request, thread, None, None) == -1:
            number = ctypes.get_errno()
            raise OSError(number, f"ptrace: {os.strerror(number)}")

    attached: list[int] = []
    try:
        # A thread that is not held yet may start others: look until there is none left.
        while new := [thread for thread in _threads(pid) if thread not in attached]:
            for thread in new:
                with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                    ptrace(PTRACE_SEIZE, thread)
                    attached.append(thread)
                    ptrace(PTRACE_INTERRUPT, thread)
                    os.waitpid(thread, WALL)
        yield
    finally:
        for thread in attached:
            with contextlib.suppress(OSError):  # killed meanwhile
                ptrace(PTRACE_DETACH, thread)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(thread, WALL | os.WNOHANG)


def _threads(pid: int) -> list[int]:
    return [int(name) for name in os.listdir(f"/proc/{pid}/task")]


@contextmanager
def _held(pid: int) -> Iterator[ProcessHandle]:
    handle = ProcessHandle.open(pid)
    if handle is None:
        raise ProcessLookupError(pid)
    try:
        yield handle
    finally:
        handle.close()
