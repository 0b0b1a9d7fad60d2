"""Memory limited by the kernel, which kills a process that goes past it: a cgroup, v1 or v2."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROUNDS, PAUSE_S = 50, 0.02
V1, V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryGroup:
    """A group of processes with one limit; the processes that they start are in it too."""

    folder: Path

    def add(self, pid: int) -> None:
        """Have the limit hold for the process *pid*."""
        (self.folder / "cgroup.procs").write_text(f"{pid}\n")

    def command(self, *command: str) -> tuple[str, ...]:
        """Answer the command that runs *command* under the limit from its start."""
        enter = 'echo $$ > "$0" && exec "$@"'
        return ("/bin/sh", "-c", enter, str(self.folder / "cgroup.procs"), *command)


@contextmanager
def limited_memory(size_bytes: int) -> Iterator[MemoryGroup]:
    """Make a group whose processes have *size_bytes* together; it ends with the block.

    Raises:
        OSError: nobody may make one here; that takes root, and a kernel with the memory controller.
    """
    parent, limit, swap = _place()
    folder = Path(tempfile.mkdtemp(prefix="novera-", dir=parent))
    try:
        (folder / limit).write_text(f"{size_bytes}\n")
        with contextlib.suppress(OSError):  # a kernel without swap has no such file
            (folder / swap).write_text("0\n")
        yield MemoryGroup(folder=folder)
    finally:
        _empty(folder, into=parent)
        os.rmdir(folder)


def _empty(folder: Path, *, into: Path) -> None:
    for _ in range(ROUNDS):  # one that is moved may have started another one just before
        pids = (folder / "cgroup.procs").read_text().split()
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                (into / "cgroup.procs").write_text(f"{pid}\n")
        time.sleep(PAUSE_S)


def _place() -> tuple[Path, str, str]:
    """Answer where to make a group, and the files of its limit and of its swap's."""
    controllers = V2 / "cgroup.controllers"
    if controllers.exists() and "memory" in controllers.read_text().split():
        # Below the root alone, groups may stand beside processes.
        (V2 / "cgroup.subtree_control").write_text("+memory\n")
        return V2, "memory.max", "memory.swap.max"
    return V1, "memory.limit_in_bytes", "memory.swappiness"
