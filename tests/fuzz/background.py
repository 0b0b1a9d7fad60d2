"""An event loop in a thread of its own, and what goes wrong in it without anybody being told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar

from aiohttp import web

T = TypeVar("T")
START_S = 10.0
SERVERS = "/simulator/"  # where handlers of ours are


def _is_of(folder: str, error: BaseException) -> bool:
    """Answer whether code of *folder* had to do with *error*."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(folder in Path(frame.filename).as_posix() for frame in frames)


class Complaints(logging.Handler):
    """Keeps what `asyncio` and aiohttp's server log as errors: exceptions that nobody handled."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one, with its traceback; aiohttp's own errors are its to answer."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and record.name == "aiohttp.server":
            # What is left of a body is read after the answer; it meets the error of the handler.
            drains = record.getMessage().startswith("Unhandled exception")
            if not _is_of(SERVERS, error) or (
                drains and isinstance(error, web.RequestPayloadError)
            ):
                return
        self.lines.append(logging.Formatter().format(record))

    def raise_any(self) -> None:
        """Fail with what was kept since the last time."""
        lines, self.lines = self.lines, []
        assert not lines, "\n".join(lines)


@contextlib.contextmanager
def complaints(*names: str) -> Iterator[Complaints]:
    """Listen to these loggers until the block ends; nothing else hears them meanwhile."""
    heard = Complaints()
    loggers = [logging.getLogger(name) for name in names or ("asyncio", "aiohttp.server")]
    before = [(logger.propagate, logger.handlers[:]) for logger in loggers]
    for logger in loggers:
        logger.propagate, logger.handlers = False, [heard]
    try:
        yield heard
    finally:
        for logger, (propagate, handlers) in zip(loggers, before, strict=True):
            logger.propagate, logger.handlers = propagate, handlers


@contextlib.contextmanager
def entered(make: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """Enter what *make* answers in a loop that runs in a thread until the block ends."""
    ready, over = threading.Event(), threading.Event()
    held: list[T] = []

    async def stay() -> None:
        async with make() as thing:
            held.append(thing)
            ready.set()
            await asyncio.to_thread(over.wait)

    def run() -> None:
        with asyncio.Runner() as runner:
            runner.run(stay())

    thread = threading.Thread(target=run, name="fuzz-loop", daemon=True)
    thread.start()
    try:
        assert ready.wait(START_S), "the loop did not begin"
        yield held[0]
    finally:
        over.set()
        thread.join(START_S)
