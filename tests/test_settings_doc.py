"""docs/settings.md and .env.example tell the truth."""

from __future__ import annotations

import re

import pytest

from bot.settings import BotSettings
from docs import generate_settings
from tests.sources import ROOT
from watchdog.settings import WatchdogSettings

NAMES = {name.upper() for kind in (BotSettings, WatchdogSettings) for name in kind.model_fields}


def test_the_page_is_what_the_generator_writes() -> None:
    """Whoever changes a setting runs `python -m docs.generate_settings`."""
    assert generate_settings.PAGE.read_text(encoding="utf-8") == generate_settings.page()


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_setting_is_on_the_page_and_described(name: str) -> None:
    """No setting is known to the code alone."""
    (row,) = re.findall(rf"^\| `{name}` \|.*\| (.+) \|$", generate_settings.page(), re.MULTILINE)

    assert row.strip()


def test_each_process_knows_the_names_of_the_other() -> None:
    """A setting of the one is no misspelling to the other."""
    bot = {name.upper() for name in BotSettings.model_fields}
    watchdog = {name.upper() for name in WatchdogSettings.model_fields}

    assert watchdog - bot == BotSettings.foreign_names
    assert bot - watchdog == WatchdogSettings.foreign_names


def test_the_example_names_settings_that_exist() -> None:
    """What is copied from .env.example works."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE)) <= NAMES


def test_the_example_shows_the_defaults() -> None:
    """A line that is commented out says what holds without it."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    fields = {**BotSettings.model_fields, **WatchdogSettings.model_fields}
    shown = dict(re.findall(r"^#([A-Z_]+)=(.*)$", text, re.MULTILINE))

    assert shown == {
        name: generate_settings.default(fields[name.lower()]).strip("`") for name in shown
    }
