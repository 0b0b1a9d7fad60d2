"""The status report as bytes."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.status_reports import INCIDENT, as_json, beat, report
from watchdog.health.verdict import StatusReport, Verdict
from watchdog.heartbeat import schema
from watchdog.status.report import (
    MAX_BYTES,
    StatusReportError,
    beat_of,
    decode,
    encode,
    without_stack,
)


def changed(**parts: Any) -> bytes:
    document = orjson.loads(encode(report()))
    return orjson.dumps({**document, **parts})


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_a_report_comes_back_as_it_was(verdict: Verdict) -> None:
    """Every verdict, with all its parts, survives the file."""
    written = report(verdict=verdict, warnings=("slow_loop",))

    assert decode(encode(written)) == written


def test_a_report_without_bot_comes_back_as_it_was() -> None:
    """What is not known stays unknown."""
    written = report(bot_pid=None, uptime_s=None, heartbeat=None, incident=None)

    assert decode(encode(written)) == written


def test_keys_of_a_later_version_are_ignored() -> None:
    """The writer of the file may be newer than its reader."""
    raw = changed(mood="fine", watchdog_process_started=12.5)

    assert decode(raw) == report()


def test_long_texts_are_cut_and_the_report_is_kept() -> None:
    """A report is always small enough to be read."""
    endless = "x" * 100_000
    incident = replace(INCIDENT, cause=endless, actions=(endless,) * 500)
    written = report(advice=endless, reason=endless, warnings=(endless,) * 500, incident=incident)

    raw = encode(written)

    assert len(raw) <= MAX_BYTES
    assert decode(raw).verdict == "healthy"


def test_a_heartbeat_too_large_is_left_out() -> None:
    """The verdict is worth more than the beat."""
    raw = encode(report(heartbeat={"stack": "x" * MAX_BYTES}))

    assert decode(raw) == report(heartbeat=None)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\x00", id="garbage"),
        pytest.param(encode(report())[:-20], id="truncated"),
        pytest.param(b"[1]", id="a_list"),
        pytest.param(b'{"schema":1}', id="nothing_in_it"),
        pytest.param(changed(schema=2), id="another_schema"),
        pytest.param(changed(schema=True), id="a_truth_value_for_schema"),
        pytest.param(changed(verdict="splendid"), id="an_unknown_verdict"),
        pytest.param(changed(uptime_s="long"), id="a_wrong_type"),
        pytest.param(changed(restarts=None), id="no_restarts"),
        pytest.param(changed(heartbeat=[1]), id="a_heartbeat_that_is_a_list"),
        pytest.param(changed(counters={"a": "b"}), id="a_counter_that_is_text"),
        pytest.param(changed(warnings=["w"] * 5000), id="too_many_entries"),
        pytest.param(changed(heartbeat={"a": "x" * 50_000}), id="a_text_too_long"),
        pytest.param(b'{"schema":1,"heartbeat":' + b"[" * 2000, id="deep"),
        pytest.param(b" " * (MAX_BYTES + 1), id="too_long"),
    ],
)
def test_a_broken_report_is_refused(raw: bytes) -> None:
    """What can't be believed raises one kind of error that quotes nothing."""
    with pytest.raises(StatusReportError):
        decode(raw)


@given(st.binary(max_size=400))
def test_any_bytes_are_believed_or_refused(raw: bytes) -> None:
    """No bytes cause another exception."""
    with contextlib.suppress(StatusReportError):
        assert isinstance(decode(raw), StatusReport)


def test_the_heartbeat_in_a_report_has_believed_types() -> None:
    """Those who show it need not doubt every value."""
    assert beat_of(report()) == beat()


@pytest.mark.parametrize(
    "heartbeat",
    [
        pytest.param(None, id="none"),
        pytest.param({}, id="empty"),
        pytest.param({**as_json(beat()), "pid": "one"}, id="a_wrong_type"),
        pytest.param({"schema": object()}, id="no_json"),
    ],
)
def test_a_broken_heartbeat_is_none(heartbeat: dict[str, Any] | None) -> None:
    """A report is shown even when the beat in it is nonsense."""
    assert beat_of(report(heartbeat=heartbeat)) is None


def test_source_lines_are_left_out_for_the_web() -> None:
    """The stack of a blocked loop is for logs."""
    blocked = beat(loop=schema.Loop(blocked_s=3.0, stack="secret.py:1 in f"))

    shown = without_stack(as_json(blocked))

    assert shown is not None
    assert "stack" not in shown["loop"]
    assert shown["loop"]["blocked_s"] == 3.0
