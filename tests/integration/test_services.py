"""What a leader's runtime offers, to plugins and to bots that know nothing of it."""

from __future__ import annotations

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
from bot.tasks.manager import TaskManager
from tests.integration.serving import settings_for
from tests.ports import free_port


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
