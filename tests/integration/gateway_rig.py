"""A discord.py client on the simulator, connected by our own loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import discord
import pytest
from discord.http import Route

from bot.gateway.connection import GatewayConnection
from bot.gateway.pace import Pace
from bot.gateway.recall import Recall
from bot.tasks.manager import TaskManager
from simulator.server import Simulator
from tests.integration.serving import settings_for, until

C = TypeVar("C", bound=discord.Client)
# Half of the longest wait: quick enough for tests, and the same each time.
PACE = Pace(draw=lambda: 0.5)


class Echo(discord.Client):
    """Says what it heard; keeps the names of its events."""

    def __init__(self, **options: Any) -> None:
        intents = discord.Intents(guilds=True, guild_messages=True, message_content=True)
        chosen: dict[str, Any] = {"intents": intents, "guild_ready_timeout": 20.0}
        super().__init__(**chosen | options)
        self.heard: list[str] = []
        self.events: list[str] = []

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Keep the name, then do as discord.py does."""
        self.events.append(event)
        super().dispatch(event, *args, **kwargs)

    async def on_message(self, message: discord.Message) -> None:
        """Answer people."""
        if not message.author.bot:
            self.heard.append(message.content)
            await message.channel.send(f"heard {message.content}")


class Rig(Generic[C]):
    """What a test holds: the client, its connection, and the loop that runs it."""

    def __init__(
        self, simulator: Simulator, client: C, tasks: TaskManager, folder: Path, options: Any
    ) -> None:
        chosen: dict[str, Any] = {"token": simulator.token, "pace": PACE}
        for name in ("sessions", "journal", "token"):
            if name in options:
                chosen[name] = options.pop(name)
        self.folder, recalls = folder, options.pop("recalls", False)
        self.settings = settings_for(
            folder, {"discord_api_url": simulator.api_url, "log_dir": folder, **options}
        )
        if recalls:
            chosen["recall"] = Recall(client, self.settings, token=chosen["token"])
        self.client, self.simulator, self.tasks = client, simulator, tasks
        self.driver, self.hub = simulator.driver, simulator.hub
        self.connection = GatewayConnection(
            client,
            settings=self.settings,
            tasks=tasks,
            identify_interval_s=0.0,
            **chosen,
        )
        self.running: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Log in and connect, in a task."""

        async def run() -> None:
            await self.connection.login()
            await self.connection.run()

        self.running = self.tasks.create_task(run(), name="gateway")
        return self.running

    async def ready(self, timeout_s: float = 20.0) -> None:
        """Wait until the client serves; raises what ended it instead."""
        running = self.running or self.start()
        await until(lambda: self.connection.ready.is_set() or running.done(), timeout_s=timeout_s)
        if running.done():
            running.result()

    async def answers(self, text: str, wait_s: float = 15.0) -> str | None:
        """Say *text* to the bot; answers what it says."""
        reply = (await self.driver.say(text, wait_s=wait_s))["reply"]
        return None if reply is None else str(reply["content"])

    async def until(self, condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Wait for *condition*."""
        await until(condition, timeout_s=timeout_s)


@contextlib.asynccontextmanager
async def rigged(
    simulator: Simulator,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    client: C,
    **options: Any,
) -> AsyncIterator[Rig[C]]:
    """Set up a client that is not started; end it with the block."""
    recalls = options.get("recalls", False)  # what comes after is to go on from here
    monkeypatch.setattr(Route, "BASE", Route.BASE)  # the connection sets it; put it back
    async with TaskManager() as tasks:
        rig = Rig(simulator, client, tasks, folder, options)
        try:
            yield rig
        finally:
            await rig.connection.close(ends_session=not recalls)
            if rig.running is not None:
                rig.running.cancel()
                await asyncio.wait({rig.running})
            await tasks.shutdown(5.0)


@contextlib.asynccontextmanager
async def serving_echo(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    simulator: dict[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[Rig[Echo]]:
    """Run an echo until it is ready, and end it with the block."""
    async with (
        Simulator(**simulator or {}) as world,
        rigged(world, folder, monkeypatch, Echo(), **options) as rig,
    ):
        await rig.ready()
        yield rig
