"""Locks channels and opens them again; each step can be repeated by a process that comes after."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import discord
import structlog

from bot.commands.refusals import Refused
from bot.moderation.case import Case
from bot.moderation.settling import DONE, UNDONE, Verdict
from bot.plugins.channels.channel_lock import Lock, held_text, touched_text
from bot.plugins.channels.overwrites import (
    Change,
    Kind,
    Overwrite,
    from_json,
    lock_changes,
    returns,
)

if TYPE_CHECKING:
    from bot.client import Novera
    from bot.plugins.channels.store import LockStore

log = structlog.get_logger(__name__)

STAFF = discord.Permissions(manage_messages=True, manage_channels=True, moderate_members=True)
NOTHING_TO_LOCK = "Members can't write there as it is; there is nothing to lock."
GONE = "The channel is gone."


class Locking:
    """What a lock and its end do; the raw overwrites are used, since those of discord.py forget
    permissions that it does not know.
    """

    def __init__(self, bot: Novera) -> None:
        self._bot = bot
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def store(self) -> LockStore:
        """The locks in the database."""
        from bot.plugins.channels.store import LockStore  # SQLAlchemy is not for the first second

        return LockStore(self._bot.services.storage)

    async def plan(self, channel_id: int, guild: discord.Guild) -> tuple[Change, ...]:
        """Answer what a lock would change.

        Raises:
            Refused: nothing.
        """
        me = guild.me
        changes = lock_changes(
            await self._overwrites(channel_id),
            everyone_id=guild.default_role.id,
            staff=_staff(guild),
            bot_id=None if me.guild_permissions.administrator else me.id,
        )
        if not changes:
            raise Refused(NOTHING_TO_LOCK)
        return changes

    async def lock(self, case: Case, guild: discord.Guild) -> str | None:
        """Carry out a lock, or the rest of it; for `Cases.carry_out`."""
        async with self._turns[case.target_id]:
            lock = await self.store.held(case.target_id)
            if lock is None:
                lock = await self.store.add(case, await self.plan(case.target_id, guild))
            if lock.case_id != case.id:
                raise Refused(held_text(lock, f"<#{case.target_id}>"))
            if lock.status != "locking":
                return None  # done by an earlier handling of the same event
            try:
                for change in lock.changes:
                    await self._put(lock.channel_id, change.after, case.audit_reason)
            except discord.HTTPException:
                await self._undo(lock, case.audit_reason)
                raise
            await self.store.move(lock, "locked")
            return None

    async def unlock(self, case: Case) -> str | None:
        """Restore what was before, or the rest of it; answers what others changed meanwhile."""
        async with self._turns[case.target_id]:
            lock = await self.store.held(case.target_id)
            if lock is None:
                return "It was open already."
            return await self._restore(lock, case.audit_reason)

    async def finish_begun(self) -> None:
        """Complete at once what an earlier process died in; what it did not begin can wait."""
        cases = self._bot.services.cases
        for case in await cases.left(("lock", "unlock"), before=datetime.now(UTC)):
            lock = await self.store.held(case.target_id)
            guild = self._bot.get_guild(case.guild_id)
            if lock is None or lock.status == "locked" or guild is None:
                continue
            begun = self.judge_lock if case.action == "lock" else self.judge_unlock
            verdict = await begun(guild, case)
            if verdict.went == "done":
                await cases.finish(case, verdict.text)
                log.info("channel_lock.finished", lock=lock.id, action=case.action)

    async def judge_lock(self, guild: discord.Guild, case: Case) -> Verdict:
        """Answer how a lock went that nobody saw the end of; one that was begun is completed."""
        lock = await self.store.of_case(case.id)
        if lock is None:
            return UNDONE
        if lock.status == "locking":
            await self.lock(case, guild)
        elif lock.status == "unlocked":
            return Verdict(went="undone", why="The channel is open.")
        return DONE

    async def judge_unlock(self, guild: discord.Guild, case: Case) -> Verdict:
        """As `judge_lock`, of its end."""
        lock = await self.store.held(case.target_id)
        if lock is None:
            return DONE
        if lock.status != "unlocking":
            return Verdict(went="undone", why="The channel is locked.")
        return Verdict(went="done", why=await self.unlock(case) or "")

    async def _restore(self, lock: Lock, reason: str) -> str | None:
        await self.store.move(lock, "unlocking")
        try:
            current = await self._overwrites(lock.channel_id)
        except discord.NotFound:
            await self.store.move(lock, "unlocked")
            return GONE
        plan = returns(lock.changes, current)
        for each in plan:
            if not each.is_needed:
                continue
            if each.after is None:
                await self._remove(lock.channel_id, each.target_id, reason)
            else:
                await self._bring_back(lock.channel_id, each.after, reason)
        await self.store.move(lock, "unlocked")
        return touched_text(plan)

    async def _undo(self, lock: Lock, reason: str) -> None:
        """A lock of which Discord took a part only is none."""
        try:
            await self._restore(lock, reason)
        except discord.HTTPException as error:
            log.error("channel_lock.not_undone", lock=lock.id, code=error.code)

    async def _overwrites(self, channel_id: int) -> Sequence[Overwrite]:
        raw: Mapping[str, Any] = await self._bot.http.get_channel(channel_id)
        return [from_json(each) for each in raw.get("permission_overwrites", ())]

    async def _put(self, channel_id: int, wanted: Overwrite, reason: str) -> None:
        kind: Kind = wanted.kind
        await self._bot.http.edit_channel_permissions(
            channel_id,
            wanted.target_id,
            str(wanted.allow),
            str(wanted.deny),
            kind,
            reason=reason,
        )

    async def _bring_back(self, channel_id: int, wanted: Overwrite, reason: str) -> None:
        try:
            await self._put(channel_id, wanted, reason)
        except discord.NotFound:  # the role or member is gone since we looked
            log.info("channel_lock.target_gone", channel_id=channel_id)

    async def _remove(self, channel_id: int, target_id: int, reason: str) -> None:
        try:
            await self._bot.http.delete_channel_permissions(channel_id, target_id, reason=reason)
        except discord.NotFound:
            log.info("channel_lock.overwrite_gone", channel_id=channel_id)


def _staff(guild: discord.Guild) -> dict[int, int]:
    """Answer the roles that keep their voice, with their permissions; administrators need none."""
    everyone = guild.default_role
    return {
        role.id: role.permissions.value | everyone.permissions.value
        for role in guild.roles
        if role.permissions.value & STAFF.value
        and not role.permissions.administrator
        and role != everyone
    }
