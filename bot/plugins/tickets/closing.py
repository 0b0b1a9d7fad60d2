"""The end of a ticket: its transcript for log channel and opener, its thread locked."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import discord
import structlog

from bot.plugins.tickets.model import TicketRecord
from bot.plugins.tickets.transcript import Said, quoted, render

if TYPE_CHECKING:
    from bot.client import Novera
    from bot.plugins.tickets.store import TicketStore

    Progress = Callable[[int], Awaitable[None]]

log = structlog.get_logger(__name__)

MAX_MESSAGES = 20_000
PROGRESS_EVERY = 100  # messages: what Discord answers at once


class Closing:
    """What is left to do for one ticket; each step is noted, for a process that goes on."""

    def __init__(
        self, bot: Novera, store: TicketStore, ticket: TicketRecord, thread: discord.Thread
    ) -> None:
        self._bot, self._store, self._ticket, self._thread = bot, store, ticket, thread

    async def finish(self, messages: list[Said]) -> None:
        """Send the transcript to whoever can have it, and lock the thread."""
        ticket = self._ticket
        whole = len(messages) < MAX_MESSAGES
        newest = "" if whole else "the newest "
        title = f"Ticket {ticket.number}: {ticket.subject} ({newest}{len(messages)} messages)"
        data = await asyncio.to_thread(render, title, messages, whole=whole)
        logged = bool(ticket.extra.get("logged")) or await self._log(data)
        sent = bool(ticket.extra.get("sent")) or await self._send(data)
        await self._store.change(ticket.id, extra={"logged": logged, "sent": sent})
        by = f"<@{ticket.closer_id}>" if ticket.closer_id is not None else "a moderator"
        files = [] if logged or sent else [self._file(data)]  # else nobody would have it
        await self._thread.send(f"Closed by {by}.", files=files, nonce=self._nonce("bye"))
        await self._thread.edit(archived=True, locked=True, reason=f"{ticket.mark} closed")

    async def _log(self, data: bytes) -> bool:
        """Answer whether the log channel has the transcript."""
        settings = await self._bot.services.guilds.of(self._ticket.guild_id)
        place = self._bot.get_channel(settings.log_channel_id or 0)
        if not isinstance(place, discord.TextChannel | discord.Thread):
            return False
        ticket = self._ticket
        embed = discord.Embed(title=f"Ticket {ticket.number} closed", description=ticket.subject)
        embed.add_field(name="Opened by", value=f"<@{ticket.opener_id}>")
        if ticket.closer_id is not None:
            embed.add_field(name="Closed by", value=f"<@{ticket.closer_id}>")
        try:
            await place.send(embed=embed, file=self._file(data), nonce=self._nonce("log"))
        except discord.HTTPException as error:
            log.warning("ticket.not_logged", ticket=ticket.id, code=error.code)
            return False
        await self._store.change(ticket.id, extra={"logged": True})
        return True

    async def _send(self, data: bytes) -> bool:
        """Answer whether the opener has the transcript; many take no direct messages."""
        text = f"Your ticket {self._ticket.number} on {self._thread.guild.name} was closed."
        try:
            opener = await self._bot.fetch_user(self._ticket.opener_id)
            await opener.send(text, file=self._file(data), nonce=self._nonce("dm"))
        except discord.HTTPException as error:
            log.info("ticket.not_sent", ticket=self._ticket.id, code=error.code)
            return False
        return True

    def _file(self, data: bytes) -> discord.File:
        return discord.File(io.BytesIO(data), filename=f"{self._ticket.mark}.txt")

    def _nonce(self, what: str) -> str:
        """The same for each try of one closing, so that Discord takes the message once."""
        return f"t{self._ticket.id}-{self._ticket.extra.get('closings', 0)}-{what}"


async def said_in(thread: discord.Thread, progress: Progress | None = None) -> list[Said]:
    """Answer the newest `MAX_MESSAGES` of *thread*, oldest first."""
    found: list[Said] = []
    async for message in thread.history(limit=MAX_MESSAGES):
        found.append(_said(message))
        if progress is not None and len(found) % PROGRESS_EVERY == 0:
            await progress(len(found))
    found.reverse()
    return found


def _said(message: discord.Message) -> Said:
    forwarded = message.message_snapshots
    holders: tuple[discord.Message | discord.MessageSnapshot, ...] = (message, *forwarded)
    extras = [f"forwarded: {each.content}" for each in forwarded if each.content]
    extras += [_words_of(embed) for holder in holders for embed in holder.embeds]
    extras += [f"sticker: {each.name}" for each in message.stickers]
    if message.poll is not None:
        answers = ", ".join(each.text for each in message.poll.answers)
        extras.append(f"poll: {message.poll.question}: {answers}")
    return Said(
        at=message.created_at,
        author=message.author.name,
        author_id=message.author.id,
        content=message.clean_content or message.system_content or "",
        answers=_answered(message),
        attachments=tuple(file.url for holder in holders for file in holder.attachments),
        extras=tuple(text for text in extras if text),
        edited=message.edited_at is not None,
    )


def _words_of(embed: discord.Embed) -> str:
    fields = (part for field in embed.fields for part in (field.name, field.value))
    parts = (embed.author.name, embed.title, embed.description, *fields, embed.footer.text)
    return "\n".join(part for part in (*parts, embed.image.url) if part)


def _answered(message: discord.Message) -> str:
    if message.type is not discord.MessageType.reply:
        return ""
    found = message.reference.resolved if message.reference is not None else None
    if not isinstance(found, discord.Message):
        return "a message that is gone"
    return quoted(found.author.name, found.clean_content)


async def is_longer(thread: discord.Thread, messages: int) -> bool:
    """Answer whether *thread* holds more *messages*; the count that Discord gives is old here."""
    count = 0
    async for _ in thread.history(limit=messages + 1):
        count += 1
    return count > messages
