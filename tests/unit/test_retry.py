"""When the bot may try again, as left on disk."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.heartbeat.clocks import Reading
from watchdog.heartbeat.retry import MAX_WAIT_S, Retry, decode, encode

NOW_S = 1_767_225_600.0
GOOD = {"schema": 1, "retry_at_s": NOW_S + 60, "reason": "rate_limited"}


@given(
    st.floats(min_value=0.001, max_value=MAX_WAIT_S),
    st.text(st.characters(codec="utf-8"), max_size=100),
)
def test_a_retry_survives_the_way_over_the_disk(wait_s: float, reason: str) -> None:
    """Time and reason are what they were; a long reason is cut."""
    retry = Retry(retry_at_s=NOW_S + wait_s, reason=reason)

    decoded = decode(encode(retry), now_s=NOW_S)

    assert decoded == Retry(retry_at_s=NOW_S + wait_s, reason=reason[:64])


def test_a_clock_that_was_set_back_makes_no_wait_longer() -> None:
    """Two hours back, and 60 s are 60 s still; after a reboot nobody can tell."""
    kept = encode(Retry(retry_at_s=NOW_S + 60, reason="x"), Reading(ahead_s=1e9, boot_id="one"))
    now_s = NOW_S - 7200

    same = decode(kept, now_s=now_s, reading=Reading(ahead_s=1e9 - 7200, boot_id="one"))
    other = decode(kept, now_s=now_s, reading=Reading(ahead_s=1e9 - 7200, boot_id="two"))

    assert (same, other) == (
        Retry(retry_at_s=now_s + 60, reason="x"),
        Retry(retry_at_s=NOW_S + 60, reason="x"),
    )


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({**GOOD, "retry_at_s": NOW_S}, id="now"),
        pytest.param({**GOOD, "retry_at_s": NOW_S - 60}, id="gone by"),
        pytest.param({**GOOD, "retry_at_s": NOW_S + MAX_WAIT_S + 1}, id="further than believable"),
        pytest.param({**GOOD, "retry_at_s": 2**70}, id="a clock gone mad"),
        pytest.param({**GOOD, "retry_at_s": -1}, id="negative"),
        pytest.param({**GOOD, "retry_at_s": None}, id="null"),
        pytest.param({**GOOD, "retry_at_s": "soon"}, id="a word"),
        pytest.param({**GOOD, "retry_at_s": True}, id="true"),
        pytest.param({**GOOD, "reason": None}, id="no reason"),
        pytest.param({**GOOD, "schema": 2}, id="another schema"),
        pytest.param({"schema": 1}, id="nothing but a schema"),
        pytest.param([], id="a list"),
        pytest.param(None, id="null document"),
    ],
)
def test_what_is_over_or_not_believable_asks_for_nothing(document: Any) -> None:
    """A broken file must never keep a bot from starting."""
    retry = decode(json.dumps(document).encode(), now_s=NOW_S)

    assert retry is None


@given(st.binary(max_size=200))
def test_any_bytes_ask_for_nothing(junk: bytes) -> None:
    """Nothing is raised."""
    retry = decode(junk, now_s=NOW_S)

    assert retry is None


@pytest.mark.parametrize("at_s", [float("nan"), float("inf"), float("-inf")])
def test_a_time_that_is_none_asks_for_nothing(at_s: float) -> None:
    """Neither when it is written nor when it is read."""
    retry = decode(encode(Retry(retry_at_s=at_s, reason="r")), now_s=NOW_S)

    assert retry is None


def test_a_longest_wait_is_believed() -> None:
    """24 hours is Discord's longest; a second more is not."""
    retry = decode(encode(Retry(retry_at_s=NOW_S + MAX_WAIT_S, reason="identify")), now_s=NOW_S)

    assert retry is not None
