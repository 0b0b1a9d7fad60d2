"""What a handler is called, and where its task waits."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.commands.deadline import Deadline, where_it_waits
from bot.commands.handling import interaction_of, kind_of, name_of


def interaction(kind: discord.InteractionType, **data: Any) -> Any:
    """Answer what an interaction shows of itself."""
    return SimpleNamespace(type=kind, data=data)


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        pytest.param(
            interaction(discord.InteractionType.application_command, name="ping"),
            "command",
            id="slash",
        ),
        pytest.param(
            interaction(discord.InteractionType.autocomplete, name="ping"),
            "autocomplete",
            id="autocomplete",
        ),
        pytest.param(
            interaction(discord.InteractionType.component, custom_id="x", component_type=2),
            "button",
            id="button",
        ),
        pytest.param(
            interaction(discord.InteractionType.component, custom_id="x", component_type=5),
            "select",
            id="user-select",
        ),
        pytest.param(
            interaction(discord.InteractionType.modal_submit, custom_id="x"), "modal", id="modal"
        ),
    ],
)
def test_the_kind_of_a_handler_is_told(seen: Any, kind: str) -> None:
    """The log and the statistics speak of buttons and not of type 3."""
    assert kind_of(seen) == kind


@pytest.mark.parametrize(
    ("data", "name"),
    [
        pytest.param({"name": "ping"}, "ping", id="command"),
        pytest.param(
            {"name": "ping", "options": [{"type": 3, "name": "text", "value": "private words"}]},
            "ping",
            id="options-are-not-told",
        ),
        pytest.param(
            {
                "name": "role",
                "options": [{"type": 2, "name": "member", "options": [{"type": 1, "name": "add"}]}],
            },
            "role member add",
            id="subcommand",
        ),
        pytest.param({"custom_id": "panel:3"}, "panel:3", id="component"),
        pytest.param({}, "?", id="nothing"),
    ],
)
def test_a_command_is_named_without_what_the_user_wrote(data: dict[str, Any], name: str) -> None:
    """Subcommands belong to the name, values of options do not."""
    assert name_of(interaction(discord.InteractionType.application_command, **data)) == name


async def test_an_ordinary_task_runs_no_interaction() -> None:
    """A task is recognised by the coroutine that discord.py gives it, not by what it holds."""

    async def other(interaction: object) -> None:
        """Hold a variable of the telling name."""

    task = asyncio.get_running_loop().create_task(other(object()))
    found = interaction_of(task)
    await task

    assert found is None


async def test_a_deadline_cancels_and_knows_it() -> None:
    """A handler that swallows its cancellation does not hide that it was stopped."""
    heard: list[str] = []

    async def handler() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "swallowed"
        return "finished"

    task = asyncio.get_running_loop().create_task(handler())
    deadline = Deadline(task, limit_s=0.05, on_expiry=lambda: heard.append("over"))
    result = await task

    assert (result, deadline.expired, heard) == ("swallowed", True, ["over"])


async def test_a_deadline_that_was_met_leaves_no_trace() -> None:
    """A disarmed deadline cancels nobody, and its task is not marked as cancelled."""

    async def handler() -> int:
        deadline.disarm()
        await asyncio.sleep(0.1)
        current = asyncio.current_task()
        return current.cancelling() if current is not None else -1

    task = asyncio.get_running_loop().create_task(handler())
    deadline = Deadline(task, limit_s=0.05, on_expiry=lambda: None)

    assert await task == 0
    assert not deadline.expired


async def test_a_swallowed_cancellation_is_taken_back() -> None:
    """What the task does after its command is not taken for cancelled."""

    async def message_handler() -> int:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            deadline.disarm()
        current = asyncio.current_task()
        return current.cancelling() if current is not None else -1

    task = asyncio.get_running_loop().create_task(message_handler())
    deadline = Deadline(task, limit_s=0.05, on_expiry=lambda: None)

    assert await task == 0


async def test_a_suspended_task_shows_its_innermost_line() -> None:
    """The log of a timeout names what the command waited for."""

    async def inner_wait() -> None:
        await asyncio.sleep(60)

    async def outer() -> None:
        await inner_wait()

    task = asyncio.get_running_loop().create_task(outer())
    await asyncio.sleep(0)
    lines = where_it_waits(task)
    task.cancel()
    await asyncio.wait({task})

    assert [line.split()[-1] for line in lines] == ["outer", "inner_wait", "sleep"]
