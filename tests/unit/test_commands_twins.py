"""Copies of hybrid commands: as discord.py's own, without looking at the function again."""

from __future__ import annotations

import inspect
from typing import Any

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import hybrid, hybrid_group, sub


class Stones(commands.Cog):
    """Commands of every kind that we make."""

    @hybrid("One.", needs=("ban_members",), bot_needs=("ban_members",), aliases=("uno",))
    @commands.cooldown(1, 60.0, commands.BucketType.user)
    @app_commands.describe(count="How many.")
    async def one(self, ctx: commands.Context[Any], count: int, *, why: str = "") -> None: ...

    @one.autocomplete("why")
    async def _whys(
        self, interaction: discord.Interaction[Any], current: str
    ) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name="because", value="because")]

    @hybrid_group("Many.", fallback="list", guild=True)
    async def many(self, ctx: commands.Context[Any]) -> None: ...

    @sub(many, "Add one.", name="add", aliases=("plus",))
    async def add_one(self, ctx: commands.Context[Any], number: int) -> None: ...

    @many.group(  # type: ignore[untyped-decorator]
        name="deep", description="Deeper.", fallback="show"
    )
    async def deep(self, ctx: commands.Context[Any]) -> None: ...

    @sub(deep, "Deepest.")
    async def deepest(self, ctx: commands.Context[Any], member: discord.Member) -> None: ...


async def with_stones() -> tuple[commands.Bot, Stones]:
    """Answer a bot, not logged in, and the cog that it has."""
    bot, cog = commands.Bot("!", intents=discord.Intents.none()), Stones()
    await bot.add_cog(cog)
    return bot, cog


async def test_a_slash_command_leads_to_the_text_command_of_its_own_cog() -> None:
    """Checks, options and the cog itself are found through it."""
    bot, cog = await with_stones()

    found = {
        each.qualified_name: (each.wrapped.qualified_name, each.wrapped.cog, each.binding)
        for each in bot.tree.walk_commands()
        if isinstance(each, commands.hybrid.HybridAppCommand)
    }
    assert found == {
        "one": ("one", cog, cog),
        "many list": ("many", cog, cog),
        "many add": ("many add", cog, cog),
        "many deep show": ("many deep", cog, cog),
        "many deep deepest": ("many deep deepest", cog, cog),
    }
    for each in bot.tree.walk_commands():
        if isinstance(each, commands.hybrid.HybridAppCommand):
            assert each.wrapped is bot.get_command(each.wrapped.qualified_name)


async def test_discord_is_told_the_same_as_by_discord_py(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Names, descriptions, options, choices and permissions."""
    bot, _ = await with_stones()
    for ours, theirs in (
        ("TwinCommand", commands.HybridCommand),
        ("TwinGroup", commands.HybridGroup),
    ):
        monkeypatch.setattr(f"bot.commands.twins.{ours}.copy", theirs.copy)
    plain, _ = await with_stones()

    assert payloads(bot) == payloads(plain)
    assert len(payloads(bot)) == 2


def payloads(bot: commands.Bot) -> list[dict[str, Any]]:
    """Answer what Discord would be told."""
    return [each.to_dict(bot.tree) for each in bot.tree.get_commands()]


async def test_making_a_cog_examines_no_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """That was done when its class was made; in a takeover it took longer than all the rest."""
    examined: list[object] = []
    signature = inspect.signature

    def examine(function: Any, **given: Any) -> inspect.Signature:
        examined.append(function)
        return signature(function, **given)

    monkeypatch.setattr(inspect, "signature", examine)
    Stones()

    assert examined == []


async def test_the_place_is_checked_first_then_the_user_then_the_bot() -> None:
    """Each copy by discord.py turned that order around."""
    for _ in range(2):
        bot, _ = await with_stones()
        command = bot.get_command("one")

        assert command is not None
        order = [each.__qualname__.partition(".")[0] for each in command.checks]
        assert order == ["guild_only", "_needing", "_bot_needing"]


async def test_two_cogs_of_one_class_share_nothing_that_changes() -> None:
    """What is used up or added in one bot is not in another."""
    (first, _), (second, _) = await with_stones(), await with_stones()
    one, other = first.get_command("one"), second.get_command("one")
    assert one is not None
    assert other is not None
    one.add_check(lambda _: True)
    many = first.get_command("many")
    assert isinstance(many, commands.HybridGroup)
    many.remove_command("add")

    assert len(one.checks) == len(other.checks) + 1
    assert one._buckets is not other._buckets
    assert (first.get_command("many plus"), second.get_command("many plus") is not None) == (
        None,
        True,
    )
    assert "add" in second.tree.get_command("many").to_dict(second.tree).__repr__()  # type: ignore[union-attr]


async def test_a_copy_can_be_used_outside_of_a_cog() -> None:
    """As `Command.copy` promises: with the commands of a group, and no cog."""
    copied = Stones.many.copy()
    bot = commands.Bot("!", intents=discord.Intents.none())
    bot.add_command(copied)

    assert copied.cog is None
    assert bot.get_command("many deep deepest") is not Stones.deepest
    assert [each.qualified_name for each in bot.tree.walk_commands()] == [
        "many",
        "many list",
        "many add",
        "many deep",
        "many deep show",
        "many deep deepest",
    ]
    assert len({id(each) for each in bot.tree.walk_commands()} & shown(Stones.many)) == 0


def shown(group: commands.HybridGroup[Any, ..., Any]) -> set[int]:
    """Answer the ids of all slash commands in *group*."""
    return {id(each) for each in group.app_command.walk_commands()}
