"""Processes held, signalled and cleared up: real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.watchdog_rig import wait_for
from watchdog.heartbeat import identity
from watchdog.heartbeat.identity import Identity
from watchdog.process import facts, stack_dump
from watchdog.process.group import end_leftovers
from watchdog.process.handle import ProcessHandle

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")

FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing, leader of its own group."""
    process = subprocess.Popen(["sleep", "600"], process_group=0)
    yield process
    process.kill()
    process.wait()


@pytest.fixture(params=["pidfd", "polling"])
def handle(
    request: pytest.FixtureRequest,
    sleeper: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[ProcessHandle]:
    """A handle on it: with a pidfd, and as on systems without."""
    if request.param == "polling":
        monkeypatch.delattr(os, "pidfd_open")
    handle = ProcessHandle.open(sleeper.pid)
    assert handle is not None
    yield handle
    handle.close()


def test_a_death_is_seen_before_it_is_reaped(
    handle: ProcessHandle, sleeper: subprocess.Popen[bytes]
) -> None:
    """The process is a zombie until its parent asks."""
    alive = handle.ended()
    handle.send(signal.SIGKILL)

    assert not alive
    assert handle.wait_end(10.0)
    assert handle.ended()
    assert not handle.send(signal.SIGTERM)


def test_a_reused_pid_is_another_process(sleeper: subprocess.Popen[bytes]) -> None:
    """The start time differs, so nothing is sent."""
    stranger = ProcessHandle(Identity(pid=sleeper.pid, started=1.0), None)

    assert stranger.ended()
    assert not stranger.send(signal.SIGKILL)
    assert sleeper.poll() is None


@pytest.mark.parametrize("pid", [-1, 0, 1])
def test_no_handle_on_what_is_not_a_bot(pid: int) -> None:
    """These numbers mean groups, everybody, or init."""
    assert ProcessHandle.open(pid) is None


def test_a_stopped_process_is_seen_as_such(sleeper: subprocess.Popen[bytes]) -> None:
    """State T by the kernel."""
    sleeper.send_signal(signal.SIGSTOP)

    wait_for(lambda: (seen := facts.read(sleeper.pid)) is not None and seen.run_state == "T")

    seen = facts.read(sleeper.pid)
    assert seen is not None
    assert (seen.parent_pid, seen.group) == (os.getpid(), sleeper.pid)


@pytest.mark.parametrize("reaped", [False, True], ids=["not reaped yet", "reaped"])
def test_children_end_with_their_leader(reaped: bool) -> None:
    """While the dead leader is not reaped by one call, later one by one."""
    leader = subprocess.Popen(
        [sys.executable, "-c", FAMILY], process_group=0, stdout=subprocess.PIPE
    )
    assert leader.stdout is not None
    child = int(leader.stdout.readline())
    who = identity.read(leader.pid)
    assert who is not None
    try:
        leader.kill()
        if reaped:
            leader.wait()
        else:
            wait_for(lambda: (seen := facts.read(leader.pid)) is not None and seen.run_state == "Z")
        end_leftovers(who)

        wait_for(lambda: (seen := facts.read(child)) is None or seen.run_state == "Z")
    finally:
        leader.wait()
        leader.stdout.close()


def test_a_leader_that_lives_keeps_its_children() -> None:
    """Nothing is cleared up behind a process that has not ended."""
    leader = subprocess.Popen(
        [sys.executable, "-c", FAMILY], process_group=0, stdout=subprocess.PIPE
    )
    assert leader.stdout is not None
    child = int(leader.stdout.readline())
    who = identity.read(leader.pid)
    assert who is not None
    try:
        end_leftovers(who)

        assert leader.poll() is None
        assert facts.read(child) is not None
    finally:
        leader.kill()
        end_leftovers(who)
        leader.wait()
        leader.stdout.close()


def test_the_own_group_is_never_cleared() -> None:
    """Nor is a group that nobody leads."""
    assert end_leftovers(Identity(pid=os.getpgrp(), started=0.0)) == 0
    assert end_leftovers(Identity(pid=0, started=0.0)) == 0
    assert end_leftovers(Identity(pid=1, started=0.0)) == 0


def test_a_stack_is_dumped_while_the_interpreters_lock_is_held(tmp_path: Path) -> None:
    """faulthandler's signal handler is C code."""
    path = tmp_path / "stacks.log"
    path.write_text("an older dump\n")
    code = (
        "import faulthandler, re, signal, sys\n"
        "stream = open(sys.argv[1], 'a')\n"
        "faulthandler.register(signal.SIGUSR1, stream, all_threads=True)\n"
        "def the_stuck_function():\n"
        "    print('stuck', flush=True)\n"
        "    re.match(r'(a+)+$', 'a' * 40 + 'b')\n"
        "the_stuck_function()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    handle = ProcessHandle.open(process.pid)
    assert handle is not None
    try:
        process.stdout.readline()
        stack = stack_dump.take(handle, path, wait_s=5.0)
    finally:
        handle.close()
        process.kill()
        process.wait()
        process.stdout.close()

    assert "the_stuck_function" in stack
    assert "an older dump" not in stack


def test_a_process_that_dumps_nothing_costs_a_bounded_wait(
    handle: ProcessHandle, tmp_path: Path
) -> None:
    """It may even die of the signal, which it did not expect."""
    began_s = time.monotonic()

    stack = stack_dump.take(handle, tmp_path / "none.log", wait_s=0.2)

    assert stack == ""
    assert time.monotonic() - began_s < 5.0
