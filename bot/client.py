"""Novera's own discord.py bot: plugins, and slash commands registered when they changed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot import warm
from bot.clock.discord_time import DiscordTime
from bot.commands.extensions import Extensions
from bot.commands.sync import FILE, CommandSync
from bot.imports import import_beside
from bot.pipeline.pipeline import Pipeline
from bot.views import unknown

if TYPE_CHECKING:
    from bot.services import Services
    from bot.settings import BotSettings

MAX_MESSAGES = 500  # in discord.py's cache; 1000 is its default, and nothing here reads old ones


class Novera(commands.Bot):
    """The bot that runs where no `BOT_FACTORY` is set.

    Attributes:
        settings: What it was built from.
        plugins: Loads and unloads plugins, and knows which failed.
        built_at_s: Monotonic time of its making, near the start of the process.
        services: The runtime's parts; set by `safety.attach`, before login.
        command_sync: Made at login, when the services are known.
        discord_time: How far our clock is from Discord's.
        pipeline: Takes every message through its stages, text commands being one of them.
    """

    services: Services
    command_sync: CommandSync
    _importing: asyncio.Task[tuple[str, ...]] | None = None

    def __init__(self, settings: BotSettings) -> None:
        intents = intents_of(settings.privileged_intents)
        self.discord_time = DiscordTime()
        super().__init__(
            command_prefix=_prefixes,
            help_command=None,  # the general plugin has one that works as a slash command too
            intents=intents,
            # Who writes does not decide whom the bot pings; what is to ping says so itself.
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=MAX_MESSAGES,
            chunk_guilds_at_startup=intents.members,
            case_insensitive=True,
            strip_after_prefix=True,
            http_trace=self.discord_time.trace(),
        )
        self.settings = settings
        self.plugins = Extensions(self, settings.plugins)
        self.built_at_s = time.monotonic()
        self.pipeline = Pipeline(self.process_commands)
        # A listener, not a method: a plugin's `@bot.event` would take the method's place.
        self.add_listener(self._serve_commands, "on_ready")
        self.add_listener(self._serve_commands_of, "on_guild_join")

    async def login(self, token: str) -> None:
        """Log in; while Discord is waited for, a thread imports what will be loaded then."""
        # A spare has no services yet, and has imported all.
        if self._importing is None and hasattr(self, "services"):
            self._importing = self.services.tasks.create_task(
                import_beside(warm.ours(self.settings)), name="plugin-imports"
            )
        await super().login(token)

    async def setup_hook(self) -> None:
        """Load the plugins; the connection calls it once the bot is logged in."""
        if self.application is not None:
            # discord.py would ask again at the first owner command, which may be a cry for help
            # while Discord's REST fails.
            self.owner_ids = owners_of(self.application)
        self.command_sync = CommandSync(
            self,
            self.services.tasks,
            path=self.settings.state_dir / FILE,
            api_url=self.settings.discord_api_url,
            leads=self._leads,
        )
        unknown.attach(self)
        if self._importing is not None:
            await asyncio.wait({self._importing})
        await self.plugins.load_configured()

    async def on_message(self, message: discord.Message, /) -> None:
        """Take a message, of a guild or a direct one, through the stages of the pipeline."""
        await self.pipeline.run(message)

    async def _serve_commands(self) -> None:
        """Slash commands that changed are registered while the bot serves already."""
        self.services.begin()
        self.command_sync.start()

    async def _serve_commands_of(self, guild: discord.Guild) -> None:
        """A guild may have commands of its own, which could not be registered before."""
        if self.tree.get_commands(guild=guild):
            self.command_sync.start()

    def _leads(self) -> bool:
        connection = self.services.connection
        return connection is None or connection.state not in ("stopping", "failed")


def _prefixes(bot: Novera, message: discord.Message) -> list[str]:
    """Answer what a text command begins with here: a mention of the bot, or the guild's prefix."""
    own = None if message.guild is None else bot.services.guilds.prefix_of(message.guild.id)
    return commands.when_mentioned_or(own or bot.settings.command_prefix)(bot, message)


def intents_of(privileged: tuple[str, ...]) -> discord.Intents:
    """Answer the unprivileged intents and those of *privileged*, switched on in the portal."""
    intents = discord.Intents.default()
    for name in privileged:
        setattr(intents, name, True)
    return intents


def owners_of(application: discord.AppInfo) -> set[int]:
    """Answer who owns the bot: its owner, or a team's owner, administrators and developers."""
    if application.team is None:
        return {application.owner.id}
    roles = (discord.TeamMemberRole.admin, discord.TeamMemberRole.developer)
    owners = {member.id for member in application.team.members if member.role in roles}
    if application.team.owner_id is not None:
        owners.add(application.team.owner_id)
    return owners


def build(settings: BotSettings) -> Novera:
    """Answer the bot for *settings*; nothing of it is started."""
    # We have no voice commands; discord.py would warn of its missing libraries at every start.
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    return Novera(settings)
