"""The writer's single step, without a thread and without a disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.heartbeat.pulse import LoopPulse
from bot.heartbeat.sources import Sources
from bot.heartbeat.writer import HeartbeatWriter
from tests.fakes import FakeClock
from watchdog.heartbeat.schema import Failure, Heartbeat, Jobs, Process, decode

PATH = Path("state/heartbeat.json")


@dataclass
class FakeDisk:
    """Keeps what was written; raises what it is told to raise."""

    error: OSError | None = None
    written: list[tuple[Path, Heartbeat]] = field(default_factory=list)

    def write(self, path: Path, raw: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.written.append((path, decode(raw)))

    @property
    def beats(self) -> list[Heartbeat]:
        return [beat for _, beat in self.written]


@pytest.fixture
def disk() -> FakeDisk:
    return FakeDisk()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


Make = Callable[..., HeartbeatWriter]


@pytest.fixture
def make(disk: FakeDisk, clock: FakeClock) -> Make:
    def build(**options: Any) -> HeartbeatWriter:
        options = {
            "sources": Sources(),
            "pulse": LoopPulse(clock=clock),
            "stack_of": lambda thread_id: "stack",
            "process": Process,
            **options,
        }
        return HeartbeatWriter(
            PATH,
            interval_s=1.0,
            clock=clock,
            now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
            write=disk.write,
            **options,
        )

    return build


def test_a_beat_is_written_and_kept(make: Make, disk: FakeDisk) -> None:
    """What is on disk is what `last` answers."""
    writer = make(sources=Sources(state=lambda: "ready"))

    written = writer.beat()

    assert written is True
    assert disk.written == [(PATH, writer.last)]
    assert disk.beats[0].state == "ready"


def test_beats_are_numbered_and_of_one_instance(make: Make, disk: FakeDisk) -> None:
    """A reader sees progress, and one life of the process."""
    writer = make()

    writer.beat()
    writer.beat()

    assert [beat.sequence for beat in disk.beats] == [1, 2]
    assert {beat.instance for beat in disk.beats} == {writer.instance}


def test_two_writers_are_two_instances(make: Make) -> None:
    """A beat of another instance is of an earlier life."""
    first, second = make(), make()

    assert first.instance != second.instance


def test_a_failing_write_is_counted_and_the_next_one_tries_again(
    make: Make, disk: FakeDisk
) -> None:
    """A full disk never raises, and never stops the beat."""
    writer = make()
    disk.error = OSError(28, "No space left on device")
    outcomes = [writer.beat(), writer.beat()]
    disk.error = None

    outcomes.append(writer.beat())

    assert outcomes == [False, False, True]
    assert writer.failed_writes == 2
    assert disk.beats[0].sequence == 3


def test_the_last_beat_is_known_though_it_was_not_written(make: Make, disk: FakeDisk) -> None:
    """The status command does not need the disk."""
    writer = make()
    disk.error = OSError(30, "Read-only file system")

    writer.beat()

    assert writer.last is not None
    assert writer.last.sequence == 1


def test_a_broken_source_leaves_its_default(make: Make, disk: FakeDisk) -> None:
    """The beat goes on, the failure is counted."""

    def broken() -> Jobs:
        raise ValueError

    writer = make(sources=Sources(state=lambda: "ready", jobs=broken))

    writer.beat()

    assert (disk.beats[0].state, disk.beats[0].jobs) == ("ready", Jobs())
    assert writer.failed_sources == 1


def test_a_part_that_is_no_json_leaves_state_and_loop(make: Make, disk: FakeDisk) -> None:
    """Better a bare beat than none: none would get the bot killed."""
    beyond_64_bits = Jobs(done=2**70)
    writer = make(sources=Sources(state=lambda: "ready", jobs=lambda: beyond_64_bits))

    written = writer.beat()

    assert written is True
    assert (disk.beats[0].state, disk.beats[0].jobs) == ("ready", Jobs())


def test_a_spare_that_was_promoted_beats_as_the_leader(make: Make, disk: FakeDisk) -> None:
    """Path and role change together."""
    writer = make(role="spare")
    writer.beat()

    writer.redirect(Path("state/other.json"), role="leader")
    writer.beat()

    assert [(path.name, beat.role) for path, beat in disk.written] == [
        ("heartbeat.json", "spare"),
        ("other.json", "leader"),
    ]


def test_the_final_beat_says_why(make: Make, disk: FakeDisk) -> None:
    """State and failure are told in place of what the sources say."""
    writer = make(sources=Sources(state=lambda: "ready"))
    failure = Failure(kind="invalid_token", message="set a new token", permanent=True)

    written = writer.write_final("failed", failure)

    assert written is True
    assert (disk.beats[-1].state, disk.beats[-1].failure) == ("failed", failure)


def test_a_blocked_loop_is_told_with_its_stack(
    make: Make, disk: FakeDisk, clock: FakeClock
) -> None:
    """The beat goes on while the loop does not, and says what holds it."""
    pulse = LoopPulse(interval_s=0.1, clock=clock)
    pulse.thread_id = 1
    writer = make(pulse=pulse)
    writer.beat()
    clock.advance(4.1)

    writer.beat()

    assert [beat.loop.stack for beat in disk.beats] == [None, "stack"]
    assert disk.beats[1].loop.blocked_s == 4.0
