"""Forms: forgotten when nobody sends them, and what was written in vain is given back."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import discord
import structlog

from bot.commands.replies import explain
from bot.views.page import cut
from bot.views.personal import LOST

log = structlog.get_logger(__name__)

FORM_TIMEOUT_S = 900.0  # as long as the token of the interaction that opened it lives
MAX_TITLE = 45
MAX_SHORT = 100  # characters that are soon typed again
GIVEN_BACK = "-# What you wrote is in the file, so that it is not lost."


class Form(discord.ui.Modal):
    """Base of all forms.

    Discord's client forgets what was typed once a form is sent. When it can't be taken, its long
    texts are given back as a file, and the error is told as any other.

    Attributes:
        gives_back: False for a form whose errors hold what was written.
    """

    gives_back: ClassVar[bool] = True

    def __init__(self, title: str) -> None:
        # discord.py keeps a form without a timeout for ever, if its user closes it.
        super().__init__(title=cut(title, MAX_TITLE), timeout=FORM_TIMEOUT_S)

    async def on_error(  # type: ignore[override] # as discord.py's own Modal has it
        self, interaction: discord.Interaction[Any], error: Exception, /
    ) -> None:
        """Give back what was written, with the reason or before the error is told."""
        told = False
        if text := "\n\n".join(self._long_texts()) if self.gives_back else "":
            reply = explain(error)
            reason = f"{reply.text}\n" if reply.fault == "user" else ""
            try:
                await _send_back(interaction, f"{reason}{GIVEN_BACK}", text)
                told = bool(reason)
            except LOST as lost:
                log.info("form.not_given_back", error=type(lost).__name__)
        if not told:
            await super().on_error(interaction, error)

    def _long_texts(self) -> list[str]:
        return [
            item.value
            for item in self.walk_children()
            if isinstance(item, discord.ui.TextInput)
            and item.style == discord.TextStyle.paragraph
            and item.value.strip()
        ]


def typed(interaction: discord.Interaction[Any]) -> str:
    """Answer the long texts of a form that this process does not know, empty without any."""
    data: Any = interaction.data or {}
    texts = (
        str(each["value"]) for each in _fields(data.get("components") or ()) if "value" in each
    )
    return "\n\n".join(text for text in texts if len(text) > MAX_SHORT or "\n" in text)


def file_of(text: str) -> discord.File:
    """Answer the file in which a text is given back."""
    return discord.File(io.BytesIO(text.encode("utf-8", "replace")), filename="your-text.txt")


def _fields(components: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for each in components:
        yield each
        inner = each.get("component")
        yield from _fields([*(each.get("components") or ()), *([inner] if inner else ())])


async def _send_back(interaction: discord.Interaction[Any], words: str, text: str) -> None:
    done = interaction.response.is_done()
    send: Any = interaction.followup.send if done else interaction.response.send_message
    silent = discord.AllowedMentions.none()
    await send(words, file=file_of(text), ephemeral=True, allowed_mentions=silent)
