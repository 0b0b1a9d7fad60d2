"""`services.cases`: acts of moderation, each written down before it is done.

A row is there before Discord is asked, and says afterwards how it went. Who handles the same
message or interaction again, after the process died in it, finds the row and goes on from there.
What nobody goes on with is settled by what Discord shows (`bot.moderation.settling`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
import discord
import structlog

from bot.clock.wall import utc_now
from bot.moderation.case import Case, Chosen, NewCase, Standing
from bot.moderation.modlog import ModLog
from bot.moderation.reasons import cleaned, reason_of
from bot.moderation.settling import Settling
from bot.storage.errors import StorageError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.moderation.store import CaseStore
    from bot.services import Services
    from bot.storage.models import CaseRow

log = structlog.get_logger(__name__)

MAX_ERROR = 300  # characters
# After these nobody knows whether Discord did it.
UNSURE = (
    discord.DiscordServerError,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    StorageError,
    asyncio.CancelledError,
)
# Answers what is to be noted of how it was done, None for nothing.
Act = Callable[[Case], Awaitable[str | None]]


class HasId(Protocol):
    """A user, a channel, or merely an id."""

    @property
    def id(self) -> int:
        """Of Discord."""


class Cases:
    """Every method raises `StorageError` when the database does not answer.

    Attributes:
        settling: Looks after what is left pending.
    """

    def __init__(self, services: Services, *, now: Callable[[], datetime] = utc_now) -> None:
        self._services, self._now = services, now
        self._log = ModLog(services)
        self.settling = Settling(services)
        self._at_work: set[int] = set()

    def begin(self) -> None:
        """The bot is ready: settle what earlier processes left."""
        self.settling.begin()

    async def close(self) -> None:
        """Settle nothing more."""
        await self.settling.close()

    async def open(
        self,
        *,
        guild_id: int,
        action: str,
        target_id: int,
        moderator_id: int,
        reason: str | None,
        expires_at: datetime | None = None,
        origin: int | None = None,
        extra: Mapping[str, Any] | None = None,
        ends: str | None = None,
    ) -> Case:
        """Answer a pending case, or the one that the same origin opened before (`Case.again`).

        Args:
            reason: The moderator's words.
            origin: Of `bot.commands.origins.origin_of`.
            extra: What whoever ends the case needs to know; goes into the database as JSON.
            ends: Kind of the timer that is to end it at *expires_at*; its ``ref`` is the case's id.
        """
        new = NewCase(
            guild_id=guild_id,
            action=action,
            target_id=target_id,
            moderator_id=moderator_id,
            reason=reason_of(reason),
            expires_at=expires_at,
            origin=origin,
            extra=extra or {},
            ends=ends,
        )
        return self._named(await self._store().open(new, self._now(), self._schedule))

    async def finish(self, case: Case, note: str | None = None) -> Case:
        """It was done: note that, and tell the guild's log channel."""
        done, ended = await self._store().finish(case, self._now(), note)
        log.info("case.finished", case_id=case.id, action=case.action)
        try:
            for timer_id in ended:
                await self._services.timers.cancel(timer_id)
            return await self._tell_log(self._named(done))
        except StorageError as lost:  # it was done, and that is kept; timers ask before they act
            log.warning("case.not_followed_up", case_id=case.id, advice=lost.advice)
            return self._named(done)

    async def fail(self, case: Case, why: str, *, shown: bool = False) -> Case:
        """It was not done: note that, and why.

        Args:
            shown: Tell the guild's log channel; for what no moderator hears of otherwise.
        """
        log.warning("case.failed", case_id=case.id, action=case.action)
        failed = self._named(await self._store().fail(case, self._now(), why[:MAX_ERROR]))
        if case.timer_id is not None:
            await self._services.timers.cancel(case.timer_id)
        return await self._tell_log(failed) if shown else failed

    async def carry_out(
        self,
        guild: HasId,
        *,
        action: str,
        target: HasId,
        moderator: HasId,
        reason: str | None,
        act: Act,
        expires_at: datetime | None = None,
        origin: int | None = None,
        extra: Mapping[str, Any] | None = None,
        ends: str | None = None,
        shown: bool = False,
    ) -> Case:
        """Open a case, do *act*, and note how it went; arguments as in `open` and `fail`.

        What the same origin has done already is not done again. What *act* raises is raised; when
        it does not tell whether Discord did it, the case stays pending until it is settled.
        """
        case = await self.open(
            guild_id=guild.id,
            action=action,
            target_id=target.id,
            moderator_id=moderator.id,
            reason=reason,
            expires_at=expires_at,
            origin=origin,
            extra=extra,
            ends=ends,
        )
        if case.status == "done":
            return case if case.log_message_id is not None else await self._tell_log(case)
        self._at_work.add(case.id)
        try:
            note = await self._act(case, act, shown=shown)
            return await self.finish(case, note)
        finally:
            self._at_work.discard(case.id)

    async def get(self, guild_id: int, number: int) -> Case | None:
        """Answer the case that people call *number*."""
        found = await self._store().by_number(guild_id, number)
        return None if found is None else self._named(found)

    async def by_id(self, case_id: int) -> Case | None:
        """Answer the case that a timer refers to."""
        found = await self._store().by_id(case_id)
        return None if found is None else self._named(found)

    async def has(self, guild_id: int, action: str, target_id: int, origin: int | None) -> bool:
        """Whether a message or interaction has opened a case of this already."""
        if origin is None:
            return False
        return await self._store().of_origin(guild_id, action, target_id, origin) is not None

    async def newest(self, guild_id: int, chosen: Chosen, *, limit: int) -> Sequence[Case]:
        """Answer the newest cases of a guild, newest first."""
        return await self._store().newest(guild_id, chosen, limit)

    async def edit_reason(self, case: Case, reason: str) -> Case:
        """Give a case another reason, in the log channel too."""
        changed = self._named(await self._store().set_reason(case.id, reason_of(reason)))
        await self._log.edit(changed)
        return changed

    async def standing(self, case: Case) -> Standing:
        """Answer what a timer is to do about a case whose time is over."""
        if case.status == "failed" or case.ended_at is not None:
            return "over"
        newer = [each.status for each in await self._store().newer(case)]
        if "done" in newer:
            return "over"
        return "unsure" if "pending" in (case.status, *newer) else "due"

    async def left(self, actions: Collection[str], *, before: datetime) -> Sequence[Case]:
        """Answer the cases that are pending since before *before* and that nobody works on here."""
        found = await self._store().unfinished(tuple(actions), before)
        return [self._named(case) for case in found if case.id not in self._at_work]

    async def tell_again(self, since: datetime) -> None:
        """Show what was done since *since*, and perhaps not shown before its process died."""
        for case in await self._store().untold(since):
            await self._tell_log(self._named(case))

    async def end_all(self, guild_id: int, target_id: int, action: str) -> None:
        """What was done to a target no longer holds, whoever took it back."""
        for timer_id in await self._store().end_all(guild_id, target_id, action, self._now()):
            await self._services.timers.cancel(timer_id)

    async def _tell_log(self, case: Case) -> Case:
        if case.log_message_id is not None:
            await self._log.edit(case)
            return case
        posted = await self._log.post(case)
        if posted is None:
            return case
        return self._named(await self._store().set_logged(case.id, *posted))

    async def _act(self, case: Case, act: Act, *, shown: bool) -> str | None:
        try:
            return await act(case)
        except UNSURE as error:
            log.warning("case.unsure", case_id=case.id, error=type(error).__name__)
            raise
        except Exception as error:
            await self._fail_quietly(case, error, shown=shown)
            raise

    async def _fail_quietly(self, case: Case, error: Exception, *, shown: bool) -> None:
        """What went wrong with the act is what its caller must hear of, not the database."""
        try:
            await self.fail(case, cleaned(f"{type(error).__name__}: {error}"), shown=shown)
        except StorageError as lost:
            log.error("case.not_recorded", case_id=case.id, advice=lost.advice)

    async def _schedule(self, session: AsyncSession, row: CaseRow, kind: str) -> int:
        timer_id: int = await self._services.timers.schedule(
            kind,
            due_at=row.expires_at or self._now(),
            guild_id=row.guild_id,
            user_id=None,
            ref=row.id,
            payload={},
            session=session,
        )
        return timer_id

    def _named(self, case: Case) -> Case:
        """The moderator's name for the audit log is not kept: it is asked of the cache."""
        client: discord.Client | None = self._services.client
        user = client.get_user(case.moderator_id) if client is not None else None
        return replace(case, moderator_name=user.name) if user is not None else case

    def _store(self) -> CaseStore:
        from bot.moderation.store import CaseStore  # SQLAlchemy is not for the first second

        return CaseStore(self._services.storage)
