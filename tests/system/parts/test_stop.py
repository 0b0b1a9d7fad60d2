"""Signals to a real process: the first asks, the second ends, the deadline ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from bot.errors import ExitCode

PROGRAM = """
import asyncio, sys, time
import structlog
from bot.stop import Stop, StopSignals

async def main(mode):
    stop = Stop(asyncio.get_running_loop())
    if mode != "early":
        signals.subscribe(stop.request)
    print("up", flush=True)
    if mode in ("blocked", "early"):
        time.sleep(60)
    await stop.wait()
    print("asked", stop.code.name, flush=True)
    if mode == "stuck":
        await asyncio.sleep(60)
    return int(stop.code)

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
mode, deadline_s = sys.argv[1], float(sys.argv[2])
signals = StopSignals(deadline_s=deadline_s)
signals.install()
sys.exit(asyncio.Runner().run(main(mode)))
"""


class Started:
    """A process of `PROGRAM`, ended with the block."""

    def __init__(self, mode: str, *, deadline_s: float = 30.0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, mode, str(deadline_s)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.lines = self.process.stdout
        assert self.lines.readline() == "up\n"

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.process.kill()
        self.process.wait(10)
        self.lines.close()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGTERM, ExitCode.TERMINATED, id="SIGTERM"),
        pytest.param(signal.SIGINT, ExitCode.INTERRUPTED, id="SIGINT"),
    ],
)
def test_a_signal_asks_for_the_end(number: signal.Signals, code: ExitCode) -> None:
    """The loop hears of the signal and ends with the code that names it."""
    with Started("idle") as started:
        started.process.send_signal(number)

        assert started.lines.readline() == f"asked {code.name}\n"
        assert started.process.wait(10) == code


def test_a_second_signal_ends_at_once() -> None:
    """Who asks twice does not want to wait for a stop that hangs."""
    with Started("stuck") as started:
        started.process.send_signal(signal.SIGTERM)
        started.lines.readline()

        started.process.send_signal(signal.SIGTERM)

        assert started.process.wait(10) == ExitCode.TERMINATED


def test_a_second_signal_ends_even_a_blocked_loop() -> None:
    """The handlers are the interpreter's: a `time.sleep` in a callback does not stop them."""
    with Started("blocked") as started:
        started.process.send_signal(signal.SIGTERM)
        time.sleep(0.05)  # two signals at the same instant are one
        started.process.send_signal(signal.SIGTERM)

        assert started.process.wait(10) == ExitCode.TERMINATED


def test_a_stop_that_hangs_is_ended_by_its_deadline() -> None:
    """SIGTERM ends the process within its deadline, whatever still runs."""
    with Started("stuck", deadline_s=0.2) as started:
        started.process.send_signal(signal.SIGTERM)

        assert started.process.wait(10) == ExitCode.TERMINATED


def test_a_signal_before_anything_runs_ends_at_once() -> None:
    """While modules are imported there is nothing to close."""
    with Started("early") as started:
        started.process.send_signal(signal.SIGTERM)

        assert started.process.wait(10) == ExitCode.TERMINATED
