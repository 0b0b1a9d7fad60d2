"""What is remembered of restarts, over restarts of everything."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.restart.history import History, Now, decode, encode

NOW = Now(monotonic_s=5000.0, unix_s=1_700_000_000.0, boot_id="first")
HISTORY = History(
    failures=(4000.0, 4900.0),
    asked=(4950.0,),
    zombie_at_s=4800.0,
    total=7,
    graceful=1,
    takeovers=3,
    role="leader",
    standing="waiting",
    reason="SIGKILL",
    due_at_s=5008.0,
    ours=(4242, 100.5),
    supervisord=(4000, 99.0),
    settings_mark="abc",
)


def test_a_history_comes_back_as_it_was() -> None:
    """Within one boot, nothing is lost."""
    assert decode(encode(HISTORY, NOW), NOW) == HISTORY


@pytest.mark.parametrize("shift_s", [3600.0, -3600.0, 1e9])
def test_a_wall_clock_set_wrong_changes_nothing_within_a_boot(shift_s: float) -> None:
    """Ages come from the monotonic clock."""
    later = replace(NOW, monotonic_s=5010.0, unix_s=NOW.unix_s + shift_s)

    found = decode(encode(HISTORY, NOW), later)

    assert found is not None
    assert found.failures == HISTORY.failures


def test_ages_survive_a_reboot() -> None:
    """The monotonic clock begins anew; how long ago it was is kept by the wall clock."""
    later = Now(monotonic_s=30.0, unix_s=NOW.unix_s + 60.0, boot_id="second")

    found = decode(encode(HISTORY, NOW), later)

    assert found is not None
    assert found.failures == pytest.approx((30.0 - 1060.0, 30.0 - 160.0))
    assert found.due_at_s == pytest.approx(30.0 - 52.0)
    assert (found.ours, found.supervisord) == (None, None)


def test_a_clock_that_went_back_over_a_reboot_makes_failures_recent() -> None:
    """They count for one window more, and are not in the future."""
    earlier = Now(monotonic_s=30.0, unix_s=NOW.unix_s - 86_400.0, boot_id="second")

    found = decode(encode(HISTORY, NOW), earlier)

    assert found is not None
    assert found.failures == (30.0, 30.0)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x00\xff", id="garbage"),
        pytest.param(b"[1, 2]", id="a list"),
        pytest.param(b'{"schema": 2}', id="another schema"),
        pytest.param(encode(HISTORY, NOW)[:50], id="torn"),
    ],
)
def test_what_is_not_a_history_is_refused(raw: bytes) -> None:
    """The caller starts afresh, and says so."""
    assert decode(raw, NOW) is None


def test_a_plan_whose_time_is_lost_is_due_now() -> None:
    """A bot that waits for a restart which never falls due would stay down for ever."""
    document = orjson.loads(encode(HISTORY, NOW)) | {"due_at": None}

    found = decode(orjson.dumps(document), NOW)

    assert found is not None
    assert found.due_at_s == NOW.monotonic_s


@given(
    st.sampled_from(sorted(orjson.loads(encode(HISTORY, NOW)))),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    ),
)
def test_one_broken_part_leaves_the_rest(key: str, value: object) -> None:
    """Half a history is better than none; nothing raises."""
    document = orjson.loads(encode(HISTORY, NOW))

    found = decode(orjson.dumps(document | {key: value}), NOW)

    assert found is None or key in ("total",) or found.total == HISTORY.total
    assert found is not None or key == "schema"
