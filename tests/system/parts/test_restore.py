"""A cache that is restored from the journal of a client that was connected is the client's."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import discord
import orjson
import pytest

from bot.gateway.journal.following import Position, load_since
from bot.gateway.journal.keeper import SessionJournal
from bot.gateway.journal.reading import Saved, StateEvent, load
from bot.gateway.restore import RestoreError, follow, lacking_members, restore
from bot.tasks.timeouts import with_timeout
from simulator.server import Simulator
from tests.integration.cache_picture import cache_picture, differences
from tests.integration.changing_world import ChangingWorld
from tests.integration.gateway_rig import Rig, rigged

Options = dict[str, Any]


def journal_in(folder: Path, **options: Any) -> SessionJournal:
    """Answer a journal that lies in *folder*."""
    limits: Options = {"max_bytes": 64 << 20, "max_events": 100_000}
    return SessionJournal(folder, fingerprint="f", **limits | options)


def saved_in(folder: Path) -> dict[int, Saved]:
    """Answer what a new process finds there."""
    found = load(folder, "f")
    unusable = [each for each in found.values() if not isinstance(each, Saved)]
    assert unusable == []
    return {shard_id: each for shard_id, each in found.items() if isinstance(each, Saved)}


async def fresh(client: discord.Client) -> discord.Client:
    """Answer *client* as it is after its login."""
    await client._async_setup_hook()
    count: int | None = client.shard_count
    client._connection.shard_count = count
    if isinstance(client, discord.AutoShardedClient):
        client._connection.shard_ids = list(range(count or 1))
    return client


async def settled(rig: Rig[Any]) -> None:
    """Wait until the client has everything that was sent to it."""

    def is_settled() -> bool:
        sent = {each.shard_id: each.sequence for each in rig.hub.sessions.values()}
        came = {shard: each.sequence for shard, each in rig.connection.sessions.items()}
        return sent == came and not rig.client._connection._chunk_requests

    await rig.until(is_settled)
    await rig.until(lambda: not lacking_members(rig.client))


async def live_and_restored(
    seed: int,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    changes: int,
    shards: int | None = None,
    **limits: Any,
) -> tuple[list[str], dict[int, Saved]]:
    """Answer what differs between a client's cache and a restored one, and what was restored."""

    def make() -> discord.Client:
        options: Options = {"intents": discord.Intents.all(), "shard_count": shards}
        return discord.AutoShardedClient(**options) if shards else discord.Client(**options)

    journal = journal_in(folder, **limits)
    async with Simulator() as simulator:
        for number in range(3):
            where = {} if shards is None else {"shard": number % shards, "shard_count": shards}
            await simulator.driver.add_guild(f"guild-{number}", members=500, **where)
        async with rigged(simulator, folder, monkeypatch, make(), journal=journal) as rig:
            await rig.ready()
            await settled(rig)
            world = ChangingWorld(simulator.world.backend, random.Random(seed).randrange)
            for _ in range(changes):
                world.change()
                await asyncio.sleep(0)
            await settled(rig)
            await journal.flush()
            saved = saved_in(folder)  # as it would be found if the process were killed now
            client = await fresh(make())
            await restore(client, saved, is_partial=False)
            assert client.is_ready()
            found = list(differences(cache_picture(rig.client), cache_picture(client)))
    await journal.close(clean=False)
    return found, saved


@pytest.mark.parametrize("seed", range(3))
async def test_the_restored_cache_is_the_live_one(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three guilds of 500 members that changed at random: every field is the same."""
    found, _ = await live_and_restored(seed, tmp_path, monkeypatch, changes=200)

    assert found == []


async def test_so_it_is_after_compactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that was made smaller again and again leaves the same cache."""
    found, _ = await live_and_restored(11, tmp_path, monkeypatch, changes=400, max_events=60)

    assert found == []


async def test_so_it_is_with_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every shard has a file of its own; one cache comes from all of them."""
    found, saved = await live_and_restored(5, tmp_path, monkeypatch, changes=200, shards=2)

    assert found == []
    assert sorted(saved) == [0, 1]


async def test_the_others_make_a_partly_restored_client_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restored shards count as ready; discord.py waits for those that identify, and tells then."""
    options: Options = {"intents": discord.Intents.all(), "shard_count": 2}
    options["guild_ready_timeout"] = 0.1
    _, saved = await live_and_restored(5, tmp_path, monkeypatch, changes=0, shards=2)
    heard = list[str]()
    client = await fresh(discord.AutoShardedClient(chunk_guilds_at_startup=False, **options))
    state = client._connection
    monkeypatch.setattr(state, "dispatch", lambda name, *_: heard.append(name))
    await restore(client, {0: saved[0]}, is_partial=True)
    was_ready, heard_so_far = client.is_ready(), list(heard)

    for event in saved[1].events:
        state.parsers[event.name](orjson.loads(event.raw)["d"])
    await with_timeout(client.wait_until_ready(), 5)

    assert (was_ready, heard_so_far) == (False, [])
    assert "ready" in heard
    assert len(client.guilds) == 4


async def test_a_spare_follows_what_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that was restored earlier is brought up to date by the events since alone."""
    journal, intents = journal_in(tmp_path), discord.Intents.all()
    async with (
        Simulator() as simulator,
        rigged(
            simulator, tmp_path, monkeypatch, discord.Client(intents=intents), journal=journal
        ) as rig,
    ):
        await rig.ready()
        await settled(rig)
        await journal.flush()
        saved, spare = saved_in(tmp_path), await fresh(discord.Client(intents=intents))
        await restore(spare, saved, is_partial=False)
        world = ChangingWorld(simulator.world.backend, random.Random(3).randrange)
        for _ in range(5):
            for _ in range(20):
                world.change()
            await settled(rig)
            await journal.flush()
            since = load_since(tmp_path, "f", {0: Position.of(saved[0])})
            saved = {key: each for key, each in since.items() if isinstance(each, Saved)}
            assert all(event.sequence > saved[0].since for event in saved[0].events)
            await follow(spare, saved)

        assert list(differences(cache_picture(rig.client), cache_picture(spare))) == []
    await journal.close(clean=False)


async def test_an_event_that_cannot_be_parsed_ends_the_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said which one, and nothing is left of the cache."""
    _, saved = await live_and_restored(5, tmp_path, monkeypatch, changes=0)
    bad = StateEvent(sequence=99, name="CHANNEL_CREATE", raw=b'{"d": {}}')
    broken = replace(saved[0], events=(*saved[0].events, bad))
    client = await fresh(discord.Client(intents=discord.Intents.all()))

    with pytest.raises(RestoreError, match="CHANNEL_CREATE with sequence 99"):
        await restore(client, {0: broken}, is_partial=False)

    assert (len(client.guilds), client.is_ready()) == (0, False)


async def test_the_loop_turns_while_a_cache_is_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pulse of the heartbeat goes on, and nothing is dispatched."""
    _, saved = await live_and_restored(5, tmp_path, monkeypatch, changes=0)
    monkeypatch.setattr("bot.gateway.restore.SLICE_S", 0.0)  # a slow machine is not needed
    turns, is_over = 0, False
    client = await fresh(discord.Client(intents=discord.Intents.all()))
    heard = list[str]()
    monkeypatch.setattr(client._connection, "dispatch", lambda name, *_: heard.append(name))

    async def count() -> None:
        nonlocal turns
        while not is_over:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await restore(client, saved, is_partial=False)
    is_over = True
    await counting

    assert turns >= len(saved[0].events)
    assert heard == []
