"""Faults of the bot's own code: called inside the bot, from a handler, a task or a plugin.

Those that block never let the event loop turn meanwhile; that is the fault. Those that leak, or
break a thread, answer a function that undoes it.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import math
import os
import re
import threading
import time
from collections.abc import Callable

Undo = Callable[[], None]

SMALL_STACK_BYTES = 256 * 1024  # of a leaked thread: a thousand of them fit anywhere
CHUNK_BYTES = 1024 * 1024  # memory leaks bit by bit, and other threads run meanwhile
TURN_S = 0.02  # in which a stuttering loop does what has waited
_EXHAUSTED = (errno.EMFILE, errno.ENFILE)


def block_loop(seconds: float) -> None:
    """Call something that waits: the loop stands still, other threads go on."""
    time.sleep(seconds)


def spin(seconds: float = math.inf) -> None:
    """Work in Python: the loop stands still, other threads get a share of one core."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        pass


def hold_gil() -> None:
    """Work in C with the interpreter's lock held: every thread stands still, practically for ever.

    It is a regular expression with a repeat in a repeat, as people write them by mistake.
    """
    re.match("(a|a)*$", "a" * 60 + "b")


async def stutter(block_s: float, *, turns: int) -> None:
    """Block the loop *turns* times for *block_s* seconds; between them it does what has waited."""
    for _ in range(turns):
        time.sleep(block_s)  # noqa: ASYNC251 - the fault
        await asyncio.sleep(TURN_S)


def leak_memory(size_bytes: int) -> Undo:
    """Hold *size_bytes* of memory, all of it written to."""
    held: list[bytearray] = []
    _kept.append(held)
    while (left_bytes := size_bytes - len(held) * CHUNK_BYTES) > 0:
        held.append(bytearray(b"\x01") * min(CHUNK_BYTES, left_bytes))
    return held.clear


def leak_files(count: int) -> Undo:
    """Open *count* files, or as many as the process may have, and keep them open."""
    opened: list[int] = []
    for _ in range(count):
        try:
            opened.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            break

    def close() -> None:
        while opened:
            os.close(opened.pop())

    return close


def leak_threads(count: int) -> Undo:
    """Start *count* threads that wait for ever.

    Raises:
        RuntimeError: the process may have no more of them.
    """
    ending = threading.Event()
    before_bytes = threading.stack_size(SMALL_STACK_BYTES)
    try:
        for number in range(count):
            threading.Thread(target=ending.wait, name=f"leaked-{number}", daemon=True).start()
    finally:
        threading.stack_size(before_bytes)
    return ending.set


def end_thread(name: str) -> bool:
    """Have the thread *name* die at its next line; answers whether there is such a thread."""
    for thread in threading.enumerate():
        if thread.name == name and thread.ident is not None:
            ident, error = ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
            return bool(ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, error))
    return False


def deadlock(name: str, owner: type, attribute: str) -> Undo:
    """Have the thread *name* wait for ever once it reads *attribute*, a property of *owner*.

    Other threads read it as before. It stands for a property that takes a lock somebody holds.
    """
    real: property = getattr(owner, attribute)
    lock = threading.Event()

    def read(this: object) -> object:
        if threading.current_thread().name == name:
            lock.wait()
        return real.__get__(this)

    inherited = attribute not in vars(owner)
    setattr(owner, attribute, property(read))

    def undo() -> None:
        if inherited:
            delattr(owner, attribute)
        else:
            setattr(owner, attribute, real)
        lock.set()

    return undo


_kept: list[object] = []  # what leaked
