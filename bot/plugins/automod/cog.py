"""Automod's commands, for moderators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import Decorator, hybrid_group, sub
from bot.commands.refusals import Refused
from bot.plugins.automod import describing, editing, native, rules
from bot.plugins.automod.config import LABELS, RULES, Config
from bot.plugins.automod.keeping import Keeper
from bot.plugins.automod.messages import mentions_in
from bot.plugins.automod.native_rules import establish, existing
from bot.plugins.automod.section import AutomodSection
from bot.views.confirm import ask
from bot.views.pages import send_pages

if TYPE_CHECKING:
    from bot.client import Novera
    from bot.plugins.automod.screening import Screening

    Context = commands.Context[Novera]

NEEDS = ("manage_guild",)
RULE_CHOICES = [app_commands.Choice(name=f"{name}: {LABELS[name]}", value=name) for name in RULES]


def subgroup(group: Any, name: str, description: str, *, fallback: str) -> Decorator:
    """Make a method a group within *group*, with its checks."""

    def decorate(function: Any) -> Any:
        checked = commands.guild_only()(commands.has_permissions(manage_guild=True)(function))
        return group.group(
            name=name,
            description=description,
            fallback=fallback,
            invoke_without_command=True,
            extras={"ephemeral": True, "needs": NEEDS, "guild": True},
        )(checked)

    return decorate


class Automod(commands.Cog, name="Automod"):
    """Rules that watch messages and joins: what they look for, and what they do about it."""

    def __init__(self, bot: Novera, screening: Screening) -> None:
        self.bot, self.screening = bot, screening
        self._keeper = Keeper(bot)
        self.settings_section = AutomodSection(self._keeper)

    @hybrid_group(
        "What automod does here.", fallback="status", private=True, guild=True, needs=NEEDS
    )
    async def automod(self, ctx: Context) -> None:
        settings = await self.bot.services.guilds.of(_guild(ctx).id)
        page = describing.status(
            await self._config(ctx),
            log_channel_id=settings.log_channel_id,
            sees_joins=self.bot.intents.members,
        )
        await send_pages(ctx, [page], private=True)

    @sub(automod, "Only tell in the log channel what would be done.", private=True)
    @app_commands.describe(on="Whether nothing is to be done for now.")
    async def dryrun(self, ctx: Context, on: bool) -> None:
        await self._change(ctx, lambda config: replace(config, dry_run=on))
        await _say(ctx, f"Dry run is {'on: I only tell what I would do' if on else 'off'}.")

    @sub(automod, "How long a member who breaks a rule can't write.", private=True)
    @app_commands.describe(minutes="1 to 40320, which are 28 days.")
    async def timeouts(self, ctx: Context, minutes: commands.Range[int, 1, 40_320]) -> None:
        await self._change(ctx, lambda config: replace(config, timeout_s=minutes * 60))
        await _say(ctx, f"Timeouts of automod last {minutes} minutes now.")

    @sub(automod, "See what the rules say of a text; nothing is done.", private=True)
    @app_commands.describe(text="As a member would write it.")
    async def test(self, ctx: Context, *, text: str) -> None:
        await _say(ctx, describing.verdict(await self._tried(ctx, text)))

    @sub(automod, "Let Discord's own AutoMod do what it can of this.", private=True)
    async def native(self, ctx: Context) -> None:
        guild, settings = _guild(ctx), await self.bot.services.guilds.of(_guild(ctx).id)
        config = existing(await self._config(ctx), guild)
        await self.screening.invites.load(guild)
        log_channel = guild.get_channel(settings.log_channel_id or 0)
        wanted = native.rules_for(
            config,
            own_invites=self.screening.invites.known(guild, ()) or frozenset(),
            alert_channel_id=log_channel.id if log_channel is not None else None,
        )
        if not wanted:
            raise Refused("Switch on `words`, `invites` or `mentions` first: Discord knows those.")
        lines = [f"- **{rule.name}** {rule.shown}" for rule in wanted]

        async def create(interaction: discord.Interaction[Any]) -> None:
            reason = f"asked for by {interaction.user} ({interaction.user.id})"
            created, changed = await establish(guild, wanted, reason=reason)
            await interaction.followup.send(
                f"Created {created} rules, changed {changed}. Mine go on working beside them.",
                ephemeral=True,
            )

        question = "Create these rules of Discord's AutoMod, or change mine of the same name?"
        await ask(ctx, "\n".join([question, *lines]), yes="Create", danger=False, run=create)

    # Rules

    @subgroup(automod, "rule", "The rules, and what they do.", fallback="list")
    async def rule(self, ctx: Context) -> None:
        await self.automod(ctx)

    @sub(rule, "Switch a rule on.", private=True)
    @app_commands.describe(rule="Which one.")
    @app_commands.choices(rule=RULE_CHOICES)
    async def enable(self, ctx: Context, rule: str) -> None:
        await self._change(ctx, lambda config: editing.switched(config, rule, enabled=True))
        await _say(ctx, f"The rule `{rule.casefold()}` is on.")

    @sub(rule, "Switch a rule off.", private=True)
    @app_commands.describe(rule="Which one.")
    @app_commands.choices(rule=RULE_CHOICES)
    async def disable(self, ctx: Context, rule: str) -> None:
        await self._change(ctx, lambda config: editing.switched(config, rule, enabled=False))
        await _say(ctx, f"The rule `{rule.casefold()}` is off.")

    @sub(
        rule,
        "Set what a rule does, and from when on.",
        private=True,
        examples=("burst count 6", "invites actions delete warn", "joins age_hours 48"),
    )
    @app_commands.describe(
        rule="Which one.", setting="Such as actions, count, seconds.", value="Its new value."
    )
    @app_commands.choices(rule=RULE_CHOICES)
    async def configure(self, ctx: Context, rule: str, setting: str, *, value: str) -> None:
        await self._change(ctx, lambda config: editing.configured(config, rule, setting, value))
        await _say(ctx, f"The rule `{rule.casefold()}` has a new `{setting.casefold()}`.")

    @configure.autocomplete("setting")
    async def _complete_setting(
        self, interaction: discord.Interaction[Novera], current: str
    ) -> list[app_commands.Choice[str]]:
        found = editing.suggestions(str(getattr(interaction.namespace, "rule", "")))
        shown = [name for name in found if current.casefold() in name]
        return [app_commands.Choice(name=name, value=name) for name in shown]

    # Words

    @subgroup(automod, "word", "Words that are not wanted.", fallback="list")
    async def word(self, ctx: Context) -> None:
        await send_pages(ctx, [describing.words(await self._config(ctx))], private=True)

    @sub(word, "Add a word.", name="add", private=True)
    @app_commands.describe(
        word="A word, or several in a row; in stars, *as here*, also found inside of words.",
        inside="The same as stars.",
    )
    async def add_word(self, ctx: Context, *, word: str, inside: bool = False) -> None:
        word, starred = editing.unstarred(word)
        inside = inside or starred
        await self._change(ctx, lambda config: editing.with_word(config, word, inside=inside))
        await _say(ctx, "Added. The rule `words` has to be on for it.")

    @sub(word, "Take a word off the list.", name="remove", private=True)
    @app_commands.describe(word="As it is on the list.")
    async def remove_word(self, ctx: Context, *, word: str) -> None:
        await self._change(ctx, lambda config: editing.without_word(config, word))
        await _say(ctx, "Removed.")

    # Links

    @subgroup(automod, "link", "Domains that may be linked to.", fallback="list")
    async def link(self, ctx: Context) -> None:
        await self.automod(ctx)

    @sub(link, "Allow links to a domain and all beneath it.", private=True)
    @app_commands.describe(domain="Such as example.com.")
    async def allow(self, ctx: Context, domain: str) -> None:
        await self._list(ctx, domain, "allow")

    @sub(link, "Refuse links to a domain and all beneath it.", private=True)
    @app_commands.describe(domain="Such as example.com.")
    async def deny(self, ctx: Context, domain: str) -> None:
        await self._list(ctx, domain, "deny")

    @sub(link, "Take a domain off both lists.", name="forget", private=True)
    @app_commands.describe(domain="Such as example.com.")
    async def forget_domain(self, ctx: Context, domain: str) -> None:
        await self._change(ctx, lambda config: editing.without_domain(config, domain)[0])
        await _say(ctx, "Removed.")

    # Exemptions

    @subgroup(automod, "exempt", "Roles and channels without rules.", fallback="list")
    async def exempt(self, ctx: Context) -> None:
        await self.automod(ctx)

    @sub(exempt, "Spare a role from all rules, or no longer.", name="role", private=True)
    @app_commands.describe(role="Whose members are spared.", exempt="False ends it.")
    async def exempt_role(self, ctx: Context, role: discord.Role, exempt: bool = True) -> None:
        await self._exempt(ctx, "roles", role.id, role.mention, exempt)

    @sub(exempt, "Spare a channel from all rules, or no longer.", name="channel", private=True)
    @app_commands.describe(channel="Or a whole category.", exempt="False ends it.")
    async def exempt_channel(
        self,
        ctx: Context,
        channel: discord.abc.GuildChannel | discord.Thread,
        exempt: bool = True,
    ) -> None:
        await self._exempt(ctx, "channels", channel.id, channel.mention, exempt)

    async def _exempt(
        self,
        ctx: Context,
        kind: Literal["roles", "channels"],
        number: int,
        shown: str,
        exempt: bool,
    ) -> None:
        await self._change(
            ctx, lambda config: editing.exempting(config, kind, number, exempt=exempt)
        )
        await _say(ctx, f"The rules {'no longer ' if exempt else ''}apply to {shown}.")

    async def _list(self, ctx: Context, domain: str, to: str) -> None:
        config = await self._change(
            ctx, lambda config: editing.with_domain(config, domain, to=to)[0]
        )
        is_on = config.rules["links"].enabled
        await _say(ctx, f"Noted.{'' if is_on else ' The rule `links` has to be on for it.'}")

    async def _tried(self, ctx: Context, text: str) -> tuple[rules.Finding, ...]:
        settings = await self.bot.services.guilds.of(_guild(ctx).id)
        book = self.screening.book_of(settings)
        if book is None:
            return ()
        facts = rules.Facts(
            guild_id=settings.guild_id,
            channel_id=ctx.channel.id,
            message_id=ctx.message.id,
            user_id=ctx.author.id,
            sent_at_ms=0,
            text=text,
            mentions=mentions_in(text),
        )
        await self.screening.invites.load(_guild(ctx))
        own = self.screening.invites.known(_guild(ctx), ()) or frozenset()
        return rules.judge(book, facts, own, None)

    async def _change(self, ctx: Context, change: Callable[[Config], Config]) -> Config:
        return await self._keeper.change(_guild(ctx).id, change)

    async def _config(self, ctx: Context) -> Config:
        return await self._keeper.of(_guild(ctx).id)


def _guild(ctx: Context) -> discord.Guild:
    if ctx.guild is None:
        raise commands.NoPrivateMessage
    return ctx.guild


async def _say(ctx: Context, text: str) -> None:
    await ctx.send(text, ephemeral=True)
