"""Presses everything that can be pressed, fills in every form, and knows what that was.

Whatever a plugin shows is found by its message: nothing here knows of a plugin.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import discord

from bot.commands.handling import interaction_of
from simulator.errors import RefusedError
from tests.community.stage import Stage
from tests.integration.serving import until

BUTTON, STRING, TEXT, USER, ROLE, MENTIONABLE, CHANNEL = range(2, 9)
LINK = 5  # style of a button that only opens a page
MOST_PRESSES = 400
FORBIDDEN = ("shutdown", "restart")


class Seen:
    """The classes of views, items and forms whose handlers ran; an observer of tasks.

    Attributes:
        running: Those that run still.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.running: set[asyncio.Task[Any]] = set()

    def created(self, task: asyncio.Task[Any]) -> None:
        """A task was made: note whose handler it runs."""
        if interaction_of(task) is None:
            return
        coro: Any = task.get_coro()
        for key in ("self", "factory"):
            thing = coro.cr_frame.f_locals.get(key)
            kind = thing if isinstance(thing, type) else type(thing)
            if issubclass(kind, discord.ui.View | discord.ui.Modal | discord.ui.DynamicItem):
                self.names.add(kind.__name__)
                self.running.add(task)

    def done(self, task: asyncio.Task[Any]) -> None:
        """A task ended."""
        self.running.discard(task)


def controls(components: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Answer all that can be used in a message or form, whatever it lies in."""
    for each in components:
        if each.get("custom_id"):
            yield each
        inner = each.get("components") or []
        yield from controls([*inner, *([each["component"]] if each.get("component") else [])])


def usable(stage: Stage) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Answer the bot's messages with each control on them that is not disabled."""
    own = stage.backend.bot_user.id
    for channel in tuple(stage.backend.messages.values()):
        for message in tuple(channel.values()):
            if message.author_id == own:
                for control in controls(message.components or []):
                    if not control.get("disabled") and control.get("style") != LINK:
                        yield message, control


def check_limits(control: Mapping[str, Any]) -> None:
    """Look whether Discord would take a control, which SimCord does not ask."""
    assert len(control["custom_id"]) <= 100, control
    assert len(control.get("label") or "") <= 80, control
    assert len(control.get("placeholder") or "") <= 100, control
    options = control.get("options")
    if options is not None:
        assert 1 <= len(options) <= 25, control
        assert all(1 <= len(each["label"]) <= 100 for each in options), control
        assert len({each["value"] for each in options}) == len(options), control


class Crawler:
    """One person who uses everything once.

    Attributes:
        pressed: How often something was used.
    """

    def __init__(self, stage: Stage, *, user: str, text: str, picks: Mapping[int, str]) -> None:
        self.pressed = 0
        self._stage, self._user, self._text, self._picks = stage, user, text, picks
        self._done: set[tuple[int, str]] = set()
        self._turns: Counter[str] = Counter()

    async def crawl(self) -> None:
        """Go on until nothing is left that was not used."""
        while self.pressed < MOST_PRESSES:
            left = [
                (message, control)
                for message, control in usable(self._stage)
                if (message.id, control["custom_id"]) not in self._done
            ]
            if not left:
                return
            for message, control in left:
                self._done.add((message.id, control["custom_id"]))
                self.pressed += 1
                try:
                    await self._use(message, control)
                except RefusedError:  # it was disabled or deleted meanwhile
                    continue

    async def send(self, shown: Mapping[str, Any], *, wait_s: float = 10) -> dict[str, Any] | None:
        """Fill in the form that an interaction showed, if it did; answers what the driver saw."""
        if shown["modal"] is None:
            return None
        assert 1 <= len(shown["modal"]["title"]) <= 45
        assert 1 <= len(shown["modal"]["components"]) <= 5
        fields = list(controls(shown["modal"]["components"]))
        for control in fields:
            check_limits(control)
        values = {control["custom_id"]: self._filled(control) for control in fields}
        return await self._stage.driver.submit_modal(shown["id"], values, wait_s=wait_s)

    async def _use(self, message: Any, control: Mapping[str, Any]) -> None:
        check_limits(control)
        driver, custom_id = self._stage.driver, control["custom_id"]
        if control["type"] == BUTTON:
            shown = await driver.click(
                str(message.id), custom_id=custom_id, user=self._user, wait_s=10
            )
        else:
            shown = await driver.select(
                str(message.id),
                self._chosen(control),
                custom_id=custom_id,
                user=self._user,
                wait_s=10,
            )
        assert shown["acknowledged"], custom_id
        await self.send(shown)
        await until(lambda: self._stage.bot.pipeline.snapshot().under_way == 0)

    def _chosen(self, control: Mapping[str, Any]) -> list[str]:
        if control["type"] == STRING:
            self._turns[control["custom_id"]] += 1  # another one each time
            options = control["options"]
            return [options[self._turns[control["custom_id"]] % len(options)]["value"]]
        return [self._picks[control["type"]]]

    def _filled(self, control: Mapping[str, Any]) -> Any:
        if control["type"] == TEXT:
            return self._text[: int(control.get("max_length") or 4000)]
        return self._chosen(control)
