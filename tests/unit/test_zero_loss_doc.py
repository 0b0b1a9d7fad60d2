"""The examples of docs/zero-loss.md do what the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.effects.once import Effects
from bot.gateway.event import GatewayEvent, current_event
from bot.settings import BotSettings
from tests.sources import ROOT
from tests.unit.test_effects_once import Notebook

PAGE = (ROOT / "docs" / "zero-loss.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


class Recorder:
    """Takes every call that an example makes of Discord or of a till, and notes it."""

    def __init__(self, *answers: Any) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self._answers = iter(answers)

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **options: Any) -> Any:
            self.calls.append((name, args, options))
            answer = next(self._answers, None)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    @property
    def names(self) -> list[str]:
        """The calls by name."""
        return [name for name, _, _ in self.calls]


@pytest.fixture
def bot() -> Any:
    """What a plugin knows of the bot."""
    return SimpleNamespace(services=SimpleNamespace(effects=Effects(Notebook())))


def example(cog: str) -> Any:
    """Answer the class that an example defines."""
    (text,) = (each for each in EXAMPLES if f"class {cog}(" in each)
    names: dict[str, Any] = {"__name__": "an_example"}
    exec(compile(text, "zero-loss.md", "exec", dont_inherit=True), names)
    return names[cog]


@contextmanager
def handling(sequence: int = 1, attempt: int = 1) -> Iterator[None]:
    """Handle an event, for the *attempt*-th time."""
    event = GatewayEvent(
        shard_id=0,
        sequence=sequence,
        name="MESSAGE_CREATE",
        received_at_s=0.0,
        session_id="s",
        attempt=attempt,
    )
    token = current_event.set(event)
    yield
    current_event.reset(token)


def test_every_example_is_tested() -> None:
    """A new one needs a test below."""
    cogs = re.findall(r"^class (\w+)\(commands.Cog\)", "\n".join(EXAMPLES), flags=re.MULTILINE)

    assert cogs == ["Greeter", "Archive", "Shop", "Welcome"]
    assert len(EXAMPLES) == len(cogs)


async def test_a_handler_that_only_sends_needs_nothing() -> None:
    """Two messages, in the same order each time."""
    cog, ctx = example("Greeter")(), Recorder()
    await cog.hello.callback(cog, ctx)

    assert ctx.names == ["send", "send"]


@pytest.mark.parametrize(
    ("attempt", "name", "edits"),
    [
        pytest.param(1, "plans", 1, id="first time"),
        pytest.param(2, "plans", 1, id="again, it was not done"),
        pytest.param(2, "archived-plans", 0, id="again, it was done"),
        pytest.param(1, "archived-plans", 1, id="somebody wants it twice"),
    ],
)
async def test_an_archive_is_made_once(attempt: int, name: str, edits: int) -> None:
    """`redelivered` tells a repetition from a second wish."""
    cog = example("Archive")()
    channel: Any = Recorder()
    with handling(attempt=attempt):
        channel.name = name
        await cog.archive.callback(cog, SimpleNamespace(channel=channel))

    assert len(channel.calls) == edits


@pytest.mark.parametrize(
    ("knows", "said"),
    [
        pytest.param(True, "Here is your hat.", id="charged"),
        pytest.param(False, "Something came between us.", id="not charged"),
    ],
)
async def test_a_purchase_is_charged_once(bot: Any, knows: bool, said: str) -> None:
    """The second run asks the till what became of the first."""
    till = Recorder(None, knows, None)
    cog = example("Shop")(bot, till)
    ctx: Any = Recorder()
    ctx.message, ctx.author = SimpleNamespace(id=5), SimpleNamespace(id=6)
    for attempt in (1, 2):
        with handling(attempt=attempt):
            await cog.buy.callback(cog, ctx, "hat")
    with handling(sequence=2):
        await cog.buy.callback(cog, ctx, "hat")

    assert till.names == ["charge", "knows", "charge"]
    assert ctx.calls[1][1][0].startswith(said)


async def test_a_member_is_welcomed_once_and_again_after_a_failure(bot: Any) -> None:
    """What is known to have failed may be tried again."""
    response: Any = SimpleNamespace(status=403, reason="no")
    refused = discord.Forbidden(response, "no")
    cog = example("Welcome")(bot, "role")
    member: Any = Recorder(refused)
    member.id = 7
    with pytest.raises(discord.Forbidden):
        await cog.on_member_join(member)
    await cog.on_member_join(member)
    await cog.on_member_join(member)

    assert member.names == ["add_roles", "add_roles"]


def test_the_settings_it_names_exist() -> None:
    """In the spelling of the environment."""
    named = set(re.findall(r"`([A-Z][A-Z_]{5,})[=`]", PAGE))
    known = {name.upper() for name in BotSettings.model_fields} | BotSettings.foreign_names

    assert named - {"IDENTIFY", "SIGTERM"} <= known
    assert {"EVENT_ACK_AFTER_S", "CATCH_UP_MAX_MESSAGES", "STANDBY"} <= named
