"""docs/fault-kit.md: its examples run as they stand there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from discord.ext import commands

from tests.sources import ROOT
from tests.system.conftest import Make

PAGE = ROOT / "docs" / "fault-kit.md"


def example(name: str) -> Any:
    """Answer what the page's Python blocks define under *name*."""
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        names: dict[str, Any] = {"__name__": "docs.fault_kit"}
        exec(compile(block, str(PAGE), "exec", dont_inherit=True), names)
        if name in names:
            return names[name]
    raise LookupError(name)


@pytest.mark.slow
def test_the_example_of_a_test_passes(make_installation: Make) -> None:
    """A plugin author's test of a fault works as it is written."""
    example("test_who_asks_a_frozen_bot_is_answered")(make_installation)


def test_the_example_of_a_plugin_is_one() -> None:
    """The handler that breaks the bot is a command, and the module is an extension."""
    assert isinstance(example("report"), commands.Command)
    assert callable(example("setup"))
