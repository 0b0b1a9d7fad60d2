"""Creates Discord's own AutoMod rules, or brings those that it created up to date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import discord

from bot.commands.refusals import Refused
from bot.plugins.automod.config import Config
from bot.plugins.automod.native import NativeRule


async def establish(
    guild: discord.Guild, wanted: Sequence[NativeRule], *, reason: str
) -> tuple[int, int]:
    """Answer how many rules were created, and how many changed; done again, it changes nothing.

    Raises:
        Refused: Discord takes no more of them, or not from us; says so.
    """
    created = changed = 0
    try:
        there = {
            rule.name: rule
            for rule in await guild.fetch_automod_rules()
            if rule.creator_id == guild.me.id
        }
        for each in wanted:
            given = {**_given(each), "reason": reason[:512]}
            found = there.get(each.name)
            if found is not None:
                await found.edit(**given)
                changed += 1
            else:
                await guild.create_automod_rule(
                    name=each.name,
                    event_type=discord.AutoModRuleEventType.message_send,
                    enabled=True,
                    **given,
                )
                created += 1
    except discord.Forbidden as error:
        raise Refused(
            "I need **Manage Server** for that, and **Time out members** where a rule times out."
        ) from error
    except discord.HTTPException as error:
        if error.status != 400:
            raise
        raise Refused(
            f"Discord did not take it after {created} new and {changed} changed rules. A server"
            " may have 6 rules for words and 1 for mentions; look at Server Settings → AutoMod."
        ) from error
    return created, changed


def existing(config: Config, guild: discord.Guild) -> Config:
    """Answer *config* without exempt roles and channels that are gone: Discord takes none."""
    return replace(
        config,
        exempt_roles=tuple(each for each in config.exempt_roles if guild.get_role(each)),
        exempt_channels=tuple(each for each in config.exempt_channels if guild.get_channel(each)),
    )


def _given(rule: NativeRule) -> dict[str, Any]:
    return {
        "trigger": rule.trigger,
        "actions": list(rule.actions),
        "exempt_roles": _objects(rule.exempt_roles),
        "exempt_channels": _objects(rule.exempt_channels),
    }


def _objects(ids: Sequence[int]) -> list[discord.Object]:
    return [discord.Object(each) for each in ids]
