"""Log records as JSON Lines, written by a thread: a full disk or pipe never blocks the caller.

Both processes leave the same format: `timestamp` (ISO 8601, UTC), `level`, `event`, `logger`, and
fields with units. The event loop only formats a line and puts it on a bounded queue.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import queue
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import structlog

from watchdog.heartbeat.recordfile import RecordFileHandler, RecordQueueHandler
from watchdog.heartbeat.redaction import SECRETS

MAX_FIELD = 8 * 1024  # characters of one field, a traceback's included
MAX_LINE = 64 * 1024  # characters of one line; past it every field is told as short text
QUEUE_LINES = 10_000
END_TIMEOUT_S = 2.0


def render(_: Any, __: str, event: structlog.typing.EventDict) -> str:
    """Answer one line of JSON: bounded fields, no secrets, unknown types as their text."""
    line = {"timestamp": event.pop("timestamp", None), "level": event.pop("level", None)}
    line["event"] = event.pop("event", None)
    line["logger"] = event.pop("logger", None)
    line.update(event)
    for key, value in line.items():
        if isinstance(value, str) and len(value) > MAX_FIELD:
            # Redacted first: the cut may leave a part of a secret that is no longer found.
            value = SECRETS.redact(value)
            line[key] = value[:MAX_FIELD] if key == "event" else value[-MAX_FIELD:]
    try:
        text = orjson.dumps(line, default=_text, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # text that is not UTF-8, an object within itself, an integer of 65 bits
        text = ""
    if not 0 < len(text) <= MAX_LINE:
        text = orjson.dumps({_text(k): _plain(v) for k, v in line.items()}).decode()
    return SECRETS.redact_json(text)


def _plain(value: object) -> str | bool | float | None:
    return value if isinstance(value, bool | float | None) else SECRETS.redact(_text(value))[-1024:]


def _text(value: object) -> str:
    try:
        text = str(value)
    # What a foreign __str__ raises by mistake: the line matters more than this field of it.
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        text = f"<{type(value).__name__}>"
    return text.encode(errors="replace").decode()


@contextlib.contextmanager
def recording(
    path: Path, *, level: str = "INFO", queue_lines: int = QUEUE_LINES
) -> Iterator[RecordQueueHandler]:
    """Send structlog and the standard library's records to *path* until the block ends.

    Args:
        path: The JSON Lines file, rotated at 10 MiB, three old ones kept.
        level: Lowest level written; discord.py's own loggers never go below INFO, since their
            DEBUG records hold message content.
        queue_lines: Lines that may wait for the disk; further ones are counted and dropped.
    """
    handler = RecordQueueHandler(queue.Queue(queue_lines))
    handler.setFormatter(_configure())
    root = logging.getLogger()
    previous_level = root.level
    root.setLevel(level)
    root.addHandler(handler)
    discord_logger = logging.getLogger("discord")
    discord_logger.setLevel(max(logging.INFO, root.level))
    logging.captureWarnings(capture=True)
    writer = RecordFileHandler(path, losses=handler.losses)
    listener = logging.handlers.QueueListener(handler.queue, writer)
    listener.start()
    try:
        yield handler
    finally:
        root.removeHandler(handler)
        root.setLevel(previous_level)
        logging.captureWarnings(capture=False)
        _stop(listener, writer)


def _configure() -> logging.Formatter:
    """Send structlog's records to `logging`; answer what turns both kinds into lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
    )


def _stop(listener: logging.handlers.QueueListener, writer: RecordFileHandler) -> None:
    """End the writer; one that is stuck on a dead disk is left to die with the process."""
    thread = listener._thread  # stop() would wait without a limit
    deadline_s = time.monotonic() + END_TIMEOUT_S
    while time.monotonic() < deadline_s:
        try:
            listener.enqueue_sentinel()
            break
        except queue.Full:
            time.sleep(0.01)
    if thread is not None:
        thread.join(timeout=max(0.1, deadline_s - time.monotonic()))
        if thread.is_alive():
            writer.give_up()
            sys.stderr.write("log writer does not end, lines may be lost\n")
            return
    writer.close()
