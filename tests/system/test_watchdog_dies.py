"""The watchdog dies or hangs: the bot serves on, and its successor knows the history."""

from __future__ import annotations

import signal

from tests.system.conftest import Make
from tests.system.installation import Installation, until

HANG = """
import sys
if "watchdog" in sys.orig_argv[-1:]:
    import re, threading, time
    from pathlib import Path
    def hang():
        while not Path("hang-now").exists():
            time.sleep(0.05)
        Path("hang-now").unlink()
        re.match("(a|a)*$", "a" * 60 + "b")  # holds the interpreter's lock
    threading.Thread(target=hang, daemon=True).start()
"""


def test_a_killed_watchdog_is_back_and_knows_the_history(running: Installation) -> None:
    """FAULTS 70: the bot is untouched, and restarts of before still count."""
    before = running.bot_pid()
    running.kill(before)
    bot = running.wait_ready(not_pid=before).pid
    watchdog = running.program_pid("watchdog")
    assert watchdog is not None

    running.kill(watchdog)
    until(lambda: running.program_pid("watchdog") not in (None, watchdog), "it is back", within_s=5)
    running.wait_ready()

    assert running.bot_pid() == bot
    assert running.healthz()[1]["restarts"]["in_window"] == 1


def test_a_hung_watchdog_ends_itself_with_its_stacks(make_installation: Make) -> None:
    """FAULTS 71: its own guard finds a lock that is never given back."""
    installation = make_installation(TICK_LIMIT_S=2)
    (installation.folder / "sitecustomize.py").write_text(HANG)
    installation.start_simulator()
    installation.start_supervisord(PYTHONPATH=str(installation.folder))
    bot = installation.wait_ready().pid
    watchdog = installation.program_pid("watchdog")

    (installation.folder / "hang-now").touch()
    until(
        lambda: installation.program_pid("watchdog") not in (None, watchdog),
        "it ended itself and is back",
        within_s=10,
    )
    installation.wait_ready()

    assert "in hang" in installation.text("watchdog.stacks.log")
    assert installation.bot_pid() == bot


def test_a_bot_killed_while_the_watchdog_is_away_is_started_by_its_successor(
    running: Installation,
) -> None:
    """FAULTS 72: a watchdog that finds an ended bot goes on from there."""
    bot, watchdog = running.bot_pid(), running.program_pid("watchdog")
    assert watchdog is not None
    running.kill(watchdog, signal.SIGSTOP)
    running.kill(bot)

    running.kill(watchdog)

    running.wait_ready(not_pid=bot, within_s=10)
    assert running.healthz()[1]["restarts"]["in_window"] == 1


def test_a_frozen_supervisord_stops_nobody(running: Installation) -> None:
    """FAULTS 74: calls time out, the bot serves on, and the watchdog says what is wrong."""
    supervisord = running.started[-1].pid
    running.kill(supervisord, signal.SIGSTOP)
    try:
        until(
            lambda: any("supervisord" in w for w in running.healthz()[1].get("warnings", ())),
            "the watchdog says so",
            within_s=15,
        )

        assert running.say("!ping hello") == "pong hello"
        assert running.healthz()[0] == 200
    finally:
        running.kill(supervisord, signal.SIGCONT)
