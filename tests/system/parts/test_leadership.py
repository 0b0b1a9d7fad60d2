"""Leadership by a real lock: one leader per folder, handed over by the kernel."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import TemporaryError
from bot.leadership import FileLeadership

HOLDER = """
import sys, time
from pathlib import Path
from bot.leadership import FileLeadership
assert FileLeadership(Path(sys.argv[1])).try_acquire()
print("leads", flush=True)
time.sleep(60)
"""


def start_holder(path: Path) -> subprocess.Popen[str]:
    """Start a process that leads, and wait until it says so."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "leads\n"
    return holder


def test_only_one_of_two_leads(tmp_path: Path) -> None:
    """The second to ask for the same file is refused until the first gives it back."""
    with FileLeadership(tmp_path / "leader.lock") as first:
        assert first.try_acquire()
        with FileLeadership(tmp_path / "leader.lock") as second:
            assert not second.try_acquire()

            first.release()

            assert second.try_acquire()


def test_asking_twice_keeps_the_lead(tmp_path: Path) -> None:
    """A leader that asks again leads still."""
    with FileLeadership(tmp_path / "leader.lock") as leadership:
        assert leadership.try_acquire()

        assert leadership.try_acquire()


async def test_a_killed_leader_is_followed_at_once(tmp_path: Path) -> None:
    """The kernel gives the lock back when its holder dies by SIGKILL."""
    path = tmp_path / "leader.lock"
    holder = start_holder(path)
    with FileLeadership(path) as follower, holder:
        assert not follower.try_acquire()
        assert follower.holder() == str(holder.pid)

        holder.send_signal(signal.SIGKILL)
        await follower.acquire(10.0)

        assert follower.try_acquire()


async def test_waiting_for_a_leader_that_stays_ends_with_a_time_to_retry(tmp_path: Path) -> None:
    """A process that can't lead in time asks to be started again later."""
    with FileLeadership(tmp_path / "leader.lock") as first:
        first.try_acquire()
        with (
            FileLeadership(tmp_path / "leader.lock") as second,
            pytest.raises(TemporaryError) as caught,
        ):
            await second.acquire(0.1)

        assert caught.value.kind == "another_leader"


def test_a_lock_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """A link could make the bot write its pid into a file of somebody else."""
    target = tmp_path / "precious"
    target.write_text("untouched")
    (tmp_path / "leader.lock").symlink_to(target)

    with pytest.raises(OSError, match="symbolic link"):
        FileLeadership(tmp_path / "leader.lock").try_acquire()

    assert target.read_text() == "untouched"


def test_a_full_disk_does_not_take_the_lead_away() -> None:
    """The name in the file is for people: without it this process leads all the same."""
    with FileLeadership(Path("/dev/full")) as leadership:
        leads = leadership.try_acquire()

        assert leads
        assert leadership.is_held


async def test_who_waits_in_the_kernel_leads_when_the_leader_is_killed(tmp_path: Path) -> None:
    """No polling: the lock is handed over in the moment of the death."""
    path = tmp_path / "leader.lock"
    holder = start_holder(path)
    with FileLeadership(path) as follower, holder:
        waiting = asyncio.create_task(follower.wait())
        await asyncio.sleep(0)
        holder.kill()
        await waiting

        assert follower.is_held
        assert follower.holder() == str(os.getpid())


async def test_who_waits_no_longer_keeps_nobody_from_leading(tmp_path: Path) -> None:
    """A wait that was cancelled gives the lock back as soon as it has it."""
    path = tmp_path / "leader.lock"
    with (
        FileLeadership(path) as leader,
        FileLeadership(path) as gone,
        FileLeadership(path) as next_,
    ):
        assert leader.try_acquire()
        given_up = asyncio.create_task(gone.wait())
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.wait({given_up})
        leader.release()
        await next_.wait()

        assert next_.is_held
        assert not gone.is_held


async def test_a_file_system_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems answer ENOLCK."""

    def refuse(_descriptor: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with FileLeadership(tmp_path / "leader.lock") as leadership:
        with pytest.raises(OSError, match="No locks"):
            await leadership.wait()

        assert not leadership.is_held
