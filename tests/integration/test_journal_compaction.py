"""A compacted journal leaves the same cache as the whole one."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Sequence
from typing import Any

import discord
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simcord.backend import Backend, serializers

from bot.gateway.journal.merging import Event, UnmergeableError, merge, self_id_of
from bot.gateway.journal.reading import Saved, StateEvent
from bot.gateway.journal.state_events import NO_GUILD, STATE_EVENTS, guild_of
from bot.gateway.restore import restore
from bot.gateway.session import Marks, Session
from tests.integration.cache_picture import cache_picture, differences
from tests.integration.changing_world import ChangingWorld

STICKER_MAKER = re.compile(r"\bstickers\b.*\.user\.(?:_avatar|global_name|name): ")
Noted = tuple[int, int, str, bytes]  # sequence, guild, name, raw


def recorded(seed: int, changes: int, *, members: int = 6) -> list[Noted]:
    """Answer the state events of a world that changed *changes* times."""
    draw, noted = random.Random(seed), list[Noted]()

    def note(name: str, data: Any) -> None:
        if name in STATE_EVENTS:
            raw = orjson.dumps({"op": 0, "t": name, "s": len(noted) + 1, "d": data})
            noted.append((len(noted) + 1, guild_of(name, data), name, raw))

    backend = Backend()
    for name in ("one", "two", "three"):
        guild = backend.create_guild(name)
        for number in range(members):
            backend.add_member(guild.id, backend.make_user(f"{name}-{number}").id)
    known = [{"id": str(each), "unavailable": True} for each in backend.guilds]
    note("READY", {"user": serializers.user_payload(backend.bot_user), "guilds": known})
    for guild in backend.guilds.values():
        note("GUILD_CREATE", serializers.guild_create_payload(backend, guild))
    backend.subscribers.append(note)
    world = ChangingWorld(backend, draw.randrange)
    for _ in range(changes):
        world.change()
    return noted


def is_sent_to_all(noted: Noted) -> bool:
    """Answer whether clients without the members intent get the event."""
    _, _, name, raw = noted
    if not name.startswith("GUILD_MEMBER"):
        return True
    user = orjson.loads(raw)["d"].get("user", {})
    return name == "GUILD_MEMBER_UPDATE" and bool(user["bot"])


def event_of(noted: Noted) -> Event:
    """Answer sequence, name and raw payload."""
    sequence, _, name, raw = noted
    return sequence, name, raw


def compacted(noted: Sequence[Noted], up_to: int) -> list[Noted]:
    """Answer what a journal holds after its events up to *up_to* were merged."""
    early = [each for each in noted if each[0] <= up_to]
    self_id = self_id_of([event_of(each) for each in early if each[1] == NO_GUILD])
    left = [each for each in noted if each[0] > up_to]
    for guild in {each[1] for each in early}:
        rows = [event_of(each) for each in early if each[1] == guild]
        merged = merge(guild, rows, self_id=self_id)
        assert merged is not None
        left += [(sequence, guild, name, raw) for sequence, name, raw in merged]
    return sorted(left, key=lambda each: each[0])


async def restored(
    noted: Sequence[Noted], intents: discord.Intents | None = None
) -> dict[str, Any]:
    """Answer the picture of the cache that these events leave."""
    client = discord.Client(intents=intents or discord.Intents.all())
    await client._async_setup_hook()
    events = tuple(StateEvent(sequence=each[0], name=each[2], raw=each[3]) for each in noted)
    session = Session(session_id="s", sequence=1, address=None)
    marks = Marks(received=noted[-1][0], received_at_s=0.0)
    saved = Saved(session=session, marks=marks, events=events, last_messages={})
    await restore(client, {0: saved}, is_partial=False)
    assert client.is_ready()
    return cache_picture(client)


async def compare(
    whole: Sequence[Noted], short: Sequence[Noted], intents: discord.Intents | None = None
) -> list[str]:
    """Answer what differs between the caches that both leave."""
    return list(differences(await restored(whole, intents), await restored(short, intents)))


@given(seed=st.integers(0, 10**9), changes=st.integers(0, 120), share=st.floats(0, 1))
def test_a_compacted_journal_leaves_the_same_cache(seed: int, changes: int, share: float) -> None:
    """Whatever happens, and however far it is merged, every field is the same."""
    noted = recorded(seed, changes)
    up_to = max(1, round(len(noted) * share))
    once = compacted(noted, up_to)
    twice = compacted(once, len(noted))  # the rest too, on top of what was merged before

    async def found() -> list[str]:
        return [*await compare(noted, once), *await compare(noted, twice)]

    assert asyncio.run(found()) == []


@given(seed=st.integers(0, 10**9))
def test_it_does_for_clients_that_cache_few_members(seed: int) -> None:
    """Without the members intent the bot itself and people in voice channels are cached."""
    noted = [each for each in recorded(seed, 60) if is_sent_to_all(each)]
    intents = discord.Intents.default()

    found = asyncio.run(compare(noted, compacted(noted, len(noted)), intents))

    # See `merging`: nobody told of a maker of stickers who changed their name.
    assert [each for each in found if not STICKER_MAKER.search(each)] == []


def test_a_compacted_journal_is_no_longer_than_its_guilds() -> None:
    """One row for the session and a few for each guild, whatever happened."""
    noted = recorded(7, 500)
    guilds = {each[1] for each in noted}

    short = compacted(noted, len(noted))

    assert len(short) < 20 * len(guilds)
    assert sum(len(each[3]) for each in short) < sum(len(each[3]) for each in noted)


async def test_many_members_are_kept_in_chunks() -> None:
    """No event of a compacted journal is so long that it would block the loop."""
    noted = recorded(3, 40, members=2100)

    short = compacted(noted, len(noted))

    assert max(len(each[3]) for each in short) < 600_000
    assert await compare(noted, short) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        pytest.param("CHANNEL_CREATE", {"name": "no id"}, id="a key is missing"),
        pytest.param("CHANNEL_CREATE", [], id="not an object"),
        pytest.param("GUILD_ROLE_CREATE", {"role": "admin"}, id="a value is of another kind"),
        pytest.param("GUILD_UNHEARD_OF", {}, id="an event nobody knows"),
    ],
)
def test_an_event_that_is_not_understood_is_told(name: str, data: Any) -> None:
    """Nothing is guessed: the journal is given up instead."""
    create = orjson.dumps({"d": {"id": "5", "roles": []}})
    events: list[Event] = [(1, "GUILD_CREATE", create), (2, name, orjson.dumps({"d": data}))]

    with pytest.raises(UnmergeableError) as caught:
        merge(5, events, self_id=1)

    assert caught.value.name == name
