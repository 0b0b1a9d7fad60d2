"""What becomes of tickets: each step is in the database before the next, so any process goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import discord
import structlog

from bot.commands.refusals import Refused
from bot.plugins.tickets.closing import Closing, said_in
from bot.plugins.tickets.model import MAX_OPEN, TicketRecord

if TYPE_CHECKING:
    from bot.client import Novera
    from bot.plugins.tickets.store import TicketStore

    Progress = Callable[[int], Awaitable[None]]

log = structlog.get_logger(__name__)

GREETINGS_LOOKED_AT = 10


class TicketDesk:
    """Opens, closes and reopens tickets; of one ticket one thing at a time.

    Args:
        close_button: Answers the view with the button of a ticket.
    """

    def __init__(self, bot: Novera, close_button: Callable[[int], discord.ui.View]) -> None:
        self._bot, self._close_button = bot, close_button
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    @property
    def store(self) -> TicketStore:
        """The tickets in the database."""
        from bot.plugins.tickets.store import TicketStore  # SQLAlchemy is not for the first second

        return TicketStore(self._bot.services.storage)

    async def check_room(self, guild_id: int, user_id: int) -> None:
        """Look whether a user may open one more.

        Raises:
            Refused: they have enough; those whose threads were deleted do not count.
        """
        own = await self.store.of_guild(guild_id, opener_id=user_id)
        held = [each for each in own if not await self._forget_deleted(each)]
        if len(held) >= MAX_OPEN:
            where = ", ".join(f"<#{each.thread_id}>" for each in held if each.thread_id)
            raise Refused(f"You have {len(held)} open tickets: {where}. Please use one of them.")

    async def open(self, new: TicketRecord) -> discord.Thread:
        """Answer the thread of a ticket that was asked for.

        Raises:
            Refused: the opener has enough of them, or the channel is gone.
            discord.HTTPException: Discord takes no thread, or no greeting; nothing is left of it.
        """
        ticket = await self.store.add(new, max_open=MAX_OPEN, now=discord.utils.utcnow())
        if ticket is None:
            raise Refused(f"You have {MAX_OPEN} open tickets already. Please use one of them.")
        try:
            thread = await self._carry_on_opening(ticket.id)
        except discord.HTTPException:
            await self._give_up(ticket.id)
            raise
        if thread is None:
            raise Refused("The channel of this panel is gone. Please tell a moderator.")
        return thread

    async def begin_closing(self, ticket_id: int, closer_id: int | None) -> bool:
        """Note who closes a ticket; answers False when that is under way, or done.

        One whose opening was not noted to its end is open as well, once it can be seen.
        """
        return await self.store.move(
            ticket_id, "open", "opening", status="closing", closer_id=closer_id
        )

    async def close(self, ticket_id: int, progress: Progress | None = None) -> None:
        """Carry out, to its end, the closing that somebody asked for."""
        async with self._lock(ticket_id):
            ticket = await self.store.find(ticket_id)
            if ticket is None or ticket.status != "closing":
                return
            thread = await self.thread_of(ticket)
            if thread is None:
                await self._lost(ticket)
                return
            messages = await said_in(thread, progress)
            await Closing(self._bot, self.store, ticket, thread).finish(messages)
            await self._closed(ticket.id)

    async def reopen(self, ticket: TicketRecord) -> discord.Thread:
        """Open a closed ticket again.

        Raises:
            Refused: it is not closed, or its thread is gone.
        """
        async with self._lock(ticket.id):
            now = await self.store.find(ticket.id)
            if now is None or now.status != "closed":
                raise Refused("That ticket is not closed.")
            thread = await self.thread_of(ticket)
            if thread is None:
                raise Refused("The thread of that ticket was deleted.")
            await thread.edit(archived=False, locked=False, reason=f"{ticket.mark} reopened")
            # What was done of the last closing is to be done again at the next.
            done = {"logged": False, "sent": False, "closings": now.extra.get("closings", 0) + 1}
            await self.store.change(
                ticket.id, status="open", closer_id=None, closed_at=None, extra=done
            )
            return thread

    async def deleted(self, thread_id: int) -> None:
        """A thread was deleted: if it was a ticket's, that one is closed."""
        ticket = await self.store.of_thread(thread_id)
        if ticket is not None and not ticket.is_over:
            await self._lost(ticket)

    async def locked(self, thread_id: int) -> None:
        """A thread was locked: if it was a ticket's, and not by us, that one is to be closed."""
        ticket = await self.store.of_thread(thread_id)
        if ticket is not None and await self.begin_closing(ticket.id, None):
            await self.close(ticket.id)

    async def take_over(self) -> None:
        """Finish what earlier processes began."""
        for ticket in await self.store.unfinished():
            if self._bot.get_guild(ticket.guild_id) is None:
                continue
            try:
                if ticket.status == "opening":
                    await self._carry_on_opening(ticket.id)
                else:
                    await self.close(ticket.id)
            except discord.DiscordServerError as error:
                log.warning("ticket.not_finished", ticket=ticket.id, status=error.status)
            except discord.HTTPException as error:
                log.warning("ticket.not_finished", ticket=ticket.id, code=error.code)
                if ticket.status == "opening":  # nobody waits for it any more
                    await self._lost(ticket)

    async def thread_of(self, ticket: TicketRecord) -> discord.Thread | None:
        """Answer a ticket's thread, None when it is gone."""
        guild = self._bot.get_guild(ticket.guild_id)
        if guild is None or ticket.thread_id is None:
            return None
        found: Any = guild.get_thread(ticket.thread_id)
        if found is None:
            try:
                found = await guild.fetch_channel(ticket.thread_id)
            except discord.NotFound:
                return None
        return found if isinstance(found, discord.Thread) else None

    async def _carry_on_opening(self, ticket_id: int) -> discord.Thread | None:
        async with self._lock(ticket_id):
            ticket = await self.store.find(ticket_id)
            guild = self._bot.get_guild(ticket.guild_id) if ticket is not None else None
            if ticket is None or guild is None:
                return None
            thread = await self.thread_of(ticket)
            if ticket.status != "opening":
                return thread
            if thread is None:
                channel = guild.get_channel(ticket.channel_id)
                if not isinstance(channel, discord.TextChannel) or ticket.thread_id is not None:
                    await self._lost(ticket)
                    return None
                thread = await self._made(channel, ticket)
            await self._greet(thread, ticket)
            await self.store.move(ticket.id, "opening", status="open")
            log.info("ticket.opened", guild=guild.id, ticket=ticket.id)
            return thread

    async def _made(self, channel: discord.TextChannel, ticket: TicketRecord) -> discord.Thread:
        """Answer the ticket's thread; one that a process made as it died is found by its name.

        An older thread of that name is another ticket's, of a database that is no more.
        """
        own = channel.guild.me.id
        mine = (
            each for each in channel.threads if each.owner_id == own and each.id > ticket.origin
        )
        thread = next((each for each in mine if each.name.split(" ")[0] == ticket.mark), None)
        if thread is None:
            thread = await channel.create_thread(
                name=ticket.thread_name(),
                type=discord.ChannelType.private_thread,
                invitable=False,
                auto_archive_duration=10080,
                reason=f"{ticket.mark} opened by {ticket.opener_id}",
            )
        await self.store.change(ticket.id, thread_id=thread.id)
        return thread

    async def _greet(self, thread: discord.Thread, ticket: TicketRecord) -> None:
        """Ping opener and staff, once: that is what brings them into the thread."""
        own = thread.guild.me.id
        async for message in thread.history(limit=GREETINGS_LOOKED_AT, oldest_first=True):
            if message.author.id == own and message.components:
                return
        role_id = (await self._bot.services.guilds.of(ticket.guild_id)).ticket_role_id
        role = thread.guild.get_role(role_id) if role_id is not None else None
        try:
            await thread.add_user(discord.Object(id=ticket.opener_id))
        except discord.HTTPException as error:  # they left; the staff is called all the same
            log.info("ticket.opener_not_added", ticket=ticket.id, code=error.code)
        embed = discord.Embed(title=ticket.subject, description=ticket.text or None)
        await thread.send(
            " ".join([f"<@{ticket.opener_id}>", *([role.mention] if role is not None else [])]),
            embed=embed.set_footer(text=f"Ticket {ticket.number}"),
            view=self._close_button(ticket.id),
            nonce=f"open-{thread.id}",
            allowed_mentions=discord.AllowedMentions(
                users=[discord.Object(id=ticket.opener_id)], roles=[role] if role else False
            ),
        )

    async def _forget_deleted(self, ticket: TicketRecord) -> bool:
        """Answer whether the ticket's thread is gone; it is closed then."""
        if ticket.thread_id is None or await self.thread_of(ticket) is not None:
            return False
        await self._lost(ticket)
        return True

    async def _give_up(self, ticket_id: int) -> None:
        """What Discord refused to open is over, and its thread, if any, with it."""
        ticket = await self.store.find(ticket_id)
        if ticket is None or ticket.status != "opening":
            return
        await self._lost(ticket)
        try:
            thread = await self.thread_of(ticket)
            if thread is not None:
                await thread.delete(reason=f"{ticket.mark} could not be opened")
        except discord.HTTPException as error:
            log.info("ticket.thread_left", ticket=ticket_id, code=error.code)

    async def _lost(self, ticket: TicketRecord) -> None:
        await self.store.change(ticket.id, extra={"deleted": True})
        await self._closed(ticket.id)

    async def _closed(self, ticket_id: int) -> None:
        now = discord.utils.utcnow()
        await self.store.change(ticket_id, status="closed", closed_at=now)
        log.info("ticket.closed", ticket=ticket_id)

    def _lock(self, ticket_id: int) -> asyncio.Lock:
        return self._locks.setdefault(ticket_id, asyncio.Lock())
