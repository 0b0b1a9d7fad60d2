"""The heartbeat file is missing, old or lies: nothing is judged by it that it does not prove."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.system.installation import Installation, until
from watchdog.heartbeat import schema


@pytest.mark.slow
def test_a_bot_that_never_beats_is_given_its_time(installation: Installation) -> None:
    """FAULTS 40: without a beat a start waits, up to STARTUP_TIMEOUT_S."""
    installation.start_simulator()
    installation.write_env(STARTUP_TIMEOUT_S=5, HUNG_AFTER_S=1, FROZEN_AFTER_S=1)
    (installation.folder / "silent.py").write_text("import time\ntime.sleep(600)\n")
    installation.write_env(BOT_FACTORY="silent:bot")
    installation.start_supervisord()
    first = until(lambda: installation.program_pid("bot"), "the bot starts")
    until(lambda: installation.verdict() == "starting", "it is called starting")
    began_s = time.monotonic()

    until(lambda: installation.program_pid("bot") not in (None, first), "replaced", within_s=15)

    assert time.monotonic() - began_s > 3
    assert "never_ready" in str(installation.records("incidents.jsonl")[0])


def test_a_beat_of_an_earlier_life_is_ignored(installation: Installation) -> None:
    """FAULTS 41: a file of another boot, instance and pid is not this bot's."""
    old = schema.Heartbeat(
        boot_id="another-boot",
        pid=1,
        process_started=1.0,
        instance="another-instance",
        sequence=99,
        written_at="2020-01-01T00:00:00.000Z",
        monotonic_s=1.0,
        interval_s=1.0,
        state="failed",
        failure=schema.Failure(kind="invalid_token", message="old advice", permanent=True),
    )
    (installation.state / "heartbeat.json").write_bytes(schema.encode(old))
    (installation.state / "heartbeat.json").chmod(0o600)
    installation.start_simulator()
    installation.start_supervisord()

    installation.wait_ready()

    assert installation.records("incidents.jsonl") == []


@pytest.mark.parametrize("content", [b"", b'{"schema": 1', b"\xff\xfe", b'{"schema": 2}'])
def test_a_spoilt_beat_is_one_missed_poll(running: Installation, content: bytes) -> None:
    """FAULTS 42: the next beat mends it, and nothing is restarted."""
    pid = running.bot_pid()
    path = running.state / "heartbeat.json"
    for _ in range(10):
        path.write_bytes(content)
        time.sleep(0.1)  # several polls meet it

    running.wait_ready()

    assert running.bot_pid() == pid
    assert running.records("incidents.jsonl") == []


def test_nobody_else_is_signalled_for_a_pid_in_a_beat(running: Installation) -> None:
    """FAULTS 47: a beat that names a stranger, the watchdog or pid 1 kills none of them."""
    bot = running.bot_pid()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        running.kill(bot, signal.SIGSTOP)  # no further beat replaces ours
        beat = running.beat()
        assert beat is not None
        for pid in (stranger.pid, running.program_pid("watchdog") or 0, 1, -1, 0):
            lie = dataclasses.replace(beat, pid=pid, sequence=beat.sequence + 1)
            (running.state / "heartbeat.json").write_bytes(schema.encode(lie))
            time.sleep(0.2)
        watchdog = running.program_pid("watchdog")
        running.wait_ready(not_pid=bot)

        assert stranger.poll() is None
        assert running.program_pid("watchdog") == watchdog
        os.kill(1, 0)
        stranger.kill()
