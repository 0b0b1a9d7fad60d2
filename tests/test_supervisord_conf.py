"""supervisord.conf and the shell files keep what the design asks of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import RawConfigParser

import pytest

from bot.settings import BotSettings
from tests.sources import ROOT

TEXT = (ROOT / "supervisord.conf").read_text(encoding="utf-8")
CONFIG = RawConfigParser(inline_comment_prefixes=(" ;",))
CONFIG.read_string(TEXT)
PROGRAMS = ("bot", "spare", "watchdog")
BOTS = ("bot", "spare")


def test_only_the_folder_of_the_file_is_expanded() -> None:
    """It starts with an empty environment, from any folder."""
    assert set(re.findall(r"%\((\w+)\)", TEXT)) == {"here"}


@pytest.mark.parametrize("program", BOTS)
def test_the_watchdog_alone_restarts_the_bot(program: str) -> None:
    """Two that restart would multiply the budget; the watchdog itself is never given up on."""
    bot, watchdog = CONFIG[f"program:{program}"], CONFIG["program:watchdog"]

    assert (bot["autorestart"], bot["startsecs"]) == ("false", "0")
    assert watchdog["autorestart"] == "true"
    assert int(watchdog["startretries"]) >= 1_000_000


def test_the_watchdog_is_stopped_first_and_the_spare_last() -> None:
    """The highest priority comes first: a `bot` that is stopped leaves word not to take over."""
    bot, spare, watchdog = (CONFIG.getint(f"program:{name}", "priority") for name in PROGRAMS)

    assert spare < bot < watchdog


def test_bot_and_spare_are_one_program() -> None:
    """Either may lead, so they differ in name, order and raw logs only."""
    bot, spare = (dict(CONFIG[f"program:{program}"]) for program in BOTS)
    own = {"priority", "stdout_logfile", "stderr_logfile"}

    assert {key: value for key, value in bot.items() if spare[key] != value}.keys() == own


@pytest.mark.parametrize("program", BOTS)
def test_the_bot_may_use_its_time_to_stop_and_no_more(program: str) -> None:
    """SIGKILL comes after SHUTDOWN_TIMEOUT_S, and within 10 s."""
    stop_s = CONFIG.getfloat(f"program:{program}", "stopwaitsecs")

    assert BotSettings.model_fields["shutdown_timeout_s"].default < stop_s < 10


@pytest.mark.parametrize("program", BOTS)
def test_supervisord_stops_by_a_signal_that_nobody_else_sends(program: str) -> None:
    """An operator's stop must be told from a wish to hand over."""
    assert CONFIG[f"program:{program}"]["stopsignal"] == "INT"


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_whole_process_group_is_stopped(program: str) -> None:
    """What a plugin started ends with the bot."""
    section = CONFIG[f"program:{program}"]

    assert (section["stopasgroup"], section["killasgroup"]) == ("true", "true")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_every_raw_log_is_bounded(program: str, stream: str) -> None:
    """A crash loop fills no disk."""
    section = CONFIG[f"program:{program}"]

    assert section[f"{stream}_logfile"].startswith("%(here)s/logs/")
    assert section[f"{stream}_logfile_maxbytes"] == "2MB"
    assert section[f"{stream}_logfile_backups"] == "2"


def test_supervisord_never_writes_to_a_pipe() -> None:
    """One that nobody reads fills up and freezes it, and with it everything."""
    assert CONFIG["supervisord"]["silent"] == "true"


def test_the_shell_script_stays_short() -> None:
    """What is longer belongs into deploy/ or into Python."""
    lines = (ROOT / "NEVER_DOWN.sh").read_text(encoding="utf-8").count("\n")

    assert lines < 120


@pytest.mark.parametrize("name", ["NEVER_DOWN.sh", "test.sh", ".ci/run"])
def test_scripts_can_be_started(name: str) -> None:
    """They are executable, and bash understands them."""
    path = ROOT / name

    assert path.stat().st_mode & 0o100
    assert subprocess.run(["bash", "-n", path], check=False).returncode == 0


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason=".ci/run installs shellcheck")
def test_scripts_are_shellcheck_clean() -> None:
    """No warning, in what they source neither."""
    names = ["NEVER_DOWN.sh", "test.sh", ".ci/run", "deploy/setup.sh", "deploy/demo.sh"]
    done = subprocess.run(
        ["shellcheck", "--external-sources", *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == ""
