"""Somebody else's discord.py bot, unchanged, under the same protection."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Make
from tests.system.installation import Installation, until

ORDINARY = Path(__file__).parent / "bots" / "ordinary.py"


@pytest.fixture
def foreign(make_installation: Make) -> Installation:
    """An installation that runs the ordinary bot."""
    installation = make_installation(BOT_FACTORY="ordinary:bot")
    shutil.copy(ORDINARY, installation.folder)
    installation.start_simulator()
    installation.start_supervisord()
    installation.wait_ready()
    return installation


def test_it_serves_as_it_did(foreign: Installation) -> None:
    """Events, commands, cogs and slash commands work as under `bot.run`."""
    wave = foreign.simulator.slash("wave", wait_s=5)

    assert foreign.say("?hello") == "hello 1"
    assert foreign.say("?seen") == "seen 2"
    assert wave["response"]["content"] == "\N{WAVING HAND SIGN}"


@pytest.mark.slow
def test_it_is_restarted_when_it_blocks_its_loop(foreign: Installation) -> None:
    """A library that blocks is found, named and ended by a restart."""
    pid = foreign.bot_pid()
    foreign.say("?hello")

    foreign.simulator.say("?report")
    foreign.wait_ready(not_pid=pid)

    assert foreign.say("?hello") == "hello 1"

    def hung() -> list[dict[str, Any]]:
        records = foreign.records("incidents.jsonl")
        return [r for r in records if r["outcome"] == "recovered" and r["kind"] == "hung"]

    until(hung, "the incident is closed")
    assert "time.sleep(600)" in hung()[-1]["stack"]
