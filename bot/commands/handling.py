"""One run of a handler: what it is, which task runs it, and whom to tell when it fails."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import discord

if TYPE_CHECKING:
    from discord.ext import commands

    from bot.commands.answers import Exchange
    from bot.commands.deadline import Deadline

# The coroutines in which discord.py runs the handlers of interactions. They do not pass through
# `Client.dispatch`, and each holds its interaction in a variable of that name.
_RUNNERS = frozenset(
    {
        "CommandTree._from_interaction.<locals>.wrapper",
        "BaseView._scheduled_task",
        "Modal._scheduled_task",
        "ViewStore.schedule_dynamic_item_call",
    }
)


@dataclass(slots=True, kw_only=True, eq=False)
class Handling:
    """A handler at work.

    Attributes:
        kind: ``command``, ``autocomplete``, ``button``, ``select``, ``modal`` or ``text command``.
        to: Whom it serves: an interaction, or the context of a text command.
        error_id: Set once its deadline is over.
    """

    kind: str
    name: str
    task: asyncio.Task[Any]
    to: commands.Context[Any] | discord.Interaction[Any]
    began_at_s: float
    exchange: Exchange | None = None
    deadline: Deadline | None = None
    defer_timer: asyncio.TimerHandle | None = None
    grace_timer: asyncio.TimerHandle | None = None
    error_id: str = ""
    told: bool = False
    failed: bool = False


def interaction_of(task: asyncio.Task[Any]) -> discord.Interaction[Any] | None:
    """Answer the interaction whose handler *task* is about to run, None for any other task."""
    coro = task.get_coro()
    if getattr(coro, "__qualname__", "") not in _RUNNERS or not inspect.iscoroutine(coro):
        return None
    found = inspect.getcoroutinelocals(coro).get("interaction")
    return found if isinstance(found, discord.Interaction) else None


def kind_of(interaction: discord.Interaction[Any]) -> str:
    """Answer what kind of handler serves *interaction*."""
    match interaction.type:
        case discord.InteractionType.application_command:
            return "command"
        case discord.InteractionType.autocomplete:
            return "autocomplete"
        case discord.InteractionType.modal_submit:
            return "modal"
    data: Any = interaction.data or {}
    is_button = data.get("component_type") == discord.ComponentType.button.value
    return "button" if is_button else "select"


def name_of(interaction: discord.Interaction[Any]) -> str:
    """Answer the name of a command with its subcommands, or the id of a component."""
    data: Any = interaction.data or {}
    names = [str(data.get("name") or data.get("custom_id") or "?")]
    options = data.get("options") or ()
    while options and options[0].get("type") in (1, 2):  # subcommand, group of subcommands
        names.append(str(options[0]["name"]))
        options = options[0].get("options") or ()
    return " ".join(names)
