"""`state/stood-down.json`: while it is there, no spare takes over.

Left by whoever ends for good (an operator's stop, the shutdown command, a failure that no restart
mends), removed by the next start of the program `bot`, which is the wish to serve again.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Literal

import orjson
import structlog

from watchdog.heartbeat import file

log = structlog.get_logger(__name__)

NAME = "stood-down.json"
SLACK_S = 0.05  # file systems and start times are rounded
Reason = Literal["operator", "shutdown", "failed"]


def leave(state_dir: Path, reason: Reason) -> None:
    """Keep spares from taking over; a disk that refuses is told, since then one will."""
    try:
        file.write(state_dir / NAME, orjson.dumps({"reason": reason}))
    except OSError as error:
        log.warning("stood_down.unwritten", error=type(error).__name__)


def clear(state_dir: Path, *, left_before_s: float) -> None:
    """Let spares take over again; what was left at *left_before_s* (Unix time) or later stays.

    A wish that was uttered after this process was ordered is not taken back by its start. One of
    the future is none of those: the clock was set back since.
    """
    path = state_dir / NAME
    with contextlib.suppress(OSError):  # a folder that can't be written is told by the heartbeat
        left_s = path.stat().st_mtime
        if left_s < left_before_s + SLACK_S or left_s > time.time() + SLACK_S:
            path.unlink(missing_ok=True)


def is_left(state_dir: Path) -> bool:
    """Answer whether nobody is to take over."""
    return (state_dir / NAME).exists()
