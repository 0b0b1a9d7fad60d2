"""BOT_FACTORY: any discord.py client, or a sentence about what is wrong with it."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import discord
import pytest

from bot import factory
from bot.settings import BotSettings

_names = (f"foreign_bot_{number}" for number in itertools.count())

GOOD = """
import discord
client = discord.Client(intents=discord.Intents.none())
def make(): return discord.Client(intents=discord.Intents.none())
async def make_later(): return make()
def make_nothing(): return None
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the current folder, which is not on sys.path."""
    name = next(_names)
    (tmp_path / f"{name}.py").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [path for path in sys.path if path])
    return name


def made_by(target: str) -> discord.Client:
    """Make the client that BOT_FACTORY=*target* names."""
    return factory.make(BotSettings(bot_factory=target))


@pytest.mark.parametrize("attribute", ["make", "client"])
def test_a_callable_or_the_client_itself_is_run(module: str, attribute: str) -> None:
    """Bots written with a global client run as well as those with a function that makes one."""
    assert isinstance(made_by(f"{module}:{attribute}"), discord.Client)


@pytest.mark.parametrize(
    ("attribute", "advice"),
    [
        pytest.param("absent", "has no absent", id="no such name"),
        pytest.param("make_later", "is async", id="a coroutine function"),
        pytest.param("make_nothing", "answered NoneType", id="not a client"),
        pytest.param("GOOD.x", "has no GOOD.x", id="no such path"),
    ],
)
def test_what_is_not_a_client_is_named(module: str, attribute: str, advice: str) -> None:
    """The advice says what the factory did instead of answering a client."""
    with pytest.raises(factory.FactoryError) as caught:
        made_by(f"{module}:{attribute}")

    assert advice in caught.value.advice


def test_a_missing_module_is_named(module: str) -> None:
    """A misspelt module is the operator's to mend, not a crash."""
    with pytest.raises(factory.FactoryError, match="no module named absent_module"):
        made_by("absent_module:make")


@pytest.mark.parametrize("library", ["a_library_nobody_has", "foreign"])
def test_what_a_module_itself_lacks_is_a_crash(module: str, tmp_path: Path, library: str) -> None:
    """A dependency that is missing inside the bot keeps its own traceback, whatever its name."""
    (tmp_path / f"{module}_needs.py").write_text(f"import {library}")

    with pytest.raises(ModuleNotFoundError, match=library):
        made_by(f"{module}_needs:make")


async def test_a_bot_that_starts_when_imported_is_told_how_not_to(
    module: str, tmp_path: Path
) -> None:
    """`bot.run(…)` at module level inside our loop is answered with the right way."""
    (tmp_path / f"{module}_runs.py").write_text(
        "import discord\ndiscord.Client(intents=discord.Intents.none()).run('x')"
    )

    with (
        pytest.warns(RuntimeWarning, match="never awaited"),
        pytest.raises(factory.FactoryError, match="__main__"),
    ):
        made_by(f"{module}_runs:make")
