"""What the gateway keeps on disk: quarantine, login budget, the time of the next try."""

from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import cast

import discord
import orjson
import pytest

from bot.gateway.actions import BackOff, Hold
from bot.gateway.identify_budget import Limits
from bot.gateway.identify_ledger import IdentifyLedger
from bot.gateway.pace import Pace
from bot.gateway.quarantine import Quarantine, Quarantined
from bot.gateway.signals import DelayOver, StopAsked
from bot.gateway.statefile import StateFile
from bot.gateway.waits import Waits
from tests.fakes import FakeClock
from watchdog.heartbeat.clocks import Reading


def entry(raw: str = "{}") -> Quarantined:
    """Answer something to set aside."""
    return Quarantined(
        at_s=1.0, shard_id=0, op=0, event="X", sequence=1, error="KeyError('id')", raw=raw
    )


async def test_the_quarantine_writes_in_order(tmp_path: Path) -> None:
    """By a thread of its own; what waits at the end is written too."""
    quarantine = Quarantine(tmp_path / "logs" / "quarantine.jsonl")
    for number in range(20):
        quarantine.put(entry(str(number)))
    await quarantine.close()
    lines = (tmp_path / "logs" / "quarantine.jsonl").read_bytes().splitlines()

    assert [orjson.loads(line)["raw"] for line in lines] == [str(n) for n in range(20)]
    assert (quarantine.count, quarantine.unwritten) == (20, 0)


def test_the_quarantine_never_fills_the_disk(tmp_path: Path) -> None:
    """One old file is kept, no more."""
    quarantine = Quarantine(tmp_path / "q.jsonl", max_file_bytes=4000)
    for _ in range(50):
        quarantine.append(entry("x" * 1000))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["q.jsonl", "q.jsonl.1"]
    assert all(path.stat().st_size <= 4000 for path in tmp_path.iterdir())
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


async def test_a_quarantine_that_can_not_be_written_is_counted(tmp_path: Path) -> None:
    """A link is not followed; nothing is raised where events are read."""
    (tmp_path / "elsewhere").write_text("untouched")
    (tmp_path / "q.jsonl").symlink_to(tmp_path / "elsewhere")
    quarantine = Quarantine(tmp_path / "q.jsonl")
    quarantine.put(entry())
    await quarantine.close()

    assert (quarantine.count, quarantine.unwritten) == (1, 1)
    assert (tmp_path / "elsewhere").read_text() == "untouched"


def ledger(
    path: Path, clock: FakeClock, most: int = 3, *, monotonic: FakeClock | None = None
) -> IdentifyLedger:
    """Answer a ledger as a new process would have it; *monotonic* if *clock* is set anew."""

    def reading() -> Reading:
        return Reading(ahead_s=clock() - monotonic() if monotonic else 0.0, boot_id="boot")

    limits = Limits(max_10_min=most)
    return IdentifyLedger(path, limits, wall_clock=clock, reading=reading)


async def test_logins_are_counted_over_processes(tmp_path: Path) -> None:
    """Each of them is on disk, for its owner alone, before the next one is allowed."""
    clock, path = FakeClock(1_700_000_000.0), tmp_path / "identify.json"
    free = []
    for _ in range(4):
        process = ledger(path, clock)
        free.append(await process.free_at_s())
        if free[-1] is None:
            await process.record()
        clock.advance(10)

    assert free == [None, None, None, 1_700_000_600.0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("set_s", [-7200.0, -1.0, 3600.0, 90_000.0])
@pytest.mark.parametrize("over_processes", [True, False])
async def test_a_wall_clock_that_is_set_anew_frees_no_login(
    tmp_path: Path, set_s: float, over_processes: bool
) -> None:
    """What counts within one boot is how long ago a login was, whatever the time of day is."""
    clock, monotonic = FakeClock(1_700_000_000.0), FakeClock(50.0)
    process = first = ledger(tmp_path / "identify.json", clock, most=1, monotonic=monotonic)
    await process.record()
    clock.advance(set_s)
    if over_processes:
        process = ledger(tmp_path / "identify.json", clock, most=1, monotonic=monotonic)
    held_until_s = await process.free_at_s()
    clock.advance(601)
    monotonic.advance(601)

    assert held_until_s == pytest.approx(clock() - 1.0)
    assert await process.free_at_s() is None
    assert await first.free_at_s() is None


async def test_a_broken_budget_file_leaves_one_login(tmp_path: Path) -> None:
    """And is whole again after it."""
    clock, path = FakeClock(1_700_000_000.0), tmp_path / "identify.json"
    path.write_bytes(b"\x00" * 100)
    process = ledger(path, clock)
    before = await process.free_at_s()
    await process.record()
    after = await ledger(path, clock).free_at_s()

    assert (before, after) == (None, 1_700_000_600.0)


async def test_a_disk_that_fails_does_not_stop_the_bot(tmp_path: Path) -> None:
    """The budget goes on in memory."""
    process = ledger(tmp_path / "gone" / "identify.json", FakeClock(1_700_000_000.0), most=1)
    await process.record()

    assert await process.free_at_s() == 1_700_000_600.0


class Closing:
    """As much of a client as a wait looks at."""

    def __init__(self, *, closed: bool = False) -> None:
        self.closed = closed

    def is_closed(self) -> bool:
        """Answer whether it was closed."""
        return self.closed


class Slept:
    """Two clocks that go on while somebody sleeps; the wall clock may be set meanwhile."""

    def __init__(self, *, jump_s: float = 0.0) -> None:
        self.clock, self.wall_clock = FakeClock(), FakeClock(1_700_000_000.0)
        self._jump_s = jump_s

    async def sleep(self, seconds: float) -> None:
        """Let time go by."""
        self.clock.advance(seconds)
        self.wall_clock.advance(seconds + self._jump_s)
        self._jump_s = 0.0


def waits(path: Path, slept: Slept, client: Closing | None = None) -> Waits:
    """Answer waits in a time of their own."""
    pace = Pace(clock=slept.clock, wall_clock=slept.wall_clock, sleep=slept.sleep, draw=lambda: 0.5)
    seen = cast(discord.Client, client or Closing())
    return Waits(seen, StateFile(path), subject="gateway", pace=pace)


@pytest.mark.parametrize(
    ("jump_s", "waited_s"),
    [
        pytest.param(0.0, 30.0, id="no jump"),
        pytest.param(-3600.0, 30.0, id="set back an hour"),
        pytest.param(3600.0, 1.0, id="slept through it"),
    ],
)
async def test_a_wait_ends_by_either_clock(jump_s: float, waited_s: float, tmp_path: Path) -> None:
    """A clock that is set back must not make it an hour longer."""
    slept = Slept(jump_s=jump_s)
    signal = await waits(tmp_path / "r", slept).wait(30.0, "reason")

    assert signal == DelayOver()
    assert slept.clock.now_s - 1000.0 == pytest.approx(waited_s)


async def test_a_wait_that_discord_asked_for_is_on_disk(tmp_path: Path) -> None:
    """Another process honours what is left of it; our own backoff is nobody else's."""
    path, slept = tmp_path / "retry.json", Slept()
    await waits(path, slept).carry_out(BackOff(attempt=1, reason="refused"))
    alone = path.exists()
    closed = waits(path, slept, Closing(closed=True))
    asked = BackOff(attempt=1, reason="rate_limited", at_least_s=600.0)
    stopped = await closed.carry_out(asked)
    slept.clock.advance(100)
    slept.wall_clock.advance(100)
    began_s = slept.clock.now_s
    await waits(path, slept).honour_disk()

    assert (alone, stopped) == (False, StopAsked())
    assert slept.clock.now_s - began_s == pytest.approx(500, abs=1)


async def test_a_hold_says_why_and_until_when(tmp_path: Path) -> None:
    """For the heartbeat, as long as it lasts."""
    slept = Slept()
    held = waits(tmp_path / "r", slept)
    seen = []

    async def look(seconds: float) -> None:
        seen.append((held.reason, held.retry_at_s))
        await Slept.sleep(slept, seconds)

    slept.sleep = look  # type: ignore[method-assign]
    held = waits(tmp_path / "r", slept)
    until_s = slept.wall_clock.now_s + 2
    await held.carry_out(Hold(until_s=until_s, reason="identify_budget"))

    assert seen == [("identify_budget", until_s)] * 2
    assert (held.reason, held.retry_at_s) == (None, None)


async def test_a_file_that_is_not_ours_is_not_believed(tmp_path: Path) -> None:
    """A link in its place may lead anywhere."""
    (tmp_path / "elsewhere").write_bytes(b"{}")
    (tmp_path / "retry.json").symlink_to(tmp_path / "elsewhere")
    began_s = time.monotonic()

    assert await StateFile(tmp_path / "retry.json").read() == b""
    assert await waits(tmp_path / "retry.json", Slept()).honour_disk() == DelayOver()
    assert time.monotonic() - began_s < 5
