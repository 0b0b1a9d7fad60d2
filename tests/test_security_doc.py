"""docs/security.md tells the truth about settings, files and exceptions from the rules."""

from __future__ import annotations

import re

import pytest

from bot.settings import BotSettings
from docs import generate_settings
from tests.sources import ROOT, sources
from tests.system.test_secrets import HOLDERS
from watchdog.settings import WatchdogSettings

PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
FIELDS = {**BotSettings.model_fields, **WatchdogSettings.model_fields}
UNEXPLAINED = re.compile(r"# noqa: [^\n-]*\bS\d+(?! - \w)[^\n-]*$", re.MULTILINE)


def section(title: str) -> str:
    """Answer the text below a heading."""
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_settings_that_matter_exist() -> None:
    """With the defaults that the page names, where it names one."""
    for row in re.findall(r"^\| (`[A-Z].*)$", section("Settings that matter"), re.MULTILINE):
        names, values = (re.findall(r"`([^`]*)`", cell) for cell in row.split("|")[:2])
        for name, value in zip(names, values or [""] * len(names), strict=True):
            shown = generate_settings.default(FIELDS[name.lower()]).strip("`")

            assert value in ("", shown), name


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([A-Z]+_[A-Z_]+)(?:=[^`]*)?`", PAGE))))
def test_every_name_on_the_page_is_a_setting(name: str) -> None:
    """Or the one call to the kernel that is not made."""
    assert name.lower() in FIELDS or name in ("BOT_FACTORY", "PR_SET_DUMPABLE")


def test_the_table_of_files_is_the_one_that_is_tested() -> None:
    """Every file that may hold what people wrote, or their names, stands in it."""
    rows = section("Which file may hold what")
    for holders in HOLDERS.values():
        for pattern in holders.pattern.split("|"):
            stem = re.match(r"(state|logs)/[a-z]+", pattern)

            assert stem is None or f"`{stem[0]}" in rows


def test_every_exception_from_the_security_rules_has_its_reason() -> None:
    """In the line that it is for."""
    found = [
        f"{source.path}: {line[0]}"
        for source in sources("bot", "watchdog", "simulator", "bench", "deploy", "docs")
        for line in UNEXPLAINED.finditer(source.text)
    ]

    assert found == []
    assert UNEXPLAINED.search("x = 1  # noqa: S608\n")
    assert not UNEXPLAINED.search("x = 1  # noqa: S608 - a number\n")
