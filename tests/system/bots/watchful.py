"""A bot that writes down what it heard of members, roles and channels, and then waits.

Only an event that was handed to an earlier process already ends at once: whoever kills the bot
while it waits, kills it in the middle of every one of its handlers.
"""

import asyncio
import json
from pathlib import Path

import discord

from bot.gateway.event import redelivered

HEARD = Path("logs/heard.jsonl")


class Watchful(discord.Client):
    """Hears of what its cache must know the state before of."""

    async def heard(self, what: str, before: object, after: object) -> None:
        """Write it down, and wait for the end unless an earlier process did."""
        if before == after:  # a role's place changes whenever another one goes
            return
        write({"what": what, "before": before, "after": after, "again": redelivered()})
        if not redelivered():
            await asyncio.Event().wait()

    async def on_member_join(self, member: discord.Member) -> None:
        """One whom the cache must not know yet."""
        await self.heard("join", None, member.name)

    async def on_member_remove(self, member: discord.Member) -> None:
        """One whom the cache must know still."""
        await self.heard("leave", member.name, None)

    async def on_member_update(self, before: discord.Member, after: discord.Member) -> None:
        """A change of roles."""
        await self.heard("roles", names(before), names(after))

    async def on_guild_role_update(self, before: discord.Role, after: discord.Role) -> None:
        """Another name of a role."""
        await self.heard("role", before.name, after.name)

    async def on_guild_role_delete(self, role: discord.Role) -> None:
        """One that the cache must know still."""
        await self.heard("role gone", role.name, None)

    async def on_guild_channel_update(
        self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel
    ) -> None:
        """Another name of a channel."""
        await self.heard("channel", before.name, after.name)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """One that the cache must know still."""
        await self.heard("channel gone", channel.name, None)


def write(line: dict[str, object]) -> None:
    """Append *line*."""
    with HEARD.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def names(member: discord.Member) -> list[str]:
    """Answer the names of a member's roles."""
    return [role.name for role in member.roles[1:]]


def bot() -> discord.Client:
    """Answer a client that hears of members."""
    intents = discord.Intents.default()
    intents.members = True
    return Watchful(intents=intents)
