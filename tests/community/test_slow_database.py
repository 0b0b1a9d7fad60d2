"""Discord waits three seconds for a first answer, however slow the database is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from discord import app_commands
from pydantic import SecretStr

from docs import generate_commands
from simulator.errors import RefusedError
from tests.community.crawl import BUTTON, CHANNEL, MENTIONABLE, ROLE, USER, Crawler, Seen, usable
from tests.community.stage import Stage
from tests.community.test_pings import value_of
from tests.integration.serving import until

PLUGINS = tuple(name.rpartition(".")[2] for name in generate_commands.plugins())
WEATHER = {"weather_url": SecretStr("http://127.0.0.1:9/{place}"), "outbound_networks": ()}
FIRST_ANSWER_S = 3.0
NOT_RUN = ("shutdown", "restart")
PICKS = {USER: "alice", ROLE: "Red", MENTIONABLE: "alice", CHANNEL: "general"}


class Gate:
    """Keeps every question to the database waiting while it is closed."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self.held = 0
        storage = stage.services.storage
        for name in ("read", "write"):
            monkeypatch.setattr(storage, name, self._holding(getattr(storage, name)))

    def _holding(self, ask: Any) -> Any:
        async def held(work: Any) -> Any:
            self.held += not self._open.is_set()
            await self._open.wait()
            return await ask(work)

        return held

    def close(self) -> None:
        """From now on nothing is answered."""
        self._open.clear()

    def open(self) -> None:
        """Answer what waits."""
        self._open.set()


async def first_answers(stage: Stage, interactions: list[str]) -> dict[str, float]:
    """Wait until every interaction has its first answer; answers after how long it came, by name.

    None within eight seconds is infinity.
    """

    def waits(record: Any) -> bool:
        return not record.responded

    records = {each: stage.backend.interactions[int(each)] for each in interactions}
    for _ in range(400):
        if not any(waits(each) for each in records.values()):
            break
        await asyncio.sleep(0.02)
    found = {}
    for each, record in records.items():
        timeline = (await stage.driver.interaction(each))["timeline"]
        answers = [entry["at_s"] for entry in timeline if entry["what"] == "callback"]
        name = f"{record.command_name or 'press'} {each}"
        found[name] = answers[0] - timeline[0]["at_s"] if answers else float("inf")
    return found


def late(answers: dict[str, float]) -> dict[str, float]:
    """Answer those that Discord would have given up on."""
    return {name: took_s for name, took_s in answers.items() if took_s > FIRST_ANSWER_S}


def asked(stage: Stage) -> Iterator[tuple[str, dict[str, Any]]]:
    """Answer every slash command with something that it takes."""
    for command in stage.bot.tree.walk_commands():
        if isinstance(command, app_commands.Command) and command.qualified_name not in NOT_RUN:
            yield (
                command.qualified_name,
                {
                    option.display_name: value_of(option, "1h")
                    for option in command.parameters
                    if option.required
                },
            )


@pytest.mark.plugins(*PLUGINS, **WEATHER)
async def test_every_command_is_answered_in_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All at the same moment; what waits longer is deferred."""
    await stage.driver.add_channel("room-0")
    gate = Gate(stage, monkeypatch)
    gate.close()
    shown = [
        await stage.driver.slash(name, options=options, user="owner")
        for name, options in asked(stage)
    ]
    answers = await first_answers(stage, [each["id"] for each in shown])
    held = gate.held
    gate.open()

    assert len(answers) > 60
    assert held > 20
    assert late(answers) == {}


@pytest.mark.plugins(*PLUGINS, **WEATHER)
async def test_every_button_menu_and_form_is_answered_in_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that commands show, used at the same moment."""
    backend = stage.backend
    backend.create_role(stage.guild.id, "Red")
    gate, seen = Gate(stage, monkeypatch), Seen()
    crawler = Crawler(stage, user="owner", text="1h", picks=PICKS)
    for shown in await scene(stage, "one"):
        await crawler.send(shown)
    forms = await scene(stage, "two")
    await until(lambda: any("reminder" in control["custom_id"] for _, control in usable(stage)))
    stage.services.tasks.add_observer(seen)
    gate.close()
    used = [await used_once(stage, message, control) for message, control in tuple(usable(stage))]
    sent = [await crawler.send(each, wait_s=0) for each in forms]
    answers = await first_answers(stage, [each["id"] for each in (*used, *sent) if each])
    held = gate.held
    gate.open()
    await until(lambda: not seen.running, timeout_s=30)

    assert len(answers) > 25
    assert held > 8
    assert {"PanelForm", "TagForm", "TicketForm", "Asking"} <= seen.names
    assert late(answers) == {}


async def scene(stage: Stage, name: str) -> list[dict[str, Any]]:
    """Let the bot show what it has; answers the interactions that showed a form."""
    shown = [
        await stage.driver.slash(command, options=options, user="owner", wait_s=10)
        for command, options in (
            ("panel create", {}),
            ("tag create", {"name": name}),
            ("tickets setup", {"role": "Moderator"}),
            ("settings show", {}),
            ("help", {}),
            ("remind", {"when": "1s", "text": "tea"}),
            ("slowmode", {"pause": "1h"}),
            ("lock", {}),
            ("kick", {"member": "bob"}),
            ("purge", {"count": 1}),
        )
    ]
    for message, control in tuple(usable(stage)):
        if control.get("label") in ("Open a ticket", "Prefix"):
            custom_id = control["custom_id"]
            shown.append(
                await stage.driver.click(
                    str(message.id), custom_id=custom_id, user="owner", wait_s=10
                )
            )
    return [each for each in shown if each["modal"] is not None]


async def used_once(stage: Stage, message: Any, control: dict[str, Any]) -> dict[str, Any] | None:
    """Press or choose, and wait for nothing."""
    custom_id, user = control["custom_id"], "owner"
    try:
        if control["type"] == BUTTON:
            return await stage.driver.click(str(message.id), custom_id=custom_id, user=user)
        options = control.get("options")
        chosen = [options[0]["value"]] if options else [PICKS[control["type"]]]
        return await stage.driver.select(str(message.id), chosen, custom_id=custom_id, user=user)
    except RefusedError:
        return None
