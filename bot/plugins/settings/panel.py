"""The panel of settings: menus and buttons that work in any later life of the bot.

Everything that they need is in their custom ids: what they set, and whose panel it is. What the
presser may do is looked at anew with each press.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import discord

from bot.commands.refusals import Refused
from bot.plugins.settings import changing, overview
from bot.plugins.settings.changing import Written
from bot.views.forms import Form
from bot.views.page import fitted
from bot.views.pages import embed_of

if TYPE_CHECKING:
    from bot.client import Novera
    from bot.guilds.model import GuildSettings

    Channels = Literal["log_channel_id", "welcome_channel_id"]
    Roles = Literal["autorole_id", "ticket_role_id"]

NOT_YOURS = "This panel is somebody else's. Open your own with `/settings show`."
NOT_ALLOWED = "Only who may manage the server can change its settings."
CHANNELS = {"log_channel_id": "Log channel", "welcome_channel_id": "Welcome channel"}
ROLES = {"autorole_id": "Role for everybody who joins", "ticket_role_id": "Role that sees tickets"}
TEXTS: dict[Written, tuple[str, str]] = {  # what the button says, what the form says
    "welcome_text": ("Welcome text", "{user} {mention} {server} {count}; empty: none"),
    "leave_text": ("Leave text", "{user} {mention} {server} {count}; empty: none"),
    "prefix": ("Prefix", "Before text commands; empty: the default"),
    "timezone": ("Time zone", "As Europe/Berlin; empty: UTC"),
    "warn_thresholds": ("Warnings", "A line each: 3 timeout 1h; empty: none"),
}
LONG = ("welcome_text", "leave_text", "warn_thresholds")
MAX_LENGTHS: dict[Written, int] = {"prefix": 8, "timezone": 64}


class ChannelMenu(
    discord.ui.DynamicItem[discord.ui.ChannelSelect[Any]],
    template=r"settings:(?P<name>(?:log|welcome)_channel_id):(?P<user>[0-9]{1,20})",
):
    """Chooses a channel."""

    def __init__(self, item: discord.ui.ChannelSelect[Any], name: Channels, user: int) -> None:
        super().__init__(item)
        self._name, self._user = name, user

    @classmethod
    def made(cls, name: str, user: int, present: int | None) -> Self:
        """Answer the menu, with what is chosen now."""
        menu: discord.ui.ChannelSelect[Any] = discord.ui.ChannelSelect(
            custom_id=f"settings:{name}:{user}",
            placeholder=CHANNELS[name],
            channel_types=[discord.ChannelType.text, discord.ChannelType.news],
            min_values=0,
            default_values=[discord.Object(present)] if present else [],
        )
        return cls(menu, cast("Channels", name), user)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        """Answer the menu that was used."""
        return cls(item, cast("Channels", match["name"]), int(match["user"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Set what was chosen."""
        member = _allowed(interaction, self._user)
        chosen = self.item.values[0].id if self.item.values else None
        bot: Novera = interaction.client
        await changing.choose_channel(bot, member.guild, self._name, chosen)
        await _show(interaction, member)


class RoleMenu(
    discord.ui.DynamicItem[discord.ui.RoleSelect[Any]],
    template=r"settings:(?P<name>autorole_id|ticket_role_id):(?P<user>[0-9]{1,20})",
):
    """Chooses a role."""

    def __init__(self, item: discord.ui.RoleSelect[Any], name: Roles, user: int) -> None:
        super().__init__(item)
        self._name, self._user = name, user

    @classmethod
    def made(cls, name: str, user: int, present: int | None) -> Self:
        """Answer the menu, with what is chosen now."""
        menu: discord.ui.RoleSelect[Any] = discord.ui.RoleSelect(
            custom_id=f"settings:{name}:{user}",
            placeholder=ROLES[name],
            min_values=0,
            default_values=[discord.Object(present)] if present else [],
        )
        return cls(menu, cast("Roles", name), user)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        """Answer the menu that was used."""
        return cls(item, cast("Roles", match["name"]), int(match["user"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Set what was chosen."""
        member = _allowed(interaction, self._user)
        chosen = self.item.values[0].id if self.item.values else None
        await changing.choose_role(interaction.client, member, self._name, chosen)
        await _show(interaction, member)


class TextButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=rf"settings:(?P<name>{'|'.join(TEXTS)}):(?P<user>[0-9]{{1,20}})",
):
    """Opens the form of what is written."""

    def __init__(self, item: discord.ui.Button[Any], name: Written, user: int) -> None:
        super().__init__(item)
        self._name, self._user = name, user

    @classmethod
    def made(cls, name: Written, user: int) -> Self:
        """Answer the button."""
        custom_id = f"settings:{name}:{user}"
        return cls(discord.ui.Button(label=TEXTS[name][0], custom_id=custom_id), name, user)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        """Answer the button that was pressed."""
        return cls(item, cast("Written", match["name"]), int(match["user"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Open the form with what is set now."""
        member = _allowed(interaction, self._user)
        settings = await interaction.client.services.guilds.of(member.guild.id)
        await interaction.response.send_modal(SettingForm(self._name, self._user, settings))


ITEMS = (ChannelMenu, RoleMenu, TextButton)


class SettingForm(Form):
    """Asks for one written setting."""

    gives_back = False

    def __init__(self, name: Written, user: int, settings: GuildSettings) -> None:
        title, hint = TEXTS[name]
        super().__init__(title)
        self._name, self._user = name, user
        self._field: discord.ui.TextInput[SettingForm] = discord.ui.TextInput(
            custom_id="text",
            style=discord.TextStyle.paragraph if name in LONG else discord.TextStyle.short,
            required=False,
            default=changing.written(settings, name) or None,
            max_length=MAX_LENGTHS.get(name, 1500),
        )
        self.add_item(discord.ui.Label(text=title, description=hint, component=self._field))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Set what was written, or say what is wrong with it."""
        member = _allowed(interaction, self._user)
        bot: Novera = interaction.client
        await changing.write(bot, member.guild.id, self._name, str(self._field.value or ""))
        await _show(interaction, member)


async def shown(bot: Novera, guild: discord.Guild, user: int) -> dict[str, Any]:
    """Answer what a message needs to be the panel of *user*."""
    settings = await bot.services.guilds.of(guild.id)
    page = overview.page(
        settings, server=guild.name, default_prefix=bot.services.settings.command_prefix
    )
    view = discord.ui.View(timeout=None)
    for name in CHANNELS:
        view.add_item(ChannelMenu.made(name, user, getattr(settings, name)))
    for name in ROLES:
        view.add_item(RoleMenu.made(name, user, getattr(settings, name)))
    for text in TEXTS:
        view.add_item(TextButton.made(text, user))
    return {"embed": embed_of(fitted(page)), "view": view}


async def _show(interaction: discord.Interaction[Any], member: discord.Member) -> None:
    panel = await shown(interaction.client, member.guild, member.id)
    # A slow one was deferred meanwhile; that is seen to beneath (bot/commands/answers.py).
    await interaction.response.edit_message(**panel)


def _allowed(interaction: discord.Interaction[Any], user: int) -> discord.Member:
    """Answer who presses, if it is the panel's owner and still may.

    Raises:
        Refused: it is not, or may not any more.
    """
    member = interaction.user
    if member.id != user:
        raise Refused(NOT_YOURS)
    if not isinstance(member, discord.Member) or not interaction.permissions.manage_guild:
        raise Refused(NOT_ALLOWED)
    return member
