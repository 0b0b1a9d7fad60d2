"""The pipeline of messages: order, budgets, figures, and that no handler harms the next."""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.pipeline.pipeline import CONTINUE, STOP, Pipeline, Verdict
from bot.pipeline.stages import STAGES, Place, is_ignored, placed
from bot.pipeline.within import within
from tests.fakes import FakeClock


def message(**values: Any) -> Any:
    """Answer a message of a member, which differs by *values*."""
    given = {"bot": False, "webhook_id": None, "system": False} | values
    return SimpleNamespace(
        author=SimpleNamespace(bot=given["bot"]),
        webhook_id=given["webhook_id"],
        is_system=lambda: given["system"],
    )


class Scene:
    """A pipeline whose handlers note in which order they were called."""

    def __init__(self, clock: FakeClock) -> None:
        self.seen: list[str] = []
        self.clock = clock
        self.pipeline = Pipeline(self.commands, clock=clock)

    async def commands(self, _: Any) -> None:
        self.seen.append("commands")

    def noting(self, name: str, verdict: Verdict = CONTINUE) -> Any:
        async def handler(_: Any) -> Verdict:
            self.seen.append(name)
            return verdict

        return handler

    def figures(self, name: str) -> Any:
        return next(each for each in self.pipeline.snapshot().handlers if each.name == name)


async def fail(_: Any) -> Verdict:
    raise LookupError("of a plugin")


async def wait_for_ever(_: Any) -> Verdict:
    await asyncio.Event().wait()
    return CONTINUE


@pytest.fixture
def scene(clock: FakeClock) -> Scene:
    return Scene(clock)


async def test_stages_run_in_their_order_however_they_were_added(scene: Scene) -> None:
    """Plugins load in any order."""
    for stage in ("listeners", "automod", "ignore"):
        scene.pipeline.add(stage, scene.noting(f"{stage} 1"), name=f"{stage} 1")
    scene.pipeline.add("automod", scene.noting("automod 2"), name="automod 2")

    await scene.pipeline.run(message())

    assert scene.seen == ["ignore 1", "automod 1", "automod 2", "commands", "listeners 1"]


async def test_a_stop_keeps_the_message_from_all_behind(scene: Scene) -> None:
    """What automod deletes is no command."""
    scene.pipeline.add("automod", scene.noting("automod", STOP), name="automod")
    scene.pipeline.add("listeners", scene.noting("listener"), name="listener")

    await scene.pipeline.run(message())

    assert scene.seen == ["automod"]
    assert scene.figures("automod").stopped == 1


@pytest.mark.parametrize(
    ("values", "ignored"),
    [
        pytest.param({}, False, id="member"),
        pytest.param({"bot": True}, True, id="bot"),
        pytest.param({"webhook_id": 7}, True, id="webhook"),
        pytest.param({"system": True}, True, id="system"),
    ],
)
async def test_who_is_no_person_is_ignored(
    scene: Scene, values: dict[str, Any], ignored: bool
) -> None:
    """Bots, webhooks and Discord itself reach neither automod nor commands."""
    await scene.pipeline.run(message(**values))

    assert is_ignored(message(**values)) is ignored
    assert scene.seen == ([] if ignored else ["commands"])


@pytest.mark.parametrize("stage", ["ignore", "automod", "listeners"])
async def test_a_failure_stops_nothing_and_is_counted(scene: Scene, stage: str) -> None:
    """A broken plugin does not make the bot deaf."""
    scene.pipeline.add(stage, fail, name="broken")
    scene.pipeline.add("listeners", scene.noting("listener"), name="listener")

    await scene.pipeline.run(message())

    assert scene.seen == ["commands", "listener"]
    assert (scene.figures("broken").failures, scene.figures("broken").timeouts) == (1, 0)


async def test_what_is_slow_is_cancelled_and_counted() -> None:
    """Its budget is over: those behind it still see the message."""
    seen: list[str] = []

    async def commands(_: Any) -> None:
        seen.append("commands")

    pipeline = Pipeline(commands)
    pipeline.add("automod", wait_for_ever, name="slow", budget_s=0.01)

    await pipeline.run(message())

    figures = {each.name: each for each in pipeline.snapshot().handlers}
    assert seen == ["commands"]
    assert (figures["slow"].timeouts, figures["slow"].failures) == (1, 0)


async def test_a_timeout_of_something_else_is_a_failure(scene: Scene) -> None:
    """A handler's own time limit is not its budget."""

    async def impatient(_: Any) -> Verdict:
        raise TimeoutError("the database")

    scene.pipeline.add("automod", impatient, name="impatient")

    await scene.pipeline.run(message())

    assert (scene.figures("impatient").timeouts, scene.figures("impatient").failures) == (0, 1)


async def test_failures_are_logged_once_a_minute(scene: Scene, clock: FakeClock) -> None:
    """A thousand messages make one record; the next one says how many were held back."""
    scene.pipeline.add("automod", fail, name="broken")

    with capture_logs() as records:
        for _ in range(1000):
            await scene.pipeline.run(message())
        clock.advance(61)
        await scene.pipeline.run(message())

    assert [record["held_back"] for record in records] == [0, 999]


async def test_a_cancelled_message_ends(scene: Scene) -> None:
    """A shutdown is no failure of a handler: it goes through, and nothing counts as under way."""
    scene.pipeline.add("listeners", wait_for_ever, name="waiting", budget_s=60)
    task = asyncio.get_running_loop().create_task(scene.pipeline.run(message()))
    await asyncio.sleep(0)
    under_way = scene.pipeline.snapshot().under_way
    task.cancel()
    await asyncio.wait({task})

    assert task.cancelled()
    assert (under_way, scene.pipeline.snapshot().under_way) == (1, 0)


async def test_figures_tell_durations(clock: FakeClock) -> None:
    """Quantiles in ms, of each handler and of the whole."""

    async def commands(_: Any) -> None:
        clock.advance(0.008)

    pipeline = Pipeline(commands, clock=clock)
    for _ in range(10):
        await pipeline.run(message())

    figures = pipeline.snapshot()
    assert figures.messages == 10
    assert figures.p99_ms == pytest.approx(8, rel=0.07)
    assert [(each.stage, each.count) for each in figures.handlers] == [
        ("ignore", 10),
        ("commands", 10),
    ]


async def test_a_removed_handler_sees_no_more(scene: Scene) -> None:
    """As when a plugin is unloaded; its name is free again."""
    scene.pipeline.add("automod", scene.noting("automod"), name="automod")
    scene.pipeline.remove("automod")
    await scene.pipeline.run(message())
    scene.pipeline.add("automod", scene.noting("again"), name="automod")
    await scene.pipeline.run(message())

    assert scene.seen == ["commands", "again", "commands"]


@pytest.mark.parametrize(
    ("stage", "name", "budget_s", "words"),
    [
        pytest.param("later", "x", 1, "no stage later", id="unknown stage"),
        pytest.param("automod", "ignore", 1, "there already", id="name taken"),
        pytest.param("automod", "x", 0, "over 0 s", id="no budget"),
        pytest.param("automod", "x", math.nan, "over 0 s", id="not a number"),
        pytest.param("commands", "x", 30, "deadline of their own", id="commands cut"),
    ],
)
def test_what_does_not_fit_is_refused(stage: str, name: str, budget_s: float, words: str) -> None:
    """A plugin hears of its mistake when it is loaded."""
    there = Place(stage="ignore", name="ignore", handler=fail, budget_s=1)

    with pytest.raises(ValueError, match=words):
        placed([there], Place(stage=stage, name=name, handler=fail, budget_s=budget_s))


def test_a_refused_handler_changes_nothing(scene: Scene) -> None:
    """The one of that name stays where it is, with its figures."""
    scene.pipeline.add("automod", scene.noting("first"), name="automod")
    with pytest.raises(ValueError, match="there already"):
        scene.pipeline.add("listeners", scene.noting("second"), name="automod")

    assert scene.figures("automod").stage == "automod"


def test_every_stage_takes_handlers(scene: Scene) -> None:
    """None is for show."""
    for stage in STAGES:
        scene.pipeline.add(stage, scene.noting(stage), name=f"my {stage}", budget_s=math.inf)

    assert len(scene.pipeline.snapshot().handlers) == 2 + len(STAGES)


async def test_what_waits_for_nothing_costs_no_timer() -> None:
    """The handler has ended before there is anything to limit."""
    loop = asyncio.get_running_loop()
    timers: list[float] = []

    async def at_once() -> str:
        timers.append(len(loop._scheduled))  # type: ignore[attr-defined]
        return "done"

    before = len(loop._scheduled)  # type: ignore[attr-defined]
    assert await within(at_once(), 5.0) == "done"
    assert timers == [before]


async def test_what_waits_goes_on_where_it_was() -> None:
    """Several waits, bare yields, results and errors, as if it had been awaited from the start."""
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, 3)

    async def work() -> int:
        await asyncio.sleep(0)
        got = await future
        await asyncio.sleep(0.001)
        return got + 1

    async def failing() -> None:
        await asyncio.sleep(0)
        raise LookupError("of the handler")

    assert await within(work(), 5.0) == 4
    assert await within(asyncio.ensure_future(work()), 5.0) == 4
    with pytest.raises(LookupError, match="of the handler"):
        await within(failing(), 5.0)


async def test_what_waits_too_long_is_cancelled_and_may_clean_up() -> None:
    """It has ended when the error comes; so it has when its caller is cancelled."""
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    with pytest.raises(TimeoutError):
        await within(work("late"), 0.01)
    caller = asyncio.ensure_future(within(work("cancelled"), 5.0))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller

    assert ended == ["late", "cancelled"]
