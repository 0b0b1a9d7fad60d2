"""Novera as a community sees it: the real bot with all its services, at a simulated Discord.

Everything runs in one loop and over real sockets; people act through the simulator's driver, which
lets nobody do what Discord would not let them do.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from discord import Permissions
from discord.http import Route
from pydantic import SecretStr

from bot import services
from bot.client import Novera, build
from bot.errors import ExitCode
from bot.gateway.connection import GatewayConnection
from bot.heartbeat.pulse import LoopPulse
from bot.services import Services
from bot.tasks.manager import TaskManager
from simulator.server import Simulator
from simulator.world import World
from tests.integration.serving import settings_for, until

ALWAYS = ("bot.plugins.general", "bot.plugins.admin")
ANSWER_S = 30.0  # longer than the bot itself is patient with its database
INTENTS = ("members", "presences", "message_content")
MODERATOR = (
    "ban_members",
    "kick_members",
    "moderate_members",
    "manage_messages",
    "manage_roles",
    "manage_channels",
    "manage_nicknames",
    "manage_threads",
)


class Stage:
    """The simulated world and the bot that serves in it.

    Attributes:
        stops: What `request_stop` was asked.
    """

    def __init__(self, simulator: Simulator, state_dir: Path) -> None:
        self.simulator, self.state_dir = simulator, state_dir
        self.driver, self.world = simulator.driver, simulator.world
        self.stops: list[tuple[ExitCode, str]] = []
        self.bot: Novera
        self.services: Services

    @property
    def backend(self) -> Any:
        """SimCord's model of Discord: guilds, members, bans, audit log."""
        return self.world.backend

    @property
    def guild(self) -> Any:
        """The default guild, as SimCord has it."""
        return self.world.guild

    async def say(self, content: str, *, user: str = "mod", channel: str = "general") -> str:
        """Post a message; answers all words of the bot's reply."""
        shown = await self.driver.say(content, user=user, channel=channel, wait_s=ANSWER_S)
        return words_of(shown["reply"])

    async def slash(
        self,
        command: str,
        options: Mapping[str, Any] | None = None,
        *,
        user: str = "mod",
        channel: str = "general",
    ) -> str:
        """Run a slash command; answers all words of the response."""
        shown = await self.driver.slash(
            command, options=options, user=user, channel=channel, wait_s=ANSWER_S
        )
        return words_of(shown["response"])

    def messages(self, channel: str = "general") -> list[Any]:
        """Answer the messages of a channel, oldest first, as SimCord has them."""
        place = self.world.channel(channel)
        return list(self.backend.messages.get(place.id, {}).values())

    def user_id(self, name: str) -> int:
        """Answer the id of a user."""
        return int(self.world.user(name).id)


def words_of(message: Mapping[str, Any] | None) -> str:
    """Answer all words of a message as the driver shows it, its embeds included."""
    assert message is not None, "the bot said nothing"
    words = [message["content"]]
    for embed in message["embeds"]:
        words += [embed.get("title") or "", embed.get("description") or ""]
        words += [f"{field['name']}\n{field['value']}" for field in embed.get("fields", [])]
        words.append((embed.get("footer") or {}).get("text") or "")
    return "\n".join(word for word in words if word)


def people(world: World) -> None:
    """Add moderators and give the bot a role beneath which all others are."""
    backend, guild = world.backend, world.guild
    moderator = backend.make_user("mod")
    backend.add_member(guild.id, moderator.id)
    role = backend.create_role(guild.id, "Moderator", permissions=_value(MODERATOR))
    backend.add_member_role(guild.id, moderator.id, role.id)
    own = backend.create_role(guild.id, "Bot", permissions=_value(("administrator",)))
    backend.add_member_role(guild.id, backend.bot_user.id, own.id)


def _value(names: Sequence[str]) -> int:
    return int(Permissions(**dict.fromkeys(names, True)).value)


@functools.cache
def _tables() -> bytes:
    """Answer an empty database, as a first start makes it: once, since that takes 30 ms."""
    from bot.storage import engine, schema

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "novera.db"
        made = engine.plain_engine(engine.url_of("", path))
        schema.upgrade(made)
        made.dispose()
        return path.read_bytes()


@contextlib.asynccontextmanager
async def simulated(state_dir: Path) -> AsyncIterator[Stage]:
    """Yield a stage whose bot is not there yet, but once was."""
    (state_dir / "novera.db").write_bytes(_tables())
    async with Simulator() as simulator:
        people(simulator.world)
        yield Stage(simulator, state_dir)


@contextlib.asynccontextmanager
async def serving(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    plugins: Sequence[str] = (),
    *,
    database_url: str = "",
    make: Callable[[Any], Novera] = build,
    **values: Any,
) -> AsyncIterator[Stage]:
    """Let the bot serve until the block ends; another block then is another life of it.

    Args:
        plugins: Names under `bot.plugins`, or whole modules.
        values: Settings that differ from their defaults.
    """
    named = [name if "." in name else f"bot.plugins.{name}" for name in plugins]
    given: dict[str, Any] = {
        "discord_api_url": stage.simulator.api_url,
        "plugins": (*ALWAYS, *(name for name in named if name not in ALWAYS)),
        "privileged_intents": INTENTS,
        "database_url": SecretStr(database_url),
        **values,
    }
    settings = settings_for(stage.state_dir, given)
    monkeypatch.setattr(Route, "BASE", Route.BASE)  # the connection sets it; put it back
    async with TaskManager() as tasks, LoopPulse() as pulse:
        client = make(settings)
        connection = GatewayConnection(
            client, token=stage.simulator.token, settings=settings, tasks=tasks
        )
        async with services.running(
            settings,
            client,
            connection,
            tasks,
            pulse,
            request_stop=lambda code, reason: stage.stops.append((code, reason)),
            last_beat=lambda: None,
        ) as running:
            stage.bot, stage.services = client, running
            await connection.login()
            serving = tasks.create_task(connection.run(), name="gateway")
            try:
                await until(lambda: connection.ready.is_set() or serving.done(), timeout_s=30)
                if serving.done():
                    serving.result()
                assert client.plugins.failed == {}
                await until(lambda: (stage.state_dir / "commands.hash").exists())
                yield stage
            finally:
                await running.end_work()
                await connection.close(ends_session=True)
                await asyncio.wait({serving}, timeout=10)
        await tasks.shutdown(5.0)
