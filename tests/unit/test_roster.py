"""Who NEVER_DOWN.sh started, as lines and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.heartbeat.identity import Identity
from watchdog.process.roster import Entry, last_shell, left_over, parse, render

OLD_SHELL = Identity(pid=10, started=1.0)
SHELL = Identity(pid=20, started=2.0)


def entry(name: str, identity: Identity) -> Entry:
    """Answer an entry of this boot."""
    return Entry(name=name, identity=identity, boot_id="boot")


OLD_SUPERVISORD = entry("supervisord", Identity(pid=11, started=1.5))
OLD_SIMULATOR = entry("simulator", Identity(pid=12, started=1.6))
SUPERVISORD = entry("supervisord", Identity(pid=21, started=2.5))
SIMULATOR = entry("simulator", Identity(pid=22, started=2.6))
EARLIER = (entry("never_down", OLD_SHELL), OLD_SUPERVISORD, OLD_SIMULATOR)
NOW = (entry("never_down", SHELL), SIMULATOR, SUPERVISORD)


@given(
    st.builds(
        Entry,
        name=st.sampled_from(["never_down", "supervisord", "simulator"]),
        identity=st.builds(
            Identity,
            pid=st.integers(1, 2**22),
            started=st.floats(0, 1e9, allow_nan=False),
        ),
        boot_id=st.uuids().map(str),
    )
)
def test_an_entry_is_read_as_it_was_written(written: Entry) -> None:
    """A start time loses no digit on the way: it is compared for equality."""
    assert parse(render(written)) == (written,)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="empty"),
        pytest.param("4711", id="a plain pid file"),
        pytest.param("supervisord x 1.0 boot", id="pid is no number"),
        pytest.param("supervisord -1 1.0 boot", id="negative pid"),
        pytest.param("supervisord 5 soon boot", id="start is no number"),
        pytest.param("supervisord 5 nan boot", id="start is not a number"),
        pytest.param("supervisord 5 1.0", id="torn"),
        pytest.param("supervisord 5 1.0 boot more", id="too long"),
    ],
)
def test_a_line_that_is_no_entry_is_left_out(line: str) -> None:
    """A torn or foreign line names nobody."""
    assert parse(f"{line}\n{render(SUPERVISORD)}") == (SUPERVISORD,)


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    """The file is not trusted."""
    parse(text)


def test_children_of_an_earlier_shell_are_left_over() -> None:
    """All that a shell started which is no more has to go."""
    assert left_over((*EARLIER, NOW[0]), SHELL) == (OLD_SUPERVISORD, OLD_SIMULATOR)


def test_a_shell_keeps_its_simulator_while_supervisord_starts_again() -> None:
    """Of its own children only a supervisord is in the way of the next one."""
    assert left_over(NOW, SHELL) == (SUPERVISORD,)


def test_the_last_shell_is_the_one_that_runs() -> None:
    """Lines are added at the end."""
    assert last_shell((*EARLIER, *NOW)) == NOW[0]
