"""What a leader's runtime offers, to plugins and to bots that know nothing of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest
import pytest_asyncio

from bot import services
from bot.gateway.connection import GatewayConnection
from bot.heartbeat.pulse import LoopPulse
from bot.outbound.errors import AddressRefusedError, ConnectionFailedError
from bot.services import Services
from bot.storage import storage
from bot.storage.backup import FOLDER
from bot.storage.database import SQLITE_FILE
from bot.tasks.manager import TaskManager
from tests.integration.serving import settings_for, until
from tests.ports import free_port
from tests.unit.status_reports import beat as healthy_beat
from watchdog.heartbeat.schema import Storage, encode


@contextlib.asynccontextmanager
async def started(folder: Path, **values: object) -> AsyncIterator[Services]:
    """Start the services of a client that is not logged in; end them with the block."""
    settings = settings_for(folder, values)
    client = discord.Client(intents=discord.Intents.none())
    async with TaskManager() as tasks, LoopPulse() as pulse:
        connection = GatewayConnection(client, token="none", settings=settings, tasks=tasks)
        async with services.running(
            settings,
            client,
            connection,
            tasks,
            pulse,
            request_stop=lambda _code, _reason: None,
            last_beat=lambda: None,
        ) as given:
            yield given


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Services]:
    """The services of a leader."""
    async with started(tmp_path) as given:
        yield given


async def test_handlers_of_any_bot_find_the_services(tmp_path: Path) -> None:
    """Also in the tasks that they start; outside of handlers there are none."""

    async def handler() -> Services:
        return services.current()

    with pytest.raises(LookupError):
        services.current()
    async with started(tmp_path) as given:
        found = await given.tasks.create_task(handler(), name="handler")

        assert found is given


async def test_an_effect_is_begun_once(running: Services) -> None:
    """By the database of the installation."""
    assert await running.effects.once("welcome:1")
    assert not await running.effects.once("welcome:1")


async def test_the_client_for_other_services_is_made_once(running: Services) -> None:
    """When somebody first asks for it."""
    assert running.outbound is running.outbound


@pytest.mark.parametrize(
    ("networks", "error"),
    [
        pytest.param((), AddressRefusedError, id="by default"),
        pytest.param(("127.0.0.0/8",), ConnectionFailedError, id="allowed"),
    ],
)
async def test_neighbours_are_called_only_where_the_settings_allow_it(
    tmp_path: Path, networks: tuple[str, ...], error: type[Exception]
) -> None:
    """By OUTBOUND_NETWORKS."""
    url = f"http://127.0.0.1:{free_port()}/"
    async with started(tmp_path, outbound_networks=networks) as given:
        with pytest.raises(error):
            await given.outbound.request("GET", url, retries=0)


async def test_the_heartbeat_tells_of_the_database_and_makes_none(running: Services) -> None:
    """Its thread asks; a bot that keeps nothing has no database."""
    before = await asyncio.to_thread(running.database)
    left = running._storage
    running.storage.start()
    await until(lambda: running.storage.health.state == "ready")
    after = await asyncio.to_thread(running.database)

    assert (before, left) == (Storage(), None)
    assert (after.kind, after.state, after.problem) == ("sqlite", "ready", None)


async def test_the_heartbeat_tells_of_a_lost_database_and_a_failed_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words that a beat can hold, whatever the folder is called; none of them is its path."""
    monkeypatch.setattr(storage, "WATCH_S", 0.05)
    folder = tmp_path / "caf\udce9"
    folder.mkdir()
    (folder / FOLDER).touch()  # where backups should go
    async with started(folder) as given:
        given.storage.start()
        await until(lambda: given.storage.health.state == "ready")
        given.begin()
        assert given._backups is not None
        await given._backups.look()
        (folder / SQLITE_FILE).unlink()
        engine = await given.storage.sync_engine()
        with engine.connect():
            await until(lambda: given.storage.health.state == "degraded", timeout_s=20)
        told = given.database()
    beat = encode(healthy_beat(storage=told))

    assert told.state == "degraded"
    assert "removed or replaced" in str(told.problem)
    assert "backups" in str(told.backup_problem)
    assert str(tmp_path) not in beat.decode()
