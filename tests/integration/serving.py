"""A discord.py client under command safety, served by a simulated Discord in the same loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import discord
import pytest
from discord.http import Route

from bot.commands import safety
from bot.commands.stats import CommandStats
from bot.errors import ExitCode
from bot.gateway.connection import GatewayConnection
from bot.services import Services
from bot.settings import BotSettings
from bot.tasks.manager import TaskManager
from bot.tasks.timeouts import with_timeout
from simulator.server import Simulator
from watchdog.heartbeat.schema import Heartbeat

C = TypeVar("C", bound=discord.Client)
PLUGINS = ("bot.plugins.general", "bot.plugins.admin")


class Served(Generic[C]):
    """What a test holds while the client serves.

    Attributes:
        stops: What `request_stop` was asked.
        beat: What `last_beat` answers.
    """

    def __init__(self, client: C, simulator: Simulator, tasks: TaskManager) -> None:
        self.client, self.simulator, self.tasks = client, simulator, tasks
        self.driver = simulator.driver
        self.stats = CommandStats()
        self.stops: list[tuple[ExitCode, str]] = []
        self.beat: Heartbeat | None = None
        self.safety: safety.Safety | None = None

    def services(self, settings: BotSettings) -> Services:
        """Answer the services that commands use; the others are not there."""
        return Services(
            settings=settings,
            tasks=self.tasks,
            jobs=cast(Any, None),
            bridge=cast(Any, None),
            effects=cast(Any, None),
            commands=self.stats,
            request_stop=lambda code, reason: self.stops.append((code, reason)),
            last_beat=lambda: self.beat,
        )

    async def error_reply(self, after: str, timeout_s: float = 15.0) -> str:
        """Answer the text of the bot's first message in #general after the message *after*."""
        place = self.simulator.world.channel("general")
        reply = await self.driver.reply_after(place, int(after), timeout_s)
        assert reply is not None, "the bot said nothing"
        return str(reply["content"])


def settings_for(state_dir: Path, values: Mapping[str, Any]) -> BotSettings:
    """Answer settings that no environment and no .env disturbs; of the plugins two are loaded."""
    given: dict[str, Any] = {"state_dir": state_dir, "log_dir": state_dir, "plugins": PLUGINS}
    return BotSettings.model_construct(
        **{name: field.get_default() for name, field in BotSettings.model_fields.items()}
        | given
        | dict(values)
    )


@contextlib.asynccontextmanager
async def serving(
    make: Callable[[BotSettings], C],
    state_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    before: tuple[str, dict[str, Any]] | None = None,
    **values: Any,
) -> AsyncIterator[Served[C]]:
    """Run the client that *make* answers until it is ready, and end it with the block.

    Args:
        before: A fault, with its parameters, that the start meets.
        values: Settings that differ from their defaults.
    """
    async with Simulator() as simulator:
        if before is not None:
            await simulator.driver.fault(*before)
        async with serving_at(simulator, make, state_dir, monkeypatch, **values) as served:
            yield served


@contextlib.asynccontextmanager
async def serving_at(
    simulator: Simulator,
    make: Callable[[BotSettings], C],
    state_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    **values: Any,
) -> AsyncIterator[Served[C]]:
    """Run a client as `serving` does, at a simulator that outlives it."""
    async with TaskManager() as tasks:
        monkeypatch.setattr(Route, "BASE", Route.BASE)  # the connection sets it; put it back
        settings = settings_for(state_dir, {"discord_api_url": simulator.api_url, **values})
        client = make(settings)
        served = Served(client, simulator, tasks)
        services = served.services(settings)
        served.safety = safety.attach(client, services)
        connection = GatewayConnection(
            client, token=simulator.token, settings=settings, tasks=tasks
        )
        await connection.login()
        running = tasks.create_task(connection.run(), name="gateway")
        try:
            await until(lambda: connection.ready.is_set() or running.done(), timeout_s=30)
            if running.done():
                running.result()
            yield served
        finally:
            await connection.close(ends_session=True)
            await asyncio.wait({running}, timeout=10)
            await services.close()
            served.safety.detach()
            await tasks.shutdown(5.0)


async def until(condition: Callable[[], bool], *, timeout_s: float = 10) -> None:
    """Wait for *condition*, which nothing announces."""

    async def look() -> None:
        while not condition():  # noqa: ASYNC110 - what is looked at belongs to discord.py
            await asyncio.sleep(0.02)

    await with_timeout(look(), timeout_s)
