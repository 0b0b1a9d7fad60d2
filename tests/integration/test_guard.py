"""The watch over a loop that really blocks."""

from __future__ import annotations

import asyncio
import threading
import time

from structlog.testing import capture_logs

from bot.heartbeat.pulse import LoopPulse
from bot.tasks.guard import SlowCallbackWatch


async def test_a_callback_that_blocks_is_logged_with_its_line() -> None:
    """While the loop is stuck, the thread says in which function; then how long it took."""

    def block_the_loop() -> None:
        time.sleep(0.6)

    async def unblocked() -> None:
        for _ in range(500):
            if any(entry["event"] == "loop.unblocked" for entry in logs):
                return
            await asyncio.sleep(0.02)

    async with LoopPulse() as pulse:
        with (
            capture_logs() as logs,
            SlowCallbackWatch(
                age_s=pulse.age_s, thread_id=threading.get_ident(), limit_s=0.25
            ) as watch,
        ):
            block_the_loop()
            await unblocked()

    (blocked,) = [entry for entry in logs if entry["event"] == "loop.blocked"]
    (freed,) = [entry for entry in logs if entry["event"] == "loop.unblocked"]
    assert "block_the_loop" in blocked["stack"]
    assert "time.sleep(0.6)" in blocked["stack"]
    assert freed["blocked_s"] >= 0.5
    assert watch.blocks == 1


def test_the_watch_ends_with_its_block() -> None:
    """Its thread is gone when the block is left."""
    before = threading.active_count()
    with SlowCallbackWatch(age_s=lambda: 0.0, thread_id=threading.get_ident(), limit_s=60.0):
        during = threading.active_count()

    assert (during, threading.active_count()) == (before + 1, before)
