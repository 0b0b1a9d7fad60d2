"""The beat's file as its writer sees it: folder made, leftovers gone, a descriptor in reserve."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from watchdog.heartbeat import file, identity

_EXHAUSTED = (errno.EMFILE, errno.ENFILE)


class BeatFile:
    """Replace the file beat by beat; it can be written even when descriptors have run out."""

    def __init__(self, *, write: Callable[[Path, bytes], None] | None = None) -> None:
        self._write = partial(file.write, fleeting=True) if write is None else write
        self._reserve: int | None = None

    def prepare(self, path: Path) -> None:
        """Make the folder (0700), remove what killed writers left, take the reserve.

        Nothing of this is needed for the next beat, so nothing of it raises.
        """
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for leftover in path.parent.glob(f".{path.name}.*"):
                pid = leftover.name.rpartition(".")[2]
                if pid.isdecimal() and identity.read(int(pid)) is None:
                    leftover.unlink(missing_ok=True)
        self._take_reserve()

    def replace(self, path: Path, raw: bytes) -> None:
        """Write *raw* in place of the last beat, making the folder anew if it was removed.

        A folder in the file's place is put aside with all that is in it.

        Raises:
            OSError: disk full, read-only or gone.
        """
        try:
            self._write(path, raw)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(path, raw)
        except IsADirectoryError:
            path.rename(path.with_name(f"{path.name}.aside-{os.getpid()}"))
            self._write(path, raw)
        except OSError as error:
            if error.errno not in _EXHAUSTED or self._reserve is None:
                raise
            # Descriptors leak somewhere: the beat is what tells, so it uses the one kept for it.
            os.close(self._reserve)
            self._reserve = None
            self._write(path, raw)
        self._take_reserve()

    def close(self) -> None:
        """Give the reserve back."""
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None

    def _take_reserve(self) -> None:
        if self._reserve is None:
            with contextlib.suppress(OSError):
                self._reserve = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
