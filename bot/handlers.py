"""Which handlers are at work, so that a stop can let them end by themselves."""

from __future__ import annotations

import asyncio

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
    current = asyncio.current_task()
    while True:
        at_work = [
            task
            for task in asyncio.all_tasks()
            if task is not current and task.get_name().startswith(HANDLER_NAMES)
        ]
        if not at_work:
            return
        await asyncio.wait(at_work)
