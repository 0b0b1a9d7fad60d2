"""The heartbeat as bytes: what is believed, and what is refused without harm."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.heartbeat import decoder
from watchdog.heartbeat.schema import (
    MAX_BYTES,
    MAX_MESSAGE,
    MAX_PROBLEM,
    MAX_STACK,
    Failure,
    Heartbeat,
    HeartbeatError,
    Loop,
    Shard,
    Storage,
    TaskName,
    Tasks,
    decode,
    encode,
)

BEAT = Heartbeat(
    boot_id="boot",
    pid=4242,
    process_started=12.5,
    instance="instance",
    sequence=17,
    written_at="2026-01-01T00:00:00.000Z",
    monotonic_s=98765.4,
    interval_s=1.0,
    state="ready",
)


def document(**changes: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(encode(BEAT))
    return {**decoded, **changes}


def raw(**changes: Any) -> bytes:
    return json.dumps(document(**changes)).encode()


# Numbers and texts that JSON can carry unchanged: finite, 64 bits, no lone surrogates.
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
TASK_NAMES = st.builds(
    TaskName,
    active=COUNTS,
    created=COUNTS,
    completed=COUNTS,
    failed=COUNTS,
    cancelled=COUNTS,
    p50_ms=st.none() | NUMBERS,
    p99_ms=st.none() | NUMBERS,
    oldest_s=st.none() | NUMBERS,
)
BEATS = st.builds(
    dataclasses.replace,
    st.just(BEAT),
    pid=COUNTS,
    process_started=NUMBERS,
    boot_id=TEXTS,
    sequence=COUNTS,
    monotonic_s=NUMBERS,
    state=st.sampled_from(["starting", "ready", "failed"]),
    role=st.sampled_from(["leader", "spare"]),
    loop=st.builds(Loop, pulse=COUNTS, pulse_age_s=NUMBERS, stack=st.none() | TEXTS),
    gateway=st.builds(
        lambda shards, latency: dataclasses.replace(
            BEAT.gateway, shards=tuple(shards), latency_ms=latency
        ),
        st.lists(st.builds(Shard, id=COUNTS, connected=st.booleans()), max_size=4),
        st.none() | NUMBERS,
    ),
    tasks=st.builds(Tasks, active=COUNTS, by_name=st.dictionaries(TEXTS, TASK_NAMES, max_size=8)),
    storage=st.builds(
        Storage,
        kind=TEXTS,
        state=TEXTS,
        state_age_s=NUMBERS,
        retried=COUNTS,
        failed=COUNTS,
        problem=st.none() | TEXTS,
        backup_problem=st.none() | TEXTS,
    ),
    stages_s=st.dictionaries(TEXTS, NUMBERS, max_size=4),
    failure=st.none() | st.builds(Failure, kind=TEXTS, message=TEXTS, permanent=st.booleans()),
)


@given(BEATS)
def test_what_was_encoded_is_decoded_as_it_was(beat: Heartbeat) -> None:
    """A beat survives the way over the disk unchanged."""
    decoded = decode(encode(beat))

    assert decoded == beat


@given(st.binary(max_size=300))
def test_any_bytes_are_a_beat_or_refused(junk: bytes) -> None:
    """Nothing but HeartbeatError leaves the decoder."""
    with pytest.raises(HeartbeatError):
        decode(junk)


JSON = st.recursive(
    st.none() | st.booleans() | COUNTS | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(document())), JSON)
def test_any_json_in_any_place_is_believed_or_refused(key: str, value: Any) -> None:
    """One field of a good beat holds what it likes."""
    try:
        beat = decode(raw(**{key: value}))
    except HeartbeatError:
        return

    assert isinstance(beat, Heartbeat)
    assert decode(encode(beat)) == beat


@given(st.data())
def test_a_beat_that_was_cut_anywhere_is_refused(data: st.DataObject) -> None:
    """A torn write can't look like a whole one."""
    whole = encode(BEAT)
    end = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(HeartbeatError):
        decode(whole[:end])


REFUSED = [
    pytest.param(b"", id="empty"),
    pytest.param(b"\x00" * 512, id="zeros of a disk that lost power"),
    pytest.param(b"not json", id="garbage"),
    pytest.param(b"\xff\xfe{}", id="not UTF-8"),
    pytest.param(b"null", id="null"),
    pytest.param(b"[]", id="a list"),
    pytest.param(b"17", id="a number"),
    pytest.param(b"{}", id="no schema"),
    pytest.param(b'{"schema":1}', id="nothing but a schema"),
    pytest.param(b"[" * 100_000, id="100,000 levels deep, too long as well"),
    pytest.param(b"[" * 60_000, id="60,000 levels deep"),
    pytest.param(b"[" * 20_000 + b"]" * 20_000, id="20,000 levels deep and closed"),
    pytest.param(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, id="10,000 objects deep"),
    pytest.param(b" " * (MAX_BYTES + 1), id="longer than allowed"),
    pytest.param(encode(BEAT) * 2, id="two beats"),
    pytest.param(raw(schema=2), id="another schema"),
    pytest.param(raw(schema=True), id="a schema of true, which equals 1"),
    pytest.param(raw(schema=1.0), id="a schema of 1.0"),
    pytest.param(raw(schema="1"), id="a schema of text"),
    pytest.param(raw(pid="4242"), id="pid as text"),
    pytest.param(raw(pid=True), id="pid as true"),
    pytest.param(raw(pid=4242.5), id="pid with a fraction"),
    pytest.param(raw(pid=2**80), id="pid of 80 bits"),
    pytest.param(raw(pid=None), id="pid of null"),
    pytest.param(raw(state="dancing"), id="unknown state"),
    pytest.param(raw(state=["ready"]), id="state as a list"),
    pytest.param(raw(role="king"), id="unknown role"),
    pytest.param(raw(loop=[]), id="loop as a list"),
    pytest.param(raw(loop={"pulse": "7"}), id="wrong type within a part"),
    pytest.param(raw(tasks={"by_name": {"a": 1}}), id="wrong type within a name"),
    pytest.param(raw(tasks={"by_name": {str(n): {} for n in range(2000)}}), id="2000 names"),
    pytest.param(raw(gateway={"shards": {}}), id="shards as an object"),
    pytest.param(raw(failure={}), id="a failure without a kind"),
    pytest.param(raw(stages_s={"login": None}), id="a stage of null"),
    pytest.param(raw(instance="x" * 20_000), id="a text of 20,000 characters"),
    pytest.param(raw(monotonic_s=float("nan")), id="NaN"),
    pytest.param(raw(monotonic_s=float("inf")), id="Infinity"),
    pytest.param(raw(unknown=[[[[[[[[[]]]]]]]]]), id="too deep in a key nobody knows"),
    pytest.param(encode(BEAT).replace(b"98765.4", b"1e999"), id="a number past all doubles"),
    pytest.param(encode(BEAT).replace(b'"boot"', b'"\\ud800"'), id="half of a surrogate pair"),
]


@pytest.mark.parametrize("junk", REFUSED)
def test_what_can_not_be_believed_is_refused(junk: bytes) -> None:
    """One error, one short reason, nothing of the content."""
    with pytest.raises(HeartbeatError) as refused:
        decode(junk)

    assert 0 < len(refused.value.reason) < 80


@pytest.mark.parametrize("key", sorted(document()))
def test_only_what_identifies_a_beat_is_required(key: str) -> None:
    """A part may be missing; who wrote when may not."""
    partial = document()
    del partial[key]
    required = {f.name for f in dataclasses.fields(Heartbeat) if f.default is f.default_factory}

    if key in required | {"schema"}:
        with pytest.raises(HeartbeatError):
            decode(json.dumps(partial).encode())
    else:
        assert decode(json.dumps(partial).encode()) == BEAT


def test_unknown_keys_are_ignored() -> None:
    """A newer bot may say more than this watchdog knows."""
    beat = decode(raw(future={"a": [1, 2]}, loop={"pulse": 3, "new": True}))

    assert beat.loop == Loop(pulse=3)


def test_whole_numbers_stand_for_fractions() -> None:
    """JSON writers drop `.0`; types are exact otherwise."""
    beat = decode(raw(monotonic_s=98765))

    assert beat.monotonic_s == 98765.0
    assert isinstance(beat.monotonic_s, float)


@pytest.mark.parametrize(
    "character",
    [
        pytest.param("x", id="plain"),
        pytest.param("\u4e2d", id="three bytes"),
        pytest.param("\U0001f40d", id="four bytes"),
        pytest.param("\x01", id="escaped to six bytes"),
        pytest.param('"', id="escaped to two bytes"),
    ],
)
def test_the_longest_beat_there_can_be_is_still_believed(character: str) -> None:
    """Stack, message and names are cut so that a blocked bot with a long stack still beats."""
    beat = dataclasses.replace(
        BEAT,
        loop=Loop(stack="outer" + character * 100_000),
        failure=Failure(kind="k", message=character * 50_000),
        storage=Storage(problem=character * 9_000, backup_problem=character * 9_000),
        tasks=Tasks(active=3, by_name={f"{character * 60}{n}": TaskName() for n in range(500)}),
    )

    encoded = encode(beat)
    decoded = decode(encoded)

    assert len(encoded) <= MAX_BYTES
    assert decoded.loop.stack == character * MAX_STACK
    assert decoded.failure == Failure(kind="k", message=character * MAX_MESSAGE)
    cut = character * MAX_PROBLEM
    assert decoded.storage == Storage(problem=cut, backup_problem=cut)
    assert (decoded.tasks.active, decoded.tasks.by_name) == (3, {})


def test_what_grows_elsewhere_is_an_error_and_not_a_torn_beat() -> None:
    """The writer counts it and falls back to a bare beat."""
    beat = dataclasses.replace(BEAT, stages_s={f"stage {n}": 1.0 for n in range(10_000)})

    with pytest.raises(HeartbeatError):
        encode(beat)


def test_bounds_hold_at_their_edges() -> None:
    """The limits are the last values that pass."""
    decoder.check_bounds("x" * decoder.MAX_TEXT)
    decoder.check_bounds([0] * decoder.MAX_ENTRIES)

    with pytest.raises(HeartbeatError):
        decoder.check_bounds([0] * (decoder.MAX_ENTRIES + 1))
    with pytest.raises(HeartbeatError):
        decoder.check_bounds("x" * (decoder.MAX_TEXT + 1))
