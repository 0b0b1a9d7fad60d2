"""What both processes ask of the system, so that what they know stays their user's.

Not asked for is PR_SET_DUMPABLE: it would hide /proc/PID/environ, by which the processes of an
earlier run are known, and keep the same user's debugger away. Other users may read neither anyway.
"""

from __future__ import annotations

import contextlib
import os
import resource
import stat
from pathlib import Path

PRIVATE_FOLDER = 0o700
# core(5): for a limit of 0 the kernel still hands a core to a program that collects them; for
# exactly 1 byte it does not, and no core of one byte fits into a file.
NO_CORE_BYTES = 1


def keep_files_private() -> None:
    """Make every file of this process, a plugin's too, one of its user alone."""
    os.umask(0o077)


def limit_core_dumps(*, allowed: bool) -> None:
    """Let a crash of this process leave no core, which would hold the token; or let it.

    The hard limit stays: `prlimit --core=unlimited --pid PID` allows it while the process runs.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    least = NO_CORE_BYTES if hard == resource.RLIM_INFINITY else min(NO_CORE_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_CORE, (hard if allowed else least, hard))


def make_folder(path: Path) -> None:
    """Make *path*, readable by its owner alone; one that is there is closed.

    Raises:
        OSError: it can't be made.
    """
    path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    close_folder(path)


def close_folder(path: Path) -> None:
    """Make *path*, inside the installation, readable by its owner alone, as far as that can be.

    A folder elsewhere is left as its operator made it. So is one that others may write to: it has
    to be told (`watchdog.heartbeat.file`), since mending it hides that they could.
    """
    with contextlib.suppress(OSError):  # read-only, or gone: who writes there will tell
        status = path.stat()
        if Path.cwd() not in path.resolve().parents or status.st_uid != os.geteuid():
            return
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o077 and not mode & 0o022:
            path.chmod(PRIVATE_FOLDER)


def is_readable_by_all(path: Path) -> bool:
    """Answer whether every user of this machine may read *path*; one that is not there is not."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
