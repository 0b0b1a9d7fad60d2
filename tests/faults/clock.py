"""A wall clock that is set while processes run, for those that were started with it.

By libfaketime (https://github.com/wolfcw/libfaketime), which stands between a process and the C
library. The monotonic clock goes on as it is: setting a clock does not change it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

LIBRARY = "faketime/libfaketime.so.1"
FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
# Python's sleep is refused by libfaketime 0.9.10 when the monotonic clock is left alone (its issue
# 426), so the processes sleep another way.
SLEEP = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""


class WallClock:
    """Start a process with `environ`, and its wall clock goes as *step* and *set_to* say.

    Attributes:
        offset_s: How far it is ahead of the real one.
    """

    def __init__(self, folder: Path) -> None:
        """Prepare in *folder*, which gets a `sitecustomize.py`.

        Raises:
            FileNotFoundError: libfaketime is not installed.
        """
        self.offset_s = 0.0
        self._folder, self._file = folder, folder / ".clock"
        self._library = _library()
        (folder / "sitecustomize.py").write_text(SLEEP, encoding="utf-8")
        self.step(0.0)

    @property
    def environ(self) -> Mapping[str, str]:
        """Answer what the environment of a process must hold."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": str(self._folder),
        }

    def step(self, seconds: float) -> None:
        """Put the clock forward by *seconds*, or back by so many less than none."""
        self.offset_s += seconds
        new = self._file.with_name(".clock-new")
        new.write_text(f"{self.offset_s:+f}", encoding="ascii")
        os.replace(new, self._file)  # it is read at every look at the clock

    def set_to(self, at: datetime) -> None:
        """Set the clock to the aware time *at*."""
        self.step(at.timestamp() - time.time() - self.offset_s)


@contextlib.contextmanager
def step_clock(clock: WallClock, seconds: float) -> Iterator[None]:
    """Put *clock* forward (or back) by *seconds*; it is right again after the block."""
    before_s = clock.offset_s
    clock.step(seconds)
    try:
        yield
    finally:
        clock.step(before_s - clock.offset_s)


def _library() -> Path:
    for folder in FOLDERS:
        for path in (Path(folder) / LIBRARY, *Path(folder).glob(f"*/{LIBRARY}")):
            if path.exists():
                return path
    raise FileNotFoundError(errno.ENOENT, "libfaketime is not installed (package `faketime`)")
