"""The stack of a thread as text: file, line, function and source, never the values of variables."""

from __future__ import annotations

import linecache
import sys
from types import FrameType

MAX_SOURCE = 160  # characters of one source line


def frame_line(frame: FrameType) -> str:
    """Answer ``line function`` of a frame."""
    return f"{frame.f_lineno} {frame.f_code.co_name}"


def format_stack(thread_id: int, *, limit: int = 30) -> str | None:
    """Answer the innermost *limit* frames of a thread, outermost first; None if it is not there.

    From any thread. The thread goes on meanwhile, so a line may be one it has just left.
    """
    frame = sys._current_frames().get(thread_id)
    if frame is None:
        return None
    lines: list[str] = []
    while frame is not None and len(lines) < limit:
        code = frame.f_code
        # A line that is not known yet (`f_lineno` is None at times) must not end the report.
        source = linecache.getline(code.co_filename, frame.f_lineno or 0, frame.f_globals).strip()
        entry = f"{code.co_filename}:{frame_line(frame)}"
        lines.append(f"{entry}\n    {source[:MAX_SOURCE]}" if source else entry)
        frame = frame.f_back
    if frame is not None:
        lines.append("...")
    return "\n".join(reversed(lines))


def innermost_file(thread_id: int) -> str | None:
    """Answer the file that a thread is in right now."""
    frame = sys._current_frames().get(thread_id)
    return None if frame is None else frame.f_code.co_filename
