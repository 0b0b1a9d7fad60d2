"""The word that nobody is to take over: which start of the bot takes it back."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bot import stood_down


@pytest.mark.parametrize(
    ("left_ago_s", "stays"),
    [
        pytest.param(60.0, False, id="left before this process was ordered"),
        pytest.param(10.0, False, id="left as it was ordered: start times are rounded"),
        pytest.param(5.0, True, id="left since then: a newer wish"),
        pytest.param(-3600.0, False, id="of the future: the clock was set back"),
    ],
)
def test_a_start_takes_back_what_was_left_before_it(
    tmp_path: Path, left_ago_s: float, stays: bool
) -> None:
    """The process was ordered ten seconds ago."""
    stood_down.leave(tmp_path, "operator")
    now_s = time.time()
    os.utime(tmp_path / stood_down.NAME, (now_s, now_s - left_ago_s))

    stood_down.clear(tmp_path, left_before_s=now_s - 10.0)

    assert stood_down.is_left(tmp_path) is stays
