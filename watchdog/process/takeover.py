"""What NEVER_DOWN.sh can't do in bash; called in the installation's folder.

    python -m watchdog.process.takeover lock SHELL_PID     descriptor 9 is the open roster
    python -m watchdog.process.takeover clean SHELL_PID    before supervisord is started
    python -m watchdog.process.takeover over SHELL_PID     at the end: nobody is to remain
    python -m watchdog.process.takeover exec NAME COMMAND…
    python -m watchdog.process.takeover wake

`lock` runs before there is a virtual environment: here the standard library alone is imported at
the top, and little of it, since each of these is a step of every start.
"""

from __future__ import annotations

import fcntl
import os
import sys

from watchdog.heartbeat import identity
from watchdog.heartbeat.identity import Identity
from watchdog.process import roster

LOCK_DESCRIPTOR = 9
REFUSED = 1
WAKE_WITHIN_S = 3.0


def lock(shell: Identity) -> int:
    """Take the lock on descriptor 9 for *shell*, which keeps it open; or name who has it."""
    try:
        fcntl.flock(LOCK_DESCRIPTOR, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        first = roster.last_shell(roster.read())
        who = f", pid {first.identity.pid}," if first else ""
        sys.stderr.write(f"NEVER_DOWN.sh{who} runs in this folder already; nothing was touched.\n")
        return REFUSED
    roster.append(roster.SHELL, shell)
    return 0


def become(name: str, command: list[str]) -> int:
    """Record this process as *name*, then turn into *command*: pid and start time stay."""
    roster.append(name, identity.own())
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is NEVER_DOWN.sh's own
    except OSError as error:
        sys.stderr.write(f"{command[0]} can't be started: {error.strerror}\n")
        return 127


def main(argv: list[str]) -> int:
    """Run one of the commands above; answers its exit code."""
    match argv:
        case ["wake"]:
            from watchdog.process import listener

            return 0 if listener.wake(roster.SOCKET, within_s=WAKE_WITHIN_S) else 1
        case ["exec", name, *command] if command:
            return become(name, command)
        case ["lock" | "clean" | "over" as verb, pid] if pid.isdecimal():
            shell = identity.read(int(pid))
            if shell is None:
                return REFUSED  # it ended meanwhile
            if verb == "lock":
                return lock(shell)
            from watchdog.process import leftover

            return leftover.clean(shell, over=verb == "over")
    sys.stderr.write(__doc__ or "")
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
