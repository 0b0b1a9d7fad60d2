"""A friendly word for presses of buttons and forms that nobody handles any more.

Who handles an interaction shows when it arrives: discord.py has then started the task of its
handler, be it of a view, a persistent one, a dynamic item or a modal. What listens to
`on_interaction` gets a moment to answer first.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import structlog

from bot.commands.handling import interaction_of
from bot.gateway.event import redelivered
from bot.views.forms import GIVEN_BACK, file_of, typed
from bot.views.staleness import Treatment, treatment

if TYPE_CHECKING:
    from bot.client import Novera

log = structlog.get_logger(__name__)

WAIT_S = 1.5  # Discord waits 3 s for the first answer
HANDLED = "has_handler"  # key in `Interaction.extras`
PRESSES = (discord.InteractionType.component, discord.InteractionType.modal_submit)
ALREADY_ANSWERED = 40060
NO_LONGER_ACTIVE = (
    "This is no longer active: it was answered, it timed out, or I was restarted since. "
    "Please run the command again."
)
INTERRUPTED = (
    "I was restarted while I worked on this. Please look whether it was done, "
    "and run the command again if it was not."
)


def attach(bot: Novera, *, wait_s: float = WAIT_S) -> UnknownInteractions:
    """Watch over the presses that *bot* gets from now on; its services must be known."""
    watch = UnknownInteractions(wait_s=wait_s)
    bot.services.tasks.add_observer(watch)
    bot.add_listener(watch.on_interaction, "on_interaction")
    return watch


class UnknownInteractions:
    """Marks interactions that have a handler, and answers the others.

    Attributes:
        answered: How many were.
    """

    def __init__(self, *, wait_s: float = WAIT_S) -> None:
        self.answered = 0
        self._wait_s = wait_s

    def created(self, task: asyncio.Task[Any]) -> None:
        """A task was made: if it handles an interaction, that one is known."""
        interaction = interaction_of(task)
        if interaction is not None:
            interaction.extras[HANDLED] = True

    def done(self, task: asyncio.Task[Any]) -> None:
        """A task ended; its interaction stays known."""

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Answer *interaction* if nobody else does."""
        if interaction.type not in PRESSES or HANDLED in interaction.extras:
            return
        await asyncio.sleep(self._wait_s)
        if interaction.response.is_done():
            return
        again = redelivered()
        age_s = (discord.utils.utcnow() - interaction.created_at).total_seconds()
        try:
            match treatment(age_s=age_s, redelivered=again):
                case Treatment.EXPLAIN:
                    await self._explain(interaction, again)
                case Treatment.INTERRUPTED:
                    await self._interrupted(interaction)
                case Treatment.IGNORE:
                    return
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            # Too late, or answered by other means: nobody waits for it.
            log.info("interaction.not_explained", error=type(error).__name__)
        else:
            self.answered += 1
            log.info("interaction.unknown", kind=interaction.type.name, redelivered=again)

    async def _explain(self, interaction: discord.Interaction[Any], again: bool) -> None:
        words, file = _with_text(NO_LONGER_ACTIVE, interaction)
        try:
            await interaction.response.send_message(words, ephemeral=True, **file)
        except discord.HTTPException as error:
            if error.code != ALREADY_ANSWERED or not again:
                raise
            await self._interrupted(interaction)

    async def _interrupted(self, interaction: discord.Interaction[Any]) -> None:
        words, file = _with_text(INTERRUPTED, interaction)
        await interaction.followup.send(words, ephemeral=True, **file)


def _with_text(words: str, interaction: discord.Interaction[Any]) -> tuple[str, dict[str, Any]]:
    """Answer what to say, and the file with what was written in a form."""
    text = typed(interaction) if interaction.type is discord.InteractionType.modal_submit else ""
    return (f"{words}\n{GIVEN_BACK}", {"file": file_of(text)}) if text else (words, {})
