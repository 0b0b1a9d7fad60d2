"""A thread that takes one step after the other, and the border that no error of a step passes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

PAUSE_AFTER_ERROR_S = 5.0

log = structlog.get_logger(__name__)


class Worker:
    """Call *step* whenever it is due or somebody calls `wake`.

    A step answers the seconds until the next one, None for "only when woken".

    Args:
        begin: Called once, in the thread, before the first step.
        finishes: Whether `stop` lets it go on as long as steps answer 0 seconds.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], float | None],
        *,
        begin: Callable[[], None] | None = None,
        finishes: bool = True,
    ) -> None:
        self._name, self._step, self._begin, self._finishes = name, step, begin, finishes
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self.errors = 0

    def start(self) -> None:
        """Begin; a second call does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Have the next step taken now; never waits."""
        self._wake.set()

    def stop(self, until_s: float) -> None:
        """Wait for the end up to the monotonic time *until_s*; later it dies with the process."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(max(0.0, until_s - time.monotonic()))
            if self._thread.is_alive():
                log.info("worker.left_behind", worker=self._name)

    def _run(self) -> None:
        if self._begin is not None:
            self._safely(self._begin)
        while True:
            self._wake.clear()
            stopping = self._stopping.is_set()
            if stopping and not self._finishes:
                return
            wait_s = self._safely(self._step)
            if stopping and wait_s != 0.0:
                return
            self._wake.wait(wait_s)

    def _safely(self, call: Callable[[], float | None]) -> float | None:
        try:
            return call()
        except Exception:  # the alert sink: a bug here must not silence every alert after it
            self.errors += 1
            log.exception("worker.step_failed", worker=self._name, errors=self.errors)
            return PAUSE_AFTER_ERROR_S
