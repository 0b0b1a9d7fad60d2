"""The task manager: what it tracks, counts, tells and ends."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from bot.tasks.manager import TaskManager, TaskScopeError
from tests.fakes import FakeClock
from tests.virtual_time import VirtualTimeLoop, turns

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def manager(clock: FakeClock) -> AsyncIterator[TaskManager]:
    async with TaskManager(clock=clock) as manager:
        yield manager
        await manager.shutdown(1.0)


async def nothing() -> None:
    pass


async def forever() -> None:
    await asyncio.Event().wait()


async def failing(text: str = "mine") -> None:
    raise LookupError(text)


async def stubborn(refusals: int) -> None:
    """End only after so many cancellations, and one more."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            if refusals == 0:
                raise
            refusals -= 1


def named(logs: list[EventDict], event: str) -> list[EventDict]:
    return [entry for entry in logs if entry["event"] == event]


async def test_every_task_of_the_loop_is_tracked_whoever_makes_it() -> None:
    """Tasks of a library that knows nothing of the manager are counted by their names."""
    loop = asyncio.get_running_loop()
    async with TaskManager() as manager:
        tasks = [
            manager.create_task(forever(), name="ours"),
            asyncio.create_task(forever(), name="discord-ui-view-timeout-1"),
            loop.create_task(forever(), name="discord.py: on_ready"),
            asyncio.ensure_future(forever()),
        ]
        await turns()
        answer = manager.snapshot()
        await manager.shutdown(1.0)

    assert set(answer.by_name) == {
        "ours", "discord-ui-view-timeout", "discord.py: on_ready", "Task",
    }  # fmt: skip
    assert answer.active == len(tasks)


async def test_a_task_that_ended_is_counted_by_how_it_ended(
    manager: TaskManager, clock: FakeClock
) -> None:
    """Completed, failed and cancelled are told apart, with how long they took."""
    with capture_logs():
        manager.create_task(nothing(), name="work-1")
        manager.create_task(failing(), name="work-2")
        manager.create_task(forever(), name="work-3").cancel()
        clock.advance(2.0)
        await turns()

    work = manager.snapshot().by_name["work"]

    assert (work.created, work.completed, work.failed, work.cancelled) == (3, 1, 1, 1)
    assert work.p50_ms == pytest.approx(2000, rel=0.07)


async def test_the_oldest_task_of_a_name_has_an_age(manager: TaskManager, clock: FakeClock) -> None:
    """What hangs can be seen by how old it is."""
    manager.create_task(forever(), name="work-1")
    clock.advance(40.0)
    manager.create_task(forever(), name="work-2")
    clock.advance(2.0)

    assert manager.snapshot().by_name["work"].oldest_s == 42.0


async def test_the_name_may_be_given_later(manager: TaskManager) -> None:
    """The name that a task has when it ends is the one that counts."""
    task = asyncio.create_task(nothing())
    task.set_name("renamed")
    await turns()

    assert "renamed" in manager.snapshot().by_name


async def test_context_and_name_reach_the_task(manager: TaskManager) -> None:
    """The factory hands on whatever this Python gives to it."""
    variable = contextvars.ContextVar("variable", default="before")
    context = contextvars.copy_context()

    async def setting() -> None:
        variable.set("inside")

    task = asyncio.create_task(setting(), name="with a context", context=context)
    await task

    assert (context[variable], variable.get()) == ("inside", "before")
    assert task.get_name() == "with a context"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
async def test_tasks_that_begin_at_once_are_tracked_too() -> None:
    """With asyncio's eager factory before ours a task may have ended when it is tracked."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
    try:
        async with TaskManager() as manager:
            eager = asyncio.create_task(nothing(), name="eager")
            assert eager.done()
            await turns()

            assert manager.snapshot().by_name["eager"].completed == 1
    finally:
        loop.set_task_factory(None)


async def test_the_factory_that_was_there_goes_on_making_the_tasks() -> None:
    """Another library's factory is asked, and is back in its place afterwards."""
    loop = asyncio.get_running_loop()
    made: list[str] = []

    def theirs(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(getattr(coro, "__qualname__", ""))
        return asyncio.Task(coro, loop=loop, **options)

    loop.set_task_factory(theirs)
    try:
        async with TaskManager() as manager:
            await asyncio.create_task(nothing())
            await turns()
            assert manager.snapshot().completed == 1
        after = loop.get_task_factory()
    finally:
        loop.set_task_factory(None)

    assert (made, after) == (["nothing"], theirs)


async def test_two_managers_one_in_the_other_both_count() -> None:
    """They are put in front of each other, and taken out in reverse order."""
    loop = asyncio.get_running_loop()
    async with TaskManager() as outer, TaskManager() as inner:
        await asyncio.create_task(nothing())
        await turns()

    assert (outer.snapshot().completed, inner.snapshot().completed) == (1, 1)
    assert loop.get_task_factory() is None
    assert loop.get_exception_handler() is None


async def test_a_factory_put_in_front_later_is_left_alone() -> None:
    """Taking ours out would take theirs out as well; that is said instead."""
    loop = asyncio.get_running_loop()

    def theirs(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        return asyncio.Task(coro, loop=loop, **options)

    try:
        with capture_logs() as logs:
            async with TaskManager():
                loop.set_task_factory(theirs)

        assert loop.get_task_factory() is theirs
        assert named(logs, "task_factory.replaced")
    finally:
        loop.set_task_factory(None)


async def test_a_task_is_tracked_even_without_the_factory(clock: FakeClock) -> None:
    """`create_task` tracks by itself when the manager was not entered."""
    manager = TaskManager(clock=clock)

    await manager.create_task(nothing(), name="alone")
    await turns()

    assert manager.snapshot().by_name["alone"].completed == 1


async def test_a_manager_is_entered_once() -> None:
    """A second entry would make the factory call itself."""
    async with TaskManager() as manager:
        with pytest.raises(RuntimeError, match="in use already"):
            await manager.__aenter__()


def test_a_task_asked_for_outside_the_loop_is_refused_with_advice() -> None:
    """The coroutine is closed, and the error names the way from a thread."""
    with pytest.raises(TaskScopeError, match=r"job was asked for outside.*Bridge\.publish"):
        TaskManager().create_task(nothing(), name="job")


# Failures


async def test_a_failure_nobody_awaits_is_logged_once_with_its_traceback(
    manager: TaskManager,
) -> None:
    """One record, no report of asyncio's own when the task is collected."""
    with capture_logs() as logs:
        manager.create_task(failing(), name="work-7")
        await turns()
        gc.collect()
        await turns()

    (entry,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert (entry["event"], entry["task"], entry["work"]) == ("task.failed", "work-7", "failing")
    assert isinstance(entry["exc_info"], LookupError)
    assert entry["exc_info"].__traceback__ is not None
    assert manager.snapshot().failed == 1
    assert manager.loop_errors == 0


async def waited(task: asyncio.Task[None]) -> None:
    await task


async def gathered(task: asyncio.Task[None]) -> None:
    await asyncio.gather(task)


async def shielded(task: asyncio.Task[None]) -> None:
    await asyncio.shield(task)


async def watched(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task})
    task.result()


@pytest.mark.parametrize(
    "awaiting",
    [
        pytest.param(waited, id="await"),
        pytest.param(gathered, id="gather"),
        pytest.param(shielded, id="shield"),
        pytest.param(watched, id="asyncio.wait"),
    ],
)
async def test_a_failure_somebody_awaits_is_theirs(
    manager: TaskManager, awaiting: Callable[[asyncio.Task[None]], Coroutine[Any, Any, None]]
) -> None:
    """It is raised there and counted, but not logged a second time."""
    with capture_logs() as logs:
        with pytest.raises(LookupError, match="mine"):
            await awaiting(manager.create_task(failing(), name="work"))
        await turns()

    assert [entry for entry in logs if entry["log_level"] != "debug"] == []
    assert manager.snapshot().by_name["work"].failed == 1


async def test_a_failure_that_travels_through_tasks_is_logged_by_the_last(
    manager: TaskManager,
) -> None:
    """Of a chain of tasks that await each other only the outermost tells."""

    async def outer() -> None:
        await manager.create_task(failing(), name="inner")

    with capture_logs() as logs:
        manager.create_task(outer(), name="outer")
        await turns(40)

    assert [entry["task"] for entry in named(logs, "task.failed")] == ["outer"]
    assert manager.snapshot().failed == 2


async def test_who_awaits_late_still_gets_the_exception(manager: TaskManager) -> None:
    """A task that was logged already raises all the same."""
    with capture_logs() as logs:
        task = manager.create_task(failing(), name="work")
        await asyncio.sleep(10)
        with pytest.raises(LookupError):
            await task

    assert len(named(logs, "task.failed")) == 1


async def test_a_thousand_failures_are_a_thousand_records(manager: TaskManager) -> None:
    """Failures in one turn of the loop are all told, and none is kept."""
    with capture_logs() as logs:
        for number in range(1000):
            manager.create_task(failing(str(number)), name=f"work-{number}")
        await turns(40)

    assert len(named(logs, "task.failed")) == 1000
    assert manager._failures._unclaimed == {}


async def test_what_was_not_told_yet_is_told_at_the_end() -> None:
    """A failure in the last moment before the manager leaves is not lost."""
    with capture_logs() as logs:
        async with TaskManager() as manager:
            manager.create_task(failing(), name="last")
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    assert len(named(logs, "task.failed")) == 1


async def test_a_failing_task_touches_no_other(manager: TaskManager) -> None:
    """Its neighbours go on."""
    neighbour = manager.create_task(forever(), name="neighbour")
    with capture_logs():
        manager.create_task(failing(), name="work")
        await turns()

    assert not neighbour.done()


async def test_a_callback_that_raises_is_reported_without_its_arguments(
    manager: TaskManager,
) -> None:
    """asyncio would print what the callback was called with; the log must not hold that."""

    def callback(message: str) -> None:
        raise LookupError("no such thing")

    with capture_logs() as logs:
        asyncio.get_running_loop().call_soon(callback, "secret message")
        await turns()

    (entry,) = named(logs, "loop.error_reported")
    assert "secret" not in repr({**entry, "exc_info": None})
    assert entry["callback"].endswith("callback")
    assert isinstance(entry["exc_info"], LookupError)
    assert manager.loop_errors == 1


async def test_a_future_that_nobody_looked_at_is_reported(manager: TaskManager) -> None:
    """What asyncio has to say of futures becomes a record as well."""
    with capture_logs() as logs:
        asyncio.get_running_loop().create_future().set_exception(LookupError("mine"))
        gc.collect()

    (entry,) = named(logs, "loop.error_reported")
    assert entry["problem"] == "Future exception was never retrieved"


async def test_an_exception_handler_that_was_there_is_told_too() -> None:
    """A bot that has one of its own keeps it."""
    loop = asyncio.get_running_loop()
    heard: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: heard.append(context))

    with capture_logs():
        async with TaskManager():
            loop.call_exception_handler({"message": "from a library"})
    loop.call_exception_handler({"message": "later"})
    loop.set_exception_handler(None)

    assert [context["message"] for context in heard] == ["from a library", "later"]


# Scopes


async def test_a_scope_ends_what_it_started(manager: TaskManager) -> None:
    """At the end of the block its tasks have ended, and nobody else's."""
    other = manager.create_task(forever(), name="other")
    async with manager.managed_task_context() as scope:
        inside = scope.create_task(forever(), name="inside")
        done = scope.create_task(nothing(), name="done")
        await turns()

    assert (inside.cancelled(), done.done(), other.done()) == (True, True, False)


async def test_a_scope_ends_what_it_started_when_its_block_raises(manager: TaskManager) -> None:
    """The error of the block is raised after its tasks have ended."""
    started: list[asyncio.Task[None]] = []

    async def block() -> None:
        async with manager.managed_task_context() as scope:
            started.append(scope.create_task(forever(), name="inside"))
            await failing()

    with pytest.raises(LookupError, match="mine"):
        await block()

    assert started[0].cancelled()


async def test_a_scope_waits_for_clean_up_even_when_cancelled(manager: TaskManager) -> None:
    """A cancellation while the block ends is raised once its tasks have ended."""
    cleaned_up: list[str] = []

    async def cleaning() -> None:
        try:
            await forever()
        finally:
            await asyncio.sleep(1)
            cleaned_up.append("inside")

    async def block() -> None:
        async with manager.managed_task_context() as scope:
            scope.create_task(cleaning(), name="inside")
            await turns(3)

    task = manager.create_task(block(), name="block")
    await asyncio.sleep(0.5)
    task.cancel()
    await asyncio.wait({task})

    assert (cleaned_up, task.cancelled()) == (["inside"], True)


async def test_a_scope_gives_up_on_a_task_that_refuses(manager: TaskManager) -> None:
    """The block ends in bounded time; the task is named with the line at which it waits."""
    with capture_logs() as logs:
        async with manager.managed_task_context() as scope:
            task = scope.create_task(stubborn(5), name="stubborn")
            await turns()

    (entry,) = named(logs, "task_scope.not_ended")
    assert (entry["tasks"], task.done()) == (["stubborn"], False)
    assert "sleep" in entry["waiting_at"][0]
    for _ in range(5):
        task.cancel()
        await turns()


async def test_a_scope_that_has_ended_starts_nothing(manager: TaskManager) -> None:
    """The coroutine is closed, and the error says why."""
    async with manager.managed_task_context() as scope:
        pass

    with pytest.raises(TaskScopeError, match="after its scope had ended"):
        scope.create_task(nothing(), name="late")


# Shutdown


async def test_shutdown_ends_every_task_but_its_own() -> None:
    """Ours and foreign ones are cancelled and awaited; the caller lives."""
    async with TaskManager() as manager:
        tasks = [manager.create_task(forever(), name="ours"), asyncio.create_task(forever())]

        assert await manager.shutdown(5.0) == ()
    assert all(task.cancelled() for task in tasks)
    assert manager.snapshot().active == 0


async def test_shutdown_within_a_tracked_task_does_not_end_it() -> None:
    """The task that asks for the shutdown is the current one."""

    async def stopping(within: TaskManager) -> tuple[str, ...]:
        within.create_task(forever(), name="work")
        return await within.shutdown(5.0)

    async with TaskManager() as manager:
        assert await manager.create_task(stopping(manager), name="stopping") == ()


async def test_a_task_that_swallows_one_cancellation_gets_a_second(manager: TaskManager) -> None:
    """At half of the time those that still run are cancelled again."""
    task = manager.create_task(stubborn(1), name="stubborn")
    await turns()

    assert await manager.shutdown(8.0) == ()
    assert task.cancelled()
    assert asyncio.get_running_loop().time() == pytest.approx(4.0)


async def test_what_will_not_stop_is_named_and_left_behind(manager: TaskManager) -> None:
    """The shutdown ends at its deadline and says who, and at which line."""
    task = manager.create_task(stubborn(9), name="stubborn")
    with capture_logs() as logs:
        await turns()
        stuck = await manager.shutdown(8.0)

    (entry,) = named(logs, "shutdown.timed_out")
    assert (stuck, entry["tasks"]) == (("stubborn",), ["stubborn"])
    assert "sleep" in entry["waiting_at"][0]
    assert asyncio.get_running_loop().time() == pytest.approx(8.0)
    for _ in range(9):
        task.cancel()
        await turns()


async def test_clean_up_has_its_time_and_may_start_tasks(manager: TaskManager) -> None:
    """A task that needs another one to end is given it, and both are gone afterwards."""
    saved: list[str] = []

    async def save() -> None:
        await asyncio.sleep(1)
        saved.append("saved")

    async def worker() -> None:
        try:
            await forever()
        finally:
            await asyncio.create_task(save())

    manager.create_task(worker(), name="worker")
    await turns()

    assert await manager.shutdown(5.0) == ()
    assert saved == ["saved"]


async def test_a_task_that_starts_itself_again_can_not_hold_the_shutdown(
    manager: TaskManager,
) -> None:
    """Tasks that are made meanwhile are ended too, until the deadline."""
    ending = False

    async def phoenix() -> None:
        try:
            await forever()
        finally:
            if not ending:
                asyncio.create_task(phoenix(), name="phoenix")  # noqa: RUF006 - held by the manager

    manager.create_task(phoenix(), name="phoenix")
    await turns()
    with capture_logs():
        stuck = await manager.shutdown(0.0)
    ending = True

    assert stuck == ("phoenix",)
    await manager.shutdown(1.0)


async def test_shutdown_tells_the_failures_of_tasks_that_end_badly(manager: TaskManager) -> None:
    """An error in a clean-up is logged, not lost."""

    async def failing_to_leave() -> None:
        try:
            await forever()
        finally:
            raise LookupError("clean-up failed")

    manager.create_task(failing_to_leave(), name="work")
    with capture_logs() as logs:
        await turns()
        await manager.shutdown(5.0)

    assert [entry["task"] for entry in named(logs, "task.failed")] == ["work"]


# Observers


class Observer:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def created(self, task: asyncio.Task[Any]) -> None:
        self.heard.append(f"created {getattr(task.get_coro(), '__qualname__', '')}")

    def done(self, task: asyncio.Task[Any]) -> None:
        self.heard.append(f"done {task.get_name()}")


async def test_an_observer_hears_of_every_task(manager: TaskManager) -> None:
    """Synchronously when it is made, and once it ended."""
    observer = Observer()
    manager.add_observer(observer)
    manager.add_observer(observer)
    task = asyncio.create_task(nothing(), name="work")
    heard_at_once = list(observer.heard)
    await task
    await turns()
    manager.remove_observer(observer)
    await asyncio.create_task(nothing(), name="unheard")
    await turns()

    assert heard_at_once == ["created nothing"]
    assert observer.heard == ["created nothing", "done work"]


async def test_an_observer_that_raises_stops_no_task(manager: TaskManager) -> None:
    """Its fault is logged; the task runs, and the other observers hear of it."""

    class Broken:
        def created(self, task: asyncio.Task[Any]) -> None:
            raise LookupError

        def done(self, task: asyncio.Task[Any]) -> None:
            raise LookupError

    observer = Observer()
    manager.add_observer(Broken())
    manager.add_observer(observer)
    with capture_logs() as logs:
        await asyncio.create_task(nothing(), name="work")
        await turns()

    assert observer.heard == ["created nothing", "done work"]
    assert len(named(logs, "task_observer.failed")) == 2


async def test_an_observer_runs_in_the_context_of_whoever_starts_the_task(
    manager: TaskManager,
) -> None:
    """What a gateway event set is seen when its tasks are made."""
    event = contextvars.ContextVar("event", default=0)
    seen: list[int] = []

    class Reading(Observer):
        def created(self, task: asyncio.Task[Any]) -> None:
            seen.append(event.get())

    manager.add_observer(Reading())
    event.set(42)
    await asyncio.create_task(nothing())

    assert seen == [42]


# Memory


@pytest.mark.parametrize("total", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
async def test_many_tasks_leave_nothing_behind(total: int) -> None:
    """Counts grow, memory does not, whatever the tasks are called."""
    async with TaskManager() as manager:

        async def run(count: int) -> None:
            for number in range(count // 100):
                await asyncio.gather(
                    *(
                        asyncio.create_task(nothing(), name=f"view-{number:08x}-{each}")
                        for each in range(100)
                    )
                )

        await run(total // 5)
        gc.collect()
        before = sys.getallocatedblocks()
        await run(total - total // 5)
        await turns()
        gc.collect()
        after = sys.getallocatedblocks()

    assert manager.snapshot().completed == total
    assert manager.snapshot().active == 0
    assert after - before < 2000


def test_a_snapshot_may_be_taken_while_the_loop_is_at_work() -> None:
    """The dictionaries that it reads are copied in one step each."""
    answers: list[int] = []

    async def main() -> None:
        async with TaskManager() as manager:
            for _ in range(200):
                tasks = [asyncio.create_task(nothing(), name="work") for _ in range(20)]
                answers.append(manager.snapshot().active)
                await asyncio.gather(*tasks)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())

    assert answers == [20] * 200
