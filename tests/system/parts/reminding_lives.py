"""Lives of a small bot that only reminds: one process each, forked from one that has imported all.

Reads a line from stdin for each life, and writes the pid of the process it has made.

    python -m tests.system.parts.reminding_lives STATE_DIR API_URL TOKEN DATABASE_URL
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any, cast

import discord
from discord.http import Route
from pydantic import SecretStr

import bot.timers.store  # noqa: F401 - before the fork
from bot.clock.wall import utc_now
from bot.commands.stats import CommandStats
from bot.plugins.reminders.delivery import Delivery
from bot.plugins.reminders.model import KIND
from bot.plugins.reminders.store import ReminderStore
from bot.services import Services
from bot.storage import opened  # noqa: F401 - before the fork
from bot.tasks.bridge import Bridge
from bot.tasks.manager import TaskManager
from tests.integration.serving import settings_for


async def live(state_dir: Path, api_url: str, token: str, database_url: str = "") -> None:
    """Remind until killed."""
    Route.BASE = api_url
    settings = settings_for(
        state_dir, {"discord_api_url": api_url, "database_url": SecretStr(database_url)}
    )
    async with TaskManager() as tasks, Bridge(tasks=tasks) as bridge:
        client = discord.Client(intents=discord.Intents.none())
        none: Any = None
        services = Services(
            settings=settings,
            tasks=tasks,
            jobs=none,
            bridge=bridge,
            effects=none,
            commands=CommandStats(),
            request_stop=cast(Any, none),
            last_beat=lambda: None,
            client=client,
        )
        store = ReminderStore(services)
        delivery = Delivery(client, lambda: store, now=utc_now, on_failed=lambda _: None)
        await client.login(token)
        services.timers.handle(KIND, delivery.deliver)
        services.begin()
        await asyncio.Event().wait()


def main() -> None:
    """Fork a life for each line."""
    state_dir, given = Path(sys.argv[1]), sys.argv[2:5]
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(live(state_dir, *given))
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        os.waitpid(pid, 0)
        sys.stdout.write("\nended\n")  # it may have died in the middle of a line of its log
        sys.stdout.flush()


if __name__ == "__main__":
    main()
