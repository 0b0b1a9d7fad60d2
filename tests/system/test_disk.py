"""The disk of state/ is full, read-only, gone or slow: the bot serves on, and it is told."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.faults import fill_disk, freezable_disk, frozen_disk, read_only, small_disk
from tests.system.conftest import Make
from tests.system.fault_rows import fault
from tests.system.faulty_bot import PLUGINS
from tests.system.installation import Installation, until
from tests.system.roles import wait_spare
from watchdog.publisher import has_room

T_S = 2.0  # HUNG_AFTER_S and FROZEN_AFTER_S of the tests
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
POLL_S = 0.5  # POLL_INTERVAL_S
AT_ONCE_S = 1.0  # what an answer may take that waits for no disk, on a busy machine

Mount = Callable[[Path], AbstractContextManager[object]]
Serve = Callable[[Mount], Installation]
# Loaded by every process: the writes of the bot's heartbeat wait while the file `slow-disk` exists.
SLOW_WRITES = """
import os, sys, time
if "bot" in sys.orig_argv[-1:]:
    replace = os.replace
    def slow(source, target, *more, **options):
        while str(target).endswith("heartbeat.json") and os.path.exists("slow-disk"):
            time.sleep(0.05)
        return replace(source, target, *more, **options)
    os.replace = slow
"""


@contextmanager
def removed(folder: Path) -> Iterator[None]:
    """Remove *folder* with all that is in it."""
    shutil.rmtree(folder)
    yield


# Only root needs one: anybody else is held off by the folder's mode, on any disk.
immutable_disk: Mount = nullcontext if os.geteuid() != 0 else freezable_disk
# What is mounted, what breaks it, and the warnings that tell of it.
DISKS: dict[str, tuple[Mount, Mount, set[str]]] = {
    "full": (small_disk, fill_disk, {"heartbeat_writer", "state_unwritable"}),
    "read-only": (immutable_disk, read_only, {"heartbeat_writer", "state_unwritable"}),
    "removed": (nullcontext, removed, {"supervisord_unreachable"}),
}


@pytest.fixture
def serve(make_installation: Make) -> Iterator[Serve]:
    """Start installations whose state/ is a disk of its own; skip where none can be mounted."""
    with ExitStack() as stack:

        def serve(mount: Mount) -> Installation:
            installation = make_installation(PLUGINS=PLUGINS)
            try:
                stack.enter_context(mount(installation.state))
            except OSError as error:
                pytest.skip(f"no disk can be mounted here: {error.strerror}")
            stack.callback(lambda: _closed(installation))  # before the disk is taken away
            installation.start_simulator()
            installation.start_supervisord()
            installation.wait_ready()
            wait_spare(installation)
            return installation

        yield serve


def _closed(installation: Installation) -> None:
    assert installation.close() == [], "processes outlived the installation"


def answer_s(installation: Installation) -> float:
    """Answer how long a command took to be answered, by text and by an interaction."""
    began_s = time.monotonic()
    assert installation.say("!ping hello") == "pong hello"
    pong = installation.simulator.slash("ping", wait_s=10)
    assert pong["response"]["content"].startswith("pong")
    return time.monotonic() - began_s


def warnings(installation: Installation) -> set[str]:
    """Answer what the watchdog says besides its verdict."""
    return set(installation.healthz()[1].get("warnings", ()))


def told(installation: Installation) -> list[str]:
    """Answer the reasons of all warnings that were sent to the operator, in order."""
    records = installation.records("watchdog.jsonl")
    return [record["reason"] for record in records if record["event"] == "warning.raised"]


def untouched(installation: Installation, pid: int) -> bool:
    """Answer whether nobody was restarted or killed, and no tick of the watchdog failed."""
    health = until(lambda: installation.healthz()[1], "the watchdog answers")
    counters = health["counters"]
    return (
        health["bot_pid"] == pid
        and installation.records("incidents.jsonl") == []
        and health["restarts"]["total"] == 0
        and (counters["kills"], counters["spare_restarts"], counters["tick_errors"]) == (0, 0, 0)
    )


@fault(
    48,
    "The disk of state/ is full or read-only, or the folder is removed",
    answer="the bot serves on; told, and nothing restarted for it; well again with the disk",
)
@pytest.mark.slow
@pytest.mark.parametrize("how", list(DISKS))
def test_fault_48_no_room(serve: Serve, how: str) -> None:
    """Beats are missing for longer than any limit, and all that follows is a warning."""
    mount, broken, seen = DISKS[how]
    installation = serve(mount)
    pid, spare = installation.bot_pid(), wait_spare(installation).pid

    with broken(installation.state):
        until(lambda: seen <= warnings(installation), f"{seen} are seen", within_s=20)
        wait_past_all_limits(installation)
        took_s = answer_s(installation)
        told_of = told(installation)
    installation.wait_ready()

    assert took_s < AT_ONCE_S
    assert untouched(installation, pid)
    assert wait_spare(installation).pid == spare
    assert told_of == (["supervisord"] if how == "removed" else ["heartbeat_writer"])


@pytest.mark.slow
@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_bot_that_dies_while_the_disk_refuses_is_followed_by_its_spare(
    serve: Serve, how: str
) -> None:
    """Neither the lead nor a restart needs room; who leads can't be told, and that is said."""
    mount, broken, _ = DISKS[how]
    installation = serve(mount)
    pid = installation.bot_pid()

    with broken(installation.state):
        until(lambda: "heartbeat_writer" in warnings(installation), "beats are missed")
        installation.kill(pid)
        assert installation.say("!ping hello") == "pong hello"
        # Or `starting`: the death freed a page, which took the new leader's first beat and no more.
        until(
            lambda: installation.healthz()[1]["reason"] in ("state_unwritable", "starting"),
            "it is said",
        )
        wait_past_all_limits(installation)
        answer_s(installation)
        restarts = installation.healthz()[1]["restarts"]["total"]
    installation.wait_ready(not_pid=pid)
    wait_spare(installation, not_pid=pid)

    assert restarts == 1
    assert answer_s(installation) < AT_ONCE_S
    assert installation.healthz()[1]["restarts"]["total"] == 1
    events = [record["event"] for record in installation.records("watchdog.jsonl")]
    assert events.count("ledger.write_failed") <= 2  # there are two ledgers


def test_room_is_a_beats_room(make_installation: Make) -> None:
    """A disk with a page left is full; a file system without sizes is not."""
    folder = make_installation().state
    try:
        with small_disk(folder):
            free_bytes = shutil.disk_usage(folder).free
            (folder / "filler").write_bytes(bytes(free_bytes - PAGE_BYTES))
            page = has_room(folder)
            os.truncate(folder / "filler", free_bytes // 2)
            half = has_room(folder)
    except PermissionError as error:
        pytest.skip(str(error))

    assert (page, half) == (False, True)
    assert has_room(Path("/proc"))
    assert not has_room(folder / "missing")


@fault(
    49,
    "A slow disk: a write takes seconds, or does not come back",
    answer="the event loop never waits for it; no restart below three times the limit",
)
@pytest.mark.slow
def test_fault_49_slow_disk(serve: Serve) -> None:
    """The file system is frozen: whoever writes stands still, and no answer does."""
    installation = serve(freezable_disk)
    pid = installation.bot_pid()
    took_s = []

    with frozen_disk(installation.state):
        until_s = time.monotonic() + 10.0
        while time.monotonic() < until_s:
            took_s.append(answer_s(installation))
            time.sleep(0.2)
    installation.wait_ready()

    assert max(took_s) < AT_ONCE_S
    assert untouched(installation, pid)
    beat = installation.beat()
    assert beat is not None
    assert beat.loop.lag_ms_max < 1000 * AT_ONCE_S
    assert answer_s(installation) < AT_ONCE_S


@pytest.mark.slow
def test_a_bot_whose_beats_alone_are_slow_is_warned_of_and_left_alone(
    make_installation: Make,
) -> None:
    """The watchdog's own writes pass, the beats do not: below 3 T that is a warning."""
    installation = make_installation()
    (installation.folder / "sitecustomize.py").write_text(SLOW_WRITES)
    installation.start_simulator()
    installation.start_supervisord(PYTHONPATH=str(installation.folder))
    pid = installation.wait_ready().pid
    wait_spare(installation)
    slow = installation.folder / "slow-disk"

    slow.touch()
    until(lambda: "heartbeat_writer" in warnings(installation), "it is seen")
    until(lambda: missing_s(installation) >= 2 * T_S, "it lasts")
    took_s = answer_s(installation)
    os.unlink(slow)
    installation.wait_ready()

    assert took_s < AT_ONCE_S
    assert told(installation) == ["heartbeat_writer"]
    assert untouched(installation, pid)


def wait_past_all_limits(installation: Installation) -> None:
    """Wait for polls worth more than 3 T, after which beats that are missing kill a bot."""
    installation.wait_polls(round(4 * T_S / POLL_S))


def missing_s(installation: Installation) -> float:
    """Answer how old the newest beat is, in seconds."""
    beat = installation.beat()
    assert beat is not None
    return time.monotonic() - beat.monotonic_s
