"""Alerts as a Discord message within Discord's limits."""

from __future__ import annotations

from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.alerts import message
from watchdog.alerts.alert import Alert, AlertKind

AT = "2026-05-04T12:00:00.000Z"


def alert(**parts: Any) -> Alert:
    defaults = {"kind": "incident", "key": "k", "at": AT, "title": "Title", "text": "Text"}
    return Alert(**{**defaults, **parts})


def length(embeds: list[dict[str, Any]]) -> int:
    return sum(
        message.length(text)
        for embed in embeds
        for text in (embed["title"], embed["description"], embed["footer"]["text"])
    )


def test_an_alert_is_one_embed_that_mentions_nobody() -> None:
    """Title, text, time and colour are shown, and no mention in them has an effect."""
    found = message.payload([alert(text="@everyone")], [], source="here")

    assert found["allowed_mentions"] == {"parse": []}
    assert found["embeds"] == [
        {
            "title": "Title",
            "description": "@everyone",
            "color": message.COLOURS["incident"],
            "footer": {"text": "here"},
            "timestamp": "2026-05-04T12:00:00+00:00",
        }
    ]


@pytest.mark.parametrize(
    "at",
    [
        pytest.param("", id="empty"),
        pytest.param("yesterday", id="words"),
        pytest.param("2026-05-04T12:00:00", id="without_a_zone"),
    ],
)
def test_a_time_that_discord_would_refuse_is_left_out(at: str) -> None:
    """One bad time must not cost the whole message."""
    (embed,) = message.payload([alert(at=at)], [], source="here")["embeds"]

    assert "timestamp" not in embed


def test_what_was_held_back_is_summed_up() -> None:
    """The summary counts each kind."""
    held = [alert(), alert(), alert(kind="recovery")]

    embeds = message.payload([alert()], held, source="here")["embeds"]

    assert embeds[1]["title"] == "3 more alerts were held back"
    assert embeds[1]["description"].splitlines()[:2] == ["2 incidents", "1 recovery"]


def test_a_short_text_leaves_its_room_to_a_long_one() -> None:
    """Texts are cut only when all together are too long, the longest first."""
    short, long = alert(text="short"), alert(text="x" * 9000)

    embeds = message.payload([short, long, long], [], source="here")["embeds"]

    assert embeds[0]["description"] == "short"
    assert length(embeds) == message.MAX_EMBEDS_TEXT


def test_an_empty_title_gets_the_name_of_its_kind() -> None:
    """Discord refuses an embed with nothing in it."""
    (embed,) = message.payload([alert(title=" ", text="")], [], source="here")["embeds"]

    assert embed["title"] == "Incident"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        pytest.param("abc", 3, "abc", id="fits"),
        pytest.param("abcd", 3, "ab…", id="cut"),
        pytest.param("\U0001f600\U0001f600", 3, "\U0001f600…", id="pairs_count_twice"),
        pytest.param("\U0001f600", 1, "…", id="no_half_pair"),
        pytest.param("abc", 0, "", id="no_room"),
    ],
)
def test_texts_are_cut_by_the_units_discord_may_count(text: str, limit: int, expected: str) -> None:
    """A character outside the basic plane counts as two, and is never split."""
    assert message.cut(text, limit) == expected


alerts = st.builds(
    Alert,
    kind=st.sampled_from(get_args(AlertKind)),
    key=st.just("k"),
    at=st.text(max_size=30),
    title=st.text(max_size=400),
    text=st.text(max_size=50).map(lambda part: part * 120),
)


@given(full=st.lists(alerts, max_size=9), summed=st.lists(alerts, max_size=20), source=st.text())
def test_every_message_keeps_discords_limits(
    full: list[Alert], summed: list[Alert], source: str
) -> None:
    """Whatever alerts hold, the message is one that Discord takes."""
    embeds = message.payload(full, summed, source=source)["embeds"]

    assert len(embeds) == len(full) + bool(summed)
    assert length(embeds) <= message.MAX_EMBEDS_TEXT
    for embed in embeds:
        assert 1 <= message.length(embed["title"]) <= message.MAX_TITLE
        assert message.length(embed["description"]) <= message.MAX_DESCRIPTION
    assert orjson.dumps(embeds)
