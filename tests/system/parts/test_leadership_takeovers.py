"""A thousand takeovers by processes that release the lock or are killed: never two leaders."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import random
import signal
import time
from itertools import pairwise
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
import structlog

from bot.leadership import FileLeadership

TAKEOVERS, BEGINNINGS = 1000, 1200  # a few times somebody follows himself
CONTENDERS = 5
LEADS_FOR_S, SAYS_SO_EVERY_S = 0.004, 0.0005
SEED = 3
# Forked from a process that has imported this module and runs no thread: a start takes 10 ms.
forks = multiprocessing.get_context("forkserver")


def contend(folder: Path, seed: int) -> None:
    """Lead again and again, until killed as a leader, or as one who waits."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asyncio.Runner().run(_contend(folder, random.Random(seed)))


async def _contend(folder: Path, draw: random.Random) -> None:
    log = os.open(folder / "leadership.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with FileLeadership(folder / "leader.lock") as leadership:
        while True:
            if not await _lead(leadership, patient=draw.random() < 0.9):
                continue
            _reign(log, draw.random() * LEADS_FOR_S)
            if draw.random() < 0.4:
                os.kill(os.getpid(), signal.SIGKILL)
            os.write(log, f"{os.getpid()} ends\n".encode())
            leadership.release()
            # A lock that is given back should go to somebody else.
            await asyncio.sleep(draw.random() * LEADS_FOR_S)


async def _lead(leadership: FileLeadership, *, patient: bool) -> bool:
    """Wait in the kernel; who is not patient gives up, perhaps as the lock comes."""
    try:
        async with asyncio.timeout(None if patient else LEADS_FOR_S):
            await leadership.wait()
    except TimeoutError:
        return False
    return True


def _reign(log: int, leads_for_s: float) -> None:
    """Say all the time in the log who leads; each line is one write, so the lines are in order."""
    until_s = time.monotonic() + leads_for_s
    os.write(log, f"{os.getpid()} begins\n".encode())
    while time.monotonic() < until_s:
        time.sleep(SAYS_SO_EVERY_S)
        os.write(log, f"{os.getpid()} leads\n".encode())


def keep_contending(folder: Path) -> None:
    """Replace every contender that dies, and kill some at any moment, until all takeovers were."""
    draw, alive = random.Random(SEED), list[ForkServerProcess]()
    log = folder / "leadership.log"
    try:
        while not log.exists() or log.read_bytes().count(b"begins") < BEGINNINGS:
            while len(alive) < CONTENDERS:
                alive.append(forks.Process(target=contend, args=(folder, draw.getrandbits(32))))
                alive[-1].start()
            wait([process.sentinel for process in alive], timeout=draw.random() * 0.02)
            if draw.random() < 0.3:
                draw.choice(alive).kill()
            alive = [process for process in alive if process.is_alive()]
    finally:
        for process in alive:
            process.kill()
            process.join()


def reigns(log: Path) -> list[tuple[str, bool]]:
    """Answer who led, one after the other, and whether that was by giving the lock back.

    Raises:
        AssertionError: somebody said that he leads after somebody else had begun to.
    """
    found: list[tuple[str, bool]] = []
    killed: set[str] = set()
    for number, line in enumerate(log.read_text().splitlines(), start=1):
        pid, what = line.split()
        if what == "begins":
            if found and not found[-1][1]:  # it did not end, so it must be dead
                killed.add(found[-1][0])
            assert pid not in killed, f"line {number}: {pid} led on while another one began"
            found.append((pid, False))
        else:
            assert found[-1] == (pid, False), f"line {number}: {pid} leads beside {found[-1][0]}"
            found[-1] = (pid, what == "ends")
    return found


@pytest.mark.timeout(60)
def test_a_thousand_takeovers_never_have_two_leaders(tmp_path: Path) -> None:
    """By the log that every leader writes to: one reign after the other, none beside another."""
    forks.set_forkserver_preload([__name__])

    keep_contending(tmp_path)
    led = reigns(tmp_path / "leadership.log")
    takeovers = sum(earlier[0] != later[0] for earlier, later in pairwise(led))

    assert takeovers >= TAKEOVERS
    assert len({pid for pid, _ in led}) >= TAKEOVERS / 10
    assert sum(not ended for _, ended in led) >= TAKEOVERS / 5, "too few were killed while they led"


def test_a_second_leader_would_be_found(tmp_path: Path) -> None:
    """The log of two that lead at once fails the check."""
    log = tmp_path / "leadership.log"
    log.write_text("1 begins\n1 leads\n2 begins\n1 leads\n")

    with pytest.raises(AssertionError, match="line 4: 1 leads beside 2"):
        reigns(log)
