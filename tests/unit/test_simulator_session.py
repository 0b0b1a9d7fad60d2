"""Sessions, their replay, and how many may be started."""

from __future__ import annotations

import orjson
import pytest

from simulator.errors import UnknownNameError
from simulator.gateway.protocol import Identify
from simulator.gateway.session import Session
from simulator.gateway.starts import SessionStarts
from simulator.settings import SimulatorSettings
from simulator.world import World
from tests.fakes import FakeClock

_ALL = 53608447


@pytest.fixture
def world() -> World:
    return World(SimulatorSettings(keep_messages=3))


def _session(world: World, *, intents: int = _ALL, shard: tuple[int, int] = (0, 1)) -> Session:
    identify = Identify(token="t", intents=intents, shard_id=shard[0], shard_count=shard[1])
    return Session(world.backend, identify, buffer_events=3)


def _numbers(frames: list[bytes] | None) -> list[int] | None:
    return None if frames is None else [orjson.loads(frame)["s"] for frame in frames]


@pytest.mark.parametrize(
    ("sequence", "missed"),
    [
        pytest.param(5, [], id="nothing missed"),
        pytest.param(3, [4, 5], id="some"),
        pytest.param(2, [3, 4, 5], id="all that is kept"),
        pytest.param(1, None, id="more than is kept"),
    ],
)
def test_a_session_replays_what_it_kept(
    world: World, sequence: int, missed: list[int] | None
) -> None:
    """With three events kept, older ones are lost."""
    session = _session(world)
    for number in range(5):
        session.dispatch("X", {"number": number})

    assert _numbers(session.missed(sequence)) == missed


def test_an_event_without_its_intent_is_not_numbered(world: World) -> None:
    """A session that did not ask for messages gets no gap either."""
    session = _session(world, intents=1)
    session.offer("MESSAGE_CREATE", {"guild_id": str(world.guild.id), "content": "x"})

    assert session.sequence == 0


def test_an_event_of_another_shard_is_not_for_this_one(world: World) -> None:
    """Direct messages belong to shard 0."""
    first, second = _session(world, shard=(0, 2)), _session(world, shard=(1, 2))
    for session in (first, second):
        session.offer("MESSAGE_CREATE", {"guild_id": str(1 << 22), "id": "1"})
        session.offer("MESSAGE_CREATE", {"id": "2", "channel_id": "3", "content": ""})

    assert (first.sequence, second.sequence) == (1, 1)


def test_starts_are_spent_and_renewed_after_a_day() -> None:
    """remaining counts down, reset_after is in milliseconds."""
    clock = FakeClock()
    starts = SessionStarts(SimulatorSettings(identify_total=2), clock)
    spent = [starts.spend() for _ in range(3)]
    clock.advance(86_000)
    left = starts.as_json()
    clock.advance(400)

    assert spent == [True, True, False]
    assert (left["remaining"], left["reset_after"]) == (0, 400_000)
    assert starts.as_json()["remaining"] == 2


def test_an_identify_waits_for_its_turn_per_key() -> None:
    """Shards of different keys may identify at once."""
    clock = FakeClock()
    settings = SimulatorSettings(identify_interval_s=5.0, max_concurrency=2)
    starts = SessionStarts(settings, clock)
    at_once = [starts.too_soon(shard) for shard in (0, 1, 2)]
    clock.advance(5)

    assert at_once == [False, False, True]
    assert not starts.too_soon(2)


def test_a_channel_keeps_its_newest_messages(world: World) -> None:
    """Memory is bounded, times of forgotten messages are forgotten."""
    channel = world.channel("general")
    for number in range(5):
        world.backend.create_message(channel.id, world.user("alice").id, str(number))
    kept = world.backend.messages[channel.id]

    assert [each.content for each in kept.values()] == ["2", "3", "4"]
    assert set(world.created_at_s) == set(kept)


@pytest.mark.parametrize("name", ["eve", "", "alice ", "123"])
def test_an_unknown_name_is_told_with_the_known_ones(world: World, name: str) -> None:
    """Whoever mistyped sees what there is."""
    with pytest.raises(UnknownNameError, match=r"there are: .*alice, bob"):
        world.user(name)


def test_channels_have_names_ids_and_a_hash(world: World) -> None:
    """Three ways to say the same."""
    channel = world.channel("general")

    assert world.channel("#general") is channel
    assert world.channel(str(channel.id)) is channel
    assert world.channel("@dm", user=world.user("bob")).guild_id is None


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"host": "0.0.0.0"}, id="not loopback"),
        pytest.param({"host": "example.org"}, id="a name"),
        pytest.param({"port": -1}, id="negative port"),
        pytest.param({"token": ""}, id="no token"),
        pytest.param({"approved_intents": ("guilds",)}, id="not privileged"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    """Before a socket is opened."""
    with pytest.raises(ValueError, match=r"loopback|port|token|privileged"):
        SimulatorSettings(**changes)  # type: ignore[arg-type]
