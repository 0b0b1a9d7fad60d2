"""Buttons and menus that outlive their process: what goes wrong in them is told."""

from __future__ import annotations

import ast
import re
from typing import Any, Self

import discord
import pytest
from pydantic import SecretStr

from bot.commands.refusals import Refused
from docs import generate_commands
from tests.community.crawl import Crawler, Seen, usable
from tests.community.stage import Stage, words_of
from tests.community.test_slow_database import PICKS, scene, used_once
from tests.integration.serving import until
from tests.sources import sources

PLUGINS = tuple(name.rpartition(".")[2] for name in generate_commands.plugins())
WEATHER = {"weather_url": SecretStr("http://127.0.0.1:9/{place}"), "outbound_networks": ()}
ERRORS = {
    "refused": Refused("The moon is in the way."),
    "broken": RuntimeError("the moon"),
}


class Broken(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"broken:(?P<where>made|pressed):(?P<error>[a-z]+)",
):
    """Fails where its id says."""

    def __init__(self, custom_id: str, error: str) -> None:
        super().__init__(discord.ui.Button(label="Press", custom_id=custom_id))
        self._error = error

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        """Answer the button, or fail."""
        if match["where"] == "made":
            raise ERRORS[match["error"]]
        return cls(match.string, match["error"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Fail."""
        raise ERRORS[self._error]


@pytest.mark.parametrize("where", ["made", "pressed"])
@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param("refused", "The moon is in the way.", id="refused"),
        pytest.param(
            "broken", "Something went wrong here. It has been noted. Error id: ", id="bug"
        ),
    ],
)
async def test_an_error_reaches_who_pressed(
    stage: Stage, where: str, error: str, words: str
) -> None:
    """In the words of commands, privately; discord.py would only log it."""
    stage.bot.add_dynamic_items(Broken)
    view = discord.ui.View(timeout=None).add_item(Broken(f"broken:{where}:{error}", error))
    place: Any = stage.bot.get_channel(stage.world.channel("general").id)
    sent = await place.send("A panel", view=view)

    shown = await stage.driver.click(str(sent.id), label="Press", user="alice", wait_s=10)

    assert words_of(shown["response"]).startswith(words)
    assert shown["ephemeral"]


def test_none_checks_where_discord_py_swallows_errors() -> None:
    """An error in `DynamicItem.interaction_check` is a silent no; ours check in `callback`."""
    dynamic = [
        (source.path, node)
        for source in sources("bot")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        and any("DynamicItem" in ast.unparse(base) for base in node.bases)
    ]
    checking = [
        f"{path}:{node.name}"
        for path, node in dynamic
        for each in node.body
        if getattr(each, "name", "") == "interaction_check"
    ]

    assert len(dynamic) > 6
    assert checking == []


@pytest.mark.plugins(*PLUGINS, **WEATHER)
async def test_every_press_is_answered_while_the_database_is_away(stage: Stage) -> None:
    """With what it needs no database for, or with a word."""
    stage.backend.create_role(stage.guild.id, "Red")
    crawler = Crawler(stage, user="owner", text="1h", picks=PICKS)
    for shown in await scene(stage, "one"):
        await crawler.send(shown)
    forms = await scene(stage, "two")
    seen = Seen()
    stage.services.tasks.add_observer(seen)
    await stage.services.storage.close()
    used = [await used_once(stage, message, control) for message, control in tuple(usable(stage))]
    sent = [await crawler.send(each) for each in forms]
    await until(lambda: not seen.running, timeout_s=30)

    records = stage.backend.interactions
    asked = [records[int(each["id"])] for each in (*used, *sent) if each]
    assert len(asked) > 20
    await until(lambda: all(each.responded and not each.loading for each in asked))
