"""Nobody is pinged by what somebody wrote into a form, or chose, or is called."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from docs import generate_commands
from tests.community.crawl import CHANNEL, MENTIONABLE, ROLE, USER, Crawler, Seen, usable
from tests.community.stage import Stage
from tests.integration.serving import until
from tests.sources import sources

PLUGINS = tuple(name.rpartition(".")[2] for name in generate_commands.plugins())
WEATHER = {"weather_url": SecretStr("http://127.0.0.1:9/{place}"), "outbound_networks": ()}
ROOMS = 8
UI = ("View", "Personal", "Pager", "Modal", "Form", "DynamicItem")
SPOKEN = (0, 19, 20)  # types of messages: said, replied, answered to a command; others ring nobody
NO_PRESS = {"Personal", "Form"}  # bases

# `{e}`: everybody, `{u}`: a user, `{r}`: a role.
TEXTS = {
    "plain": "{e} @here {u} {r}",
    "markdown": "**{e}** ||{u}|| > {r}\n# {e}\n[x](https://x.example) {u} `{r}` ```\n{e}``` {r}",
    "long": "{e} {u} {r} " * 300,
    "zero width": "\u200b{e}\u200b\u2060{u}\u2060\ufeff{r}\u200d @\u200beveryone",
    "right to left": "\u202e{e}\u202c \u2067{u}\u2069 \u200f{r}",
    "template": "{{user}} {e} {{mention}} {u} {{server}} {r}",
}


class Victims:
    """Those who take no part, and what rang them.

    Attributes:
        found: Contents of messages that rang one of them.
        said: How many messages of the bot held a mention that rang nobody.
    """

    def __init__(self, stage: Stage) -> None:
        self.found: list[str] = []
        self.said = 0
        self._backend = stage.backend
        self.user = self._backend.make_user("victim").id
        self._backend.add_member(stage.guild.id, self.user)
        self.role = self._backend.create_role(stage.guild.id, "Victims").id
        self._backend.subscribers.append(self._on_event)

    def text(self, shape: str) -> str:
        """Answer a text that would ring them all."""
        filled = shape.format(e="@everyone", u=f"<@{self.user}>", r=f"<@&{self.role}>")
        return filled[:4000]

    def _on_event(self, event: str, data: Mapping[str, Any]) -> None:
        if event not in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            return
        message = self._backend.messages[int(data["channel_id"])][int(data["id"])]
        if message.author_id != self._backend.bot_user.id or message.type not in SPOKEN:
            return
        rung = message.mention_everyone
        rung |= self.user in message.ping_user_ids or self.role in message.ping_role_ids
        if rung:
            self.found.append(message.content)
        self.said += f"<@{self.user}>" in f"{message.content}{message.embeds}"


async def set_scene(stage: Stage, text: str) -> list[str]:
    """Give people, roles and the server names that would ring; answers rooms to speak in."""
    backend, guild = stage.backend, stage.guild
    rooms = [f"room-{number}" for number in range(ROOMS)]
    for name in rooms:
        await stage.driver.add_channel(name)
    await stage.driver.add_channel("log")
    role = backend.create_role(guild.id, text[:100])
    guild.members[stage.user_id("alice")].nick = text[:32]
    log_id = backend.channels[stage.world.channel("log").id].id
    await stage.services.guilds.change(
        guild.id, log_channel_id=log_id, welcome_channel_id=log_id, leave_text=text[:1500]
    )
    await until(lambda: stage.bot.guilds[0].get_role(role.id) is not None)
    return rooms


COMMANDS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("export", {"what": "tags"}),
    ("panel create", {}),
    ("panel edit", {"panel": 1}),
    ("tag create", {"name": "form"}),
    ("tag edit", {"name": "form"}),
    ("tag delete", {"name": "form"}),
    ("tickets setup", {"role": "Moderator"}),
    ("settings show", {}),
    ("help", {}),
    ("status", {}),
    ("remind", {"when": "1s", "text": "TEXT"}),
    ("poll start", {"question": "TEXT", "answers": "a | b"}),
    ("warn", {"member": "alice", "reason": "TEXT"}),
    ("slowmode", {"pause": "1h", "reason": "TEXT"}),
    ("lock", {"reason": "TEXT"}),
    ("purge", {"count": 5, "reason": "TEXT"}),
    ("kick", {"member": "bob", "reason": "TEXT"}),
)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("shape", TEXTS)
@pytest.mark.plugins(*PLUGINS, **WEATHER)
async def test_no_button_menu_or_form_rings_whom_its_user_names(stage: Stage, shape: str) -> None:
    """All of every plugin, used by who may do everything."""
    victims, seen = Victims(stage), Seen()
    text = victims.text(TEXTS[shape])
    rooms = await set_scene(stage, text)
    stage.services.tasks.add_observer(seen)
    # The export is under way still when its button is pressed.
    await stage.driver.fault("slow_rest", {"path": "/users/@me/channels", "delay_s": 4})
    picks = {USER: "alice", ROLE: text[:100], MENTIONABLE: "alice", CHANNEL: "log"}
    crawler = Crawler(stage, user="owner", text=text, picks=picks)
    for number, (command, options) in enumerate(COMMANDS):
        given = {key: text[:500] if value == "TEXT" else value for key, value in options.items()}
        shown = await stage.driver.slash(
            command, options=given, user="owner", channel=rooms[number % ROOMS], wait_s=10
        )
        assert shown["acknowledged"], command
        await crawler.send(shown)
        if command == "export":
            await until(lambda: any("job:cancel" in each for each in custom_ids(stage)))
            await crawler.crawl()
            await stage.driver.clear_faults()
    for number, written in enumerate(("panel create", "tag list", "help", f"tag create x {text}")):
        await stage.driver.say(f"!{written}"[:2000], user="owner", channel=rooms[number], wait_s=10)
    await until(lambda: any("reminder" in each for each in custom_ids(stage)))
    await crawler.crawl()
    await until(lambda: not seen.running, timeout_s=30)
    await stage.driver.remove_member("alice")
    await stage.say("!ping done", user="owner")

    assert victims.said > 5
    assert victims.found == []
    assert interactive() - seen.names == set()


def custom_ids(stage: Stage) -> list[str]:
    """Answer the custom ids of all that can be pressed."""
    return [str(control["custom_id"]) for _, control in usable(stage)]


def interactive() -> set[str]:
    """Answer the names of all classes of the bot that people press, choose in, or fill in."""
    return {
        node.name
        for source in sources("bot")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).split("[")[0].split(".")[-1] in UI for base in node.bases)
    } - NO_PRESS
