"""The names that the status server answers to."""

from __future__ import annotations

import pytest

from watchdog.status.hosts import Hosts


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        pytest.param("127.0.0.1:5001", True, id="address"),
        pytest.param("[::1]:5001", True, id="address_of_6"),
        pytest.param("[::1]", True, id="no_port"),
        pytest.param("10.0.0.7", True, id="any_address"),  # no name that could be made to point
        pytest.param("localhost:5001", True, id="localhost"),
        pytest.param("LOCALHOST.", True, id="capitals_and_a_dot"),
        pytest.param("bot.localhost", True, id="below_localhost"),
        pytest.param("", True, id="no_browser"),
        pytest.param("evil.example", False, id="a_name"),
        pytest.param("127.0.0.1.evil.example", False, id="looks_like_one"),
        pytest.param("localhost.evil.example:80", False, id="begins_like_it"),
        pytest.param("notlocalhost", False, id="ends_like_it"),
        pytest.param("a@127.0.0.1", False, id="with_a_user"),
        pytest.param("127.0.0.1:5001:1", False, id="two_ports"),
        pytest.param("::", False, id="no_address"),
    ],
)
def test_loopback_answers_addresses_and_localhost(host: str, admitted: bool) -> None:
    """Nobody else's page can have those for its own name."""
    assert Hosts.of("127.0.0.1").admits(host) is admitted


def test_the_operator_may_name_more() -> None:
    """What a proxy in front is called; nothing below it."""
    hosts = Hosts.of("localhost", ["Status.Example."])

    assert hosts.admits("status.example:443")
    assert not hosts.admits("x.status.example")


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", "192.0.2.7", "bot.example"])
def test_who_binds_to_more_shows_it_to_others(bound: str) -> None:
    """A container's or a cluster's names are not known here, unless they are said."""
    assert Hosts.of(bound).admits("novera.default.svc:5001")
    assert not Hosts.of(bound, ["status.example"]).admits("novera.default.svc:5001")
    assert Hosts.of(bound, ["status.example"]).admits("192.0.2.7:5001")
