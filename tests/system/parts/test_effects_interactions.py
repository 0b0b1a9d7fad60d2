"""Interactions whose handler runs again: answered once, and what was deferred gets its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands
from structlog.testing import capture_logs

from bot.commands import safety
from bot.gateway.event import GatewayEvent, current_event, redelivered
from bot.settings import BotSettings
from simulator.server import Simulator
from tests.integration.serving import Served, serving_at, until

Answer = Callable[[discord.Interaction[Any]], Coroutine[Any, Any, None]]


class Client(discord.Client):
    """A client with one slash command, which hangs once it has answered for the first time.

    Attributes:
        payload: The interaction, as the gateway brought it.
        answered: The handler has come to where it hangs.
        ended: It has come to its end.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(intents=discord.Intents.default(), guild_ready_timeout=0.1)
        self.payload: dict[str, Any] = {}
        self.answered = self.ended = False
        self.tree = app_commands.CommandTree(self)
        take = self._connection.parsers["INTERACTION_CREATE"]

        def keep(data: dict[str, Any]) -> None:
            self.payload = dict(data)
            take(data)

        self._connection.parsers["INTERACTION_CREATE"] = keep

        @self.tree.command(name="do")
        async def do(interaction: discord.Interaction[Any]) -> None:
            await answer(interaction)
            self.answered = True
            if not redelivered():
                await asyncio.Event().wait()
            self.ended = True

    async def setup_hook(self) -> None:
        """Register the command."""
        await self.tree.sync()


async def send(interaction: discord.Interaction[Any]) -> None:
    await interaction.response.send_message("answer")


async def defer(interaction: discord.Interaction[Any]) -> None:
    await interaction.response.defer(ephemeral=True)
    if redelivered():
        await interaction.followup.send("thought about it", ephemeral=True)


async def show_modal(interaction: discord.Interaction[Any]) -> None:
    form = discord.ui.Modal(title="Form", custom_id="form")
    form.add_item(discord.ui.TextInput(label="Your name"))
    await interaction.response.send_modal(form)


async def slow(interaction: discord.Interaction[Any]) -> None:
    if redelivered():
        await interaction.response.send_message("late answer")
    else:
        await asyncio.Event().wait()


async def run_again(
    answer: Answer,
    until_dead: Callable[[Client, Simulator, str], bool],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    **changed: str,
) -> tuple[Served[Client], list[tuple[str, bool]], list[Any]]:
    """Let one client begin the command and die, and a second one be asked again.

    Returns:
        The second one, text and privacy of all that the user sees, and the second one's log.
    """

    def make(_: BotSettings) -> Client:
        return Client(answer)

    async with Simulator() as simulator:
        async with serving_at(simulator, make, folder, monkeypatch) as first:
            began = await simulator.driver.slash("do")
            await until(lambda: until_dead(first.client, simulator, began["id"]))
            payload = first.client.payload
        async with serving_at(simulator, make, folder, monkeypatch) as second:
            event = GatewayEvent(
                shard_id=0,
                sequence=7,
                name="INTERACTION_CREATE",
                received_at_s=1.0,
                session_id="s",
                attempt=2,
            )
            token = current_event.set(event)
            with capture_logs() as logs:
                second.client._connection.parsers["INTERACTION_CREATE"](payload | changed)
                current_event.reset(token)
                guard = second.safety
                assert guard is not None
                await until(lambda: guard.at_work == 0)
            shown = await simulator.driver.interaction(began["id"])
        messages = [each for each in (shown["response"], *shown["followups"]) if each is not None]
        return second, [(each["content"], each["ephemeral"]) for each in messages], logs


def late(served: Served[Client]) -> int:
    """Answer how many answers came too late."""
    assert served.safety is not None
    return served.safety._reporter.late


def has_answered(client: Client, *_: object) -> bool:
    return client.answered


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        pytest.param(send, [("answer", False)], id="message"),
        pytest.param(show_modal, [], id="modal"),
    ],
)
async def test_what_was_answered_ends_quietly(
    answer: Answer, seen: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the user nor the error log hears of the second run; it is counted."""
    second, texts, logs = await run_again(answer, has_answered, tmp_path, monkeypatch)

    assert texts == seen
    assert not second.client.ended
    assert late(second) == 1
    assert not [entry for entry in logs if entry["log_level"] in ("error", "warning")]


async def test_what_its_handler_had_deferred_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user still sees "is thinking": the second run may say what it thought."""
    second, texts, _ = await run_again(defer, has_answered, tmp_path, monkeypatch)

    assert texts == [("thought about it", True)]
    assert second.client.ended
    assert late(second) == 0


async def test_what_was_deferred_in_its_handlers_place_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a slow command whose process died after two seconds."""
    monkeypatch.setattr(safety, "DEFER_AFTER_S", 0.2)

    def was_deferred(_: Client, simulator: Simulator, interaction: str) -> bool:
        return simulator.world.backend.interactions[int(interaction)].loading

    second, texts, _ = await run_again(slow, was_deferred, tmp_path, monkeypatch)

    assert texts == [("late answer", False)]
    assert second.client.ended


async def test_what_has_expired_ends_quietly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord knows it no more."""
    second, _, logs = await run_again(
        send, has_answered, tmp_path, monkeypatch, id="1", token="forgotten"
    )

    assert not second.client.ended
    assert late(second) == 1
    assert [entry["name"] for entry in logs if entry["event"] == "interaction.ended_late"] == ["do"]
