"""The writer's thread, a real loop and a real disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.heartbeat.beatfile import BeatFile
from bot.heartbeat.process import ProcessFacts
from bot.heartbeat.pulse import LoopPulse
from bot.heartbeat.sources import Sources
from bot.heartbeat.stages import process_age_s
from bot.heartbeat.writer import HeartbeatWriter
from watchdog.heartbeat import file, identity
from watchdog.heartbeat.schema import Failure, Heartbeat, Jobs, State, Tasks, decode

INTERVAL_S = 0.1
PATIENCE_S = 20.0

Make = Callable[..., HeartbeatWriter]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "heartbeat.json"


@pytest.fixture
def make(path: Path) -> Iterator[Make]:
    made: list[HeartbeatWriter] = []

    def build(pulse: LoopPulse, **options: Any) -> HeartbeatWriter:
        options = {"sources": Sources(), "interval_s": INTERVAL_S, **options}
        made.append(HeartbeatWriter(path, pulse=pulse, **options))
        return made[-1]

    yield build
    for writer in made:
        writer.stop()


def beat_on_disk(path: Path) -> Heartbeat | None:
    try:
        return decode(file.read(path))
    except FileNotFoundError:
        return None


async def wait_until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until *condition* holds; how long that takes proves nothing."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "it never came to be"
        await asyncio.sleep(0.01)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def remove(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()


def sequence(path: Path) -> int:
    beat = beat_on_disk(path)
    return beat.sequence if beat is not None else 0


async def test_beats_follow_each_other_on_disk(make: Make, path: Path) -> None:
    """The folder is made, closed to others, and the beats carry pulse and process."""
    async with LoopPulse(interval_s=0.02) as pulse:
        make(pulse).start()
        await wait_until(lambda: sequence(path) >= 5)
        beat = beat_on_disk(path)

    assert beat is not None
    assert beat.loop.pulse > 0
    assert (beat.pid, beat.process_started) == (os.getpid(), identity.own().started)
    assert beat.process.rss_bytes > 1_000_000
    assert beat.process.threads >= 2
    assert beat.process.open_files_limit > beat.process.open_files > 3
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)


async def test_a_blocked_loop_is_seen_with_the_line_that_blocks_it(make: Make, path: Path) -> None:
    """Beats go on, the pulse does not, and the stack names this function."""
    async with LoopPulse(interval_s=0.02) as pulse:
        writer = make(pulse, slow_s=0.1)
        writer.start()
        await wait_until(lambda: sequence(path) >= 2)
        deadline_s = time.monotonic() + PATIENCE_S
        stack = None
        while stack is None and time.monotonic() < deadline_s:
            time.sleep(0.05)  # noqa: ASYNC251 - the fault: the loop does not turn while this test looks
            beat = beat_on_disk(path)
            stack = beat.loop.stack if beat is not None else None
        await wait_until(lambda: (last := writer.last) is not None and last.loop.blocked_s == 0.0)

    assert stack is not None
    assert "test_a_blocked_loop_is_seen" in stack
    assert "time.sleep" in stack


async def test_the_thread_ends_at_once(make: Make, path: Path) -> None:
    """A stop does not wait for the next beat of a long interval."""
    async with LoopPulse() as pulse:
        writer = make(pulse, interval_s=10.0)
        writer.start()
        await wait_until(lambda: sequence(path) == 1)
        began_s = time.monotonic()
        ended = writer.stop(timeout_s=5.0)

    assert ended is True
    assert time.monotonic() - began_s < 3.0


async def test_the_final_beat_is_the_last_one(make: Make, path: Path) -> None:
    """After it nothing is written any more."""
    async with LoopPulse(interval_s=0.02) as pulse:
        writer = make(pulse)
        writer.start()
        await wait_until(lambda: sequence(path) >= 2)
        written = writer.write_final("stopping", Failure(kind="k", message="m"))
        final = sequence(path)
        await asyncio.sleep(3 * INTERVAL_S)
        beat = beat_on_disk(path)

    assert written is True
    assert beat is not None
    assert (beat.state, beat.sequence) == ("stopping", final)
    assert beat.failure == Failure(kind="k", message="m")


async def test_a_final_beat_needs_no_thread_before(make: Make, path: Path) -> None:
    """A process that gives up before it began to beat says why all the same."""
    async with LoopPulse() as pulse:
        written = make(pulse).write_final("failed", Failure(kind="invalid_settings", message="m"))

    assert written is True
    assert sequence(path) == 1


class UnheardOfError(Exception):
    """Of a kind that nobody isolates."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [SystemExit, UnheardOfError])
async def test_a_thread_that_died_is_replaced_by_the_loop(
    make: Make, path: Path, error: type[BaseException]
) -> None:
    """The pulse starts another one, which does not ask what killed the first."""

    def jobs() -> Jobs:
        raise error

    async with LoopPulse(interval_s=0.02) as pulse:
        writer = make(pulse, sources=Sources(state=lambda: "ready", jobs=jobs))
        writer.start()
        await wait_until(lambda: sequence(path) >= 5)
        beat = beat_on_disk(path)

    assert writer.revivals == 1
    assert beat is not None
    assert (beat.state, beat.jobs) == ("ready", Jobs())


async def test_a_thread_that_hangs_in_a_source_is_replaced_without_it(
    make: Make, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The beat goes on without that part, and has it again once the source answers."""
    monkeypatch.setattr("bot.heartbeat.writer.STALLED_AFTER_S", 0.3)
    lock, hung = threading.Lock(), threading.Event()

    def tasks() -> Tasks:
        if lock.locked():
            hung.set()
        with lock:
            return Tasks(active=7)

    async with LoopPulse(interval_s=0.02) as pulse:
        writer = make(pulse, sources=Sources(tasks=tasks))
        with lock:
            writer.start()
            await wait_until(lambda: sequence(path) >= 2)
            without = writer.last
        await wait_until(lambda: (last := writer.last) is not None and last.tasks.active == 7)

    assert hung.is_set()
    assert without is not None
    assert without.tasks == Tasks()
    assert writer.revivals == 1


async def test_a_slow_disk_holds_nobody(
    make: Make, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a write hangs the loop turns, and no second thread is sent after the first."""
    monkeypatch.setattr("bot.heartbeat.writer.STALLED_AFTER_S", 0.1)
    release, writing = threading.Event(), threading.Event()

    def slow_write(target: Path, raw: bytes) -> None:
        writing.set()
        release.wait(PATIENCE_S)
        file.write(target, raw)

    async with LoopPulse(interval_s=0.02) as pulse:
        writer = make(pulse, write=slow_write)
        writer.start()
        await wait_until(writing.is_set)
        count = pulse.count
        await wait_until(lambda: pulse.count >= count + 20)
        revivals, threads = writer.revivals, threading.active_count()
        release.set()
        await wait_until(lambda: sequence(path) >= 1)

    assert revivals == 0
    assert threads <= threading.active_count() + 1


async def test_a_final_beat_on_a_disk_that_hangs_gives_up(make: Make) -> None:
    """The process must end, whatever the disk does."""
    release = threading.Event()

    def stuck_write(target: Path, raw: bytes) -> None:
        release.wait(PATIENCE_S)

    async with LoopPulse() as pulse:
        writer = make(pulse, write=stuck_write)
        written = writer.write_final("stopping", timeout_s=0.1)
        release.set()

    assert written is False


async def test_a_folder_that_was_removed_is_made_again(make: Make, path: Path) -> None:
    """Somebody tidied up; the next beat is there again."""
    async with LoopPulse(interval_s=0.02) as pulse:
        make(pulse).start()
        await wait_until(lambda: sequence(path) >= 1)
        remove(path)
        await wait_until(lambda: sequence(path) >= 2)

    assert mode(path.parent) == 0o700


async def test_a_folder_in_the_way_is_put_aside(make: Make, path: Path) -> None:
    """The beat is there again, and what lay in the folder is kept."""
    (path / "theirs").mkdir(parents=True)
    async with LoopPulse(interval_s=0.02) as pulse:
        make(pulse).start()
        await wait_until(lambda: path.is_file() and sequence(path) >= 1)

    assert [kept.name for kept in path.parent.glob("*.aside-*/*")] == ["theirs"]


async def test_a_read_only_place_is_counted_and_survived(make: Make, path: Path) -> None:
    """A file where the folder should be: nothing can be written, nothing is raised."""
    path.parent.write_text("in the way")
    async with LoopPulse(interval_s=0.02) as pulse:
        writer = make(pulse)
        writer.start()
        await wait_until(lambda: writer.failed_writes >= 2)
        path.parent.unlink()
        await wait_until(lambda: sequence(path) >= 1)

    assert writer.revivals == 0


def test_a_beat_is_written_with_every_descriptor_in_use(path: Path) -> None:
    """A leak of descriptors is told by the beat that it would prevent."""
    beat_file = BeatFile()
    beat_file.prepare(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    facts = ProcessFacts()
    leaked: list[int] = []
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 8, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                leaked.append(os.open(os.devnull, os.O_RDONLY))
        beat_file.replace(path, b"{}")
        process = facts.snapshot()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in leaked:
            os.close(descriptor)
        beat_file.close()

    assert path.read_bytes() == b"{}"
    assert process.open_files == process.open_files_limit == highest + 8


def test_what_a_killed_writer_left_is_removed(path: Path) -> None:
    """Only of processes that are no more; what others are writing stays."""
    path.parent.mkdir()
    dead = path.with_name(f".{path.name}.{2**22 + 1}")  # past the highest pid of Linux
    living = path.with_name(f".{path.name}.{os.getppid()}")
    foreign = path.with_name(f".{path.name}.backup")
    for leftover in (dead, living, foreign):
        leftover.write_text("torn")

    beat_file = BeatFile()
    beat_file.prepare(path)
    beat_file.close()

    assert not dead.exists()
    assert living.exists()
    assert foreign.exists()


def test_process_facts_agree_with_another_reading() -> None:
    """Against psutil, which reads the same things another way."""
    import psutil

    facts = ProcessFacts()
    process = psutil.Process()

    snapshot = facts.snapshot()

    assert snapshot.rss_bytes == pytest.approx(process.memory_info().rss, rel=0.2)
    assert snapshot.threads == process.num_threads()
    assert snapshot.threads < snapshot.threads_limit <= 2**22  # no kernel has more
    assert snapshot.open_files == pytest.approx(process.num_fds(), abs=3)


def test_cpu_percent_rises_with_work() -> None:
    """A thread that computes shows."""
    facts = ProcessFacts()
    deadline_s = time.process_time() + 0.2
    while time.process_time() < deadline_s:
        pass

    percent = facts.snapshot().cpu_percent

    assert percent > 1.0


def test_the_age_of_this_process_is_known() -> None:
    """Older than this test, younger than the machine."""
    age_s = process_age_s()

    assert 0.0 < age_s < time.clock_gettime(time.CLOCK_BOOTTIME)


async def test_a_pulse_goes_on_when_a_watcher_raises() -> None:
    """The next timer is set before anybody else is called."""
    loop = asyncio.get_running_loop()
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: told.append(context))

    def broken() -> None:
        raise RuntimeError

    async with LoopPulse(interval_s=0.01) as pulse:
        pulse.add_watcher(broken)
        await wait_until(lambda: pulse.count >= 3)

    assert len(told) >= 2


async def test_a_pulse_that_ended_is_silent() -> None:
    """No timer is left behind, and the age grows."""
    async with LoopPulse(interval_s=0.01) as pulse:
        await wait_until(lambda: pulse.count >= 2)
    count = pulse.count

    await asyncio.sleep(0.05)

    assert pulse.count == count
    assert pulse.age_s() > 0.0


async def test_reading_while_the_loop_stamps_never_fails(make: Make) -> None:
    """Threads read pulse and lags at any moment."""
    errors: list[BaseException] = []
    over = threading.Event()

    async with LoopPulse(interval_s=0.001) as pulse:

        def read() -> None:
            try:
                while not over.is_set():
                    pulse.snapshot()
            except BaseException as error:
                errors.append(error)
                raise

        thread = threading.Thread(target=read)
        thread.start()
        await wait_until(lambda: pulse.count >= 100)
        over.set()
        thread.join()

    assert errors == []


async def test_state_follows_the_source(make: Make, path: Path) -> None:
    """A change of state is on disk with the next beat."""
    state: list[State] = ["connecting"]
    async with LoopPulse(interval_s=0.02) as pulse:
        make(pulse, sources=Sources(state=lambda: state[0])).start()
        await wait_until(lambda: (b := beat_on_disk(path)) is not None and b.state == "connecting")
        state[0] = "ready"
        await wait_until(lambda: (b := beat_on_disk(path)) is not None and b.state == "ready")
        beat = beat_on_disk(path)

    assert beat is not None
    assert beat.state == "ready"
