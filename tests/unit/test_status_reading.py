"""What a found status file is worth."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.unit.status_reports import BOOT, NOW_AT, as_json, beat, report
from watchdog.heartbeat import schema
from watchdog.heartbeat.identity import Identity
from watchdog.status.reading import Reading, Writer, assess, to_text, writer_of
from watchdog.status.report import encode

WATCHDOG = Identity(pid=4101, started=77.25)


def written(**parts: Any) -> bytes:
    """Answer the file as the daemon writes it."""
    document = orjson.loads(encode(report(**parts)))
    who = {"boot_id": BOOT, "watchdog_process_started": WATCHDOG.started}
    return orjson.dumps({**who, **document})


def read(raw: bytes, *, process: Identity | None = WATCHDOG, boot_id: str = BOOT) -> Reading:
    return assess(raw, now_at=NOW_AT, boot_id=boot_id, process=process)


@pytest.mark.parametrize(
    ("reading", "exit_code"),
    [
        pytest.param(read(written()), 0, id="healthy"),
        pytest.param(read(written(verdict="degraded")), 0, id="degraded"),
        pytest.param(read(written(verdict="held")), 1, id="held"),
        pytest.param(read(written(verdict="starting")), 1, id="starting"),
        pytest.param(read(written(verdict="unknown")), 3, id="unknown"),
        pytest.param(read(written(), process=None), 3, id="watchdog_ended"),
        pytest.param(read(b"{}"), 3, id="unreadable"),
        pytest.param(Reading(report=None, trouble="missing"), 3, id="missing"),
    ],
)
def test_the_exit_code_says_whether_the_bot_serves(reading: Reading, exit_code: int) -> None:
    """0 serves, 1 does not, 3 nobody knows."""
    assert reading.exit_code == exit_code


@pytest.mark.parametrize(
    ("process", "boot_id"),
    [
        pytest.param(None, BOOT, id="no_process"),
        pytest.param(Identity(pid=4101, started=99.0), BOOT, id="pid_used_by_another"),
        pytest.param(WATCHDOG, "boot-2", id="before_the_reboot"),
    ],
)
def test_a_report_whose_writer_is_gone_is_not_believed(
    process: Identity | None, boot_id: str
) -> None:
    """A pid alone proves nothing."""
    assert read(written(), process=process, boot_id=boot_id).trouble == "not_running"


def test_an_old_report_of_a_living_watchdog_is_stale() -> None:
    """It runs, but it does not judge."""
    reading = read(written(checked_at="2026-05-04T11:58:00.000Z"))

    assert (reading.trouble, reading.exit_code) == ("stale", 3)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(
            written(), Writer(boot_id=BOOT, identity=WATCHDOG), id="as_the_daemon_writes_it"
        ),
        pytest.param(encode(report()), None, id="without_its_writer"),
        pytest.param(b"[]", None, id="a_list"),
        pytest.param(b"nonsense", None, id="no_json"),
        pytest.param(
            b'{"boot_id":"b","watchdog_pid":7,"watchdog_process_started":"1"}', None, id="text"
        ),
        pytest.param(
            b'{"boot_id":"b","watchdog_pid":true,"watchdog_process_started":1}',
            None,
            id="a_truth_value",
        ),
    ],
)
def test_the_writer_is_known_by_pid_and_start_time(raw: bytes, expected: Writer | None) -> None:
    """Whatever else the file holds, its writer is whole or unknown."""
    assert writer_of(raw) == expected


def test_the_text_says_state_uptime_restarts_budget_incident_and_advice() -> None:
    """One line each, names before values."""
    reading = read(written(verdict="held", reason="budget_spent", advice="Mend it.\nStart it."))

    lines = to_text(reading, now_at=NOW_AT, path="state/status.json").splitlines()

    assert lines[0] == "State          On hold for 9 min 52 s: budget spent"
    assert "Uptime         9 min 52 s (process 4242)" in lines
    assert "Restarts       6 in all" in lines
    assert "Budget         1 of 5 in 10 min spent" in lines
    assert any(line.startswith("Last incident  #4 hung: pulse stopped") for line in lines)
    assert lines[-2:] == ["Advice         Mend it.", "Advice         Start it."]


def test_the_text_names_leader_spare_journal_and_every_stage() -> None:
    """What happens at the next death, and what happened at the last."""
    lines = to_text(read(written()), now_at=NOW_AT, path="state/status.json").splitlines()

    assert "Leader         process 4242 of program spare, up 9 min 52 s" in lines
    assert "Spare          warm, process 4250 of program bot, up 9 min 50 s" in lines
    assert "Takeovers      3" in lines
    assert "Journal        usable, 12 ms behind, 3 unfinished" in lines
    assert "Takeover       lead 0.0 ms, cache 4.0 ms, resumed 11 ms, ready 12 ms" in lines
    assert any(line.startswith("Events         2 handled again, 31 skipped") for line in lines)


def test_the_text_tells_of_the_database() -> None:
    """What is wrong with it, and with its last backup."""
    storage = schema.Storage(
        kind="postgresql", state="degraded", state_age_s=75.0, problem="full", backup_problem="no"
    )
    shown = written(heartbeat=as_json(beat(storage=storage)))
    lines = to_text(read(shown), now_at=NOW_AT, path="state/status.json").splitlines()

    well = to_text(read(written()), now_at=NOW_AT, path="state/status.json")
    assert "Database       PostgreSQL, does not answer as it should for 1 min 15 s" in lines
    assert {"Problem        full", "Last backup    failed: no"} <= set(lines)
    assert "Database       SQLite, answers for 9 min 50 s" in well


def test_a_spare_that_is_not_wanted_is_no_trouble() -> None:
    """The text says why there is none."""
    text = to_text(read(written(standby=False)), now_at=NOW_AT, path="state/status.json")

    assert "Spare          none, since STANDBY is false" in text


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        pytest.param(Reading(report=None, trouble="missing"), "NEVER_DOWN.sh", id="missing"),
        pytest.param(
            Reading(report=None, trouble="unreadable", detail="not JSON"), "not JSON", id="broken"
        ),
        pytest.param(read(written(), process=None), "supervisorctl start watchdog", id="ended"),
        pytest.param(read(written(checked_at="2026-05-04T11:58:00.000Z")), "for 2 min", id="stale"),
    ],
)
def test_trouble_is_told_first_with_what_to_do(reading: Reading, words: str) -> None:
    """A status that may be wrong is never shown without saying so."""
    text = to_text(reading, now_at=NOW_AT, path="state/status.json")

    assert words in text.split("\n\n")[0]


def test_a_report_cannot_command_the_terminal() -> None:
    """Escape sequences from a heartbeat are shown as blanks."""
    text = to_text(read(written(reason="\x1b[2Jgone")), now_at=NOW_AT, path="state/status.json")

    assert "\x1b" not in text
