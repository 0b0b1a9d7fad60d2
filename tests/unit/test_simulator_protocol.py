"""Gateway payloads of clients, close codes and intents."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.gateway.protocol import (
    CLOSE_CODES,
    Identify,
    Op,
    Resume,
    application_flags,
    disallowed,
    ends_session,
    parse_identify,
    parse_resume,
    payload,
    shard_of,
)

_IDENTIFY: dict[str, Any] = {"token": "t", "intents": 513, "properties": {}}


def test_an_identify_without_a_shard_is_the_only_shard() -> None:
    """`shard` may be left out."""
    assert parse_identify(_IDENTIFY) == Identify(token="t", intents=513, shard_id=0, shard_count=1)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(None, 4002, id="nothing"),
        pytest.param([], 4002, id="a list"),
        pytest.param({**_IDENTIFY, "token": None}, 4002, id="no token"),
        pytest.param({**_IDENTIFY, "properties": "x"}, 4002, id="properties are text"),
        pytest.param({**_IDENTIFY, "intents": True}, 4013, id="intents are a bool"),
        pytest.param({**_IDENTIFY, "intents": -1}, 4013, id="negative intents"),
        pytest.param({**_IDENTIFY, "intents": 1 << 26}, 4013, id="undefined intent"),
        pytest.param({**_IDENTIFY, "shard": [1, 1]}, 4010, id="shard equals count"),
        pytest.param({**_IDENTIFY, "shard": [-1, 1]}, 4010, id="negative shard"),
        pytest.param({**_IDENTIFY, "shard": [0]}, 4010, id="no count"),
        pytest.param({**_IDENTIFY, "shard": [0, True]}, 4010, id="count is a bool"),
    ],
)
def test_a_wrong_identify_is_a_close_code(data: object, code: int) -> None:
    """What is wrong decides the code."""
    assert parse_identify(data) == code


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        pytest.param(
            {"token": "t", "session_id": "s", "seq": 7},
            Resume(token="t", session_id="s", sequence=7),
            id="whole",
        ),
        pytest.param(
            {"token": "t", "session_id": None, "seq": None},
            Resume(token="t", session_id="", sequence=0),
            id="null session",
        ),
        pytest.param({"token": "t", "session_id": "s", "seq": -1}, 4007, id="negative number"),
        pytest.param({"token": "t", "session_id": "s", "seq": "7"}, 4007, id="number as text"),
        pytest.param({"token": 1, "session_id": "s", "seq": 7}, 4002, id="token is a number"),
        pytest.param({"token": "t", "session_id": 5, "seq": 7}, 4002, id="session is a number"),
        pytest.param("resume", 4002, id="text"),
    ],
)
def test_a_resume_is_read_or_a_close_code(data: object, answer: Resume | int) -> None:
    """discord.py's null session is no error of the protocol."""
    assert parse_resume(data) == answer


@pytest.mark.parametrize(
    ("code", "by_client", "ends"),
    [
        pytest.param(1000, True, True, id="client leaves"),
        pytest.param(1001, True, True, id="client goes away"),
        pytest.param(4000, True, False, id="client comes back"),
        pytest.param(1006, True, False, id="no close frame"),
        pytest.param(None, False, False, id="dropped"),
        pytest.param(1000, False, False, id="Discord closes normally"),
        pytest.param(4000, False, False, id="unknown error"),
        pytest.param(4007, False, True, id="invalid seq"),
        pytest.param(4009, False, True, id="timed out"),
        pytest.param(4014, False, True, id="disallowed intents"),
        pytest.param(4999, False, False, id="no code of Discord's"),
    ],
)
def test_who_closes_with_what_decides_about_the_session(
    code: int | None, by_client: bool, ends: bool
) -> None:
    """A client ends its session with 1000 and 1001 alone."""
    assert ends_session(code, by_client=by_client) is ends


def test_every_documented_close_code_is_known() -> None:
    """4006 was never given out."""
    assert set(CLOSE_CODES) == {1000, 1001, *range(4000, 4015)} - {4006}


def test_privileged_intents_need_the_portal() -> None:
    """Others never do."""
    members, presences, content, guilds = 1 << 1, 1 << 8, 1 << 15, 1

    assert disallowed(guilds | members | content, frozenset({"members"})) == ("message_content",)
    assert disallowed(guilds, frozenset()) == ()
    assert disallowed(presences, frozenset({"presences"})) == ()


def test_application_flags_show_the_switches_of_the_portal() -> None:
    """The flags that `python -m bot check` can read without a gateway."""
    assert application_flags(frozenset()) == 0
    assert application_flags(frozenset({"message_content"})) == 1 << 19


def test_a_payload_has_all_four_fields() -> None:
    """op, d, s and t are always there."""
    assert payload(Op.DISPATCH, {}, event="X", sequence=1) == {"op": 0, "d": {}, "s": 1, "t": "X"}
    assert payload(Op.RECONNECT) == {"op": 7, "d": None, "s": None, "t": None}


def test_guilds_are_spread_over_shards_by_their_id() -> None:
    """(id >> 22) % count."""
    assert [shard_of(number << 22, 3) for number in range(4)] == [0, 1, 2, 0]
