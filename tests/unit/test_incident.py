"""An incident from opening to recovery, and as one line of JSON."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from watchdog.incidents import messages
from watchdog.incidents.incident import (
    MAX_ACTIONS,
    Incident,
    acted,
    close,
    decode,
    encode,
    failed_again,
    summary,
)

OPEN = Incident(
    number=3,
    kind="hung",
    cause="pulse_stopped",
    first_seen_at="2026-01-01T00:00:00.000Z",
    last_seen_at="2026-01-01T00:00:00.000Z",
    first_seen_s=100.0,
    evidence={"pid": 42},
    stack='File "bot/plugins/shop.py", line 7 in buy',
)


def test_a_recovery_has_a_time_to_recovery() -> None:
    """From the first bad verdict, by the monotonic clock."""
    closed = close(OPEN, "recovered", at="2026-01-01T00:00:07.250Z", now_s=107.25)

    assert closed.time_to_recovery_s == 7.25
    assert summary(closed).recovered_at == "2026-01-01T00:00:07.250Z"


def test_an_operators_stop_is_no_recovery() -> None:
    """It would spoil the mean."""
    closed = close(OPEN, "stopped", at="2026-01-01T00:00:07.250Z", now_s=107.25)

    assert (closed.outcome, closed.time_to_recovery_s) == ("stopped", None)


def test_an_incident_comes_back_from_its_line() -> None:
    """A watchdog that starts goes on with the open one."""
    incident = failed_again(acted(OPEN, "SIGKILL"), cause="exit 1", at="2026-01-01T00:00:01.000Z")

    line = encode(incident, boot_id="boot")

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line, boot_id="boot", now_s=500.0) == incident


def test_after_a_reboot_the_time_to_recovery_counts_from_the_start_of_the_watchdog() -> None:
    """The monotonic time of another boot means nothing."""
    found = decode(encode(OPEN, boot_id="boot"), boot_id="another", now_s=5.0)

    assert found == replace(OPEN, first_seen_s=5.0)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="empty"),
        pytest.param(encode(OPEN, boot_id="boot")[:60], id="torn"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"schema": 1}', id="nothing in it"),
        pytest.param(orjson.dumps({"schema": 1, "number": "3"}), id="wrong types"),
    ],
)
def test_a_line_that_is_no_record_is_skipped(line: bytes) -> None:
    """Never an exception."""
    assert decode(line, boot_id="boot", now_s=0.0) is None


def test_actions_are_bounded_and_keep_both_ends() -> None:
    """A long outage can't fill the disk."""
    incident = OPEN
    for number in range(1000):
        incident = acted(incident, str(number))

    assert len(incident.actions) <= MAX_ACTIONS
    assert (incident.actions[0], incident.actions[-1]) == ("0", "999")


def test_an_alert_names_the_line() -> None:
    """The operator reads where the bot stood without opening a log."""
    alert = messages.opened(acted(OPEN, "SIGKILL"), "")

    assert (alert.kind, alert.key) == ("incident", "incident-3")
    assert "shop.py" in alert.text
    assert "SIGKILL" in alert.text


def test_a_permanent_failure_says_what_to_do() -> None:
    """One alert, not an incident besides."""
    alert = messages.opened(replace(OPEN, kind="failed", cause="invalid_token"), "Mend .env")

    assert alert.kind == "permanent_failure"
    assert alert.text.startswith("Mend .env")
