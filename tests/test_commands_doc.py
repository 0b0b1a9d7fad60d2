"""docs/commands.md tells the truth, and every command can be understood and told apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from discord import AppCommandType, app_commands

from bot.client import Novera
from bot.commands.usage import FLAGS, signature
from docs import generate_commands

MAX_SLASH_COMMANDS = 100  # of one application
NO_DESCRIPTION = "…"  # discord.py's, where none was given


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[Novera]:
    """The bot with all its plugins, away from Discord."""
    async with generate_commands.loaded(generate_commands.plugins()) as made:
        yield made


async def test_the_page_is_what_the_generator_writes(client: Novera) -> None:
    """Whoever changes a command runs `python -m docs.generate_commands`."""
    written = generate_commands.PAGE.read_text(encoding="utf-8")

    assert written == await generate_commands.page(client)


async def test_every_command_is_on_the_page(client: Novera) -> None:
    """No command is known to the code alone."""
    page = await generate_commands.page(client)
    shown = [command for command in client.walk_commands() if not command.hidden]

    assert shown
    assert [each.qualified_name for each in shown if f"| `{each.qualified_name}" not in page] == []


async def test_no_two_commands_share_a_name(client: Novera) -> None:
    """Neither as text, aliases counted, nor as slash command; in a group neither."""
    text = Counter(
        f"{command.full_parent_name} {name}".strip().casefold()
        for command in client.walk_commands()
        for name in (command.name, *command.aliases)
    )
    slash = Counter(command.qualified_name for command in client.tree.walk_commands())

    assert [
        name for name, times in (text + slash).items() if max(text[name], slash[name]) > 1
    ] == []


async def test_a_text_command_and_a_slash_command_of_one_name_are_one(client: Novera) -> None:
    """`/x` and `!x` never mean two things."""
    halves = {
        half.qualified_name
        for command in client.walk_commands()
        if (half := generate_commands.slash_half(command)) is not None
    }
    text = {command.qualified_name for command in client.walk_commands()}
    apart = [
        command.qualified_name
        for command in client.tree.walk_commands()
        if isinstance(command, app_commands.Command) and command.qualified_name in text - halves
    ]

    assert apart == []


async def test_every_command_says_what_it_does(client: Novera) -> None:
    """In Discord's menu and in help."""
    commands: list[Any] = [*client.walk_commands(), *client.tree.walk_commands()]
    silent = {
        command.qualified_name
        for command in commands
        if (command.description or "").strip() in ("", NO_DESCRIPTION)
    }

    assert silent == set()


async def test_every_option_says_what_it_is(client: Novera) -> None:
    """What Discord shows while somebody types."""
    silent = [
        f"{command.qualified_name} {option.display_name}"
        for command in client.tree.walk_commands()
        if isinstance(command, app_commands.Command)
        for option in command.parameters
        if str(option.description).strip() in ("", NO_DESCRIPTION)
    ]

    assert silent == []


async def test_the_commands_fit_discords_limits(client: Novera) -> None:
    """A hundred slash commands, five menus of a kind, 25 subcommands in a group."""
    groups = [each for each in client.tree.walk_commands() if isinstance(each, app_commands.Group)]

    assert len(client.tree.get_commands(type=AppCommandType.chat_input)) <= MAX_SLASH_COMMANDS
    for kind in (AppCommandType.user, AppCommandType.message):
        assert len(client.tree.get_commands(type=kind)) <= 5
    assert all(len(group.commands) <= 25 for group in groups)


async def test_every_section_opens_with_a_sentence_for_its_readers(client: Novera) -> None:
    """Who reads the page knows Discord, and nothing of how the bot is made."""
    page = await generate_commands.page(client)
    sections = re.findall(r"^## (.+)\n\n(.+)$", page, flags=re.MULTILINE)
    ours = re.compile(r"\b(cog|class|callback|handler|job queue|background job|timer)\b|mmands?\.")

    assert len(sections) == page.count("\n## ") > 10
    assert [each for each in sections if not re.fullmatch(r"[A-Z][^|]{20,}\.", each[1])] == []
    assert [each for each in sections if ours.search(each[1])] == []


async def test_every_argument_of_a_command_is_named(client: Novera) -> None:
    """As a text command and as a slash command alike, so that what is said of it can be found."""
    strangers = []
    for command in client.walk_commands():
        half = generate_commands.slash_half(command)
        written = signature(command)
        for option in half.parameters if half is not None else ():
            if FLAGS not in written and not re.search(rf"[<\[]{option.display_name}\b", written):
                strangers.append(f"{command.qualified_name} {option.display_name}")

    assert strangers == []


async def test_every_description_is_a_sentence(client: Novera) -> None:
    """In Discord's menu they stand one beneath the other."""
    commands = [each for each in client.tree.walk_commands() if not isinstance(each, str)]
    told = [(each.qualified_name, str(each.description)) for each in commands]
    told += [
        (f"{each.qualified_name} {option.display_name}", str(option.description))
        for each in commands
        if isinstance(each, app_commands.Command)
        for option in each.parameters
    ]

    assert [each for each in told if not re.fullmatch(r"[A-Z0-9].*[.?]", each[1])] == []
