"""Gathering the parts of a beat while some of them break."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.heartbeat.gatherer import Gatherer, Occasionally
from bot.heartbeat.pulse import LoopPulse
from bot.heartbeat.sources import ANSWERS, Sources
from bot.heartbeat.stages import MAX_STAGES, Stages
from tests.fakes import FakeClock
from watchdog.heartbeat.schema import Gateway, Jobs, Process, Tasks


def no_stack(thread_id: int) -> str | None:
    return None


def gatherer(
    sources: Sources,
    clock: FakeClock,
    *,
    pulse: LoopPulse | None = None,
    stack_of: Callable[[int], str | None] = no_stack,
    cpu_clock: Callable[[], float] = lambda: 0.0,
) -> Gatherer:
    return Gatherer(
        sources,
        pulse=pulse or LoopPulse(clock=clock),
        slow_s=0.5,
        process=Process,
        stack_of=stack_of,
        clock=clock,
        cpu_clock=cpu_clock,
    )


def gather(subject: Gatherer, *, skipped: frozenset[str] = frozenset()) -> dict[str, Any]:
    return subject.gather(skipped=skipped, asking=lambda _: None)


def test_every_source_has_a_kind_of_answer() -> None:
    """A source that nobody checks would be a hole."""
    names = set(Sources.__dataclass_fields__)

    assert names == set(ANSWERS)


def test_all_parts_come_from_their_sources() -> None:
    """What a source answers is the part of its name."""
    sources = Sources(state=lambda: "ready", jobs=lambda: Jobs(queued=3))

    parts = gather(gatherer(sources, FakeClock()))

    assert (parts["state"], parts["jobs"]) == ("ready", Jobs(queued=3))
    assert set(parts) == {*ANSWERS, "process", "loop"}


def broken() -> Any:
    raise RuntimeError("boom")


@pytest.mark.parametrize("name", sorted(ANSWERS))
@pytest.mark.parametrize(
    "source",
    [pytest.param(broken, id="raises"), pytest.param(lambda: 42, id="answers a number")],
)
def test_a_broken_source_is_left_out_and_counted(name: str, source: Callable[[], Any]) -> None:
    """One part is missing, all others are there."""
    subject = gatherer(Sources(**{name: source}), FakeClock())

    parts = gather(subject)

    assert name not in parts
    assert len(parts) == len(ANSWERS) + 1
    assert subject.failures == 1


def test_an_unknown_state_is_not_told() -> None:
    """The watchdog would not believe the whole beat."""
    unknown: Any = lambda: "dancing"  # noqa: E731 - a source of the wrong type

    parts = gather(gatherer(Sources(state=unknown), FakeClock()))

    assert "state" not in parts


def test_a_state_that_breaks_stays_what_it_was() -> None:
    """A bot that serves must not look as if it had begun to start."""
    answers: list[Any] = ["ready", None]
    subject = gatherer(Sources(state=lambda: answers.pop(0)), FakeClock())
    gather(subject)

    parts = gather(subject)

    assert parts["state"] == "ready"


def test_a_dear_part_is_told_from_memory_for_a_while() -> None:
    """3 ms of CPU time at 0.03 % of a core: asked for again after ten seconds."""
    clock, cpu_clock, asked = FakeClock(), FakeClock(), list[float]()

    def dear() -> Tasks:
        cpu_clock.advance(0.003)
        asked.append(clock.now_s)
        return Tasks(created=len(asked))

    subject = gatherer(Sources(tasks=dear), clock, cpu_clock=cpu_clock)
    told = []
    for _ in range(21):
        told.append(gather(subject)["tasks"].created)
        clock.advance(1.0)

    assert asked == [1000.0, 1010.0, 1020.0]
    assert told == [1] * 10 + [2] * 10 + [3]


@pytest.mark.parametrize("name", ["state", "failure"])
def test_what_the_watchdog_acts_upon_is_always_asked_for(name: str) -> None:
    """However long it took."""
    cpu_clock, asked = FakeClock(), list[str]()

    def dear() -> Any:
        cpu_clock.advance(1.0)
        asked.append(name)
        return "ready" if name == "state" else None

    subject = gatherer(Sources(**{name: dear}), FakeClock(), cpu_clock=cpu_clock)
    gather(subject)
    gather(subject)

    assert len(asked) == 2


def test_a_skipped_source_is_not_asked() -> None:
    """A thread hangs in it already."""
    subject = gatherer(Sources(tasks=broken), FakeClock())

    parts = gather(subject, skipped=frozenset({"tasks", "process", "stack"}))

    assert "tasks" not in parts
    assert "process" not in parts
    assert subject.failures == 0


def test_what_is_asked_is_told_before_it_is_asked() -> None:
    """Were it to hang, everybody knows where."""
    order: list[str] = []

    def gateway() -> Gateway:
        order.append("gateway answers")
        return Gateway()

    subject = gatherer(Sources(gateway=gateway), FakeClock())
    subject.gather(skipped=frozenset(), asking=order.append)

    assert order.index("gateway") + 1 == order.index("gateway answers")


@pytest.fixture
def blocked_pulse() -> LoopPulse:
    clock = FakeClock()
    pulse = LoopPulse(interval_s=0.1, clock=clock)
    pulse.thread_id = 1
    clock.advance(3.1)
    return pulse


def test_a_blocked_loop_comes_with_its_stack(blocked_pulse: LoopPulse) -> None:
    """The stack is asked for the loop's thread."""
    subject = gatherer(
        Sources(), FakeClock(), pulse=blocked_pulse, stack_of=lambda thread_id: f"of {thread_id}"
    )

    loop = gather(subject)["loop"]

    assert (loop.blocked_s, loop.stack) == (3.0, "of 1")


def test_a_stack_that_is_not_utf_8_is_mended(blocked_pulse: LoopPulse) -> None:
    """A folder's name may be any bytes; JSON may not."""
    subject = gatherer(
        Sources(), FakeClock(), pulse=blocked_pulse, stack_of=lambda _: "File \udcff.py"
    )

    loop = gather(subject)["loop"]

    assert loop.stack == "File ?.py"


def test_a_loop_that_waits_is_not_told_to_be_blocked(blocked_pulse: LoopPulse) -> None:
    """The process was stopped for a while; its first beat afterwards blames nobody."""
    subject = gatherer(
        Sources(), FakeClock(), pulse=blocked_pulse, stack_of=lambda _: "selectors.py:468 select"
    )

    loop = gather(subject)["loop"]

    assert (loop.pulse_age_s, loop.blocked_s, loop.stack) == (3.1, 0.0, None)


def test_a_stack_that_can_not_be_had_leaves_the_block_told(blocked_pulse: LoopPulse) -> None:
    """How long it lasts is known without a stack."""

    def unavailable(thread_id: int) -> str | None:
        raise KeyError(thread_id)

    subject = gatherer(Sources(), FakeClock(), pulse=blocked_pulse, stack_of=unavailable)

    loop = gather(subject)["loop"]

    assert (loop.blocked_s, loop.stack) == (3.0, None)


def test_a_stack_is_not_asked_for_while_the_loop_turns() -> None:
    """It costs time, and there is nothing to see."""
    pulse = LoopPulse(clock=FakeClock())
    pulse.thread_id = 1
    subject = gatherer(Sources(), FakeClock(), pulse=pulse, stack_of=lambda _: "unwanted")

    loop = gather(subject)["loop"]

    assert (loop.stack, loop.blocked_s) == (None, 0.0)


def test_the_same_thing_is_said_once_a_minute() -> None:
    """A beat that fails every second must not fill the log."""
    clock = FakeClock()
    occasionally = Occasionally(clock)

    said = []
    for _ in range(130):
        said.append(occasionally.may_say("disk"))
        clock.advance(1.0)

    assert sum(said) == 3
    assert occasionally.may_say("another") is True


def test_a_stage_is_noted_once_and_in_order() -> None:
    """A second READY does not overwrite when the first one came."""
    stages = Stages(age_s=0.5)
    stages.reached("settings")
    first = stages.snapshot()["settings"]

    stages.reached("login")
    stages.reached("settings")

    assert list(stages.snapshot()) == ["settings", "login"]
    assert stages.snapshot()["settings"] == first >= 0.5


def test_stages_are_bounded() -> None:
    """Whatever calls it in a circle, a beat stays small."""
    stages = Stages(age_s=0.0)

    for number in range(100):
        stages.reached(f"stage {number}")

    assert len(stages.snapshot()) == MAX_STAGES


def test_parts_are_the_types_of_the_schema() -> None:
    """The defaults of the sources are what a beat says when nobody answers."""
    parts = gather(gatherer(Sources(), FakeClock()))

    assert parts["tasks"] == Tasks()
    assert parts["failure"] is None
