"""The automod stage of the pipeline: judges each message at once, and has the rest done in tasks.

What is to be done at Discord is done in a task of the message's own: the pipeline does not wait for
it, and no budget cuts a request to Discord half-way.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import discord
import structlog

from bot.pipeline.stages import CONTINUE, STOP, Quiet, Verdict
from bot.plugins.automod import rules
from bot.plugins.automod.config import DELETE, ConfigError, decode
from bot.plugins.automod.deeds import Deeds
from bot.plugins.automod.invites import OwnInvites
from bot.plugins.automod.messages import facts_of, is_exempt
from bot.plugins.automod.rules import Facts, Rulebook
from bot.plugins.automod.windows import Windows
from bot.storage.errors import StorageError

if TYPE_CHECKING:
    from bot.client import Novera
    from bot.guilds.model import GuildSettings

log = structlog.get_logger(__name__)

MAX_BOOKS = 1000  # guilds whose rules are kept ready
MAX_ACTED = 1000  # messages that broke a rule lately
MAX_LATE = 5000  # messages that wait for their guild's settings


class Screening:
    """Judges messages by the rules of their guild."""

    def __init__(self, bot: Novera) -> None:
        self._bot = bot
        self._books: OrderedDict[int, tuple[Mapping[str, Any], Rulebook | None]] = OrderedDict()
        self._loading: dict[int, asyncio.Task[None]] = {}
        self._acted: OrderedDict[tuple[int, datetime | None], None] = OrderedDict()
        self._late, self._quiet = 0, Quiet()
        self.seen = Windows()
        self.invites = OwnInvites()
        self.deeds = Deeds(bot)

    async def see(self, message: discord.Message, *, is_edit: bool = False) -> Verdict:
        """Judge a message now, or once it is known what to judge it by."""
        guild = message.guild
        if guild is None:
            return CONTINUE
        settings = self._bot.services.guilds.known(guild.id)
        if settings is None:
            self._see_later(message, guild, is_edit=is_edit)
            return CONTINUE
        book = self.book_of(settings)
        if book is None or book.is_empty or is_exempt(message, book):
            return CONTINUE
        facts = facts_of(message, is_edit=is_edit)
        own: frozenset[str] | None = frozenset()
        if book.config.rules["invites"].enabled and facts.invites:
            own = self.invites.known(guild, facts.invites)
        if own is None:
            later = self._see_later(message, guild, is_edit=is_edit)
            # Worth a wait, since it may be no invite to answer; judged also if that takes too long.
            return await asyncio.shield(later) if later is not None else CONTINUE
        return self._judge(message, facts, book, own)

    def book_of(self, settings: GuildSettings) -> Rulebook | None:
        """Answer a guild's rules, made ready once; None when what is stored makes no sense."""
        kept = self._books.get(settings.guild_id)
        if kept is not None and kept[0] is settings.automod:
            return kept[1]
        book = None
        try:
            book = Rulebook(decode(settings.automod))
        except ConfigError as error:
            log.error("automod.not_readable", guild_id=settings.guild_id, reason=str(error))
        self._books[settings.guild_id] = (settings.automod, book)
        self._books.move_to_end(settings.guild_id)
        if len(self._books) > MAX_BOOKS:
            self._books.popitem(last=False)
        return book

    def forget(self, guild_id: int) -> None:
        """The bot is no longer in a guild."""
        self._books.pop(guild_id, None)
        self.seen.forget_guild(guild_id)
        self.invites.forget(guild_id)

    def _judge(
        self, message: discord.Message, facts: Facts, book: Rulebook, own: frozenset[str]
    ) -> Verdict:
        findings = rules.judge(book, facts, own, self.seen)
        if not findings:
            return CONTINUE
        self.seen.forget(facts.guild_id, facts.user_id)
        if self._is_first(message):
            work = self.deeds.on_message(message, facts, findings, book.config)
            self._bot.services.tasks.create_task(work, name="automod")
        deletes = DELETE in rules.actions_of(findings) and not book.config.dry_run
        return STOP if deletes else CONTINUE

    def _is_first(self, message: discord.Message) -> bool:
        """Whether nothing is done yet about what the message says now.

        One that was edited before it was seen, as after an outage, comes twice with the same words.
        """
        words = (message.id, message.edited_at)
        is_first = words not in self._acted
        self._acted[words] = None
        if len(self._acted) > MAX_ACTED:
            self._acted.popitem(last=False)
        return is_first

    def _see_later(
        self, message: discord.Message, guild: discord.Guild, *, is_edit: bool
    ) -> asyncio.Task[Verdict] | None:
        if self._late >= MAX_LATE:
            if self._quiet.may_speak(time.monotonic()):
                log.error("automod.too_late", waiting=self._late, held_back=self._quiet.held_back)
                self._quiet.held_back = 0
            return None
        self._late += 1
        # A task of this message: its event is not done before it is judged.
        work = self._see_loaded(message, guild, is_edit=is_edit)
        return self._bot.services.tasks.create_task(work, name="automod-late")

    async def _see_loaded(
        self, message: discord.Message, guild: discord.Guild, *, is_edit: bool
    ) -> Verdict:
        try:
            loading = self._loading.get(guild.id)
            if loading is None:
                loading = self._bot.services.tasks.create_task(
                    self._load(guild), name="automod-load"
                )
                self._loading[guild.id] = loading
            await asyncio.shield(loading)
            settings = self._bot.services.guilds.known(guild.id)
            book = self.book_of(settings) if settings is not None else None
            own = self.invites.known(guild, ())
            if book is None or own is None or book.is_empty or is_exempt(message, book):
                return CONTINUE
            return self._judge(message, facts_of(message, is_edit=is_edit), book, own)
        except StorageError as error:
            log.error("automod.not_judged", guild_id=guild.id, error=type(error).__name__)
            return CONTINUE
        finally:
            self._late -= 1

    async def _load(self, guild: discord.Guild) -> None:
        try:
            book = self.book_of(await self._bot.services.guilds.of(guild.id))
            if book is not None and book.config.rules["invites"].enabled:
                await self.invites.load(guild)
        finally:
            del self._loading[guild.id]
