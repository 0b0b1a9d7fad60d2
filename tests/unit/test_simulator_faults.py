"""The table of faults, and the switchboard that says which are on."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.faults import FAULTS, BadFaultError, check
from simulator.switchboard import Switchboard, is_standing
from tests.fakes import FakeClock


@pytest.fixture
def board(clock: FakeClock) -> Switchboard:
    return Switchboard(clock=clock)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_fits_its_own_defaults(name: str) -> None:
    """A fault can be set with nothing but its name."""
    given = check(name, {})

    assert check(name, given) == given


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_says_what_it_does(name: str) -> None:
    """The table documents itself."""
    assert len(FAULTS[name].summary) > 3


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        pytest.param("slow_rest", {"delay_s": 0}, "must be in 0.001..3600", id="too low"),
        pytest.param("slow_rest", {"delay_s": float("nan")}, "must be in", id="not a number"),
        pytest.param("slow_rest", {"delay_s": "1"}, "must be a float", id="text"),
        pytest.param("fail_rest", {"status": 500.5}, "must be a int", id="half a status"),
        pytest.param("fail_rest", {"path": 1}, "must be a str", id="path is a number"),
        pytest.param("invalid_session", {"resumable": 1}, "must be a bool", id="bool is a number"),
        pytest.param("missing_intent", {"intents": "x"}, "must be a list", id="list is text"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(
    name: str, given: dict[str, Any], said: str
) -> None:
    """Type and range are the table's."""
    with pytest.raises(BadFaultError, match=said):
        check(name, given)


def test_a_fault_ends_after_its_time(board: Switchboard, clock: FakeClock) -> None:
    """`for_s` is counted from the setting."""
    board.set("no_acks", {"for_s": 5})
    clock.advance(4.9)
    during = board.peek("no_acks")
    clock.advance(0.2)

    assert during is not None
    assert board.peek("no_acks") is None
    assert board.active() == []


def test_a_fault_strikes_as_often_as_it_should(board: Switchboard) -> None:
    """The last of `times` switches it off; a look does not count."""
    board.set("no_ready", {"times": 2})
    board.peek("no_ready")
    struck = [board.strike("no_ready") is not None for _ in range(3)]

    assert struck == [True, True, False]


@pytest.mark.parametrize(
    ("which", "struck"),
    [
        pytest.param("all", [True, True], id="all"),
        pytest.param("existing", [True, False], id="existing"),
        pytest.param("new", [False, True], id="new"),
    ],
)
def test_a_fault_chooses_connections_by_their_age(
    board: Switchboard, which: str, struck: list[bool]
) -> None:
    """Connections are numbered; the fault remembers the newest when it was set."""
    board.connections = 1
    board.set("no_acks", {"connections": which})

    assert [board.peek("no_acks", connection=each) is not None for each in (1, 2)] == struck


@pytest.mark.parametrize(
    ("method", "path", "struck"),
    [
        pytest.param("POST", "/channels/1/messages", True, id="both fit"),
        pytest.param("GET", "/channels/1/messages", False, id="another method"),
        pytest.param("POST", "/channels/1/pins", False, id="another path"),
    ],
)
def test_a_rest_fault_chooses_by_method_and_path(
    board: Switchboard, method: str, path: str, struck: bool
) -> None:
    """Paths are patterns."""
    board.set("fail_rest", {"method": "POST", "path": "/channels/*/messages"})

    assert (board.strike_rest("fail_rest", method, path) is not None) is struck


def test_clearing_tells_what_was_on_and_whoever_listens(board: Switchboard) -> None:
    """Setting and clearing reach the listeners."""
    heard: list[str] = []
    board.listeners.append(heard.append)
    board.set("no_acks", {})
    cleared = board.clear()

    assert cleared == ("no_acks",)
    assert board.clear("no_acks") == ()
    assert heard == ["no_acks", "no_acks"]


def test_instant_faults_are_not_standing() -> None:
    """They happen once and are never on."""
    assert is_standing("no_acks")
    assert not is_standing("drop_tcp")
    assert not is_standing("unheard of")
