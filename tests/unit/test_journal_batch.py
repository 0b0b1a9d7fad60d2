"""What becomes of notes before they are written, and which events are noted at all."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from discord.state import ConnectionState

from bot.gateway.journal.batch import Batch, Begun, Came, Finished, Note, Refused, SessionIs, fold
from bot.gateway.journal.fingerprint import fingerprint
from bot.gateway.journal.reading import Saved, Unusable
from bot.gateway.journal.state_events import STATE_EVENTS, guild_of, message_of
from bot.gateway.session import Marks, Session

SESSION = Session(session_id="secret", sequence=1, address="wss://secret.example")


def test_an_event_that_began_and_finished_meanwhile_is_no_unfinished_one() -> None:
    """The inbox is not touched by what one batch sees begin and end."""
    batch = fold([Came(0, 5, "MESSAGE_CREATE"), Begun(0, 5, 1), Finished(0, 5)], received=4)

    assert (batch.received, batch.begun, batch.finished) == (5, {}, {5})


def test_the_newest_note_on_an_event_counts() -> None:
    """An event that is begun again after it was finished is unfinished."""
    batch = fold([Begun(0, 5, 1), Finished(0, 5), Begun(0, 5, 2)], received=5)

    assert (batch.begun, batch.finished) == ({5: 2}, set())


def test_replayed_events_are_not_stored_twice() -> None:
    """What was received before is on disk."""
    notes = [Came(0, 4, "CHANNEL_CREATE", "{}", 9), Came(0, 5, "CHANNEL_CREATE", "{}", 9)]

    batch = fold(notes, received=4)

    assert ([each.sequence for each in batch.events], batch.received) == ([5], 5)


def test_ready_makes_void_what_came_before() -> None:
    """A new session numbers its events anew."""
    old: list[Note] = [Came(0, 90, "CHANNEL_CREATE", "{}", 9), Begun(0, 90, 1), SessionIs(0, None)]
    new: list[Note] = [Came(0, 1, "READY", "{}"), SessionIs(0, SESSION)]

    batch = fold([*old, *new], received=89)

    assert (batch.begins_anew, batch.received, batch.session) == (True, 1, SESSION)
    assert (len(batch.events), batch.begun, batch.is_over) == (1, {}, False)


def test_of_messages_the_newest_of_each_channel_is_kept() -> None:
    """A busy channel is one row."""
    notes = [Came(0, number, "MESSAGE_CREATE", message=(7, 100 + number)) for number in (1, 2, 3)]

    assert fold(notes, received=0).last_messages == {7: 103}


def test_an_event_that_could_not_be_parsed_is_taken_out_again() -> None:
    """The cache is without it."""
    batch = fold([Came(0, 5, "CHANNEL_CREATE", "{}", 9), Refused(0, 5)], received=4)

    assert batch.refused == {5}


def test_nothing_to_write_is_an_empty_batch() -> None:
    """No note, no change."""
    assert fold([], received=7) == Batch()


@pytest.mark.parametrize(
    ("name", "data", "guild_id"),
    [
        pytest.param("CHANNEL_CREATE", {"guild_id": "5", "id": "9"}, 5, id="names its guild"),
        pytest.param("GUILD_DELETE", {"id": "5"}, 5, id="is a guild"),
        pytest.param("READY", {"user": {}}, 0, id="has none"),
        pytest.param("CHANNEL_CREATE", {"guild_id": None}, 0, id="null"),
        pytest.param("CHANNEL_CREATE", {"guild_id": "five"}, 0, id="no number"),
        pytest.param("CHANNEL_CREATE", [], 0, id="not an object"),
    ],
)
def test_an_event_belongs_to_a_guild(name: str, data: Any, guild_id: int) -> None:
    """By the id in it; malformed ones belong to none."""
    assert guild_of(name, data) == guild_id


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param({"guild_id": "1", "channel_id": "2", "id": "3"}, (2, 3), id="in a guild"),
        pytest.param({"channel_id": "2", "id": "3"}, None, id="a DM"),
        pytest.param({"guild_id": "1", "channel_id": "2"}, None, id="without an id"),
        pytest.param(None, None, id="null"),
    ],
)
def test_a_message_is_kept_as_two_ids(data: Any, message: tuple[int, int] | None) -> None:
    """Nothing of what people write."""
    assert message_of(data) == message


def test_every_event_that_is_stored_has_a_parser() -> None:
    """A name that discord.py does not know would be stored for nothing."""
    parsers = {name[6:].upper() for name in dir(ConnectionState) if name.startswith("parse_")}

    assert parsers >= STATE_EVENTS


def test_a_new_version_of_discord_py_has_to_be_read_again() -> None:
    """`STATE_EVENTS` and `merging` are made for the parsers of this version."""
    assert discord.__version__ == "2.7.1"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"token": "other"}, id="token"),
        pytest.param({"intents": 2}, id="intents"),
        pytest.param({"api_url": "http://127.0.0.1/api"}, id="where Discord is"),
    ],
)
def test_another_configuration_has_another_fingerprint(change: dict[str, Any]) -> None:
    """Its journal is not used."""
    given: dict[str, Any] = {"token": "abc.def", "intents": 1, "api_url": "https://discord.com/api"}

    assert fingerprint(**given) == fingerprint(**given)
    assert fingerprint(**given) != fingerprint(**given | change)
    assert "abc" not in fingerprint(**given)


def test_nothing_secret_is_shown() -> None:
    """A session can be taken over by whoever knows its id."""
    marks = Marks(received=1, received_at_s=0.0)
    saved = Saved(session=SESSION, marks=marks, events=(), last_messages={})
    shown = repr([saved, SessionIs(0, SESSION), Unusable(reason="broken")])

    assert "session_id" not in shown
