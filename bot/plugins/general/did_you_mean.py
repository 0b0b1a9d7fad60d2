"""Answers a text command that does not exist, when it is nearly one that the author may use.

Many bots share a prefix, and people write "!!!" too: nothing is said unless the word is a typing
error away from one command, and seldom enough to bother nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import discord

from bot.pipeline.stages import CONTINUE, Verdict
from bot.plugins.general.search import near
from bot.plugins.general.usable import Asked, prefix_here

if TYPE_CHECKING:
    from bot.client import Novera

QUIET_S = 30.0  # in one channel
MAX_CHANNELS = 1000
MAX_WORD = 32


class DidYouMean:
    """A listener at the end of the pipeline."""

    name = "did-you-mean"

    def __init__(self, bot: Novera, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._bot, self._clock = bot, clock
        self._spoke_at_s: dict[int, float] = {}

    async def __call__(self, message: discord.Message) -> Verdict:
        """Look at a message that every stage let pass."""
        word = self._unknown_command(message)
        if (
            word
            and self._may_speak(message.channel.id)
            and (name := await self._meant(message, word))
        ):
            self._spoke(message.channel.id)
            prefix = prefix_here(self._bot, message.guild)
            await message.channel.send(
                f"Did you mean `{prefix}{name}`?", allowed_mentions=discord.AllowedMentions.none()
            )
        return CONTINUE

    def _unknown_command(self, message: discord.Message) -> str:
        """Answer the word after the prefix if no command is called so; called for all messages."""
        prefix = prefix_here(self._bot, message.guild)
        if not message.content.startswith(prefix):
            return ""
        word = message.content[len(prefix) : len(prefix) + MAX_WORD + 1].split(maxsplit=1)
        if not word or len(word[0]) > MAX_WORD or not word[0].isalpha():
            return ""
        return "" if self._bot.get_command(word[0]) else word[0]

    async def _meant(self, message: discord.Message, word: str) -> str:
        """Answer the one command that was meant, empty when that is not clear."""
        known = {
            name: command
            for command in self._bot.commands
            if not command.hidden
            for name in (command.name, *command.aliases)
        }
        found = near(known, word)
        if len({known[name] for name in found}) != 1:
            return ""
        command = known[found[0]]
        asked = Asked(await self._bot.get_context(message))
        return command.name if await asked.may_run(command) else ""

    def _may_speak(self, channel_id: int) -> bool:
        spoke_at_s = self._spoke_at_s.get(channel_id)
        return spoke_at_s is None or self._clock() - spoke_at_s >= QUIET_S

    def _spoke(self, channel_id: int) -> None:
        self._spoke_at_s.pop(channel_id, None)
        self._spoke_at_s[channel_id] = self._clock()
        while len(self._spoke_at_s) > MAX_CHANNELS:
            del self._spoke_at_s[next(iter(self._spoke_at_s))]
