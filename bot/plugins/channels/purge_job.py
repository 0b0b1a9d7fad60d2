"""The work of a purge: a background job that a restart does not confuse.

What to delete is decided once, when the moderator is asked; the job has the list of ids. So
whatever happens meanwhile, nothing is deleted that nobody saw the number of.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import discord
import structlog

from bot.background.background import JobContext
from bot.background.entry import Status
from bot.commands.discord_codes import (
    ARCHIVED,
    MISSING_PERMISSIONS,
    SYSTEM_MESSAGE,
    UNKNOWN_CHANNEL,
    UNKNOWN_MESSAGE,
    WORDS,
)
from bot.commands.refusals import Refused
from bot.moderation.case import Case
from bot.moderation.settling import Verdict
from bot.plugins.channels.deletion import next_step
from bot.plugins.channels.purge_question import Outcome, added, report

if TYPE_CHECKING:
    from bot.client import Novera

log = structlog.get_logger(__name__)

KIND = "purge"


class PurgeJob:
    """Deletes in steps; after each of them it is on disk how far it came."""

    def __init__(self, bot: Novera) -> None:
        self._bot = bot

    async def work(self, job: JobContext) -> str:
        """Do the job, or the rest of it; answers how it went."""
        ids = [int(each) for each in job.args["ids"]]
        case = await self._case(job)
        at, singly = int(job.state.get("at", 0)), int(job.state.get("singly", 0))
        again = int(job.state.get("trying", 0))  # of a call whose answer nobody has seen
        outcome = _outcome(job.state)

        async def keep(trying: int) -> None:
            state = {"at": at, "singly": singly, "trying": trying, "outcome": asdict(outcome)}
            await job.checkpoint({"case": case.id, **state})

        while True:
            await job.progress(outcome.seen_to, len(ids))
            step = next_step(ids[at:], now_ms=int(time.time() * 1000), singly=singly > at)
            await keep(len(step.ids) if step is not None else 0)
            if step is None:
                break
            try:
                done = await self._delete(job, step.ids, case)
            except Refused:
                await keep(0)
                raise
            if done is None:  # one of them makes the call fail: each by itself
                singly = at + len(step.ids)
            else:
                at += len(step.ids)
                outcome = added(outcome, done, ours=again == 1)
            again = 0
        text = report(outcome, len(ids))
        if case.status == "pending":
            await self._bot.services.cases.finish(case, text)
        return text

    async def ended(self, job: JobContext, status: Status) -> None:
        """Note in the case that the purge did not come to its end."""
        cases = self._bot.services.cases
        case = await cases.by_id(int(job.state["case"])) if "case" in job.state else None
        if case is None or case.status != "pending":
            return
        done, text = _account(job.state, len(job.args["ids"]))
        if done:
            await cases.finish(case, f"{status}: {text}")
        else:
            why = f"{status} before anything was deleted"
            await cases.fail(case, why, shown=status != "cancelled")

    async def judge(self, guild: discord.Guild, case: Case) -> Verdict | None:
        """Answer how a purge went whose job has ended and could not say so."""
        job = await self._bot.services.background.of_origin(KIND, case.origin or 0)
        if job is None:
            return Verdict(went="unknown", why="Its job is forgotten.")
        if job.finished_at is None:
            return None
        done, text = _account(job.checkpoint, len(job.args["ids"]))
        return Verdict(went="done" if done else "undone", why=text)

    async def _case(self, job: JobContext) -> Case:
        if job.place.guild_id is None:
            raise Refused("A purge is for a channel of a server.")
        return await self._bot.services.cases.open(
            guild_id=job.place.guild_id,
            action="purge",
            target_id=int(job.args["channel_id"]),
            moderator_id=job.place.user_id,
            reason=job.args["reason"],
            origin=job.place.origin,
            extra={"messages": len(job.args["ids"]), "shown": job.args["asked_for"]},
        )

    async def _delete(self, job: JobContext, ids: Sequence[int], case: Case) -> Outcome | None:
        """Make one call; None when a call for several fails because of one of them."""
        http, channel_id = self._bot.http, int(job.args["channel_id"])
        # Our own audit log need not tell of what the case tells of.
        self._bot.dispatch("own_deletion", tuple(ids))
        try:
            if len(ids) > 1:
                await http.delete_messages(channel_id, list(ids), reason=case.audit_reason)
            else:
                await http.delete_message(channel_id, ids[0], reason=case.audit_reason)
        except discord.HTTPException as error:
            return _verdict(error, several=len(ids) > 1)
        return Outcome(deleted=len(ids))


def _verdict(error: discord.HTTPException, *, several: bool) -> Outcome | None:
    """Answer what an error says of one message; None to try several one by one.

    Raises:
        Refused: the others would fare alike.
        discord.HTTPException: it has nothing to do with the messages.
    """
    if error.code in (UNKNOWN_CHANNEL, ARCHIVED):
        raise Refused(WORDS[error.code]) from None
    if several and error.status in (400, 403, 404) and error.code != MISSING_PERMISSIONS:
        log.info("purge.bulk_refused", code=error.code)
        return None
    if error.code == UNKNOWN_MESSAGE:
        return Outcome(gone=1)
    if error.code == SYSTEM_MESSAGE:
        return Outcome(kept=1)
    if isinstance(error, discord.Forbidden):
        raise Refused("I may no longer delete messages there (Manage Messages).") from None
    raise error


def _outcome(state: Mapping[str, Any]) -> Outcome:
    return Outcome(**state.get("outcome", {}))


def _account(state: Mapping[str, Any], total: int) -> tuple[bool, str]:
    """Answer whether anything may have been deleted, and what to say of it."""
    outcome, trying = _outcome(state), int(state.get("trying", 0))
    return bool(outcome.deleted or trying), report(outcome, total, trying=trying)
