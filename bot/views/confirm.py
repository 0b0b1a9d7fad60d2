"""Asks before something that can't be taken back; the deed runs in the handler of the button."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import discord
from discord.ext import commands

from bot.views.page import cut
from bot.views.personal import LOST, Personal

if TYPE_CHECKING:
    Asked = commands.Context[Any] | discord.Interaction[Any]
    Run = Callable[[discord.Interaction[Any]], Awaitable[object]]

QUESTION_TIMEOUT_S = 60.0
MAX_QUESTION = 1900  # characters; the outcome needs some too
ANSWERED = "This has been answered already."


async def ask(
    ctx_or_interaction: Asked,
    question: str,
    *,
    yes: str = "Yes",
    no: str = "Cancel",
    danger: bool = True,
    run: Run,
    timeout_s: float = QUESTION_TIMEOUT_S,
    embed: discord.Embed | None = None,
) -> None:
    """Put *question* to the author of the command or press; answers at once, not when they did.

    The question is as private as the command; one that comes of a press is private. In any case
    its buttons end disabled, and its text says what became of it. A process that ends takes the
    question with it: nothing is done then.

    Args:
        run: Called once, in the handler of the button, when the author agreed; the interaction is
            acknowledged, so answer with its `followup` or `edit_original_response`. What it raises
            is told as the errors of commands are.
        danger: The button is red.
        timeout_s: After that nothing is done any more.
        embed: Shown with the question.
    """
    author = (
        ctx_or_interaction.author
        if isinstance(ctx_or_interaction, commands.Context)
        else ctx_or_interaction.user
    )
    view = Question(
        question, author.id, yes=yes, no=no, danger=danger, run=run, timeout_s=timeout_s
    )
    view.message = await _send(ctx_or_interaction, view, embed)


async def _send(to: Asked, view: Question, embed: discord.Embed | None) -> discord.Message | None:
    shown: dict[str, Any] = {
        "view": view,
        "allowed_mentions": discord.AllowedMentions.none(),
        **({} if embed is None else {"embed": embed}),
    }
    if isinstance(to, commands.Context):
        private = to.command is not None and bool(to.command.extras.get("ephemeral"))
        return await to.send(view.text, ephemeral=private, **shown)
    if to.response.is_done():
        return await to.followup.send(view.text, ephemeral=True, wait=True, **shown)
    sent = await to.response.send_message(view.text, ephemeral=True, **shown)
    return sent.resource if isinstance(sent.resource, discord.Message) else None


class Question(Personal):
    """Two buttons, of which one counts, once, for one person.

    Attributes:
        text: The question, as it is shown.
    """

    not_yours = "Only the one who was asked can answer this."
    not_closed = "question.not_closed"

    def __init__(
        self,
        question: str,
        author: int,
        *,
        yes: str,
        no: str,
        danger: bool,
        run: Run,
        timeout_s: float,
    ) -> None:
        super().__init__(author, timeout_s=timeout_s)
        self.text = cut(question, MAX_QUESTION)
        self._run, self._answered = run, False
        self.agree.label, self.refuse.label = yes, no
        if not danger:
            self.agree.style = discord.ButtonStyle.primary

    async def on_timeout(self) -> None:
        """Say that nothing will be done, and disable the buttons."""
        if self._answered or self.message is None:
            return
        self._answered = True
        await self._last_edit(content=self._closed("Not answered in time."), view=self)

    @discord.ui.button(style=discord.ButtonStyle.danger)
    async def agree(
        self, interaction: discord.Interaction[Any], button: discord.ui.Button[Question]
    ) -> None:
        if await self._answer(interaction, f"Confirmed: {button.label}."):
            await self._run(interaction)

    @discord.ui.button(style=discord.ButtonStyle.secondary)
    async def refuse(
        self, interaction: discord.Interaction[Any], button: discord.ui.Button[Question]
    ) -> None:
        await self._answer(interaction, "Cancelled. Nothing was done.")

    async def _answer(self, interaction: discord.Interaction[Any], outcome: str) -> bool:
        """Close the question; answers False when an earlier press has done that."""
        if self._answered:
            await interaction.response.send_message(ANSWERED, ephemeral=True)
            return False
        self._answered = True  # before anything is awaited: a second press may be on its way
        text = self._closed(outcome)
        try:
            await interaction.response.edit_message(content=text, view=self)
        except LOST:
            # The user sees that it failed, and may press again.
            self._answered = False
            self._disable(False)
            raise
        self.stop()
        return True

    def _closed(self, outcome: str) -> str:
        self._disable(True)
        return f"{self.text}\n-# {outcome}"
