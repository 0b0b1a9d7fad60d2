"""A discord.py bot written the usual way: commands, a view, a modal, autocomplete."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands


class Buttons(discord.ui.View):
    """A view with a button, a select of strings, and one of users."""

    def __init__(self) -> None:
        super().__init__(timeout=60)

    @discord.ui.button(label="Yes", custom_id="yes")
    async def yes(self, interaction: discord.Interaction, _: discord.ui.Button[Buttons]) -> None:
        await interaction.response.edit_message(content="pressed yes", view=None)

    @discord.ui.button(label="Form", custom_id="form")
    async def form(self, interaction: discord.Interaction, _: discord.ui.Button[Buttons]) -> None:
        await interaction.response.send_modal(Form())

    @discord.ui.select(
        custom_id="colour",
        options=[discord.SelectOption(label="Red", value="r"), discord.SelectOption(label="Blue")],
    )
    async def colour(
        self, interaction: discord.Interaction, select: discord.ui.Select[Buttons]
    ) -> None:
        await interaction.response.send_message(f"chose {select.values[0]}")

    @discord.ui.select(cls=discord.ui.UserSelect, custom_id="who")
    async def who(
        self, interaction: discord.Interaction, select: discord.ui.UserSelect[Buttons]
    ) -> None:
        await interaction.response.send_message(f"chose {select.values[0].name}")


class Form(discord.ui.Modal, title="A form"):
    """A modal with one field, whose custom id is random."""

    name: discord.ui.TextInput[Form] = discord.ui.TextInput(label="Your name")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"hello {self.name.value}", ephemeral=True)


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.all(), guild_ready_timeout=0.1)

    @bot.command()
    async def ping(ctx: commands.Context[commands.Bot], *, text: str = "") -> None:
        await ctx.send(f"pong {text}".strip())

    @bot.command()
    async def panel(ctx: commands.Context[commands.Bot]) -> None:
        await ctx.send("choose", view=Buttons())

    @bot.tree.command()
    @app_commands.describe(who="whom to greet")
    async def greet(interaction: discord.Interaction, who: discord.Member, times: int = 1) -> None:
        await interaction.response.send_message(f"hi {who.name} x{times}")

    @bot.tree.command()
    async def slow(interaction: discord.Interaction) -> None:
        await interaction.response.defer(thinking=True, ephemeral=True)
        await interaction.edit_original_response(content="thought about it")
        await interaction.followup.send("and more", ephemeral=True)

    @bot.tree.command()
    async def pick(interaction: discord.Interaction, fruit: str) -> None:
        await interaction.response.send_message(fruit)

    @pick.autocomplete("fruit")
    async def fruits(_: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        known = ("apple", "apricot", "cherry")
        return [app_commands.Choice(name=f, value=f) for f in known if f.startswith(typed)]

    @bot.tree.context_menu(name="Who is this")
    async def who_is(interaction: discord.Interaction, member: discord.Member) -> None:
        await interaction.response.send_message(f"this is {member.name}")

    async def setup() -> None:
        await bot.tree.sync()

    bot.setup_hook = setup  # type: ignore[method-assign]
    return bot
