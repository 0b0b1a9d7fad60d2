"""Settings that can't be used are told in a line each, by whoever is started with them."""

from __future__ import annotations

import re
import time

import pytest

from tests.system.conftest import Measured
from tests.system.fault_rows import fault
from tests.system.installation import Installation

EXIT_CONFIGURATION = 78
BOTH = ("bot", "watchdog")
slow = pytest.mark.slow


@fault(
    81,
    "bad settings: 0, -1, nan, text, nearly a name, a percent sign",
    answer="one readable line with name and allowed range, exit 78, nothing started; the same from"
    " NEVER_DOWN.sh and from each program that reads it",
    within_s=1.0,
)
@pytest.mark.parametrize(
    ("name", "value", "told", "readers"),
    [
        pytest.param("HUNG_AFTER_S", "0", "a number from 0.5 to 300", ("watchdog",), id="zero"),
        pytest.param(
            "HEARTBEAT_INTERVAL_S", "-1", "a number from 0.1 to 10", BOTH, id="negative", marks=slow
        ),
        pytest.param(
            "COMMAND_TIMEOUT_S", "nan", "a number from 1 to 840", ("bot",), id="nan", marks=slow
        ),
        pytest.param(
            "RESTART_CAP_S",
            "inf",
            "a number from 0.05 to 3600",
            ("watchdog",),
            id="inf",
            marks=slow,
        ),
        pytest.param(
            "HTTP_PORT", "abc", "a whole number from 1 to 65535", ("watchdog",), id="text"
        ),
        pytest.param(
            "JOB_WORKERS", "50%", "a whole number from 1 to 64", ("bot",), id="percent", marks=slow
        ),
        pytest.param(
            "DATABASE_URL",
            "postgresql://u:p@h:port/d",
            "postgresql://user:password@host/name, or be empty",
            ("bot",),
            id="no port",
            marks=slow,
        ),
        pytest.param("STANDBY", "perhaps", "true or false", BOTH, id="no truth value", marks=slow),
        pytest.param("HUNG_AFTER", "5", "HUNG_AFTER_S", BOTH, id="nearly a name"),
        pytest.param("PLUGIN", "a%(here)s", "PLUGINS", BOTH, id="both", marks=slow),
    ],
)
def test_fault_81_bad_settings(
    installation: Installation,
    measured: Measured,
    name: str,
    value: str,
    told: str,
    readers: tuple[str, ...],
) -> None:
    """The line has the name and what is allowed, and never the value."""
    installation.write_env(DISCORD_TOKEN="x" * 30, **{name: value})
    commands = [("./NEVER_DOWN.sh",), *map(installation.python, readers)]

    for command in commands:
        began_s = time.monotonic()
        code, printed = installation.run(*command)
        took_s = time.monotonic() - began_s

        assert code == EXIT_CONFIGURATION
        assert re.fullmatch(rf"{name}: .*\b{re.escape(told)}\??\n", printed), printed
        assert value not in printed.replace(told, "")
        measured(took_s)
    assert installation.commands() == []


@pytest.mark.slow
def test_a_percent_sign_in_a_value_is_a_value(installation: Installation) -> None:
    """supervisord expands what looks like a format; ours has none to expand."""
    installation.start_simulator()
    installation.never_down(X_NOTE="100%(here)s %%", DATABASE_PASSWORD="%s")

    assert installation.wait_ready().state == "ready"
