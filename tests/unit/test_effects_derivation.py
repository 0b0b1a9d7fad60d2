"""Nonces: what they depend on, and where they are put."""

from __future__ import annotations

import itertools
import secrets
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.effects import derivation
from bot.effects.stamping import stamped

MADE_UP = "13370000000000000042"


def test_a_nonce_is_the_same_in_every_process() -> None:
    """If this value changes, an event that is handled again by the new version posts twice."""
    event = derivation.event_place(0, "a-session", 7)
    task = derivation.task_place(event, "Client._run_event", 0)

    assert derivation.nonce(task, 42, 0) == "2L0PpXZE0orHdFObaEIZnaCr"


def test_every_part_of_a_place_makes_another_nonce() -> None:
    """Shard, session, sequence, task, channel and number each count."""
    places = [
        derivation.task_place(derivation.event_place(shard, session, sequence), name, index)
        for shard, session, sequence, name, index in itertools.product(
            (0, 1), ("a", "b"), (1, 11), ("on_message", "on_edit"), (0, 1)
        )
    ]
    nonces = {
        derivation.nonce(place, channel, number)
        for place, channel, number in itertools.product(places, (1, 2), (0, 1))
    }

    assert len(nonces) == 2**7


@given(st.integers(0, 2**63), st.text(), st.integers(0), st.text(min_size=1), st.integers(0))
def test_discord_takes_every_nonce(
    shard_id: int, session_id: str, sequence: int, name: str, channel_id: int
) -> None:
    """25 characters at most, of letters, digits, minus and underscore."""
    event = derivation.event_place(shard_id, session_id, sequence)
    nonce = derivation.nonce(derivation.task_place(event, name, 0), channel_id, 0)

    assert len(nonce) == derivation.NONCE_CHARACTERS <= 25
    assert nonce.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    ("nonce", "made_up"),
    [
        pytest.param("my-own", False, id="text"),
        pytest.param(7, False, id="short number"),
        pytest.param("1234567890123", False, id="thirteen digits"),
        pytest.param(MADE_UP, True, id="twenty digits"),
        pytest.param(1 << 62, True, id="long number"),
        pytest.param("1" * 21, False, id="longer than 64 bits"),
        pytest.param("\u0661" * 19, False, id="digits of another script"),
    ],
)
def test_nonces_of_callers_are_told_from_made_up_ones(nonce: object, made_up: bool) -> None:
    """What discord.py makes up is a number of 64 bits."""
    assert derivation.is_made_up(nonce) is made_up


def test_what_discord_py_makes_up_is_recognised() -> None:
    """As it does: `secrets.randbits(64)`."""
    assert all(derivation.is_made_up(str(secrets.randbits(64))) for _ in range(1000))


def parts_of(call: dict[str, Any] | None) -> dict[str, Any]:
    """Answer the message in a call."""
    assert call is not None
    payload: dict[str, Any] = (
        call["json"] if "json" in call else orjson.loads(call["form"][0]["value"])
    )
    return payload


def as_json(payload: dict[str, Any]) -> dict[str, Any]:
    return {"json": payload}


def as_form(payload: dict[str, Any]) -> dict[str, Any]:
    part = {"name": "payload_json", "value": orjson.dumps(payload).decode()}
    return {"form": [part, {"name": "files[0]", "value": b"..."}], "files": [object()]}


@pytest.mark.parametrize(
    "call_of", [pytest.param(as_json, id="json"), pytest.param(as_form, id="files")]
)
@pytest.mark.parametrize(
    ("given_nonce", "derived", "expected"),
    [
        pytest.param(None, "derived", "derived", id="none, in an event"),
        pytest.param(None, None, "random", id="none, outside of events"),
        pytest.param(MADE_UP, "derived", "derived", id="made up, in an event"),
        pytest.param(MADE_UP, None, MADE_UP, id="made up, outside of events"),
        pytest.param("own", "derived", "own", id="the caller's, in an event"),
        pytest.param("own", None, "own", id="the caller's, outside of events"),
    ],
)
def test_a_message_gets_the_nonce_it_needs(
    call_of: Any, given_nonce: str | None, derived: str | None, expected: str
) -> None:
    """The caller's own is kept, and Discord is asked to enforce whatever there is."""
    payload = {"content": "hé"} | ({} if given_nonce is None else {"nonce": given_nonce})
    call = call_of(payload)

    message = parts_of(stamped(call, derived=derived, make_up=lambda: "random"))

    assert message == {"content": "hé", "nonce": expected, "enforce_nonce": True}


def test_the_call_itself_is_left_as_it_was() -> None:
    """discord.py, or a bot, may use it again."""
    payload = {"content": "x"}
    call = as_form(payload)
    before = dict(call["form"][0])

    stamped(as_json(payload), derived="n", make_up=str)
    new = stamped(call, derived="n", make_up=str)

    assert payload == {"content": "x"}
    assert call["form"][0] == before
    assert new is not None
    assert new["form"][1:] == call["form"][1:]
    assert new["files"] == call["files"]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param({}, id="empty"),
        pytest.param({"json": [1]}, id="a list"),
        pytest.param({"form": []}, id="an empty form"),
        pytest.param({"form": [{"name": "file", "value": b""}]}, id="a form without JSON"),
    ],
)
def test_a_call_without_a_message_is_none_of_ours(call: dict[str, Any]) -> None:
    """Nothing is put into what is not understood."""
    assert stamped(call, derived="n", make_up=str) is None
