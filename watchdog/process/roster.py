"""Who NEVER_DOWN.sh started, a line each in `state/never_down.pid`, which is its lock as well."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from watchdog.heartbeat import identity
from watchdog.heartbeat.identity import Identity

STATE = Path("state")
ROSTER = STATE / "never_down.pid"
SOCKET = STATE / "supervisor.sock"
SHELL = "never_down"  # the shell itself: its line begins a run, those after it are its children
SUPERVISORD = "supervisord"
MAX_PID_DIGITS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A process that was started here; comparable within one *boot_id* only."""

    name: str
    identity: Identity
    boot_id: str


def render(entry: Entry) -> str:
    """Answer *entry* as one line."""
    return f"{entry.name} {entry.identity.pid} {entry.identity.started!r} {entry.boot_id}\n"


def parse(text: str) -> tuple[Entry, ...]:
    """Answer the entries of *text*, oldest first; lines that are none are left out."""
    entries = []
    for line in text.splitlines():
        match line.split():
            case [name, pid, started, boot_id] if _is_pid(pid):
                try:
                    at_s = float(started)
                except ValueError:
                    continue
                if math.isfinite(at_s):
                    who = Identity(pid=int(pid), started=at_s)
                    entries.append(Entry(name=name, identity=who, boot_id=boot_id))
    return tuple(entries)


def _is_pid(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MAX_PID_DIGITS


def last_shell(entries: Iterable[Entry]) -> Entry | None:
    """Answer the shell that wrote last: the one that holds, or held, the lock."""
    return next((entry for entry in reversed(tuple(entries)) if entry.name == SHELL), None)


def left_over(entries: Iterable[Entry], shell: Identity) -> tuple[Entry, ...]:
    """Answer the children that must be gone before *shell* starts supervisord.

    Those are all children of earlier shells, and a supervisord of this one; the simulator of this
    one serves on while supervisord is started again.
    """
    found, owner = [], None
    for entry in entries:
        if entry.name == SHELL:
            owner = entry.identity
        elif owner != shell or entry.name == SUPERVISORD:
            found.append(entry)
    return tuple(found)


def read() -> tuple[Entry, ...]:
    """Answer what the file holds."""
    try:
        return parse(ROSTER.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return ()


def append(name: str, who: Identity) -> None:
    """Add a process; one short write, so that two at a time do not mix."""
    entry = Entry(name=name, identity=who, boot_id=identity.boot_id())
    with ROSTER.open("a", encoding="utf-8") as file:
        file.write(render(entry))


def rewrite(entries: Iterable[Entry]) -> None:
    """Replace the content and keep the file itself, since the lock is on it."""
    with ROSTER.open("r+", encoding="utf-8") as file:
        file.truncate()
        file.write("".join(map(render, entries)))
