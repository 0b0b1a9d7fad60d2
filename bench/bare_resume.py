"""The least that a new process must do to continue a session: import discord, log in, RESUME.

    python -m bench.bare_resume            begins a session, prints it as JSON and dies
    python -m bench.bare_resume SESSION    continues it and dies once RESUMED came

Plain discord.py, no cache, no handler: what `bench.takeover` measures a cold start against.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

import discord
import discord.gateway
import discord.http
import yarl
from discord.gateway import DiscordWebSocket


async def begin(client: discord.Client) -> None:
    """Begin a session and print what is needed to continue it."""
    socket = await DiscordWebSocket.from_client(client)
    while socket.session_id is None:
        await socket.poll_event()
    session = {
        "session": socket.session_id,
        "sequence": socket.sequence,
        "address": str(socket.gateway),
    }
    print(json.dumps(session), flush=True)


async def go_on(client: discord.Client, session: dict[str, str]) -> None:
    """Continue a session until Discord says that it does."""
    resumed = asyncio.Event()
    client._connection.parsers["RESUMED"] = lambda _: resumed.set()
    socket = await DiscordWebSocket.from_client(
        client,
        resume=True,
        session=session["session"],
        sequence=int(session["sequence"]),
        gateway=yarl.URL(session["address"]),
    )
    while not resumed.is_set():
        await socket.poll_event()


async def main() -> None:
    """Log in and do one of the two; then die, since a close would end the session."""
    discord.http.Route.BASE = os.environ["DISCORD_API_URL"]
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["DISCORD_GATEWAY_URL"])
    client = discord.Client(intents=discord.Intents.default())
    await client.login(os.environ["DISCORD_TOKEN"])
    if sys.argv[1:]:
        await go_on(client, json.loads(sys.argv[1]))
    else:
        await begin(client)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
