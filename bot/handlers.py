"""Which handlers are at work, so that a stop can let them end by themselves."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.tasks import ending

# What discord.py 2.7.1 names the tasks in which commands and components run.
HANDLER_NAMES = (
    "discord.py: on_message",
    "discord.py: on_interaction",
    "CommandTree-invoker",
    "discord-ui-view-dispatch",
    "discord-ui-modal-dispatch",
    "discord-ui-dynamic-item",
)


async def idle() -> None:
    """Answer once no command or component handler is at work."""
    while working := _at_work():
        await asyncio.wait(working)


async def cancel(timeout_s: float) -> None:
    """Cancel the handlers that are at work, while the client they speak to is still open."""
    await ending.end_these(_at_work(), timeout_s)


def _at_work() -> list[asyncio.Task[Any]]:
    current = asyncio.current_task()
    return [
        task
        for task in asyncio.all_tasks()
        if task is not current and task.get_name().startswith(HANDLER_NAMES)
    ]
