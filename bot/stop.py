"""How the process is asked to end: by a command, by a signal, and by a deadline behind both."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import structlog

from bot.errors import ExitCode

log = structlog.get_logger(__name__)

_CODES = {signal.SIGTERM: ExitCode.TERMINATED, signal.SIGINT: ExitCode.INTERRUPTED}


class Stop:
    """The one wish to end; the first one counts."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._asked = loop, asyncio.Event()
        self.code: ExitCode | None = None

    def request(self, code: ExitCode, reason: str) -> None:
        """Ask the process to end with *code*; from any thread or signal handler."""
        self._loop.call_soon_threadsafe(self._take, code, reason)

    def _take(self, code: ExitCode, reason: str) -> None:
        if self.code is None:
            self.code = code
            log.info("stop.requested", exit_code=int(code), reason=reason)
            self._asked.set()

    async def wait(self) -> None:
        """Answer once somebody asked."""
        await self._asked.wait()


@contextlib.contextmanager
def no_silent_exit() -> Iterator[None]:
    """Let a handler's `sys.exit()` end the process, but never as if an operator had asked for it.

    Exit code 0 is the shutdown command's; whoever else ends with it ends with 1.
    """
    try:
        yield
    except SystemExit as error:
        log.exception("bot.exited_itself", exit_code=error.code)
        raise SystemExit(error.code or int(ExitCode.FAILED)) from error


def exit_within(timeout_s: float, code: int) -> None:
    """End the process after *timeout_s* seconds, whatever still runs then."""

    def end() -> None:
        time.sleep(timeout_s)
        os._exit(code)

    threading.Thread(target=end, name="exit-deadline", daemon=True).start()


class StopSignals:
    """SIGTERM and SIGINT ask for a stop; a second one, or a stop that takes too long, ends at once.

    The handlers are Python's own, not the loop's: they act even while a callback blocks the loop.
    """

    def __init__(
        self, *, deadline_s: float, on_interrupt: Callable[[], None] = lambda: None
    ) -> None:
        """*on_interrupt* is called at once by the first SIGINT, which supervisord sends."""
        self._deadline_s, self._on_interrupt = deadline_s, on_interrupt
        self._on_stop: Callable[[ExitCode, str], None] | None = None
        self._pending: tuple[ExitCode, str] | None = None

    def install(self) -> None:
        """Take over both signals; must be called in the main thread."""
        for number in _CODES:
            signal.signal(number, self._handle)

    def subscribe(self, on_stop: Callable[[ExitCode, str], None]) -> None:
        """Call *on_stop* at the first signal, or now when it has come already."""
        self._on_stop = on_stop
        if self._pending is not None:
            on_stop(*self._pending)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        kind = signal.Signals(number)
        code = _CODES[kind]
        if self._pending is not None:
            os._exit(code)
        self._pending = (code, kind.name)
        if kind is signal.SIGINT:
            self._on_interrupt()
        exit_within(self._deadline_s, code)
        if self._on_stop is None:  # nothing runs yet that would have to be ended
            os._exit(code)
        self._on_stop(code, kind.name)
