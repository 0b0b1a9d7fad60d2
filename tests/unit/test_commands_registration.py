"""When slash commands are registered anew."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.registration import GLOBAL, decode, encode, fingerprint, outdated

PING = {"name": "ping", "type": 1, "options": [{"name": "text", "type": 3}]}
HELP = {"name": "help", "type": 1, "options": []}
HERE = {"application": 7, "api_url": "https://discord.com/api/v10"}


def test_the_order_of_commands_and_keys_does_not_matter() -> None:
    """Plugins loaded in another order register nothing anew."""
    turned = dict(reversed(PING.items()))

    assert fingerprint([PING, HELP]) == fingerprint([HELP, turned])


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param([PING], id="command-gone"),
        pytest.param([PING, HELP, HELP], id="command-more"),
        pytest.param([{**PING, "options": []}, HELP], id="option-gone"),
        pytest.param([{**PING, "description": "x"}, HELP], id="description"),
    ],
)
def test_every_change_shows(changed: list[dict[str, object]]) -> None:
    """What Discord would be told differently has another hash."""
    assert fingerprint(changed) != fingerprint([PING, HELP])


@pytest.mark.parametrize(
    ("known", "current", "expected"),
    [
        pytest.param({}, {GLOBAL: "a"}, (GLOBAL,), id="first-time"),
        pytest.param({GLOBAL: "a"}, {GLOBAL: "a"}, (), id="unchanged"),
        pytest.param({GLOBAL: "a"}, {GLOBAL: "b"}, (GLOBAL,), id="changed"),
        pytest.param({GLOBAL: "a"}, {GLOBAL: "a", "9": "c"}, ("9",), id="server-added"),
        pytest.param({GLOBAL: "a", "9": "c"}, {GLOBAL: "a"}, ("9",), id="server-emptied"),
    ],
)
def test_only_what_changed_is_registered(
    known: dict[str, str], current: dict[str, str], expected: tuple[str, ...]
) -> None:
    """A scope whose hash is known is left alone."""
    assert outdated(known, current) == expected


def test_what_was_registered_survives_the_disk() -> None:
    """The same application on the same Discord finds its hashes."""
    raw = encode({GLOBAL: "a", "9": "c"}, application=7, api_url=HERE["api_url"])  # type: ignore[arg-type]

    assert decode(raw, application=7, api_url="https://discord.com/api/v10") == {
        GLOBAL: "a",
        "9": "c",
    }


@pytest.mark.parametrize(
    ("application", "api_url"),
    [
        pytest.param(8, "https://discord.com/api/v10", id="another-application"),
        pytest.param(7, "http://127.0.0.1:8765/api/v10", id="another-discord"),
    ],
)
def test_hashes_of_another_application_are_not_believed(application: int, api_url: str) -> None:
    """What the simulator was told, Discord was not."""
    raw = encode({GLOBAL: "a"}, application=7, api_url="https://discord.com/api/v10")

    assert decode(raw, application=application, api_url=api_url) == {}


@given(st.binary(max_size=200))
def test_a_damaged_file_is_an_empty_one(raw: bytes) -> None:
    """One registration too many does no harm; an exception would."""
    assert decode(raw, application=7, api_url="https://discord.com/api/v10") == {}
