"""The admin plugin: what only the owner may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.extensions import PluginError
from bot.commands.hybrid import hybrid
from bot.commands.refusals import Refused
from bot.errors import ExitCode
from bot.gateway.event import redelivered
from bot.views.page import MAX_MESSAGE, cut

if TYPE_CHECKING:
    from bot.client import Novera

_UNREACHABLE = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)


class Admin(commands.Cog, name="Admin"):
    """For the bot's owner: plugins, slash commands, restart and shutdown."""

    def __init__(self, bot: Novera) -> None:
        self.bot = bot

    async def cog_check(self, ctx: commands.Context[Any]) -> bool:
        """Everything here is the owner's, by text and by slash command."""
        if not await self.bot.is_owner(ctx.author):
            raise commands.NotOwner("the owner's command")
        return True

    @hybrid("Which plugins are loaded, and which failed and why.", private=True)
    @app_commands.default_permissions(administrator=True)
    async def plugins(self, ctx: commands.Context[Novera]) -> None:
        held = self.bot.plugins
        lines = [f"🟢 `{name}`" for name in held.loaded]
        lines += [f"🔴 `{name}`: {reason}" for name, reason in held.failed.items()]
        await _say(ctx, "\n".join(lines) or "No plugin is loaded.")

    @hybrid("Load a plugin.", private=True)
    @app_commands.default_permissions(administrator=True)
    @app_commands.describe(plugin="Its module, or the last part of the name.")
    async def load(self, ctx: commands.Context[Novera], plugin: str) -> None:
        await self._change(ctx, plugin, "load")

    @hybrid("Unload a plugin.", private=True)
    @app_commands.default_permissions(administrator=True)
    @app_commands.describe(plugin="Its module, or the last part of the name.")
    async def unload(self, ctx: commands.Context[Novera], plugin: str) -> None:
        if self.bot.plugins.resolve(plugin) == __name__:
            await _say(ctx, "I keep this one: without it nobody could load anything again.")
            return
        await self._change(ctx, plugin, "unload")

    @hybrid("Load a plugin's code anew.", private=True)
    @app_commands.default_permissions(administrator=True)
    @app_commands.describe(plugin="Its module, or the last part of the name.")
    async def reload(self, ctx: commands.Context[Novera], plugin: str) -> None:
        await self._change(ctx, plugin, "reload")

    async def _change(self, ctx: commands.Context[Novera], plugin: str, verb: str) -> None:
        held = self.bot.plugins
        change = {"load": held.load, "unload": held.unload, "reload": held.reload}[verb]
        try:
            name = await change(plugin)
        except PluginError as error:
            await _say(ctx, f"Could not {verb} `{error.plugin}`: {error.reason}")
            return
        self.bot.command_sync.start()
        await _say(ctx, f"`{name}` {verb}ed.")

    @hybrid("Register all slash commands anew.", private=True)
    @app_commands.default_permissions(administrator=True)
    async def sync(self, ctx: commands.Context[Novera]) -> None:
        try:
            scopes = await self.bot.command_sync.sync(force=True)
        except app_commands.CommandSyncFailure as error:
            raise Refused(f"Discord refused a command; the old ones stay.\n{error}") from error
        where = "globally" if scopes == 1 else f"globally and for {scopes - 1} servers"
        await _say(ctx, f"Slash commands registered {where}.")

    @hybrid("End the process and start it again.", private=True)
    @app_commands.default_permissions(administrator=True)
    async def restart(self, ctx: commands.Context[Novera]) -> None:
        await self._end(ctx, "Restarting.", ExitCode.RESTART, "restart_command")

    @hybrid("End the process; it stays down.", private=True)
    @app_commands.default_permissions(administrator=True)
    async def shutdown(self, ctx: commands.Context[Novera]) -> None:
        await self._end(ctx, "Shutting down.", ExitCode.STOPPED, "shutdown_command")

    async def _end(
        self, ctx: commands.Context[Novera], farewell: str, code: ExitCode, reason: str
    ) -> None:
        """Say it, then do it; a Discord that does not take the words does not stop the deed."""
        if redelivered():  # an earlier process began with this: it has ended since, as was asked
            await _say(ctx, "I was started again since you asked for that.")
            return
        try:
            await _say(ctx, farewell)
        except _UNREACHABLE:
            pass
        finally:
            self.bot.services.request_stop(code, reason)


async def _say(ctx: commands.Context[Novera], text: str) -> None:
    silent = discord.AllowedMentions.none()
    await ctx.send(cut(text, MAX_MESSAGE), ephemeral=True, allowed_mentions=silent)


async def setup(bot: Novera) -> None:
    """Entry point of the extension."""
    await bot.add_cog(Admin(bot))
