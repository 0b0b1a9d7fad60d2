"""The files of a journal: made for their owner alone, and never taken for what they are not."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path

MAX_FILE_BYTES = 8 << 30  # more than any setting allows
_NAME = re.compile(r"journal-(\d{1,6})\.sqlite3")
_COMPANIONS = ("-wal", "-shm")  # SQLite gives them the owner and the mode of the file itself


class StrangeFileError(OSError):
    """There is something in the journal's place that no bot of this user wrote."""


def path_of(folder: Path, shard_id: int) -> Path:
    """Answer where the journal of a shard lies."""
    return folder / f"journal-{shard_id}.sqlite3"


def journals(folder: Path) -> Iterator[tuple[int, Path]]:
    """Answer shard id and path of every journal in *folder*, none when it can't be read."""
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir()):
            if found := _NAME.fullmatch(path.name):
                yield int(found[1]), path


def claim(path: Path) -> None:
    """Make *path* a file that SQLite may open for writing, readable by its owner alone.

    Raises:
        StrangeFileError: a link, FIFO, folder or device lies there, or another user's file.
        OSError: the disk is full, read-only or gone.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        # What is left of an earlier file would be read as a part of this one.
        _remove_companions(path)
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _check(os.fstat(descriptor))
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    for companion in _companions(path):
        with contextlib.suppress(FileNotFoundError):
            _check(companion.lstat())


def check(path: Path) -> None:
    """Look at *path* without opening it for writing; raises as `claim`, or FileNotFoundError."""
    status = path.lstat()
    _check(status)
    if status.st_size > MAX_FILE_BYTES:
        raise StrangeFileError("too large")
    for companion in _companions(path):
        with contextlib.suppress(FileNotFoundError):
            _check(companion.lstat())


def remove(path: Path) -> None:
    """Remove the file, then what SQLite put beside it: a kill in between leaves no older journal.

    Raises:
        OSError: the folder is read-only or gone.
    """
    path.unlink(missing_ok=True)
    _remove_companions(path)


def _remove_companions(path: Path) -> None:
    for companion in _companions(path):
        companion.unlink(missing_ok=True)


def _companions(path: Path) -> Iterator[Path]:
    return (path.with_name(path.name + ending) for ending in _COMPANIONS)


def _check(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        raise StrangeFileError("not a regular file of this user")


def checksum(sequence: int, name: str, raw: bytes) -> int:
    """Answer 32 bits that change with any part of a stored event."""
    return zlib.crc32(raw, zlib.crc32(f"{sequence} {name}".encode("utf-8", "surrogatepass")))
