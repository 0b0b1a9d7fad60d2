"""Run supervisord so that a full disk does not end it: `python -m deploy.supervisord -c FILE`.

supervisord prints what it can't write into its log (supervisor 4.3, `loggers.Handler.handleError`),
and dies of that when its output goes to the same full disk, as it does under NEVER_DOWN.sh.
"""

from __future__ import annotations

import contextlib
import io
import runpy
import sys
from pathlib import Path
from typing import TextIO

from watchdog.heartbeat import privacy


class LossyStream(io.TextIOBase):
    """A text stream in front of another one; what that one refuses is lost, and no error."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The descriptor of the stream behind."""
        return self._stream.fileno()

    def write(self, text: str, /) -> int:
        """Write *text* if that can be done; answers its length, as is expected."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream behind if that can be done."""
        with contextlib.suppress(OSError):
            self._stream.flush()


def main() -> None:
    """Turn into supervisord, whose own setting of a umask is for its programs alone."""
    privacy.keep_files_private()
    privacy.limit_core_dumps(allowed=False)  # its memory holds the environment, a token in it too
    for folder in ("state", "logs"):
        privacy.close_folder(Path(folder))
    sys.stdout, sys.stderr = LossyStream(sys.stdout), LossyStream(sys.stderr)
    runpy.run_module("supervisor.supervisord", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
