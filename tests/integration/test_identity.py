"""Who a process is, as the kernel tells it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from watchdog.heartbeat import identity

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; print('up', flush=True); sys.stdin.read()"


def start(*argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def end(process: subprocess.Popen[bytes]) -> None:
    process.communicate()


def test_this_process_knows_itself() -> None:
    """Pid and start time, the same at every reading."""
    first, second = identity.own(), identity.own()

    assert first == second
    assert first.pid == os.getpid()
    assert 0 < first.started < time.clock_gettime(time.CLOCK_BOOTTIME)


def test_the_start_time_agrees_with_psutil() -> None:
    """psutil adds the time of boot; the difference is one constant."""
    import psutil

    own = psutil.Process().create_time() - psutil.boot_time()

    assert identity.own().started == pytest.approx(own, abs=1.5)


def test_two_processes_differ() -> None:
    """Each has a pid of its own, and neither is this one."""
    first, second = start(sys.executable, "-c", PROGRAM), start(sys.executable, "-c", PROGRAM)
    try:
        identities = {identity.read(p.pid) for p in (first, second)} | {identity.own()}
    finally:
        end(first)
        end(second)

    assert len(identities) == 3
    assert None not in identities


def test_a_process_that_ended_is_none() -> None:
    """Once it was waited for, its pid means nothing."""
    process = start(sys.executable, "-c", PROGRAM)
    end(process)

    assert identity.read(process.pid) is None


def test_a_zombie_is_still_the_process_it_was() -> None:
    """Dead but not waited for: the pid can't be reused yet."""
    process = start(sys.executable, "-c", PROGRAM)
    before = identity.read(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    after = identity.read(process.pid)
    end(process)

    assert before is not None
    assert after == before


@pytest.mark.parametrize("pid", [0, -1, -4242, 2**22 + 1, 2**40])
def test_a_pid_that_no_process_can_have_is_none(pid: int) -> None:
    """Signalling 0 or -1 would reach whole groups; reading them answers nobody."""
    assert identity.read(pid) is None


def test_a_name_with_spaces_and_parentheses_is_no_trap() -> None:
    """A process may call itself anything, a field of numbers among them."""
    program = (
        "import ctypes\n"
        "ctypes.CDLL(None).prctl(15, b') S 1 1 (x', 0, 0, 0)\n" + PROGRAM.replace("; ", "\n")
    )
    process = start(sys.executable, "-c", program)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        renamed = identity.read(process.pid)
    finally:
        end(process)

    assert renamed is not None
    assert renamed.started >= identity.own().started


def test_the_boot_id_is_the_kernels() -> None:
    """The same for every process until the machine boots again."""
    program = "from watchdog.heartbeat import identity; print(identity.boot_id())"
    other = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True
    )

    assert other.stdout.decode().strip() == identity.boot_id()
    assert len(identity.boot_id()) == 36


def test_without_proc_psutil_answers_alike() -> None:
    """The way other systems go, walked here."""
    found = identity._read_psutil(os.getpid())

    assert found is not None
    assert found.pid == os.getpid()
    assert identity._read_psutil(2**22 + 1) is None
