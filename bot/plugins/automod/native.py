"""Discord's own AutoMod rules that do what is configured here, as far as they can. Pure.

They block a message before anybody sees it, also while the bot is away, but see through fewer
disguises. Limits: https://discord.com/developers/docs/resources/auto-moderation
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import timedelta

import discord

from bot.plugins.automod.config import TIMEOUT, Config, Rule
from bot.plugins.automod.links import INVITE_HOSTS

MAX_KEYWORDS, MAX_KEYWORD = 1000, 60
MAX_ALLOWED = 100
MAX_MENTIONS = 50
MAX_EXEMPT_ROLES, MAX_EXEMPT_CHANNELS = 20, 50
PREFIX = "Novera: "


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeRule:
    """A rule as Discord is asked for it; *shown* tells the moderator what it does."""

    name: str
    shown: str
    trigger: discord.AutoModTrigger
    actions: tuple[discord.AutoModRuleAction, ...]
    exempt_roles: tuple[int, ...]
    exempt_channels: tuple[int, ...]


def rules_for(
    config: Config, *, own_invites: Set[str], alert_channel_id: int | None
) -> tuple[NativeRule, ...]:
    """Answer the rules for what is switched on; nothing for rules that Discord has no match for."""
    rules = config.rules
    wanted: list[tuple[str, Rule, str, discord.AutoModTrigger]] = []
    keywords = _keywords(rules["words"])
    if rules["words"].enabled and keywords:
        shown = f"blocks {len(keywords)} words{_left_out(rules['words'], len(keywords))}"
        wanted.append(("words", rules["words"], shown, _keyword_trigger(keywords)))
    if rules["invites"].enabled:
        allowed = [f"*{code}*" for code in sorted(own_invites) if len(code) + 2 <= MAX_KEYWORD]
        trigger = _keyword_trigger(_invite_keywords(), allowed[:MAX_ALLOWED])
        wanted.append(("invites", rules["invites"], "blocks invites", trigger))
    if rules["mentions"].enabled:
        # Ours acts from that many mentions on, Discord's above its limit.
        limit = min(rules["mentions"].count - 1, MAX_MENTIONS)
        trigger = discord.AutoModTrigger(
            type=discord.AutoModRuleTriggerType.mention_spam, mention_limit=limit
        )
        shown = f"blocks more than {limit} mentions"
        wanted.append(("mentions", rules["mentions"], shown, trigger))
    return tuple(
        NativeRule(
            name=f"{PREFIX}{name}",
            shown=shown,
            trigger=trigger,
            actions=_actions(rule, config, alert_channel_id),
            exempt_roles=config.exempt_roles[:MAX_EXEMPT_ROLES],
            exempt_channels=config.exempt_channels[:MAX_EXEMPT_CHANNELS],
        )
        for name, rule, shown, trigger in wanted
    )


def _keywords(rule: Rule) -> list[str]:
    """Discord takes a star for anything, so what a moderator wrote must have none of its own."""
    words = [each.replace("*", "").strip() for each in rule.words]
    parts = [f"*{each.replace('*', '').strip()}*" for each in rule.parts]
    fitting = [each for each in (*words, *parts) if each.strip("*") and len(each) <= MAX_KEYWORD]
    return list(dict.fromkeys(fitting))[:MAX_KEYWORDS]


def _left_out(rule: Rule, taken: int) -> str:
    missing = len(rule.words) + len(rule.parts) - taken
    return (
        f" ({missing} more are too long for Discord, or have nothing but stars)" if missing else ""
    )


def _invite_keywords() -> list[str]:
    hosts = [f"*{host}/*" for host in sorted(INVITE_HOSTS)]
    return [*hosts, "*discord.com/invite/*", "*discordapp.com/invite/*"]


def _keyword_trigger(
    keywords: list[str], allowed: list[str] | None = None
) -> discord.AutoModTrigger:
    return discord.AutoModTrigger(
        type=discord.AutoModRuleTriggerType.keyword,
        keyword_filter=keywords,
        allow_list=allowed or [],
    )


def _actions(
    rule: Rule, config: Config, alert_channel_id: int | None
) -> tuple[discord.AutoModRuleAction, ...]:
    actions = [discord.AutoModRuleAction(custom_message="This is not wanted on this server.")]
    if alert_channel_id is not None:
        actions.append(discord.AutoModRuleAction(channel_id=alert_channel_id))
    if TIMEOUT in rule.actions:
        duration = timedelta(seconds=config.timeout_s)
        actions.append(discord.AutoModRuleAction(duration=duration))
    return tuple(actions)
