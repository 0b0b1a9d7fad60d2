"""A panel as its maker describes it, and as it is kept. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from discord.utils import escape_markdown

from bot.plugins.panels.rules import Mode, Style

MAX_TITLE = 100
MAX_TEXT = 2000

_ID = r"[0-9]{1,20}"
# Everything that a press needs, so that nothing else must be remembered. Panels that were posted
# with these ids live on in channels: change them never, add new ones instead.
SELECT = re.compile(rf"novera:panel:select:(?P<mode>any|one):(?P<maker>{_ID})")
BUTTON = re.compile(rf"novera:panel:button:(?P<mode>any|one):(?P<maker>{_ID}):(?P<role>{_ID})")


def select_id(mode: Mode, maker: int) -> str:
    """Answer the custom id of a panel's menu."""
    return f"novera:panel:select:{mode}:{maker}"


def button_id(mode: Mode, maker: int, role: int) -> str:
    """Answer the custom id of a panel's button."""
    return f"novera:panel:button:{mode}:{maker}:{role}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What a panel says and offers.

    Attributes:
        maker: Whoever made it or changed it last, and answers for its roles.
    """

    title: str
    text: str
    roles: tuple[int, ...]
    style: Style
    mode: Mode
    maker: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRecord:
    """A panel that is kept; without a message id it was not posted yet."""

    id: int
    guild_id: int
    channel_id: int
    message_id: int | None
    design: Design

    def line(self) -> str:
        """Answer how a list shows it."""
        design = self.design
        where = f"<#{self.channel_id}>"
        if self.message_id is not None:
            place = f"{self.guild_id}/{self.channel_id}/{self.message_id}"
            where = f"https://discord.com/channels/{place}"
        roles = ", ".join(f"<@&{role}>" for role in design.roles)
        title = escape_markdown(design.title)
        return f"**{self.id}** · {title} · {design.style}, {design.mode} · {where}\n{roles}"
