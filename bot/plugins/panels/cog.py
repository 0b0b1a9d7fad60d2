"""Commands around panels: make, change, list, delete."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakValueDictionary

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import hybrid_group, sub
from bot.commands.origins import origin_of
from bot.commands.permissions import bots
from bot.commands.refusals import Refused
from bot.plugins.panels import facts
from bot.plugins.panels.forms import PanelForm
from bot.plugins.panels.items import ITEMS, view_of
from bot.plugins.panels.model import Design, PanelRecord
from bot.views.confirm import ask
from bot.views.opener import open_form
from bot.views.page import cut, listed
from bot.views.pages import send_pages

if TYPE_CHECKING:
    from bot.client import Novera
    from bot.plugins.panels.store import PanelStore

    Ctx = commands.Context[Novera]
    Place = discord.abc.MessageableChannel

MAX_PANELS = 100  # of a guild


class Panels(commands.Cog, name="Panels"):
    """Messages on which members give themselves roles."""

    features: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "Self-role panels": ("manage_roles", "send_messages", "embed_links")
    }

    def __init__(self, bot: Novera) -> None:
        self.bot = bot
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def cog_load(self) -> None:
        """Serve the panels there are, however old."""
        self.bot.add_dynamic_items(*ITEMS)

    async def cog_unload(self) -> None:
        """Leave them to the word for what is no longer active."""
        self.bot.remove_dynamic_items(*ITEMS)

    @hybrid_group(
        "List the panels of this server.",
        fallback="list",
        guild=True,
        private=True,
        needs=("manage_roles",),
        bot_needs=("manage_roles",),
    )
    async def panel(self, ctx: Ctx) -> None:
        assert ctx.guild is not None  # noqa: S101 - the commands are for guilds
        panels = await self._store().of_guild(ctx.guild.id)
        lines = [record.line() for record in panels]
        pages = listed(lines, title="Panels", empty="There is none. Make one with `panel create`.")
        await send_pages(ctx, pages, private=True)

    @sub(panel, "Make a panel in this channel.", private=True)
    async def create(self, ctx: Ctx) -> None:
        facts.check_may_post(ctx.channel, bots(ctx))

        async def submit(
            interaction: discord.Interaction[Any], design: Design, roles: list[discord.Role]
        ) -> None:
            await self._made(interaction, design, roles)

        await open_form(ctx, lambda: PanelForm(submit), label="Make a panel")

    @sub(panel, "Change a panel.", private=True)
    @app_commands.describe(panel="Number of the panel, as in the list.")
    async def edit(self, ctx: Ctx, panel: int) -> None:
        record = await self._find(ctx, panel)
        # A form may not be filled in with roles that are gone.
        roles = tuple(
            role for role in record.design.roles if ctx.guild and ctx.guild.get_role(role)
        )
        old = replace(record.design, roles=roles)

        async def submit(
            interaction: discord.Interaction[Any], design: Design, roles: list[discord.Role]
        ) -> None:
            await self._changed(interaction, record, design, roles)

        await open_form(ctx, lambda: PanelForm(submit, old=old), label="Change the panel")

    @sub(panel, "Delete a panel; members keep their roles.", private=True)
    @app_commands.describe(panel="Number of the panel, as in the list.")
    async def delete(self, ctx: Ctx, panel: int) -> None:
        record = await self._find(ctx, panel)

        async def run(interaction: discord.Interaction[Any]) -> None:
            message = self._message(record)
            self.bot.dispatch("own_deletion", (message.id,))  # no news for the audit log
            with contextlib.suppress(discord.NotFound):
                await message.delete()
            await self._store().remove(record.id, now=discord.utils.utcnow())
            await interaction.followup.send(f"Panel {record.id} is gone.", ephemeral=True)

        title = discord.utils.escape_markdown(record.design.title)
        await ask(ctx, f"Delete the panel **{title}**?", yes="Delete", run=run)

    @edit.autocomplete("panel")
    @delete.autocomplete("panel")
    async def _complete(
        self, interaction: discord.Interaction[Novera], current: str
    ) -> list[app_commands.Choice[int]]:
        panels = await self._store().of_guild(interaction.guild_id or 0)
        named = [(cut(f"{each.id}: {each.design.title}", 100), each.id) for each in panels]
        found = [each for each in named if current.casefold() in each[0].casefold()]
        return [app_commands.Choice(name=name, value=number) for name, number in found[:25]]

    async def _made(
        self, interaction: discord.Interaction[Any], design: Design, roles: list[discord.Role]
    ) -> None:
        guild, place = self._where(interaction)
        await self._check(guild, interaction.user, roles)
        facts.check_may_post(place, bots(interaction))
        if len(await self._store().of_guild(guild.id)) >= MAX_PANELS:
            raise Refused(f"This server has {MAX_PANELS} panels already. Delete one first.")
        record = await self._store().add(
            design,
            guild_id=guild.id,
            channel_id=place.id,
            origin=origin_of(interaction),
            now=discord.utils.utcnow(),
        )
        if record.message_id is None:  # as long as no earlier process got so far
            try:
                await self._post(record, place, roles)
            except discord.HTTPException:
                await self._store().remove(record.id, now=discord.utils.utcnow())
                raise
        await interaction.response.send_message(
            f"Panel {record.id} is made. Change it with `/panel edit`.", ephemeral=True
        )

    async def _changed(
        self,
        interaction: discord.Interaction[Any],
        record: PanelRecord,
        design: Design,
        roles: list[discord.Role],
    ) -> None:
        guild, place = self._where(interaction)
        await self._check(guild, interaction.user, roles)
        async with self._turn(record.id):  # of two at once, the later one is shown and kept
            changed = await self._store().change(record.id, design, now=discord.utils.utcnow())
            if changed is None:
                raise Refused("That panel was deleted meanwhile.")
            where = await self._shown(changed, place, roles, bots(interaction))
        await interaction.response.send_message(
            f"Panel {record.id} is changed.{where}", ephemeral=True
        )

    async def _shown(
        self, record: PanelRecord, place: Any, roles: list[discord.Role], own: discord.Permissions
    ) -> str:
        """Let the panel's message show how it is now, or post one; answers what to say of that."""
        view = view_of(record.design, roles)
        try:
            await self._message(record).edit(embed=_embed(record.design), view=view)
        except discord.NotFound:
            facts.check_may_post(place, own)
            await self._post(record, place, roles)
            return " Its message was gone, so I posted it here."
        return ""

    async def _check(
        self,
        guild: discord.Guild,
        maker: discord.User | discord.Member,
        roles: list[discord.Role],
    ) -> None:
        facts.check_means(guild)
        # The form may have been opened a while ago.
        if not (isinstance(maker, discord.Member) and maker.guild_permissions.manage_roles):
            raise commands.MissingPermissions(["manage_roles"])
        if not roles:
            raise Refused("Choose at least one role.")
        facts.check(roles, await facts.givers_of(guild, maker.id))

    async def _post(self, record: PanelRecord, place: Any, roles: list[discord.Role]) -> None:
        sent = await place.send(embed=_embed(record.design), view=view_of(record.design, roles))
        await self._store().posted(record.id, channel_id=place.id, message_id=sent.id)

    def _turn(self, panel_id: int) -> asyncio.Lock:
        return self._turns.setdefault(panel_id, asyncio.Lock())

    def _message(self, record: PanelRecord) -> discord.PartialMessage:
        """Answer the panel's message, which may be gone; one that was never posted is."""
        place = self.bot.get_partial_messageable(record.channel_id, guild_id=record.guild_id)
        return place.get_partial_message(record.message_id or record.channel_id)

    async def _find(self, ctx: Ctx, panel: int) -> PanelRecord:
        assert ctx.guild is not None  # noqa: S101 - the commands are for guilds
        found = None
        if 0 < panel < 2**31:
            found = await self._store().find(ctx.guild.id, panel)
        if found is None:
            raise Refused("There is no such panel here. `panel list` shows them.")
        return found

    @staticmethod
    def _where(interaction: discord.Interaction[Any]) -> tuple[discord.Guild, Any]:
        if interaction.guild is None or interaction.channel is None:
            raise Refused("This works on a server only.")
        return interaction.guild, interaction.channel

    def _store(self) -> PanelStore:
        from bot.plugins.panels.store import PanelStore  # SQLAlchemy is not for the first second

        return PanelStore(self.bot.services.storage)


def _embed(design: Design) -> discord.Embed:
    return discord.Embed(title=design.title, description=design.text or None)
