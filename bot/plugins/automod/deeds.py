"""Does what the rules ask for, and tells the guild's log channel."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import discord
import structlog

from bot.clock.wall import utc_now
from bot.commands.refusals import Refused
from bot.moderation import actions, warnings
from bot.plugins.automod import reports, rules
from bot.plugins.automod.config import DELETE, KICK, TIMEOUT, WARN, Config
from bot.plugins.automod.removal import remove
from bot.plugins.automod.rules import Facts, Finding
from bot.storage.errors import StorageError

if TYPE_CHECKING:
    from bot.client import Novera

log = structlog.get_logger(__name__)

MAX_REPORTS = 20  # on their way to one guild's log channel; in a raid the others are counted
SPARE = timedelta(minutes=1)  # by which clocks may differ: Discord refuses more than its limit
_FAILURES = (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError, StorageError)


class Deeds:
    """Acts on members and messages; what Discord refuses is told in the log channel."""

    def __init__(self, bot: Novera, *, now: Callable[[], datetime] = utc_now) -> None:
        self._bot, self._now = bot, now
        self._reporting: Counter[int] = Counter()
        self._left_out: Counter[int] = Counter()

    async def on_message(
        self, message: discord.Message, facts: Facts, findings: tuple[Finding, ...], config: Config
    ) -> None:
        """Do what *findings* ask for, or only tell of it in a dry run."""
        guild, author = message.guild, message.author
        if guild is None:
            return
        asked = rules.actions_of(findings)
        outcomes: list[reports.Outcome] = []
        if not config.dry_run:
            reason = rules.reason_of(findings)
            # What an edit brings in is another deed than what was written first.
            edited_at = message.edited_at
            origin = discord.utils.time_snowflake(edited_at) if edited_at else message.id
            for action in asked:
                if action == DELETE:
                    deed = self._delete(message, findings)
                else:
                    deed = self._punish(guild, author, action, reason, origin, config)
                outcomes.append(await _outcome(action, deed))
        report = reports.on_message(
            user_id=author.id,
            channel_id=message.channel.id,
            text=facts.whole,
            findings=findings,
            asked=asked,
            outcomes=None if config.dry_run else outcomes,
        )
        log.info("automod.acted", guild_id=guild.id, actions=asked, dry_run=config.dry_run)
        await self._tell(guild, report)

    async def on_join(self, member: discord.Member, config: Config) -> None:
        """Do what is asked for of a new account that joined."""
        rule = config.rules["joins"]
        joined_at = member.joined_at or self._now()
        # There is no id of a join: its time is the same when it is handled again.
        origin = discord.utils.time_snowflake(joined_at)
        outcomes: list[reports.Outcome] = []
        if not config.dry_run:
            # Who is removed need not be silenced.
            for action in [each for each in (KICK, TIMEOUT) if each in rule.actions][:1]:
                deed = self._punish(
                    member.guild, member, action, "Automod: new account", origin, config
                )
                outcomes.append(await _outcome(action, deed))
        report = reports.on_join(
            user_id=member.id,
            age=joined_at - member.created_at,
            asked=rule.actions,
            outcomes=None if config.dry_run else outcomes,
        )
        log.info("automod.judged_join", guild_id=member.guild.id, dry_run=config.dry_run)
        await self._tell(member.guild, report)

    async def _punish(
        self,
        guild: discord.Guild,
        target: discord.Member | discord.User,
        action: str,
        reason: str,
        origin: int,
        config: Config,
    ) -> str:
        """Answer what to call the case, and what came of it."""
        services, bot = self._bot.services, guild.me
        if action == WARN:
            warned = await warnings.warn(services, guild, target, bot, reason=reason, origin=origin)
            if warned.followed is not None:
                return f"case {warned.case.number}, then case {warned.followed.number}"
            refused = f"; what follows could not be done: {warned.refused}"
            return f"case {warned.case.number}{refused if warned.refused else ''}"
        if action == KICK:
            case = await actions.kick(services, guild, target, bot, reason=reason, origin=origin)
        else:
            lasting = min(timedelta(seconds=config.timeout_s), actions.MAX_TIMEOUT - SPARE)
            case = await actions.timeout(
                services,
                guild,
                target,
                bot,
                until=self._now() + lasting,
                reason=reason,
                origin=origin,
            )
        return f"case {case.number}"

    async def _delete(self, message: discord.Message, findings: Sequence[Finding]) -> str:
        """Delete the message and those that have part in what it breaks."""
        places: defaultdict[int, set[int]] = defaultdict(set)
        places[message.channel.id].add(message.id)
        for finding in findings:
            for earlier in finding.earlier if DELETE in finding.actions else ():
                places[earlier.channel_id].add(earlier.message_id)
        reason = rules.reason_of(tuple(findings))
        count, gone = sum(map(len, places.values())), await remove(self._bot, places, reason=reason)
        if gone < count:
            return f"{gone} of {count} messages; I lack a permission for the others"
        return "" if count == 1 else f"{count} messages"

    async def _tell(self, guild: discord.Guild, report: reports.Report) -> None:
        if self._reporting[guild.id] >= MAX_REPORTS:
            self._left_out[guild.id] += 1
            return
        self._reporting[guild.id] += 1
        try:
            settings = await self._bot.services.guilds.of(guild.id)
            if settings.log_channel_id is None:
                return
            channel = self._bot.get_partial_messageable(settings.log_channel_id)
            left_out = self._left_out.pop(guild.id, 0)
            await channel.send(embed=_embed(report, left_out))
        except _FAILURES as error:
            log.warning("automod.not_told", guild_id=guild.id, error=type(error).__name__)
        finally:
            self._reporting[guild.id] -= 1
            self._reporting += Counter()  # those at 0 are dropped


async def _outcome(action: str, deed: Awaitable[str]) -> reports.Outcome:
    try:
        return reports.Outcome(action=action, note=await deed)
    except Refused as refusal:
        return reports.Outcome(action=action, note=str(refusal), failed=True)
    except discord.Forbidden:
        return reports.Outcome(action=action, note="I lack a permission there.", failed=True)
    except _FAILURES as error:
        log.warning("automod.failed", action=action, error=type(error).__name__)
        return reports.Outcome(action=action, note="That failed.", failed=True)


def _embed(report: reports.Report, left_out: int) -> discord.Embed:
    embed = discord.Embed(title=report.title, description=report.text)
    if left_out:
        embed.set_footer(text=f"{left_out} more were not shown here: there were too many at once.")
    return embed
