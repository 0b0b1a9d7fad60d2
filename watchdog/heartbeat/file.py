"""The heartbeat file: written whole or not at all, read bounded and without following anything."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from watchdog.heartbeat.schema import MAX_BYTES, HeartbeatError


class HeartbeatFileError(HeartbeatError):
    """The file itself is not one that a bot of ours wrote; its content was not read."""


def write(path: Path, raw: bytes, *, fleeting: bool = False) -> None:
    """Replace *path* by *raw* at once: a reader sees the old content or the new, never a part.

    Args:
        fleeting: Of no use after a power failure, which may then leave zeros. Blocks are reserved
            before the write, so that ext4 does not send each version to the disk when it replaces
            the last (`auto_da_alloc` in ext4(5)): half the CPU time, and hardly any disk writes.

    Raises:
        OSError: the disk is full, read-only or gone; *path* still holds what it held.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = _create(temporary)
        try:
            if fleeting and raw and hasattr(os, "posix_fallocate"):
                with contextlib.suppress(OSError):  # not every file system can
                    os.posix_fallocate(descriptor, 0, len(raw))
            view = memoryview(raw)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _create(path: Path) -> int:
    """Answer a descriptor of a new file, never of one that somebody else put there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileExistsError:  # left by an earlier write of a process with this pid
        path.unlink()
        return os.open(path, flags, 0o600)


def read(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Answer the content of *path*, reading at most *max_bytes* + 1 bytes.

    Raises:
        FileNotFoundError: there is no beat yet.
        HeartbeatFileError: a link, FIFO, folder or device; another owner's, or writable by all,
            the file or its folder.
        HeartbeatError: longer than *max_bytes*.
        OSError: the disk does not answer.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _check("its folder", os.fstat(folder), owners=(os.geteuid(), 0))
        descriptor = _open(path.name, folder)
    finally:
        os.close(folder)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise HeartbeatFileError("not a regular file")
        _check("the file", status, owners=(os.geteuid(),))
        raw = _read_up_to(descriptor, max_bytes + 1)
    finally:
        os.close(descriptor)
    if len(raw) > max_bytes:
        raise HeartbeatError(f"longer than {max_bytes} bytes")
    return raw


def _open(name: str, folder: int) -> int:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise HeartbeatFileError("a symbolic link") from error
        if error.errno == errno.ENXIO:
            raise HeartbeatFileError("a socket or a device") from error
        raise


def _check(what: str, status: os.stat_result, *, owners: tuple[int, ...]) -> None:
    if status.st_uid not in owners:
        raise HeartbeatFileError(f"{what} is owned by another user")
    if status.st_mode & stat.S_IWOTH:
        raise HeartbeatFileError(f"{what} is writable by everybody")


def _read_up_to(descriptor: int, size: int) -> bytes:
    parts, left = [], size
    while left and (part := os.read(descriptor, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
