"""What simulated people say."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from simcord.backend.errors import BackendError, SetupError
from simcord.backend.models import Channel, Message, User

from simulator.driver.base import LOADING_FLAG, Verbs, as_id
from simulator.errors import RefusedError


class MessageVerbs(Verbs):
    """Messages of users. *user* and *channel* are names or ids.

    Each raises RefusedError when a real user could not do it, UnknownNameError when
    something is not there.
    """

    async def say(
        self,
        content: str,
        *,
        user: str = "alice",
        channel: str = "general",
        guild: str | None = None,
        reply_to: str | None = None,
        files: Sequence[Mapping[str, str]] = (),
        wait_s: float = 0.0,
    ) -> dict[str, Any]:
        """Post a message; with *wait_s* the answer holds the bot's `reply`, or None.

        *files* are `{"filename", "content_base64"}`.
        """
        author, place = self._at(user, channel, guild)
        backend = self._parts.world.backend
        try:
            if place.guild_id is not None:
                send = "send_messages_in_threads" if place.is_thread else "send_messages"
                backend.require_permissions(place.guild_id, author.id, place.id, send)
            reference = {"message_id": reply_to, "channel_id": str(place.id)} if reply_to else None
            message = backend.create_message(
                place.id,
                author.id,
                content,
                reference=reference,
                attachments=backend.store_attachments(place.id, _files(files)),
            )
        except (BackendError, SetupError) as error:
            raise RefusedError(str(error)) from error
        shown = self._show_message(message)
        if wait_s > 0:
            shown["reply"] = await self.reply_after(place, message.id, wait_s)
        return shown

    async def reply_after(
        self, channel: Channel, after: int, timeout_s: float
    ) -> dict[str, Any] | None:
        """Answer the first finished message of the bot that is newer than *after*."""
        parts = self._parts
        bot_id = parts.world.backend.bot_user.id
        messages = parts.world.backend.messages[channel.id]

        def probe() -> Message | None:
            newest_first = reversed(messages.values())
            newer: list[Message] = []
            for message in newest_first:
                if message.id <= after:
                    break
                if message.author_id == bot_id and not message.flags & LOADING_FLAG:
                    newer.append(message)
            return newer[-1] if newer else None

        found = await parts.waiters.until(("channel", channel.id), probe, timeout_s=timeout_s)
        return None if found is None else self._show_message(found)

    async def edit(self, message: str, content: str, *, user: str = "alice") -> dict[str, Any]:
        """Edit a message of the user's own."""
        author, stored = self._parts.world.user(user), self._message(message)
        if stored.author_id != author.id:
            raise RefusedError("users can only edit their own messages")
        backend = self._parts.world.backend
        edited = backend.edit_message(stored.channel_id, stored.id, {"content": content})
        return self._show_message(edited)

    async def delete(self, message: str, *, user: str = "alice") -> dict[str, Any]:
        """Delete a message: one's own, or any with the permission to."""
        author, stored = self._parts.world.user(user), self._message(message)
        backend = self._parts.world.backend
        place = backend.get_channel(stored.channel_id)
        try:
            if stored.author_id != author.id:
                backend.require_permissions(place.guild_id, author.id, place.id, "manage_messages")
            backend.delete_message(place.id, stored.id)
        except BackendError as error:
            raise RefusedError(str(error)) from error
        return {"deleted": str(stored.id)}

    async def react(
        self, message: str, emoji: str, *, user: str = "alice", reacted: bool = True
    ) -> dict[str, Any]:
        """Add a reaction, or take it back."""
        author, stored = self._parts.world.user(user), self._message(message)
        backend = self._parts.world.backend
        try:
            backend.set_reaction(stored.channel_id, stored.id, emoji, author.id, reacted)
        except BackendError as error:
            raise RefusedError(str(error)) from error
        return self._show_message(stored)

    def _at(self, user: str, channel: str, guild: str | None) -> tuple[User, Channel]:
        world = self._parts.world
        author = world.user(user)
        return author, world.channel(channel, guild=guild, user=author)

    def _message(self, message_id: str) -> Message:
        return self._parts.world.message(as_id("message", message_id))


def _files(files: Sequence[Mapping[str, str]]) -> list[tuple[str, bytes]]:
    try:
        return [
            (each["filename"], base64.b64decode(each["content_base64"], validate=True))
            for each in files
        ]
    except (KeyError, binascii.Error) as error:
        raise RefusedError("files need filename and content_base64") from error
