"""What an earlier process left in its journals; the files are not trusted, and never raise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bot.gateway.identify_gate import usable
from bot.gateway.journal import files
from bot.gateway.journal.fingerprint import SCHEMA
from bot.gateway.journal.state_events import READY
from bot.gateway.journal.tables import are_ours
from bot.gateway.session import Marks, Session

if TYPE_CHECKING:
    import sqlite3

N = TypeVar("N", int, float)

MAX_EVENTS = 20_000_000  # more than any setting allows
MAX_UNFINISHED = 1_000_000
MAX_TEXT = 4096
BUSY_TIMEOUT_S = 1.0
_COLUMNS = (
    "fingerprint",
    "session_id",
    "address",
    "shard_id",
    "shard_count",
    "received",
    "received_at_s",
    "compacted",
    "events",
    "clean",
    "unusable",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateEvent:
    """An event that changed the cache; *raw* is the JSON of the whole payload."""

    sequence: int
    name: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What continues one shard's session.

    Attributes:
        session: To resume with: its sequence is `marks.resume_from`.
        events: Up to that sequence, in their order: what the cache is restored from.
        last_messages: Channel id → message id.
        since: Sequence that the events come after, 0 when they begin with READY.
    """

    session: Session
    marks: Marks
    events: tuple[StateEvent, ...] = field(repr=False)
    last_messages: Mapping[int, int] = field(repr=False)
    since: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """Why a session can't be continued; *received_at_s* is the Unix time of its last event."""

    reason: str
    received_at_s: float | None = None


class _BrokenError(Exception):
    """The file holds what no journal holds."""


def load(folder: Path, fingerprint: str) -> dict[int, Saved | Unusable]:
    """Answer what every journal file in *folder* holds, by shard id. Blocks: call it in a thread.

    Reasons are ``missing``, ``broken``, ``schema``, ``fingerprint``, ``no_session``, or the word
    with which the journal was given up.
    """
    return {
        shard_id: read(path, shard_id, fingerprint) for shard_id, path in files.journals(folder)
    }


def read(
    path: Path, shard_id: int, fingerprint: str, *, known: tuple[str, int] | None = None
) -> Saved | Unusable:
    """Answer what one journal holds.

    Args:
        known: Session id, and the sequence up to which its events are known already.
    """
    import sqlite3

    try:
        files.check(path)
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
        )
        try:
            connection.execute("BEGIN")  # all that follows sees one state of the file
            return _read(connection, shard_id, fingerprint, known)
        finally:
            connection.close()
    except FileNotFoundError:
        return Unusable(reason="missing")
    except (sqlite3.Error, OSError, OverflowError, UnicodeDecodeError, _BrokenError):
        return Unusable(reason="broken")  # sqlite3 itself raises the third and fourth now and then


def _read(
    connection: sqlite3.Connection, shard_id: int, fingerprint: str, known: tuple[str, int] | None
) -> Saved | Unusable:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA:
        return Unusable(reason="schema")
    if not are_ours(connection):
        raise _BrokenError
    query = f"SELECT {', '.join(_COLUMNS)} FROM session"  # noqa: S608 - names of our own table
    values = connection.execute(query).fetchone()
    if values is None:
        return Unusable(reason="no_session")
    row = dict(zip(_COLUMNS, values, strict=True))
    at_s, since = _number(row["received_at_s"], float, 1e12), 0
    reason = _reason_against(row, fingerprint)
    if reason is None and known is not None:
        since = known[1]
        if row["session_id"] != known[0] or _number(row["compacted"], int) > since:
            reason = "starts_over"
    if reason is not None:
        return Unusable(reason=reason, received_at_s=at_s)
    marks = Marks(
        received=_number(row["received"], int),
        received_at_s=at_s,
        unfinished=_pairs(connection, "SELECT sequence, attempts FROM inbox", MAX_UNFINISHED),
        clean=bool(_number(row["clean"], int)),
    )
    events = _events(connection, _number(row["events"], int), since, marks.resume_from)
    if not since and not events:  # READY itself is not finished
        return Unusable(reason="no_session", received_at_s=at_s)
    return Saved(
        session=_session(row, shard_id, marks.resume_from),
        marks=marks,
        events=events,
        last_messages=_last_messages(connection, since),
        since=since,
    )


def _reason_against(row: Mapping[str, object], fingerprint: str) -> str | None:
    if row["fingerprint"] != fingerprint:
        return "fingerprint"
    if row["unusable"] is not None:
        return _text(row["unusable"])
    return "no_session" if row["session_id"] is None else None


def _session(row: Mapping[str, object], shard_id: int, sequence: int) -> Session:
    if _number(row["shard_id"], int) != shard_id:
        raise _BrokenError
    # Whether the token may be sent there is asked when it is (`endpoint.trusted`).
    address = None if row["address"] is None else _text(row["address"])
    count = row["shard_count"]
    return Session(
        session_id=_text(row["session_id"]),
        sequence=sequence,
        address=address if usable(address) else None,
        shard_id=shard_id,
        shard_count=None if count is None else _number(count, int),
    )


def _last_messages(connection: sqlite3.Connection, since: int) -> dict[int, int]:
    query = f"SELECT channel, message FROM last_messages WHERE sequence > {since:d}"  # noqa: S608 - a number
    return _pairs(connection, query, MAX_EVENTS)


def _events(
    connection: sqlite3.Connection, stored: int, since: int, up_to: int
) -> tuple[StateEvent, ...]:
    (found,) = connection.execute("SELECT count(*) FROM events").fetchone()
    if found != stored or found > MAX_EVENTS:
        raise _BrokenError
    events = list[StateEvent]()
    query = (
        "SELECT sequence, name, raw, checksum FROM events WHERE sequence > ? AND sequence <= ?"
        " ORDER BY sequence, part"
    )
    for row in connection.execute(query, (since, up_to)):
        sequence, name, raw = _number(row[0], int), _text(row[1]), row[2]
        if type(raw) is not bytes or files.checksum(sequence, name, raw) != row[3]:
            raise _BrokenError
        events.append(StateEvent(sequence=sequence, name=name, raw=raw))
    if not since and events and events[0].name != READY:
        raise _BrokenError
    return tuple(events)


def _pairs(connection: sqlite3.Connection, query: str, most: int) -> dict[int, int]:
    pairs = dict[int, int]()
    for key, value in connection.execute(query):
        pairs[_number(key, int)] = _number(value, int)
        if len(pairs) > most:
            raise _BrokenError
    return pairs


def _number(value: object, kind: type[N], most: float = 1 << 63) -> N:
    if type(value) is not kind or not 0 <= value <= most:
        raise _BrokenError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        raise _BrokenError
    return value
