"""Faults of a disk: full, read-only, or so slow that a write does not come back.

A disk that may be filled or frozen is mounted over a folder first, before anything is started in
it: `small_disk` in memory, `freezable_disk` in a file. Both need root; what can't be had here
raises an OSError that says why.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import struct
import subprocess
import threading
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

SMALL_BYTES = 16 << 20
LARGEST_BYTES = 64 << 20  # more than any disk here: nobody fills a real one by mistake
FILLER = ".filler"
FILL_EVERY_S = 0.005
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS = 0x80086601, 0x40086602  # <linux/fs.h>
FS_IMMUTABLE_FL = 0x10


@contextlib.contextmanager
def small_disk(folder: Path, *, size_bytes: int = SMALL_BYTES) -> Iterator[None]:
    """Mount a small disk over the empty *folder*, to be filled; it is gone after the block."""
    options = f"size={size_bytes},mode=0700"
    _run("mount", "-t", "tmpfs", "-o", options, "none", str(folder))
    try:
        yield
    finally:
        _unmount(folder)


@contextlib.contextmanager
def freezable_disk(folder: Path, *, size_bytes: int = SMALL_BYTES) -> Iterator[None]:
    """Mount an ext4 over the empty *folder*, to be frozen; it is gone after the block."""
    image = folder.with_name(f".{folder.name}.ext4")
    with image.open("wb") as file:
        file.truncate(size_bytes)
    try:
        _run("mkfs.ext4", "-q", "-m", "0", str(image))
        _run("mount", "-o", "loop", str(image), str(folder))
        try:
            folder.chmod(0o700)
            yield
        finally:
            _unmount(folder)
    finally:
        image.unlink()


@contextlib.contextmanager
def fill_disk(folder: Path) -> Iterator[None]:
    """Leave no byte free on the small disk of *folder* (ENOSPC); free again after the block.

    Whatever becomes free meanwhile is taken at once, as by a log that grows and grows.
    """
    if shutil.disk_usage(folder).total > LARGEST_BYTES:
        raise ValueError(f"{folder} is on a large disk; mount a `small_disk` over it first")
    filler, over = folder / FILLER, threading.Event()
    with filler.open("wb", buffering=0) as file:
        _fill(file)
        thread = threading.Thread(target=_keep_full, args=(file, over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            filler.unlink()


def _keep_full(file: FileIO, over: threading.Event) -> None:
    while not over.wait(FILL_EVERY_S):
        _fill(file)


def _fill(file: FileIO) -> None:
    block = 1 << 20
    while block:
        try:
            file.write(bytes(block))
        except OSError:
            block //= 2


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nothing in *folder* be made, renamed or removed; files that are there can be written.

    Without root by the folder's mode. That does not hold root, so for root by the attribute
    `immutable` (chattr(1)).
    """
    if os.geteuid() != 0:
        mode = stat.S_IMODE(folder.stat().st_mode)
        folder.chmod(0o500)
        try:
            yield
        finally:
            folder.chmod(mode)
        return
    _set_immutable(folder, on=True)
    try:
        yield
    finally:
        _set_immutable(folder, on=False)


@contextlib.contextmanager
def frozen_disk(folder: Path) -> Iterator[None]:
    """Have every write to the freezable disk of *folder* wait until the block ends."""
    _run("fsfreeze", "--freeze", str(folder))
    try:
        yield
    finally:
        _run("fsfreeze", "--unfreeze", str(folder))


def _set_immutable(folder: Path, *, on: bool) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        (flags,) = struct.unpack("L", fcntl.ioctl(descriptor, FS_IOC_GETFLAGS, bytes(8)))
        flags = flags | FS_IMMUTABLE_FL if on else flags & ~FS_IMMUTABLE_FL
        fcntl.ioctl(descriptor, FS_IOC_SETFLAGS, struct.pack("L", flags))
    finally:
        os.close(descriptor)


def _unmount(folder: Path) -> None:
    # Lazily: a process that still has a file open there must not keep the test from ending.
    subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=30)


def _run(*command: str) -> None:
    if os.geteuid() != 0:
        raise PermissionError(errno.EPERM, f"`{command[0]}` needs root")
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(errno.ENOENT, f"there is no `{command[0]}`")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode != 0:
        raise OSError(errno.EPERM, f"`{command[0]}` is refused: {done.stderr.strip()}")
