"""Messages are posted once although their handlers run twice, with a real client on the simulator.

A process that dies is a client whose handlers stop at some moment for ever. Then a second client
handles the same event.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import discord
import pytest
from discord.ext import commands

from bot.effects.nonces import Nonces
from bot.gateway.event import GatewayEvent, current_event, redelivered
from bot.gateway.rest import RestGuard
from bot.tasks.manager import TaskManager
from simulator.server import Simulator
from simulator.testing import running
from tests.integration.serving import until

Bot = commands.Bot


class Process:
    """A bot in a process of its own, as far as nonces go.

    Args:
        lives_for: Steps of its handlers after which nothing of it moves any more.
        seed: Of the order in which its tasks run.
    """

    def __init__(self, simulator: Simulator, lives_for: int | None, seed: int) -> None:
        self.simulator, self.tasks, self.nonces = simulator, TaskManager(), Nonces()
        self.bot = Bot("!", intents=discord.Intents.all(), guild_ready_timeout=0.1)
        self.sent: list[discord.Message] = []
        self._left, self._draw = lives_for, random.Random(seed)
        self._dead = asyncio.Event()

    async def step(self) -> None:
        """Be overtaken by other tasks, or die."""
        for _ in range(self._draw.randrange(6)):
            await asyncio.sleep(0)
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                self._dead.set()
                await asyncio.Event().wait()

    async def post(self, sending: Callable[[], Awaitable[discord.Message]]) -> discord.Message:
        """Send a message, between two steps."""
        await self.step()
        message = await sending()
        self.sent.append(message)
        await self.step()
        return message

    async def handle(self, payload: dict[str, Any], attempt: int) -> None:
        """Hand a message to the handlers as the gateway does, until they end or die."""
        event = GatewayEvent(
            shard_id=0,
            sequence=7,
            name="MESSAGE_CREATE",
            received_at_s=1.0,
            session_id="the session of both",
            attempt=attempt,
        )
        before = asyncio.all_tasks()
        token = current_event.set(event)
        self.bot._connection.parsers["MESSAGE_CREATE"](dict(payload))
        current_event.reset(token)
        handlers = asyncio.all_tasks() - before
        assert handlers
        dying = self.tasks.create_task(self._dead.wait(), name="death")
        ended = self.tasks.create_task(_all(handlers), name="handlers")
        await asyncio.wait({dying, ended}, return_when=asyncio.FIRST_COMPLETED)
        for task in (dying, ended, *handlers):
            task.cancel()


async def _all(tasks: set[asyncio.Task[Any]]) -> None:
    await asyncio.wait(tasks)


@contextlib.asynccontextmanager
async def process(
    simulator: Simulator,
    setup: Callable[[Process], None],
    *,
    lives_for: int | None = None,
    seed: int = 0,
) -> AsyncIterator[Process]:
    """Run a process with the handlers that *setup* adds."""
    one = Process(simulator, lives_for, seed)
    async with one.tasks:
        one.tasks.add_observer(one.nonces)
        setup(one)
        async with running(one.bot, simulator):
            RestGuard(one.bot.http, next_nonce=one.nonces.next_nonce).attach()
            yield one
        await one.tasks.shutdown(5.0)


async def run_twice(
    simulator: Simulator, setup: Callable[[Process], None], *, dies_after: int, text: str = "go"
) -> tuple[Process, Process]:
    """Let one process die in the middle of an event, and a second one handle it again."""
    said = await simulator.driver.say(text)
    async with process(simulator, setup, lives_for=dies_after, seed=dies_after) as first:
        channel_id = simulator.world.channel("general").id
        payload: Any = await first.bot.http.get_message(channel_id, int(said["id"]))
        payload["guild_id"] = str(first.bot.guilds[0].id)
        await first.handle(payload, attempt=1)
    async with process(simulator, setup, seed=99 - dies_after) as second:
        await second.handle(payload, attempt=2)
    return first, second


def on_message(run: Process, handler: Callable[[discord.Message], Awaitable[None]]) -> None:
    """Add a handler; it sees the event, not what the gateway brings besides."""

    async def listener(message: discord.Message) -> None:
        if current_event.get() is not None and not message.author.bot:
            await handler(message)

    run.bot.add_listener(listener, "on_message")


async def posted(simulator: Simulator) -> Counter[str]:
    """Answer the texts of the bot's messages."""
    bot_id = str(simulator.world.backend.bot_user.id)
    messages = await simulator.driver.messages(limit=100)
    return Counter(each["content"] for each in messages if each["author_id"] == bot_id)


def twice(run: Process) -> None:
    """A handler that sends two messages."""

    async def handler(message: discord.Message) -> None:
        await run.post(lambda: message.channel.send("one"))
        await run.post(lambda: message.channel.send("two"))

    on_message(run, handler)


def busy(run: Process) -> None:
    """Three handlers, one with tasks of its own, all in one channel."""

    async def answer(message: discord.Message) -> None:
        first = await run.post(lambda: message.reply("a1"))
        await run.post(lambda: first.reply("a2"))

    async def log(message: discord.Message) -> None:
        await run.post(lambda: message.channel.send(embed=discord.Embed(title="t"), content="b1"))

    async def spread(message: discord.Message) -> None:
        async def child(name: str) -> None:
            await run.post(lambda: message.channel.send(f"{name} 1"))
            await run.post(lambda: message.channel.send(f"{name} 2"))

        await asyncio.gather(child("c"), child("d"), child("e"))

    for handler in (answer, log, spread):
        on_message(run, handler)


@pytest.mark.parametrize("dies_after", range(5))
async def test_a_handler_that_runs_again_posts_nothing_twice(
    dies_after: int, simulator: Simulator
) -> None:
    """Wherever it died: before, between and after its messages."""
    _, second = await run_twice(simulator, twice, dies_after=dies_after)

    assert await posted(simulator) == Counter(["one", "two"])
    assert [message.content for message in second.sent] == ["one", "two"]


@pytest.mark.parametrize("dies_after", [1, 4, 7, 10, 13, 16])
async def test_handlers_that_overtake_each_other_post_everything_once(
    dies_after: int, simulator: Simulator
) -> None:
    """The order of tasks is another one in the second process."""
    await run_twice(simulator, busy, dies_after=dies_after)

    texts = ["a1", "a2", "b1", "c 1", "c 2", "d 1", "d 2", "e 1", "e 2"]
    assert await posted(simulator) == Counter(texts)


async def test_a_file_is_uploaded_once(simulator: Simulator) -> None:
    """The message travels in another form then."""

    def uploads(run: Process) -> None:
        async def handler(message: discord.Message) -> None:
            file = discord.File(io.BytesIO(b"content"), "a.txt")
            await run.post(lambda: message.channel.send("file", file=file))

        on_message(run, handler)

    first, second = await run_twice(simulator, uploads, dies_after=1)

    assert await posted(simulator) == Counter(["file"])
    assert second.sent[0].id == first.sent[0].id
    assert [each.filename for each in second.sent[0].attachments] == ["a.txt"]


async def test_a_command_goes_on_with_the_message_of_before(simulator: Simulator) -> None:
    """It gets a message like any other, and can tell that it runs again."""
    seen: list[bool] = []

    def command(run: Process) -> None:
        @run.bot.command()
        async def count(ctx: commands.Context[Bot]) -> None:
            if current_event.get() is None:
                return  # the gateway's own delivery, to a client without our connection
            seen.append(redelivered())
            message = await run.post(lambda: ctx.send("0", embed=discord.Embed(title="count")))
            await message.edit(content="1")

    await run_twice(simulator, command, dies_after=1, text="!count")

    assert await posted(simulator) == Counter(["1"])
    assert seen == [False, True]


async def test_a_nonce_of_the_callers_own_is_respected(simulator: Simulator) -> None:
    """Even where it makes one message of two."""

    def own(run: Process) -> None:
        async def handler(message: discord.Message) -> None:
            for text in ("one", "two"):
                await run.post(lambda text=text: message.channel.send(text, nonce="mine"))  # type: ignore[misc]

        on_message(run, handler)

    _, second = await run_twice(simulator, own, dies_after=0)

    assert await posted(simulator) == Counter(["one"])
    assert {message.nonce for message in second.sent} == {"mine"}


async def test_two_events_post_two_messages(simulator: Simulator) -> None:
    """Equal texts of equal handlers are no repetition."""
    await run_twice(simulator, twice, dies_after=9)
    said = await simulator.driver.say("again")
    async with process(simulator, twice) as one:
        channel = one.bot.guilds[0].text_channels[0]
        message = await channel.fetch_message(int(said["id"]))
        other = GatewayEvent(shard_id=0, sequence=8, name="X", received_at_s=2.0, session_id="s")
        token = current_event.set(other)
        one.bot.dispatch("message", message)
        current_event.reset(token)
        await until(lambda: len(one.sent) == 2)

    assert await posted(simulator) == Counter(["one", "one", "two", "two"])


async def test_the_simulator_knows_a_message_by_its_author_and_nonce(simulator: Simulator) -> None:
    """In another channel, too; and one that was deleted is not posted again. So Discord has it."""
    async with process(simulator, twice) as one:
        general, quiet = one.bot.guilds[0].text_channels[:2]
        first = await general.send("first", nonce="n")
        second = await quiet.send("second", nonce="n")
        await first.delete()
        with pytest.raises(discord.NotFound) as caught:
            await general.send("third", nonce="n")

    assert second.id == first.id
    assert caught.value.code == 10008
    assert await posted(simulator) == Counter()
