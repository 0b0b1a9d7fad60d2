"""The tag commands."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import discord
import structlog
from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import hybrid_group, sub
from bot.commands.refusals import Refused
from bot.plugins.tags import naming
from bot.plugins.tags.modal import TagForm
from bot.plugins.tags.naming import TagInfo, TagRuleError
from bot.storage.errors import StorageError
from bot.views.confirm import ask
from bot.views.page import Field, Page, listed
from bot.views.pages import send_pages

if TYPE_CHECKING:
    from bot.client import Novera
    from bot.plugins.tags.modal import Writer
    from bot.plugins.tags.store import TagStore

    Ctx = commands.Context[Novera]

log = structlog.get_logger(__name__)

MAX_MESSAGE = 2000
MAX_CHOICES = 25
# Not `Member | None = None`: that would take whoever can't be found for everybody.
EVERYBODY = commands.parameter(default=None, displayed_default="everybody")


class Tags(commands.Cog, name="Tags"):
    """Texts that members write once and call by name."""

    def __init__(self, bot: Novera) -> None:
        self.bot = bot

    @hybrid_group("Show a tag.", fallback="show", guild=True, examples=("rules",))
    @app_commands.describe(name="Name of the tag.")
    async def tag(self, ctx: Ctx, *, name: str) -> None:
        if ctx.interaction is None:  # written as the slash command is called
            name = re.sub(r"^show ", "", name, flags=re.IGNORECASE)
        found = await self._found(ctx, name)
        await ctx.send(found.content, allowed_mentions=discord.AllowedMentions.none())
        # Nobody waits for the counting.
        self.bot.services.tasks.create_task(self._count(found), name="tag-use")

    @sub(tag, "Write a tag.", private=True, examples=('"how to ask" Say what you tried.',))
    @app_commands.describe(name="Name of the tag.", content="Its text; a form asks for it if not.")
    async def create(self, ctx: Ctx, name: str, *, content: str | None = None) -> None:
        shown = _allowed(lambda: naming.checked_name(name, taken=self._taken()))
        guild = _guild(ctx)
        if content is None and await self._store().find(guild.id, shown) is not None:
            raise Refused(f"There is a tag {_quoted(shown)} already.")  # before it is written

        async def save(text: str, writer: Writer) -> str:
            text = _allowed(lambda: naming.checked_content(text))
            try:
                await self._store().create(guild.id, shown, text, owner_id=writer.id)
            except TagRuleError as error:
                raise Refused(str(error)) from error
            return f"The tag {_quoted(shown)} is there."

        await _written(ctx, content, TagForm(f"New tag: {shown}", save=save))

    @sub(tag, "Change a tag of yours, or any if you manage messages.", private=True)
    @app_commands.describe(name="Name of the tag.", content="Its text; a form asks for it if not.")
    async def edit(self, ctx: Ctx, name: str, *, content: str | None = None) -> None:
        found = await self._found(ctx, name)
        _check_may_change(ctx.author, found)

        async def save(text: str, writer: Writer) -> str:
            text = _allowed(lambda: naming.checked_content(text))
            _check_may_change(writer, found)
            if not await self._store().edit(found, text):
                raise Refused("Somebody else changed or deleted that tag in the meantime.")
            return f"The tag {_quoted(found.name)} is changed."

        form = TagForm(f"Change tag: {found.name}", save=save, content=found.content)
        await _written(ctx, content, form)

    @sub(tag, "Delete a tag of yours, or any if you manage messages.", private=True)
    @app_commands.describe(name="Name of the tag.")
    async def delete(self, ctx: Ctx, *, name: str) -> None:
        found = await self._found(ctx, name)
        _check_may_change(ctx.author, found)

        async def run(interaction: discord.Interaction[Any]) -> None:
            gone = await self._store().remove(found)
            text = "Deleted." if gone else "It is gone already, or somebody else's now."
            await interaction.followup.send(text, ephemeral=True)

        await ask(ctx, f"Delete the tag {_quoted(found.name)}?", yes="Delete", run=run)

    @sub(tag, "Who wrote a tag, and how often it was shown.")
    @app_commands.describe(name="Name of the tag.")
    async def info(self, ctx: Ctx, *, name: str) -> None:
        found = await self._found(ctx, name)
        fields = [
            Field(name="Owner", value=f"<@{found.owner_id}>"),
            Field(name="Shown", value=_times(found.uses)),
            Field(name="Written", value=f"<t:{int(found.created_at.timestamp())}:R>"),
        ]
        if found.updated_at is not None:
            value = f"<t:{int(found.updated_at.timestamp())}:R>"
            fields.append(Field(name="Changed", value=value))
        title = discord.utils.escape_markdown(found.name)
        await send_pages(ctx, [Page(title=title, fields=tuple(fields))])

    @sub(tag, "Find tags by a part of their name.")
    @app_commands.describe(text="Part of the name.")
    async def search(self, ctx: Ctx, *, text: str) -> None:
        found = await self._store().search(_guild(ctx).id, text)
        pages = listed(_lines(found), title="Tags", empty="No tag's name holds that.")
        await send_pages(ctx, pages)

    @sub(tag, "All tags, or those of one member.", name="list")
    @app_commands.describe(owner="Whose tags; all if left out.")
    async def all_of(self, ctx: Ctx, owner: discord.Member = EVERYBODY) -> None:
        owner_id = owner.id if owner else None
        found = await self._store().search(_guild(ctx).id, owner_id=owner_id)
        title = f"Tags of {owner.name}" if owner else "Tags"
        await send_pages(ctx, listed(_lines(found), title=title, empty="There are none yet."))

    @sub(tag, "Make a tag yours whose owner has left.", private=True)
    @app_commands.describe(name="Name of the tag.")
    async def claim(self, ctx: Ctx, *, name: str) -> None:
        found, guild = await self._found(ctx, name), _guild(ctx)
        if found.owner_id != ctx.author.id and await _is_member(guild, found.owner_id):
            raise Refused("Its owner is still here.")
        handed = await self._store().hand_over(
            found.id, old_owner=found.owner_id, new_owner=ctx.author.id
        )
        if not handed:
            raise Refused("Somebody else was faster.")
        await ctx.send(f"The tag {_quoted(found.name)} is yours.", ephemeral=True)

    @sub(tag, "A tag's text with its formatting to be seen.", private=True)
    @app_commands.describe(name="Name of the tag.")
    async def raw(self, ctx: Ctx, *, name: str) -> None:
        found = await self._found(ctx, name)
        text = discord.utils.escape_markdown(found.content)
        if len(text) <= MAX_MESSAGE:
            await ctx.send(text, ephemeral=True, allowed_mentions=discord.AllowedMentions.none())
            return
        file = discord.File(io.BytesIO(found.content.encode()), filename="tag.txt")
        await ctx.send("It is too long for a message.", file=file, ephemeral=True)

    @tag.autocomplete("name")
    @edit.autocomplete("name")
    @delete.autocomplete("name")
    @info.autocomplete("name")
    @claim.autocomplete("name")
    @raw.autocomplete("name")
    async def _complete(
        self, interaction: discord.Interaction[Novera], current: str
    ) -> list[app_commands.Choice[str]]:
        if interaction.guild_id is None:
            return []
        found = await self._store().search(interaction.guild_id, current, limit=MAX_CHOICES)
        return [app_commands.Choice(name=tag.name, value=tag.name) for tag in found]

    def _store(self) -> TagStore:
        from bot.plugins.tags.store import TagStore  # SQLAlchemy is not for the first second

        return TagStore(self.bot.services.storage)

    def _taken(self) -> frozenset[str]:
        return frozenset({"show", *self.tag.all_commands})

    async def _found(self, ctx: Ctx, name: str) -> TagInfo:
        """Answer the tag of that name here, or say that there is none."""
        found = await self._store().find(_guild(ctx).id, name)
        if found is None:
            raise Refused("There is no tag of that name.")
        return found

    async def _count(self, tag: TagInfo) -> None:
        try:
            await self._store().count_use(tag.id)
        except StorageError as error:
            log.info("tag.not_counted", tag_id=tag.id, problem=error.advice)


async def _written(ctx: Ctx, content: str | None, form: TagForm) -> None:
    """Save what came with the command, or ask for it, which a text command can't."""
    if content is not None:
        await ctx.send(await form.save(content, ctx.author), ephemeral=True)
    elif ctx.interaction is not None:
        await ctx.interaction.response.send_modal(form)
    else:
        raise Refused("Write the text after the name; a name of several words in quotes.")


def _check_may_change(user: Writer, tag: TagInfo) -> None:
    """Tags are the server's: who manages the messages of one channel alone may not."""
    manages = isinstance(user, discord.Member) and user.guild_permissions.manage_messages
    if not naming.may_change(tag, user_id=user.id, manages_messages=manages):
        raise Refused("That tag is not yours; its owner and who manages messages may change it.")


def _guild(ctx: Ctx) -> discord.Guild:
    if ctx.guild is None:  # the commands are for guilds alone
        raise commands.NoPrivateMessage
    return ctx.guild


async def _is_member(guild: discord.Guild, user_id: int) -> bool:
    if guild.get_member(user_id) is not None:
        return True
    try:
        await guild.fetch_member(user_id)
    except discord.NotFound:
        return False
    return True


def _allowed(check: Any) -> str:
    """Answer what *check* answers; what it says against is told to the user."""
    try:
        return str(check())
    except naming.TagRuleError as error:
        raise Refused(str(error)) from error


def _quoted(name: str) -> str:
    return f"`{name}`"


def _lines(tags: Sequence[TagInfo]) -> list[str]:
    return [f"{_quoted(tag.name)} by <@{tag.owner_id}>, shown {_times(tag.uses)}" for tag in tags]


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
