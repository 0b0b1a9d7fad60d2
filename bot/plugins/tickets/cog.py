"""Commands around tickets, and what their buttons do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import hybrid_group, sub
from bot.commands.origins import origin_of
from bot.commands.refusals import Refused
from bot.plugins.tickets.closing import is_longer
from bot.plugins.tickets.desk import TicketDesk
from bot.plugins.tickets.items import ITEMS, TicketForm, close_view, panel_view
from bot.plugins.tickets.model import TicketRecord, is_staff
from bot.views.confirm import ask
from bot.views.page import listed
from bot.views.pages import send_pages

if TYPE_CHECKING:
    from bot.background.background import JobContext
    from bot.background.entry import Status
    from bot.client import Novera

    Ctx = commands.Context[Novera]

CLOSE_JOB = "ticket-close"
NEEDED = (
    *("create_private_threads", "send_messages_in_threads", "manage_threads"),
    *("embed_links", "attach_files", "read_message_history"),
)


class Tickets(commands.Cog, name="Tickets"):
    """Private threads between a member and the staff."""

    features: ClassVar[Mapping[str, tuple[str, ...]]] = {"Tickets": NEEDED}
    intents: ClassVar = ("message_content",)  # without it a transcript holds no words
    long_after = 300  # messages; what is longer is closed by a background job

    def __init__(self, bot: Novera) -> None:
        self.bot = bot
        self.desk = TicketDesk(bot, close_view)
        self._took_over = False

    async def cog_load(self) -> None:
        """Serve the panels and threads there are."""
        self.bot.add_dynamic_items(*ITEMS)
        self.bot.services.background.handle(CLOSE_JOB, self._close_job, ended=self._close_ended)
        if self.bot.is_ready():  # loaded later
            self._take_over()

    async def cog_unload(self) -> None:
        """Leave them to the word for what is no longer active."""
        self.bot.remove_dynamic_items(*ITEMS)
        self.bot.services.background.forget(CLOSE_JOB)

    @hybrid_group("List the open tickets, as `tickets list`.", guild=True, private=True)
    async def tickets(self, ctx: Ctx) -> None:
        await self._list(ctx, closed=False)

    @sub(
        tickets,
        "Post a panel with a button that opens tickets.",
        needs=("manage_guild",),
        bot_needs=NEEDED,
        private=True,
    )
    @app_commands.describe(role="Who answers and is called into tickets; as before if not given.")
    async def setup(self, ctx: Ctx, role: discord.Role | None = None) -> None:
        assert ctx.guild is not None  # noqa: S101 - the commands are for guilds
        if not isinstance(ctx.channel, discord.TextChannel) or ctx.channel.is_news():
            raise Refused("Tickets are private threads: use this in a text channel.")
        if role is not None and role.is_default():
            raise Refused("Everybody can't answer tickets; choose another role.")
        guilds = self.bot.services.guilds
        if role is not None:
            await guilds.change(ctx.guild.id, ticket_role_id=role.id)
        staff = ctx.guild.get_role((await guilds.of(ctx.guild.id)).ticket_role_id or 0)
        embed = discord.Embed(
            title="Do you need help?",
            description="Press the button and say what it is about. Only you and the staff will "
            "see it.",
        )
        await ctx.channel.send(embed=embed, view=panel_view())
        await ctx.send(f"The panel is posted. {_who_answers(ctx.channel, staff)}", ephemeral=True)

    @sub(tickets, "List open tickets: all for the staff, else yours.", name="list", private=True)
    @app_commands.describe(closed="List closed ones too.")
    async def list_tickets(self, ctx: Ctx, closed: bool = False) -> None:
        await self._list(ctx, closed=closed)

    @sub(tickets, "Open a closed ticket again; for the staff.", private=True)
    @app_commands.describe(number="Number of the ticket, as in the list.")
    async def reopen(self, ctx: Ctx, number: int) -> None:
        assert ctx.guild is not None  # noqa: S101 - the commands are for guilds
        if not await self._is_staff(ctx.author):
            raise Refused("Only the staff can open a ticket again.")
        found = None
        if 0 < number < 2**31:
            found = await self.desk.store.numbered(ctx.guild.id, number)
        if found is None:
            raise Refused("There is no such ticket.")
        thread = await self.desk.reopen(found)
        await thread.send(f"Opened again by {ctx.author.mention}.")
        await ctx.send(f"{thread.mention} is open again.", ephemeral=True)

    async def _list(self, ctx: Ctx, *, closed: bool) -> None:
        assert ctx.guild is not None  # noqa: S101 - the commands are for guilds
        opener = None if await self._is_staff(ctx.author) else ctx.author.id
        found = await self.desk.store.of_guild(ctx.guild.id, opener_id=opener, closed=closed)
        lines = [each.line(in_public=ctx.interaction is None) for each in found]
        await send_pages(ctx, listed(lines, title="Tickets", empty="There is none."), private=True)

    # What the buttons do

    async def begin(self, interaction: discord.Interaction[Any]) -> None:
        """Show the form to whoever may open a ticket."""
        if interaction.guild is None:
            raise Refused("This works on a server only.")
        await self.desk.check_room(interaction.guild.id, interaction.user.id)
        await interaction.response.send_modal(TicketForm())

    async def submit(self, interaction: discord.Interaction[Any], subject: str, text: str) -> None:
        """Open a ticket as the form says."""
        guild, channel = interaction.guild, interaction.channel
        if guild is None or not isinstance(channel, discord.TextChannel):
            raise Refused("Tickets can be opened in text channels only.")
        new = TicketRecord(
            id=0,
            guild_id=guild.id,
            number=0,
            channel_id=channel.id,
            thread_id=None,
            opener_id=interaction.user.id,
            closer_id=None,
            origin=origin_of(interaction),
            subject=subject,
            text=text,
            status="opening",
        )
        thread = await self.desk.open(new)
        await interaction.response.send_message(
            f"Your ticket is open: {thread.mention}", ephemeral=True
        )

    async def ask_to_close(self, interaction: discord.Interaction[Any], ticket_id: int) -> None:
        """Ask whoever may close a ticket whether to do it."""
        ticket = await self.desk.store.find(ticket_id)
        # A new database gives old ids again.
        if ticket is None or ticket.thread_id != interaction.channel_id:
            raise Refused("I do not know this ticket any more. The staff may lock its thread.")
        if ticket.is_over:
            raise Refused("This ticket is closed already.")
        if interaction.user.id != ticket.opener_id and not await self._is_staff(interaction.user):
            raise Refused("Only the one who opened this ticket and the staff can close it.")

        async def run(agreed: discord.Interaction[Any]) -> None:
            await self._close(agreed, ticket)

        await ask(interaction, f"Close ticket {ticket.number}?", yes="Close", run=run)

    async def _close(self, agreed: discord.Interaction[Any], ticket: TicketRecord) -> None:
        # One whose closing failed half-way is closing still, and goes on.
        await self.desk.begin_closing(ticket.id, agreed.user.id)
        thread = await self.desk.thread_of(ticket)
        if thread is not None and await is_longer(thread, self.long_after):
            title, args = f"Closing ticket {ticket.number}", {"ticket": ticket.id}
            await self.bot.services.background.submit(CLOSE_JOB, agreed, title=title, args=args)
            return
        await self.desk.close(ticket.id)
        await agreed.edit_original_response(content=f"Ticket {ticket.number} is closed.", view=None)

    async def _close_job(self, job: JobContext) -> str | None:
        async def progress(messages: int) -> None:
            await job.progress(messages, None, "Reading messages")

        await self.desk.close(int(job.args["ticket"]), progress)
        return "Closed."

    async def _close_ended(self, job: JobContext, status: Status) -> None:
        if status == "cancelled":
            await self.desk.store.move(int(job.args["ticket"]), "closing", status="open")

    async def _is_staff(self, user: discord.User | discord.Member) -> bool:
        if not isinstance(user, discord.Member):
            return False
        settings = await self.bot.services.guilds.of(user.guild.id)
        return is_staff(
            manages_threads=user.guild_permissions.manage_threads,
            roles={role.id for role in user.roles},
            ticket_role=settings.ticket_role_id,
        )

    # What happens without us

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Finish what an earlier process began."""
        self._take_over()

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """A thread was deleted by hand: its ticket is over."""
        await self.desk.deleted(payload.thread_id)

    @commands.Cog.listener()
    async def on_raw_thread_update(self, payload: discord.RawThreadUpdateEvent) -> None:
        """A thread was locked by hand: its ticket is closed, with all that belongs to it."""
        metadata = payload.data.get("thread_metadata", {})
        if metadata.get("locked") and metadata.get("archived"):
            await self.desk.locked(payload.thread_id)

    def _take_over(self) -> None:
        if not self._took_over:
            self._took_over = True
            self.bot.services.storage.when_open(self.desk.take_over, name="tickets-take-over")


def _who_answers(place: discord.TextChannel, staff: discord.Role | None) -> str:
    """Answer who will see tickets; a role that we may not mention is never called into them."""
    if staff is None:
        return "No role answers tickets yet: choose one with `/tickets setup role:`."
    if staff.mentionable or place.permissions_for(place.guild.me).mention_everyone:
        return f"{staff.mention} answers."
    return (
        f"⚠️ {staff.mention} should answer, but I can't mention that role, so nobody in it would "
        "be called: let everybody mention it, or give me **Mention Everyone**."
    )
