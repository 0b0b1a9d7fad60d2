"""Alerts as they lie in the spool."""

from __future__ import annotations

import contextlib
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.alerts import entry
from watchdog.alerts.alert import Alert, AlertKind

GOOD = b'{"schema":1,"kind":"incident","key":"k","at":"a","title":"t","text":"x"}'


@given(
    st.builds(
        Alert,
        kind=st.sampled_from(get_args(AlertKind)),
        key=st.text(),
        at=st.text(),
        title=st.text(max_size=600),
        text=st.text(max_size=9000),
    )
)
def test_a_bounded_alert_comes_back_as_it_was(alert: Alert) -> None:
    """Nothing is lost between writing and reading, and an entry keeps its limit."""
    kept = entry.bounded(alert)
    raw = entry.encode(kept)

    assert entry.decode(raw) == kept
    assert len(raw) <= entry.MAX_BYTES


def test_lone_surrogates_do_not_lose_an_alert() -> None:
    """Half a character, as a broken file name has one, is replaced."""
    alert = Alert(kind="incident", key="k\ud800", at="", title="\udfff", text="\ud83d!")

    kept = entry.bounded(alert)

    assert kept.text == "?!"
    assert entry.decode(entry.encode(kept)) == kept


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe", id="not_utf8"),
        pytest.param(GOOD[:-9], id="truncated"),
        pytest.param(b"[]", id="a_list"),
        pytest.param(GOOD.replace(b'"schema":1', b'"schema":2'), id="another_schema"),
        pytest.param(GOOD.replace(b'"key":"k",', b""), id="a_key_missing"),
        pytest.param(GOOD.replace(b'"title":"t"', b'"title":7'), id="a_wrong_type"),
        pytest.param(GOOD.replace(b"incident", b"invasion"), id="an_unknown_kind"),
        pytest.param(b"[" * 5000, id="deep"),
        pytest.param(b" " * (entry.MAX_BYTES + 1), id="too_long"),
    ],
)
def test_a_broken_entry_is_refused(raw: bytes) -> None:
    """What can't be believed raises one kind of error."""
    with pytest.raises(entry.EntryError):
        entry.decode(raw)


@given(st.binary(max_size=300))
def test_any_bytes_are_believed_or_refused(raw: bytes) -> None:
    """No bytes cause another exception."""
    with contextlib.suppress(entry.EntryError):
        assert isinstance(entry.decode(raw), Alert)
