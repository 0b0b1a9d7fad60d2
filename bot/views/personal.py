"""Views whose buttons are one person's, and are disabled when nobody presses them any more."""

from __future__ import annotations

from typing import Any, ClassVar

import aiohttp
import discord
import structlog

log = structlog.get_logger(__name__)

# Why the last edit of a message may fail: it is gone, its token has expired, the connection broke.
LOST = (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError)


class Personal(discord.ui.View):
    """Base of such views.

    Attributes:
        not_yours: What others are told, privately.
        not_closed: Log event when the buttons could not be disabled.
        message: Where it is shown.
    """

    not_yours: ClassVar[str]
    not_closed: ClassVar[str]
    message: discord.Message | None = None

    def __init__(self, person: int, *, timeout_s: float) -> None:
        super().__init__(timeout=timeout_s)
        self._person = person

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Only the one whom it is for presses its buttons."""
        if interaction.user.id == self._person:
            return True
        await interaction.response.send_message(self.not_yours, ephemeral=True)
        return False

    async def on_timeout(self) -> None:
        """Disable what no longer answers."""
        self._disable(True)
        await self._last_edit(view=self)

    def _disable(self, disabled: bool) -> None:
        for item in self.children:
            if isinstance(item, discord.ui.Button | discord.ui.Select):
                item.disabled = disabled

    async def _last_edit(self, **shown: Any) -> None:
        """Edit the message for the last time, if it is still there."""
        if self.message is None:
            return
        try:
            await self.message.edit(**shown)
        except LOST as error:
            log.info(self.not_closed, error=type(error).__name__)
