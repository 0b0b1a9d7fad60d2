"""Time limits: what ends, what is raised, and what is never lost."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import math
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.tasks import timeouts
from bot.tasks.guard import ForeignLoopError
from bot.tasks.timeouts import wait_for_safe, with_timeout
from tests.virtual_time import VirtualTimeLoop, turns

pytestmark = pytest.mark.virtual_time


async def answering(value: str = "answer", *, after_s: float = 0.0) -> str:
    await asyncio.sleep(after_s)
    return value


async def failing(error: BaseException, *, after_s: float = 0.0) -> str:
    await asyncio.sleep(after_s)
    raise error


async def stubborn(*, refusals: int, value: str = "late") -> str:
    """Answer only after so many cancellations."""
    while refusals:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            refusals -= 1
    return value


class Patient:
    """Any object with ``__await__``."""

    def __await__(self) -> Generator[Any, None, str]:
        return answering("from an object").__await__()


@types.coroutine
def generator_based() -> Generator[Any, None, str]:
    return (yield from answering("from a generator").__await__())


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_what_is_in_time_is_answered() -> None:
    """A coroutine that ends within its limit is as good as awaited."""
    assert await with_timeout(answering(after_s=4.9), 5) == "answer"
    assert now() == pytest.approx(4.9)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: asyncio.create_task(answering()), id="task"),
        pytest.param(lambda: asyncio.gather(answering()), id="gather"),
        pytest.param(Patient, id="object"),
        pytest.param(lambda: generator_based(), id="generator"),
    ],
)
async def test_everything_that_can_be_awaited_is_accepted(
    make: Callable[[], Awaitable[object]],
) -> None:
    """Tasks, futures, objects and generators are awaited like coroutines."""
    answer = await with_timeout(make(), 5)

    assert answer in ("answer", ["answer"], "from an object", "from a generator")


async def test_time_over_says_what_took_too_long() -> None:
    """The error names the coroutine and the limit, after exactly that time."""
    with pytest.raises(TimeoutError, match=r"^answering took longer than 2\.5 s$"):
        await with_timeout(answering(after_s=60), 2.5)

    assert now() == pytest.approx(2.5)


async def test_what_timed_out_has_ended_before_anybody_hears_of_it() -> None:
    """The clean-up of what is cancelled is awaited, however long it takes."""
    cleaned_up_at: list[float] = []

    async def slow_to_leave() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(3)
            cleaned_up_at.append(now())

    with pytest.raises(TimeoutError):
        await with_timeout(slow_to_leave(), 1)

    assert cleaned_up_at == [pytest.approx(4)]


async def test_a_task_that_is_handed_over_is_cancelled_and_awaited() -> None:
    """After the timeout the task has ended as well."""
    task = asyncio.create_task(answering(after_s=60))

    with pytest.raises(TimeoutError, match="answering"):
        await with_timeout(task, 1)

    assert task.cancelled()


async def test_its_own_timeout_leaves_the_caller_uncancelled() -> None:
    """The cancellation a limit makes use of is taken back."""
    with pytest.raises(TimeoutError):
        await with_timeout(answering(after_s=60), 1)
    current = asyncio.current_task()
    await asyncio.sleep(1)

    assert current is not None
    assert current.cancelling() == 0


async def test_an_error_of_the_awaitable_is_passed_on() -> None:
    """Its exception arrives unchanged."""
    with pytest.raises(LookupError, match="mine"):
        await with_timeout(failing(LookupError("mine")), 5)


async def test_an_error_while_it_is_cancelled_is_passed_on() -> None:
    """Who fails in its clean-up is not taken for timed out."""

    async def failing_to_leave() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise LookupError("clean-up failed")

    with pytest.raises(LookupError, match="clean-up failed"):
        await with_timeout(failing_to_leave(), 1)


async def test_the_cancellation_of_the_caller_is_passed_on_and_raised() -> None:
    """Outer cancellation reaches the awaitable, is awaited, and ends the caller as cancelled."""
    heard: list[str] = []

    async def listening() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            heard.append(str(error))
            await asyncio.sleep(1)
            heard.append("cleaned up")
            raise

    task = asyncio.create_task(with_timeout(listening(), 30))
    await turns(2)
    task.cancel("enough")
    await asyncio.wait((task,))

    assert (heard, task.cancelled()) == (["enough", "cleaned up"], True)


async def test_a_timeout_during_an_outer_cancellation_does_not_disturb_it() -> None:
    """A clean-up that was asked for by others is not cut short by the limit."""
    cleaned_up = False

    async def slow_to_leave() -> None:
        nonlocal cleaned_up
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(3)
            cleaned_up = True

    task = asyncio.create_task(with_timeout(slow_to_leave(), 2))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait((task,))

    assert (cleaned_up, task.cancelled()) == (True, True)
    assert now() == pytest.approx(4)


async def test_both_at_once_is_a_cancellation() -> None:
    """When the caller is cancelled in the turn in which time is over, it ends as cancelled."""
    task = asyncio.create_task(with_timeout(answering(after_s=60), 2))
    asyncio.get_running_loop().call_later(2, task.cancel)
    await asyncio.wait((task,))

    assert task.cancelled()


async def test_nested_limits_each_raise_their_own() -> None:
    """The inner limit is seen inside, the outer one goes on."""

    async def inner() -> str:
        with pytest.raises(TimeoutError, match="1 s"):
            await with_timeout(answering(after_s=60), 1)
        return await answering(after_s=60)

    with pytest.raises(TimeoutError, match=r"inner took longer than 3 s"):
        await with_timeout(inner(), 3)

    assert now() == pytest.approx(3)


async def test_it_gets_along_with_asyncio_timeout() -> None:
    """An `asyncio.timeout` around it that expires first is told apart from the own limit."""
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(1):
            await with_timeout(answering(after_s=60), 3)

    assert "answering" not in str(caught.value)


async def test_who_refuses_once_is_cancelled_again_and_named() -> None:
    """A swallowed cancellation is logged with the line at fault, and repeated."""
    with capture_logs() as logs, pytest.raises(TimeoutError):
        await with_timeout(failing_after_refusal(), 1)

    (refused,) = [entry for entry in logs if entry["event"] == "timeout.refused"]
    assert "sleep" in refused["waiting_at"]
    assert now() == pytest.approx(1 + timeouts.CANCEL_GRACE_S)


async def failing_after_refusal() -> None:
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(3600)


async def test_a_late_result_is_a_result() -> None:
    """What ends in spite of its cancellation is not thrown away."""
    assert await with_timeout(stubborn(refusals=3), 1) == "late"
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0


async def test_a_future_that_is_done_in_the_turn_of_the_timeout_is_in_time() -> None:
    """The result was there before the cancellation could do anything."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_later(2, future.set_result, "just in time")

    assert await with_timeout(future, 2) == "just in time"


async def test_a_result_in_the_turn_of_a_cancellation_stays_in_its_task() -> None:
    """The caller is cancelled; whoever holds the task still finds its result."""
    inner = asyncio.create_task(answering(after_s=2))
    inner.add_done_callback(lambda _: outer.cancel())  # before the one that wakes the outer task
    outer = asyncio.create_task(with_timeout(inner, 30))
    await asyncio.wait((outer,))

    assert (outer.cancelled(), inner.result()) == (True, "answer")


async def test_a_failure_in_the_turn_of_a_cancellation_is_logged() -> None:
    """The exception counts as taken then, so it has to be told here."""
    inner = asyncio.create_task(failing(LookupError("lost?"), after_s=2))
    inner.add_done_callback(lambda _: outer.cancel())  # before the one that wakes the outer task
    outer = asyncio.create_task(with_timeout(inner, 30))
    with capture_logs() as logs:
        await asyncio.wait((outer,))

    assert outer.cancelled()
    assert [entry["event"] for entry in logs] == ["timeout.failure_dropped"]


async def test_the_same_context_inside_and_outside() -> None:
    """A context variable that is set inside is seen outside, as with a plain await."""
    variable = contextvars.ContextVar("variable", default="before")

    async def setting() -> None:
        variable.set("after")

    await with_timeout(setting(), 1)

    assert variable.get() == "after"


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(math.nan, id="nan"),
        pytest.param(-1, id="negative"),
        pytest.param(-math.inf, id="minus infinity"),
        pytest.param("5", id="text"),
        pytest.param(None, id="none"),
        pytest.param(True, id="bool"),
        pytest.param(10**400, id="too large for a float"),
    ],
)
@pytest.mark.parametrize("function", [with_timeout, wait_for_safe])
async def test_a_limit_that_makes_no_sense_is_refused_and_the_coroutine_closed(
    function: Callable[..., Coroutine[Any, Any, Any]], limit: object
) -> None:
    """The error says what was given; Python does not miss an await."""
    coro = answering()

    with pytest.raises(ValueError, match="timeout of answering must be seconds"):
        _ = function(coro, limit)

    assert inspect.getcoroutinestate(coro) == inspect.CORO_CLOSED


async def test_a_limit_that_makes_no_sense_leaves_a_task_alone() -> None:
    """A task belongs to whoever made it."""
    task = asyncio.create_task(answering())

    with pytest.raises(ValueError, match="must be seconds"):
        _ = with_timeout(task, -1)

    assert await task == "answer"


async def test_no_time_at_all_begins_nothing() -> None:
    """With a limit of 0 a coroutine is closed before its first line."""
    begun = False

    async def beginning() -> None:
        nonlocal begun
        begun = True

    coro = beginning()
    with pytest.raises(TimeoutError, match="0 s"):
        await with_timeout(coro, 0)

    assert (begun, inspect.getcoroutinestate(coro)) == (False, inspect.CORO_CLOSED)


async def test_no_time_at_all_is_enough_for_what_is_done() -> None:
    """A future that has its result answers it; one that has not is cancelled."""
    loop = asyncio.get_running_loop()
    done, pending = loop.create_future(), loop.create_future()
    done.set_result("there")

    assert await with_timeout(done, 0) == "there"
    with pytest.raises(TimeoutError):
        await with_timeout(pending, 0)
    assert pending.cancelled()


async def test_infinity_sets_no_limit() -> None:
    """No timer is set."""
    assert await with_timeout(answering(after_s=1e6), math.inf) == "answer"


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        pytest.param(answering, "function can't be awaited; call it first", id="function"),
        pytest.param(5, "int can't be awaited$", id="number"),
        pytest.param(None, "NoneType can't be awaited$", id="none"),
    ],
)
async def test_what_can_not_be_awaited_is_refused(thing: Any, message: str) -> None:
    """A forgotten pair of parentheses is named."""
    with pytest.raises(TypeError, match=message):
        _ = with_timeout(thing, 1)


async def test_a_caller_cancelled_before_it_began_leaves_no_coroutine_behind() -> None:
    """A task that never took its first step closes what it was to await when it goes."""
    coro = answering()
    task = asyncio.create_task(with_timeout(coro, 1))
    task.cancel()
    await asyncio.wait((task,))
    cancelled = task.cancelled()
    del task

    assert (cancelled, inspect.getcoroutinestate(coro)) == (True, inspect.CORO_CLOSED)


async def test_one_that_is_thrown_away_closes_its_coroutine() -> None:
    """`close` on the call closes what was to be awaited."""
    coro = answering()
    with_timeout(coro, 1).close()

    assert inspect.getcoroutinestate(coro) == inspect.CORO_CLOSED


async def test_a_future_of_another_loop_is_refused_with_advice() -> None:
    """The error names the ways from one loop to the other."""
    other = VirtualTimeLoop()
    try:
        with pytest.raises(ForeignLoopError, match=r"Bridge\.publish.*run_coroutine_threadsafe"):
            await with_timeout(other.create_future(), 1)
    finally:
        other.close()


async def drive(coro: Coroutine[Any, Any, Any]) -> Any:
    """Step *coro* from callbacks, so that no task is current while it runs."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def step(error: BaseException | None = None) -> None:
        try:
            waited = coro.throw(error) if error else coro.send(None)
        except StopIteration as stop:
            ended.set_result(stop.value)
        except (Exception, asyncio.CancelledError) as raised:  # noqa: BLE001 - as a task does
            ended.set_exception(raised)
        else:
            waited._asyncio_future_blocking = False
            waited.add_done_callback(lambda _: step())

    loop.call_soon(step)
    drive.step = step  # type: ignore[attr-defined]
    return await ended


async def test_outside_a_task_it_works_as_well() -> None:
    """A coroutine that no task drives gets its result, or its timeout."""
    assert await drive(with_timeout(answering(after_s=1), 5)) == "answer"
    with pytest.raises(TimeoutError, match="answering"):
        await drive(with_timeout(answering(after_s=60), 5))
    assert await drive(wait_for_safe(answering(after_s=60), 5, "default")) == "default"
    assert len(asyncio.all_tasks()) == 1


async def test_outside_a_task_a_cancellation_is_passed_on_too() -> None:
    """What is thrown into the coroutine ends what it waits for."""
    heard: list[str] = []

    async def listening() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise

    call = with_timeout(listening(), 30)
    driving = asyncio.create_task(drive(call))
    await turns()
    # Whoever drives it throws: the way of a library with tasks of its own.
    drive.step(asyncio.CancelledError())  # type: ignore[attr-defined]
    await turns()

    assert (heard, driving.cancelled() or driving.done()) == (["cancelled"], True)
    await asyncio.wait((driving,))


async def test_outside_a_task_closing_it_ends_what_it_waits_for() -> None:
    """A library that drops the coroutine leaves no task behind."""
    call = with_timeout(answering(after_s=60), 30)
    driving = asyncio.create_task(drive(call))
    await turns()
    call.close()
    await turns()

    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert isinstance(driving.exception(), RuntimeError)  # what it drove was closed under it


async def test_the_default_is_answered_when_time_is_over() -> None:
    """Nobody replied; the coroutine was cancelled."""
    assert await wait_for_safe(answering(after_s=60), 1) is None
    assert await wait_for_safe(answering(after_s=60), 1, "nobody") == "nobody"
    assert await wait_for_safe(answering(after_s=60), 0, default=7) == 7
    assert await wait_for_safe(answering(), 1, "nobody") == "answer"


async def test_a_timeout_of_the_awaitable_itself_is_not_hidden_by_the_default() -> None:
    """Only the own limit leads to the default, not one that is raised inside."""
    with pytest.raises(TimeoutError, match="socket"):
        await wait_for_safe(failing(TimeoutError("socket")), 5, "default")
    with pytest.raises(TimeoutError, match=r"longer than 1 s"):
        await wait_for_safe(with_timeout(answering(after_s=60), 1), 5, "default")


async def test_the_default_never_hides_a_cancellation() -> None:
    """A cancelled caller ends as cancelled."""
    task = asyncio.create_task(wait_for_safe(answering(after_s=60), 5, "default"))
    await turns(2)
    task.cancel()
    await asyncio.wait((task,))

    assert task.cancelled()


KINDS = ("coroutine", "task", "future")


async def race(
    kind: str, *, ends_at: int, limit: int, cancel_at: int | None, fails: bool, order: list[int]
) -> tuple[str, Any, int]:
    """Let completion, timeout and cancellation happen at the given times, and answer the end.

    Those at the same time happen in one turn of the loop, in the order in which *order* arms them.
    """
    loop = asyncio.get_running_loop()
    gate: asyncio.Future[str] = loop.create_future()

    async def work() -> str:
        return await gate

    def complete() -> None:
        if gate.done():
            return
        if fails:
            gate.set_exception(LookupError("failed"))
        else:
            gate.set_result("answer")

    awaitable: Any = gate if kind == "future" else work()
    if kind == "task":
        awaitable = asyncio.create_task(awaitable)
    holder: list[asyncio.Task[str]] = []

    def begin() -> None:
        holder.append(asyncio.create_task(with_timeout(awaitable, limit)))

    begin()
    await turns(3)
    arm: list[Callable[[], object]] = [lambda: loop.call_at(ends_at, complete)]
    if cancel_at is not None:
        arm.append(lambda: loop.call_at(cancel_at, lambda: holder[0].cancel()))
    for index in order:
        if index < len(arm):
            arm[index]()
    (task,) = holder
    await asyncio.wait((task,))
    ended_at = round(loop.time())
    if isinstance(awaitable, asyncio.Future) and awaitable.done() and not awaitable.cancelled():
        awaitable.exception()
    if task.cancelled():
        outcome: tuple[str, Any, int] = ("cancelled", None, ended_at)
    elif (error := task.exception()) is not None:
        outcome = (type(error).__name__, str(error), ended_at)
    else:
        outcome = ("result", task.result(), ended_at)
    if gate.done() and not gate.cancelled():
        gate.exception()
    return outcome


@given(
    kind=st.sampled_from(KINDS),
    ends_at=st.integers(1, 4),
    limit=st.integers(1, 4),
    cancel_at=st.none() | st.integers(1, 4),
    fails=st.booleans(),
    order=st.permutations([0, 1]),
)
def test_whatever_happens_in_one_turn_the_end_is_one_of_those_that_happened(
    kind: str, ends_at: int, limit: int, cancel_at: int | None, fails: bool, order: list[int]
) -> None:
    """The earliest event decides; of those in the same turn any may, but none is invented.

    A cancellation is never swallowed: it either ends the caller, or came when it had ended.
    """
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner, capture_logs():
        outcome, value, ended_at = runner.run(
            race(kind, ends_at=ends_at, limit=limit, cancel_at=cancel_at, fails=fails, order=order)
        )
    first = min(at for at in (ends_at, limit, cancel_at) if at is not None)
    allowed = set()
    if ends_at == first:
        allowed.add("LookupError" if fails else "result")
    if limit == first:
        allowed.add("TimeoutError")
    if cancel_at == first:
        allowed.add("cancelled")

    assert ended_at == first
    assert outcome in allowed
    if outcome == "result":
        assert value == "answer"
