"""`effects.once`: keys and their scope; the databases are tested where they run."""

from __future__ import annotations

import pytest

from bot.effects.once import Effects, NoEventError
from bot.gateway.event import GatewayEvent, current_event


class Notebook:
    """Claims that last as long as a test."""

    def __init__(self) -> None:
        self.claimed: set[str] = set()
        self.closed = False

    async def claim(self, key: str) -> bool:
        """As `Claims.claim`."""
        new = key not in self.claimed
        self.claimed.add(key)
        return new

    async def forget(self, key: str) -> None:
        """As `Claims.forget`."""
        self.claimed.discard(key)

    async def close(self) -> None:
        """As `Claims.close`."""
        self.closed = True


@pytest.fixture
def effects() -> Effects:
    """What plugins find as `services.effects`."""
    return Effects(Notebook())


def event(sequence: int, attempt: int = 1) -> GatewayEvent:
    """Answer an event of one session."""
    return GatewayEvent(
        shard_id=0,
        sequence=sequence,
        name="MESSAGE_CREATE",
        received_at_s=0.0,
        session_id="secret-session",
        attempt=attempt,
    )


async def test_the_first_caller_may_begin(effects: Effects) -> None:
    """All others may not."""
    answers = [await effects.once("welcome:1"), await effects.once("welcome:1")]

    assert answers == [True, False]
    assert await effects.once("welcome:2")


async def test_a_failed_effect_may_be_begun_again(effects: Effects) -> None:
    """Whoever knows that nothing happened says so."""
    await effects.once("pay")
    await effects.forget("pay")

    assert await effects.once("pay")


async def test_within_an_event_a_key_counts_for_that_event(effects: Effects) -> None:
    """The same handler may do it again for the next event, but not twice for one."""
    answers = []
    for each in (event(1), event(1, attempt=2), event(2)):
        token = current_event.set(each)
        answers.append(await effects.once_per_event("charge"))
        current_event.reset(token)

    assert answers == [True, False, True]


async def test_the_scopes_know_nothing_of_each_other(effects: Effects) -> None:
    """One key in both is two."""
    token = current_event.set(event(1))
    answers = [await effects.once("k"), await effects.once_per_event("k")]
    current_event.reset(token)

    assert answers == [True, True]


async def test_outside_of_events_the_mistake_is_told(effects: Effects) -> None:
    """There is nothing to be once in."""
    with pytest.raises(NoEventError, match=r"effects\.once"):
        await effects.once_per_event("k")


async def test_the_session_id_is_not_written_anywhere() -> None:
    """Who has it can take the session over."""
    notebook = Notebook()
    token = current_event.set(event(1))
    await Effects(notebook).once_per_event("k")
    current_event.reset(token)

    assert not any("secret-session" in key for key in notebook.claimed)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="empty"),
        pytest.param("x" * 201, id="too long"),
        pytest.param("a\0b", id="NUL"),
        pytest.param("\ud800", id="half a surrogate pair"),
        pytest.param("a\nb", id="two lines"),
    ],
)
async def test_a_key_that_no_database_takes_is_refused(key: str, effects: Effects) -> None:
    """Before anything is asked of it."""
    with pytest.raises(ValueError, match="1 to 200"):
        await effects.once(key)


async def test_the_longest_key_is_taken(effects: Effects) -> None:
    """200 characters of any script."""
    assert await effects.once("ü" * 200)


async def test_the_database_is_let_go_at_the_end() -> None:
    """`async with` is its lifespan."""
    notebook = Notebook()
    async with Effects(notebook):
        pass

    assert notebook.closed
