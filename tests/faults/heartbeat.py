"""Faults of the heartbeat file: what lies in its place is spoilt, strange, unsafe, or a lie."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from watchdog.heartbeat import schema

GIGABYTE = 1 << 30
LEVELS = 100_000
NOBODY = 65_534
NULL_DEVICE = os.makedev(1, 3)
VALID = b'{"schema": 1, "boot_id": "b", "pid": 2, "process_started": 1.5, "instance": "i",'
Undo = Callable[[], None]

CONTENTS: Mapping[str, bytes] = {
    "empty": b"",
    "truncated": VALID,
    "zeros": bytes(512),
    "garbage": bytes(range(1, 128)) * 8,
    "not_utf8": VALID + b' "state": "\xff\xfe"}',
    "nan": VALID + b' "monotonic_s": NaN}',
    "infinite": VALID + b' "monotonic_s": 1e999}',
    "not_an_object": b"[1, 2, 3]",
    "keys_missing": VALID[:-1] + b"}",
    "wrong_types": b'{"schema": 1, "pid": "4242", "loop": [], "state": 7}',
    "other_schema": b'{"schema": 2}',
    "schema_true": b'{"schema": true}',
    "long": b" " * (schema.MAX_BYTES + 1),
    "deep": b"[" * LEVELS + b"]" * LEVELS,
    "deep_but_short": b'{"loop":' * 7000 + b"1" + b"}" * 7000,
}
FILES = ("huge", "symlink", "fifo", "socket", "device", "directory")
OWNERS = ("other_owner", "world_writable", "folder_of_another", "folder_world_writable")
WAYS: tuple[str, ...] = (*CONTENTS, *FILES, *OWNERS, "missing")


def corrupt(path: Path, how: str) -> Undo:
    """Spoil the heartbeat file *path* in the way *how* (one of `WAYS`); answers the undo.

    A bot that lives ends most of it by itself with its next beat; `directory` and what is done to
    the folder lasts until the undo is called.

    Raises:
        PermissionError: that takes root: `device`, `other_owner`, `folder_of_another`.
    """
    if how in CONTENTS:
        _replace(path, lambda new: _write(new, CONTENTS[how]))
    elif how in OWNERS:
        return _expose(path if not how.startswith("folder") else path.parent, how)
    elif how == "missing":
        path.unlink(missing_ok=True)
    elif how == "directory":
        return _put_directory(path)
    else:
        _replace(path, lambda new: _make_strange(new, how))
    return _nothing


def lie(path: Path, **changes: Any) -> None:
    """Have the beat in *path* say something else; *changes* may be of any type.

    Its sequence number is one higher, so it is new; the bot's own next beat ends the lie.
    """
    beat = dataclasses.asdict(schema.decode(path.read_bytes()))
    raw = orjson.dumps({**beat, "sequence": beat["sequence"] + 1, **changes})
    _replace(path, lambda new: _write(new, raw))


def _nothing() -> None:
    """Leave it to the next beat."""


def _replace(path: Path, make: Callable[[Path], None]) -> None:
    """Put what *make* makes in the place of *path* at once, as a writer of beats would."""
    new = path.with_name(f".spoilt-{path.name}")
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    make(new)
    os.replace(new, path)


def _write(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    path.chmod(0o600)


def _make_strange(path: Path, how: str) -> None:
    match how:
        case "huge":  # sparse: it takes no room
            _write(path, b"{")
            os.truncate(path, GIGABYTE)
        case "symlink":
            path.symlink_to("/dev/zero")
        case "fifo":
            os.mkfifo(path, 0o600)
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(path))
        case "device":
            os.mknod(path, stat.S_IFCHR | 0o600, NULL_DEVICE)
        case _:
            raise ValueError(f"how must be one of {', '.join(WAYS)}, got {how!r}")


def _put_directory(path: Path) -> Undo:
    while True:
        with contextlib.suppress(FileExistsError):  # a beat came between
            path.unlink(missing_ok=True)
            path.mkdir(0o700)
            break

    def undo() -> None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path.rmdir()

    return undo


def _expose(path: Path, how: str) -> Undo:
    before = path.stat()
    if how.endswith("writable"):
        path.chmod(0o777)
    else:
        os.chown(path, NOBODY, -1)

    def undo() -> None:
        if before.st_uid != path.stat().st_uid:
            os.chown(path, before.st_uid, -1)
        path.chmod(stat.S_IMODE(before.st_mode))

    return undo
