"""The priority job queue: order, bounds, ends of every kind, and its own end."""

from __future__ import annotations

import asyncio
import collections
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.errors import PermanentError
from bot.tasks import register
from bot.tasks.guard import ForeignLoopError
from bot.tasks.jobs import (
    Job,
    JobCancelledError,
    JobId,
    JobQueue,
    Priority,
    QueueClosedError,
    QueueFullError,
)
from bot.tasks.manager import TaskManager
from tests.fakes import FakeDraw
from tests.virtual_time import VirtualTimeLoop, turns

pytestmark = pytest.mark.virtual_time


def loop_time() -> float:
    return asyncio.get_running_loop().time()


def queue(**options: Any) -> JobQueue:
    options = {
        "tasks": TaskManager(), "workers": 1, "size": 10, "clock": loop_time, "draw": FakeDraw(0.0),
        **options,
    }  # fmt: skip
    return JobQueue(**options)


@pytest.fixture
async def jobs() -> AsyncIterator[JobQueue]:
    async with queue() as jobs:
        yield jobs


async def working(value: str = "answer", *, takes_s: float = 1.0) -> str:
    await asyncio.sleep(takes_s)
    return value


class Flaky:
    """Fails so many times, then answers."""

    def __init__(self, *failures: Exception) -> None:
        self.failures, self.called_at = list(failures), list[float]()

    async def __call__(self) -> str:
        self.called_at.append(loop_time())
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        return "at last"


class Refusing:
    """Goes on whatever is said to it, until it is released."""

    def __init__(self) -> None:
        self.released = asyncio.Event()

    async def __call__(self) -> None:
        while not self.released.is_set():
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                continue


async def test_a_job_is_queued_then_runs_then_is_done(jobs: JobQueue) -> None:
    """Its status says how far it came, and its result can be awaited."""
    job = jobs.submit(working)
    statuses = [job.status]
    await turns()
    statuses.append(job.status)
    result = await job.result()

    assert [*statuses, job.status, result] == ["queued", "running", "done", "answer"]
    assert await job.result() == "answer"
    assert jobs.snapshot().done == 1


async def test_every_job_has_an_id_under_which_it_is_found(jobs: JobQueue) -> None:
    """While it waits, while it runs and after its end."""
    first = jobs.submit(functools.partial(working, takes_s=4.0), name="report")
    second = jobs.submit(working)
    await asyncio.sleep(1)
    record = jobs.find(first.id)

    assert (first.id, second.id) == (1, 2)
    assert record is not None
    assert (record.name, record.status, record.attempts, record.ran_s) == (
        "report",
        "running",
        1,
        1,
    )
    await jobs.join()
    record = jobs.find(second.id)
    assert record is not None
    assert (record.name, record.status, record.waited_s) == ("working", "done", 4.0)
    assert jobs.find(JobId(99)) is None


async def order_of(priorities: list[int]) -> list[int]:
    """Submit jobs while the only worker is busy; answer in which order they were begun."""
    begun: list[int] = []

    async def begin(number: int) -> None:
        begun.append(number)

    async with queue(size=len(priorities) + 1) as jobs:
        jobs.submit(working)
        await turns(3)
        for number, priority in enumerate(priorities):
            jobs.submit(functools.partial(begin, number), priority=priority)
        await jobs.join()
    return begun


async def test_the_important_goes_first() -> None:
    """High before normal before low."""
    assert await order_of([Priority.LOW, Priority.NORMAL, Priority.HIGH]) == [2, 1, 0]


@given(st.lists(st.integers(-3, 3), max_size=30))
def test_first_come_first_served_within_a_priority(priorities: list[int]) -> None:
    """The order is that of a stable sort by priority."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        begun = runner.run(order_of(priorities))

    assert begun == sorted(range(len(priorities)), key=lambda number: priorities[number])


async def test_so_many_workers_so_many_jobs_at_a_time() -> None:
    """Never more, and never fewer while jobs wait."""
    async with queue(workers=3, size=100) as jobs:
        for _ in range(7):
            jobs.submit(working)
        await asyncio.sleep(0.5)
        during = jobs.snapshot()
        await jobs.join()

    assert (during.running, during.queued) == (3, 4)
    assert loop_time() == pytest.approx(3)


async def test_a_full_queue_says_so(jobs: JobQueue) -> None:
    """The job that runs is not counted, the ones that wait are."""
    jobs.submit(working)
    await turns(3)
    for _ in range(10):
        jobs.submit(working)

    with pytest.raises(QueueFullError, match="full: 10 jobs wait; try again later"):
        jobs.submit(working)


async def test_a_cancelled_job_makes_room(jobs: JobQueue) -> None:
    """What does not wait any more does not count, and leaves nothing behind."""
    jobs.submit(functools.partial(working, takes_s=3600))
    await turns(3)
    waiting = collections.deque(jobs.submit(working) for _ in range(10))
    with capture_logs():
        for _ in range(500):
            waiting.popleft().cancel()
            waiting.append(jobs.submit(working))

    assert jobs.snapshot().queued == 10
    assert len(jobs._line._heap) < 50


async def test_a_queued_job_can_be_cancelled(jobs: JobQueue) -> None:
    """It never begins, and whoever awaits it is told."""
    jobs.submit(working)
    job = jobs.submit(working)
    waiting = asyncio.create_task(job.result())
    await turns()

    assert jobs.cancel(job.id)
    with pytest.raises(JobCancelledError, match=r"job 2 \(working\) was cancelled: asked for"):
        await waiting
    assert (job.status, job.attempts, job.cancel()) == ("cancelled", 0, False)


async def test_a_running_job_can_be_cancelled(jobs: JobQueue) -> None:
    """Its clean-up is awaited before it counts as cancelled; the worker takes the next."""
    cleaned_up_at: list[float] = []

    async def cleaning() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(1)
            cleaned_up_at.append(loop_time())

    job, following = jobs.submit(cleaning), jobs.submit(working)
    await asyncio.sleep(1)
    assert (job.cancel(), job.cancel()) == (True, False)
    with pytest.raises(JobCancelledError):
        await job.result()

    assert cleaned_up_at == pytest.approx([2])
    assert await following.result() == "answer"


async def test_a_job_that_ends_well_in_spite_of_its_cancellation_is_done(jobs: JobQueue) -> None:
    """A result that is there is not thrown away."""

    async def finishing() -> str:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return "finished first"
        return "never"

    job = jobs.submit(finishing)
    await asyncio.sleep(1)
    job.cancel()

    assert await job.result() == "finished first"
    assert job.status == "done"


async def test_a_job_that_fails_raises_its_error_where_it_is_awaited(jobs: JobQueue) -> None:
    """It is logged once with its traceback, and counted."""
    with capture_logs() as logs:
        job = jobs.submit(Flaky(LookupError("mine")), name="fetch")
        with pytest.raises(LookupError, match="mine"):
            await job.result()
        await turns()

    (failed,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert (failed["event"], failed["name"], failed["attempt"]) == ("job.failed", "fetch", 1)
    assert isinstance(failed["exc_info"], LookupError)
    assert (job.status, jobs.snapshot().failed) == ("failed", 1)
    assert jobs.history[-1].error == "LookupError"


async def test_a_job_nobody_awaits_may_fail(jobs: JobQueue) -> None:
    """No exception is left that Python would complain about."""
    with capture_logs():
        jobs.submit(Flaky(LookupError("mine")))
        await jobs.join()

    assert jobs.snapshot().failed == 1


async def test_a_failed_job_is_tried_again_with_a_growing_pause(jobs: JobQueue) -> None:
    """After 1 s and 2 s; the worker does something else meanwhile."""
    flaky = Flaky(LookupError(), TimeoutError())
    with capture_logs() as logs:
        job = jobs.submit(flaky, retries=3)
        await turns()
        status = job.status
        between = jobs.submit(functools.partial(working, takes_s=0.5))
        assert await between.result() == "answer"
        assert loop_time() == pytest.approx(0.5)
        assert jobs.snapshot().queued == 1
        assert await job.result() == "at last"

    assert flaky.called_at == pytest.approx([0, 1, 3])
    assert (status, job.attempts) == ("retrying", 3)
    assert [entry["event"] for entry in logs if entry["log_level"] != "debug"] == [
        "job.postponed", "job.postponed",
    ]  # fmt: skip


async def test_after_the_last_retry_it_has_failed(jobs: JobQueue) -> None:
    """So many retries and no more; the last error counts."""
    flaky = Flaky(LookupError("1"), LookupError("2"), LookupError("3"))
    with capture_logs(), pytest.raises(LookupError, match="2"):
        await jobs.submit(flaky, retries=1).result()

    assert len(flaky.called_at) == 2


@pytest.mark.parametrize(
    ("error", "retry_on"),
    [
        pytest.param(PermanentError("token", "mend it"), (Exception,), id="permanent"),
        pytest.param(LookupError(), (OSError,), id="not asked for"),
    ],
)
async def test_what_another_attempt_would_not_mend_is_not_tried_again(
    jobs: JobQueue, error: Exception, retry_on: tuple[type[Exception], ...]
) -> None:
    """A permanent error, or a kind that is not on the list, fails at once."""
    flaky = Flaky(error)
    with capture_logs():
        job = jobs.submit(flaky, retries=5, retry_on=retry_on)
        await jobs.join()

    assert (job.status, len(flaky.called_at)) == ("failed", 1)


async def test_a_job_that_waits_for_its_retry_can_be_cancelled(jobs: JobQueue) -> None:
    """No further attempt is made."""
    flaky = Flaky(LookupError(), LookupError())
    with capture_logs():
        job = jobs.submit(flaky, retries=5)
        await turns()
        assert job.cancel()
        await asyncio.sleep(100)

    assert (job.status, len(flaky.called_at)) == ("cancelled", 1)


async def test_an_attempt_that_takes_too_long_is_ended(jobs: JobQueue) -> None:
    """It counts as failed with a TimeoutError that names the job."""
    with capture_logs():
        job = jobs.submit(functools.partial(working, takes_s=3600), timeout_s=2.0)
        with pytest.raises(TimeoutError, match=r"job 1 \(working\) took longer than 2 s"):
            await job.result()

    assert loop_time() == pytest.approx(2)


async def test_an_attempt_that_took_too_long_is_tried_again(jobs: JobQueue) -> None:
    """Each attempt has the limit for itself."""
    with capture_logs():
        job = jobs.submit(functools.partial(working, takes_s=3600), timeout_s=2.0, retries=1)
        await jobs.join()

    assert job.attempts == 2
    assert loop_time() == pytest.approx(2 + 1 + 2)


async def test_a_job_that_will_not_stop_does_not_keep_its_worker(jobs: JobQueue) -> None:
    """It is named and left behind; it is not tried again while it still runs."""
    refusing = Refusing()
    with capture_logs() as logs:
        job = jobs.submit(refusing, timeout_s=1.0, retries=5, name="refusing")
        following = jobs.submit(working)
        assert await following.result() == "answer"

    (entry,) = [entry for entry in logs if entry["event"] == "job.not_stopped"]
    assert (entry["name"], job.status, job.attempts) == ("refusing", "failed", 1)
    assert "wait" in entry["waiting_at"]
    refusing.released.set()
    await turns()


async def test_a_job_that_cancels_itself_is_cancelled(jobs: JobQueue) -> None:
    """The worker is not touched by it."""

    async def cancelling() -> None:
        raise asyncio.CancelledError

    with capture_logs():
        job = jobs.submit(cancelling)
        with pytest.raises(JobCancelledError, match="by its own code"):
            await job.result()

    assert await jobs.submit(working).result() == "answer"


async def test_who_stops_waiting_does_not_stop_the_job(jobs: JobQueue) -> None:
    """The job belongs to the queue."""
    job = jobs.submit(working)
    waiting = asyncio.create_task(job.result())
    await turns()
    waiting.cancel()
    await asyncio.wait({waiting})

    assert await job.result() == "answer"


async def test_at_the_end_everybody_who_waits_is_told() -> None:
    """Queued, retrying and running jobs are cancelled, and nobody hangs."""
    with capture_logs():
        async with queue(workers=2) as jobs:
            retrying = jobs.submit(Flaky(LookupError()), retries=1)
            await turns()
            submitted: list[Job[Any]] = [retrying]
            submitted += [jobs.submit(functools.partial(working, takes_s=60)) for _ in range(5)]
            waiting = [asyncio.create_task(job.result()) for job in submitted]
            await turns()
            statuses = [job.status for job in submitted]
        ends = await asyncio.gather(*waiting, return_exceptions=True)

    assert statuses == ["retrying", "running", "running", "queued", "queued", "queued"]
    assert [type(end) for end in ends] == [JobCancelledError] * 6
    assert all("the bot is stopping" in str(end) for end in ends)
    assert len(asyncio.all_tasks()) == 1
    with pytest.raises(QueueClosedError):
        jobs.submit(working)


async def test_at_the_end_a_job_that_will_not_stop_holds_nobody() -> None:
    """Whoever awaits it is told as well, in bounded time."""
    refusing = Refusing()
    with capture_logs() as logs:
        async with queue() as jobs:
            job = jobs.submit(refusing)
            await turns()
        with pytest.raises(JobCancelledError, match="stopping"):
            await job.result()

    assert "job.not_stopped" in [entry["event"] for entry in logs]
    assert loop_time() <= 4.0
    refusing.released.set()
    await turns()


async def test_when_others_end_the_workers_nobody_waits_in_vain() -> None:
    """After a shutdown of all tasks the queue is closed, and its jobs are cancelled."""
    with capture_logs():
        async with TaskManager() as manager, queue(tasks=manager) as jobs:
            waiting = [jobs.submit(working) for _ in range(3)]
            await turns()
            await manager.shutdown(5.0)

            assert [job.status for job in waiting] == ["cancelled"] * 3
            with pytest.raises(QueueClosedError):
                jobs.submit(working)


async def test_a_queue_that_was_not_entered_is_closed() -> None:
    """It would never run the job."""
    with pytest.raises(QueueClosedError):
        queue().submit(working)


async def test_a_queue_is_entered_once(jobs: JobQueue) -> None:
    """A second set of workers is not made."""
    with pytest.raises(RuntimeError, match="in use already"):
        await jobs.__aenter__()


@pytest.mark.parametrize(
    ("submit", "message"),
    [
        pytest.param(lambda jobs: jobs.submit(working()), "submit the function", id="coroutine"),
        pytest.param(lambda jobs: jobs.submit("working"), "must be callable", id="text"),
        pytest.param(lambda jobs: jobs.submit(working, timeout_s=0), "timeout_s", id="no time"),
        pytest.param(
            lambda jobs: jobs.submit(working, timeout_s=float("nan")), "timeout_s", id="nan"
        ),
        pytest.param(lambda jobs: jobs.submit(working, retries=-1), "retries", id="retries"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    jobs: JobQueue, submit: Callable[[JobQueue], object], message: str
) -> None:
    """The error says what is wrong; a coroutine is closed."""
    with pytest.raises(ValueError, match=message):
        submit(jobs)


@pytest.mark.parametrize(("workers", "size"), [(0, 1), (1, 0)])
def test_a_queue_without_workers_or_room_is_refused(workers: int, size: int) -> None:
    """Nothing could ever run."""
    with pytest.raises(ValueError, match="must be 1 or more"):
        JobQueue(tasks=TaskManager(), workers=workers, size=size)


async def test_a_job_from_another_thread_is_refused_with_advice(jobs: JobQueue) -> None:
    """The error names the way into the loop."""

    def submit() -> Awaitable[str]:
        return jobs.submit(working).result()

    with pytest.raises(ForeignLoopError, match="call_soon_threadsafe"):
        await asyncio.to_thread(submit)


async def test_finished_jobs_are_remembered_but_not_for_ever() -> None:
    """Constant memory however many jobs have run."""
    async with queue(size=2000) as jobs:
        for _ in range(1000):
            jobs.submit(functools.partial(working, takes_s=0.0))
        await jobs.join()

    assert len(jobs.history) == register.HISTORY
    assert jobs.history[-1].id == 1000
    assert (jobs.snapshot().done, jobs.snapshot().queued) == (1000, 0)
