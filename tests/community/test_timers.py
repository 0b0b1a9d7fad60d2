"""Timers: what must happen at a time, over a real database, by the thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.models import TimerRow
from bot.tasks.bridge import BridgeFullError
from bot.timers import scheduler as scheduling
from bot.timers.outcome import DONE, GiveUp, Outcome, Retry
from bot.timers.timer import Timer
from bot.timers.timers import Timers
from tests.community.stage import Stage
from tests.integration.serving import until


def ago(seconds: float = 0.0) -> datetime:
    """Answer a time that is past, to the millisecond that is kept."""
    return datetime.now(UTC) - timedelta(seconds=seconds)


async def states(stage: Stage) -> dict[int, str]:
    """Answer the state of each timer."""

    async def work(session: AsyncSession) -> dict[int, str]:
        found = await session.execute(select(TimerRow.id, TimerRow.state))
        return {row.id: row.state for row in found}

    return await stage.services.storage.read(work)


async def reached(stage: Stage, expected: dict[int, str]) -> None:
    """Wait until the timers are in these states."""
    for _ in range(300):
        if (found := await states(stage)) == expected:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(found)


class Doing:
    """A handler that remembers, and answers what it is told to."""

    def __init__(self, *answers: Outcome | Exception) -> None:
        self.timers: list[Timer] = []
        self.answers = list(answers)
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, timer: Timer) -> Outcome:
        self.timers.append(timer)
        await self.go.wait()
        answer = self.answers.pop(0) if self.answers else DONE
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
async def timers(stage: Stage) -> Timers:
    """The service, begun."""
    return stage.services.timers


async def test_a_timer_happens_when_it_is_due(stage: Stage, timers: Timers) -> None:
    """Not before; with what it was scheduled with."""
    doing = Doing()
    timers.handle("k", doing)
    before = datetime.now(UTC)
    due_at = before + timedelta(seconds=0.4)
    await timers.schedule("k", due_at=due_at, guild_id=1, user_id=2, ref=3, payload={"a": [1]})
    await until(lambda: len(doing.timers) == 1)

    assert datetime.now(UTC) >= due_at
    timer = doing.timers[0]
    assert (timer.guild_id, timer.user_id, timer.ref, timer.payload) == (1, 2, 3, {"a": [1]})
    assert timer.late_s < 2
    await reached(stage, {1: "sent"})


async def test_a_kind_without_a_handler_waits_for_it(stage: Stage, timers: Timers) -> None:
    """Its plugin may be loaded later; others go on meanwhile."""
    other = Doing()
    timers.handle("other", other)
    await timers.schedule("k", due_at=ago(60))
    await timers.schedule("other", due_at=ago())
    await reached(stage, {1: "pending", 2: "sent"})
    doing = Doing()
    forget = timers.handle("k", doing)
    await reached(stage, {1: "sent", 2: "sent"})

    assert doing.timers[0].late_s >= 60
    forget()
    await timers.schedule("k", due_at=ago())
    await timers.schedule("other", due_at=ago())
    await reached(stage, {1: "sent", 2: "sent", 3: "pending", 4: "sent"})


async def test_outcomes_are_written(stage: Stage, timers: Timers) -> None:
    """Tried again with the same nonce; given up; tried again after an error."""
    again, never, broken = Doing(Retry(0.05)), Doing(GiveUp("no")), Doing(KeyError("x"))
    for kind, doing in (("again", again), ("never", never), ("broken", broken)):
        timers.handle(kind, doing)
        await timers.schedule(kind, due_at=ago())
    await reached(stage, {1: "sent", 2: "failed", 3: "pending"})

    assert [timer.attempts for timer in again.timers] == [0, 1]
    assert len({timer.nonce for timer in again.timers}) == 1
    assert len(broken.timers) == 1


async def test_what_is_cancelled_or_put_off_does_not_happen(stage: Stage, timers: Timers) -> None:
    """Even when its handler runs: that one's outcome no longer counts."""
    doing = Doing()
    doing.go.clear()
    timers.handle("k", doing)
    first = await timers.schedule("k", due_at=ago())
    await until(lambda: len(doing.timers) == 1)
    later = datetime.now(UTC) + timedelta(hours=1)
    assert await timers.reschedule(first, later)
    second = await timers.schedule("k", due_at=later)
    assert await timers.cancel(second)
    assert not await timers.cancel(second)
    doing.go.set()
    third = await timers.schedule("k", due_at=ago())

    await reached(stage, {first: "pending", second: "cancelled", third: "sent"})


async def test_a_transaction_that_is_not_kept_schedules_nothing(
    stage: Stage, timers: Timers
) -> None:
    """With `session=` the timer is part of the caller's transaction."""
    doing = Doing()
    timers.handle("k", doing)

    async def work(session: AsyncSession, error: bool) -> None:
        await timers.schedule("k", due_at=ago(), session=session)
        if error:
            raise LookupError

    with pytest.raises(LookupError):
        await stage.services.storage.write(lambda session: work(session, True))
    await stage.services.storage.write(lambda session: work(session, False))
    await until(lambda: len(doing.timers) == 1)

    assert len(await states(stage)) == 1


async def test_those_of_a_channel_happen_in_order(stage: Stage, timers: Timers) -> None:
    """One after the other, by the time at which they were due."""
    done: list[tuple[int | None, float]] = []
    running: set[int | None] = set()

    async def handler(timer: Timer) -> Outcome:
        assert timer.channel_id not in running
        running.add(timer.channel_id)
        await asyncio.sleep(0)
        running.discard(timer.channel_id)
        done.append((timer.channel_id, timer.payload["age"]))
        return DONE

    for age in (3, 9, 1, 7, 5, 2, 8):
        for channel in (1, 2):
            await timers.schedule("k", due_at=ago(age), channel_id=channel, payload={"age": age})
    timers.handle("k", handler)
    await until(lambda: len(done) == 14)

    for channel in (1, 2):
        assert [age for place, age in done if place == channel] == [9, 8, 7, 5, 3, 2, 1]


async def test_what_another_process_had_in_hand_is_taken_up(stage: Stage, timers: Timers) -> None:
    """It died with it; the nonce is that of its attempt."""
    timer_id = await timers.schedule("k", due_at=ago())

    async def work(session: AsyncSession) -> None:
        await session.execute(
            update(TimerRow).values(state="claimed", claimed_by="another", claimed_at=ago())
        )

    await stage.services.storage.write(work)
    await timers.close()
    doing = Doing()
    after = Timers(stage.services)
    after.handle("k", doing)
    after.begin()
    await reached(stage, {timer_id: "sent"})
    await after.close()

    assert doing.timers[0].nonce.startswith("t1-")


async def test_a_lost_database_is_survived(
    stage: Stage, timers: Timers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent meanwhile is written once it is back; nothing happens twice."""
    doing = Doing()
    doing.go.clear()
    timers.handle("k", doing)
    timer_id = await timers.schedule("k", due_at=ago())
    await until(lambda: len(doing.timers) == 1)
    store = timers._scheduler._store  # type: ignore[union-attr]
    round_of, lost = store.round, True

    def refuse(*given: object, **named: object) -> object:
        if lost:
            raise OperationalError("select", {}, Exception("gone"))
        return round_of(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "round", refuse)
    doing.go.set()
    await until(lambda: timers.health.problem is not None)
    lost = False
    await reached(stage, {timer_id: "sent"})

    assert len(doing.timers) == 1
    await until(lambda: timers.health.problem is None)


async def test_what_the_bridge_has_no_room_for_stays_in_the_database(
    stage: Stage, timers: Timers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is handed over later, in order."""
    monkeypatch.setattr(scheduling, "FULL_S", 0.02)
    doing = Doing()
    for age in (3, 2, 1):
        await timers.schedule("k", due_at=ago(age))
    await until(lambda: timers._scheduler is not None)
    scheduler = timers._scheduler
    publish, free = scheduler._publish, [True, False, False]  # type: ignore[union-attr]

    def full(event: object) -> None:
        if not free or free.pop(0):
            publish(event)
        else:
            raise BridgeFullError(1)

    monkeypatch.setattr(scheduler, "_publish", full)
    timers.handle("k", doing)
    await until(lambda: len(doing.timers) == 3)

    assert [timer.id for timer in doing.timers] == [1, 2, 3]
    assert free == []


async def test_the_thread_ends_within_a_second(stage: Stage, timers: Timers) -> None:
    """Also while it waits for a timer of next year."""
    timers.handle("k", Doing())
    await timers.schedule("k", due_at=datetime.now(UTC) + timedelta(days=365))
    await until(lambda: timers.health.running)
    began_s = asyncio.get_running_loop().time()
    await timers.close()

    assert asyncio.get_running_loop().time() - began_s < 1
    assert not timers.health.running


async def test_a_wall_clock_that_jumps_makes_nothing_happen_twice(stage: Stage) -> None:
    """Forward: what is due then happens. Back: it waits again."""
    ahead = timedelta(0)
    await stage.services.timers.close()
    timers = Timers(stage.services, now=lambda: datetime.now(UTC) + ahead)
    doing = Doing()
    timers.handle("k", doing)
    timers.begin()
    await timers.schedule("k", due_at=datetime.now(UTC) + timedelta(hours=1))
    ahead = timedelta(hours=2)
    timers.wake()
    await reached(stage, {1: "sent"})
    ahead = -timedelta(hours=2)
    await timers.schedule("k", due_at=datetime.now(UTC))
    ahead = timedelta(0)
    timers.wake()
    await reached(stage, {1: "sent", 2: "sent"})
    await timers.close()

    assert len(doing.timers) == 2


async def test_what_is_over_for_a_month_is_forgotten(stage: Stage) -> None:
    """But never what is still to happen, however long ago it was to."""
    ahead = timedelta(0)
    await stage.services.timers.close()
    timers = Timers(stage.services, now=lambda: datetime.now(UTC) + ahead)
    timers.handle("k", Doing())
    timers.begin()
    await timers.schedule("k", due_at=ago())
    await timers.schedule("nobody's", due_at=ago())
    await reached(stage, {1: "sent", 2: "pending"})
    ahead = timedelta(days=31)
    await timers.schedule("k", due_at=datetime.now(UTC) + ahead)
    await reached(stage, {2: "pending", 3: "sent"})
    await timers.close()


async def in_state(stage: Stage, state: str) -> int:
    """Answer how many timers are in *state*."""
    return list((await states(stage)).values()).count(state)


async def test_a_process_that_is_to_lead_no_more_gives_back_what_it_has_not_begun(
    stage: Stage, timers: Timers
) -> None:
    """The next one does all of it, once; what runs may end, and is written."""
    doing, after = Doing(), Doing()
    doing.go.clear()
    timers.handle("k", doing)
    for age in range(40, 0, -1):
        await timers.schedule("k", due_at=ago(age), channel_id=age % 20)
    await until(lambda: len(doing.timers) >= 10)
    timers.pause()
    await timers.schedule("k", due_at=ago(), channel_id=99)
    begun = {timer.id for timer in doing.timers}
    await until_async(lambda: in_state(stage, "claimed"), len(begun))
    doing.go.set()
    await until_async(lambda: in_state(stage, "sent"), len(begun))
    successor = Timers(stage.services)
    successor.handle("k", after)
    successor.begin()
    await until_async(lambda: in_state(stage, "sent"), 41)
    await successor.close()

    assert {timer.id for timer in doing.timers} == begun
    assert {timer.id for timer in after.timers} == set(range(1, 42)) - begun
    assert all(timer.attempts == 0 for timer in after.timers)


async def test_a_process_that_leads_again_goes_on(stage: Stage, timers: Timers) -> None:
    """With what it gave back, and with what its successor died with."""
    doing = Doing()
    timers.handle("k", doing)
    timers.pause()
    await timers.schedule("k", due_at=ago())
    second = await timers.schedule("k", due_at=ago())

    async def work(session: AsyncSession) -> None:
        change = update(TimerRow).where(TimerRow.id == second)
        await session.execute(change.values(state="claimed", claimed_by="successor"))

    await stage.services.storage.write(work)
    assert doing.timers == []
    timers.begin()
    await reached(stage, {1: "sent", second: "sent"})

    assert len(doing.timers) == 2


async def test_what_does_not_end_in_time_is_left_to_the_next_process(
    stage: Stage, timers: Timers
) -> None:
    """Which may have begun long before: it would not look for what others have in hand again."""
    doing = Doing()
    doing.go.clear()
    timers.handle("k", doing)
    await timers.schedule("k", due_at=ago(2), channel_id=1)
    await timers.schedule("k", due_at=ago(1), channel_id=1)
    await until(lambda: len(doing.timers) == 1)
    await timers.close()

    assert await states(stage) == {1: "pending", 2: "pending"}


async def test_what_a_predecessor_claimed_too_late_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was killed after its successor had looked for what it left."""
    monkeypatch.setattr(scheduling, "RECALL_S", 0.05)
    timers, doing = stage.services.timers, Doing()
    timers.handle("k", doing)
    await timers.schedule("k", due_at=ago())
    await reached(stage, {1: "sent"})

    async def work(session: AsyncSession) -> None:
        await session.execute(update(TimerRow).values(state="claimed", claimed_by="predecessor"))

    await stage.services.storage.write(work)
    await asyncio.sleep(0.1)
    timers.wake()
    await reached(stage, {1: "sent"})

    assert len(doing.timers) == 2


async def until_async(count: Callable[[], Awaitable[int]], expected: int) -> None:
    """Wait until the database counts so many."""
    for _ in range(300):
        if (found := await count()) == expected:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{found} and not {expected}")
