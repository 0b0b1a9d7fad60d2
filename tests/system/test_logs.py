"""Logs are for people: without them, or without a place for them, the bot serves all the same."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable

import pytest

from tests.faults import fill_disk, small_disk
from tests.system.fault_rows import fault
from tests.system.faulty_bot import time_to_answer
from tests.system.installation import Installation, until
from tests.system.roles import wait_spare

PAGE_BYTES = 4096
LINE_BYTES = 64 * 1024
MIB = 1024 * 1024
# What a log may hold before it is rotated, and how many old ones are kept.
LIMITS = {
    "bot.jsonl": (10 * MIB, 3),
    "watchdog.jsonl": (10 * MIB, 3),
    "incidents.jsonl": (2 * MIB, 2),
    "bot.stdout.log": (2 * MIB, 2),
    "supervisord.log": (5 * MIB, 2),
    "bot.stacks.log": (1 * MIB, 0),
    "watchdog.stacks.log": (1 * MIB, 0),
}
PRINTING = """
async def setup(bot):
    print("loaded", flush=True)
"""


def kill_leader(installation: Installation) -> None:
    """Kill the leader, and wait until both programs run, serve and are judged so."""
    pid = installation.wait_ready().pid
    wait_spare(installation)
    time_to_answer(installation, lambda: installation.kill(pid))
    wait_spare(installation, not_pid=pid)
    installation.wait_ready(not_pid=pid)
    assert installation.healthz()[1]["restarts"]["in_window"] == 1  # and no start was refused


def without_a_folder(installation: Installation) -> None:
    """Start without logs/, and remove it again while everybody serves."""
    installation.start_simulator()
    path = {"PATH": os.environ["PATH"]}
    installation.start("bash", "-c", "rm -r logs && exec ./NEVER_DOWN.sh", env=path)
    installation.wait_ready()
    shutil.rmtree(installation.logs)

    kill_leader(installation)

    names = {"bot.jsonl", "watchdog.jsonl", "incidents.jsonl", "bot.stderr.log"}
    until(lambda: names <= set(os.listdir(installation.logs)), "logs are written again")
    assert stat.S_IMODE(installation.logs.stat().st_mode) == 0o700


def on_a_full_disk(installation: Installation) -> None:
    """Leave logs/ no byte, and then room again."""
    with small_disk(installation.logs):
        installation.start_simulator()
        installation.never_down()
        installation.wait_ready()
        supervisord = (installation.state / "supervisord.pid").read_text()
        for log in installation.logs.iterdir():  # a page that is begun has room yet
            with log.open("ab") as file:
                file.write(b"\n" * (-file.tell() % PAGE_BYTES))
        with fill_disk(installation.logs):
            kill_leader(installation)
            counters = installation.healthz()[1]["counters"]

        installation.kill(installation.bot_pid())  # something to log
        until(lambda: "records.lost" in installation.text("watchdog.jsonl"), "losses are told")
        assert counters["incident_records_lost"] > 0
        assert counters["tick_errors"] == 0
        assert (installation.state / "supervisord.pid").read_text() == supervisord
        assert installation.close() == []
        assert installation.misuses() == []


def with_full_files(installation: Installation) -> None:
    """Begin with logs, and old ones of each, that have reached their limits."""
    installation.write_env(PLUGINS="bot.plugins.general,printing")
    (installation.folder / "printing.py").write_text(PRINTING)
    for name, (limit_bytes, kept) in LIMITS.items():
        for end in ["", *(f".{number}" for number in range(1, kept + 1))]:
            with (installation.logs / f"{name}{end}").open("wb") as file:
                file.truncate(limit_bytes + 1)
    installation.start_simulator()
    installation.never_down()

    kill_leader(installation)

    assert installation.records("incidents.jsonl")
    for name, (limit_bytes, kept) in LIMITS.items():
        newest = installation.logs / name
        old = list(installation.logs.glob(f"{name}.*"))
        assert newest.stat().st_size < limit_bytes
        assert len(old) <= kept
        for path in old:
            assert path.stat().st_size <= limit_bytes + LINE_BYTES
            path.unlink()  # whoever looks through the logs next need not read it


@fault(
    80,
    "logs folder missing, disk of the logs full, logs that reach their limits",
    answer="the folder is made again, serving and restarting go on without logs, lost lines are"
    " counted and told; every log is rotated or emptied at its limit",
)
@pytest.mark.slow
@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(without_a_folder, id="folder missing"),
        pytest.param(on_a_full_disk, id="disk full"),
        pytest.param(with_full_files, id="rotation"),
    ],
)
def test_fault_80_logs(installation: Installation, trouble: Callable[[Installation], None]) -> None:
    """Under each trouble a leader dies, the spare serves, and the dead one is started again."""
    trouble(installation)
