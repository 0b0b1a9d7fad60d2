"""The gateway's other decisions: waits, logins, ACKs, guilds, addresses, failures."""

from __future__ import annotations

import errno
import socket
import zlib
from typing import Any, cast

import aiohttp
import discord
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.gateway import backoff, endpoint, failures, identify_budget
from bot.gateway.acks import Acks
from bot.gateway.event import interaction_of
from bot.gateway.failures import LongRateLimitError, UnavailableError, signal_of
from bot.gateway.identify_budget import Limits, free_at_s
from bot.gateway.identify_gate import read_info, usable
from bot.gateway.inflate import MessageTooLongError, StreamBrokenError, ZlibInflater
from bot.gateway.quarantine import MAX_RAW, Quarantined
from bot.gateway.readiness import GuildsAwaited
from bot.gateway.signals import Closed, Limited, NetworkFailed, Unauthorized

DAY_S = 24 * 3600.0
NOW_S = 1_700_000_000.0
draws = st.floats(0, 1, exclude_max=True)


# ------------------------------------------------------------------- backoff


@given(attempt=st.integers(1, 1000), draw=draws)
def test_a_wait_is_one_to_sixty_seconds(attempt: int, draw: float) -> None:
    """From the first failure on, whatever is drawn."""
    assert 1.0 <= backoff.delay_s(attempt, draw=draw) <= 60.0


@given(draw=draws)
def test_the_first_reconnect_is_prompt(draw: float) -> None:
    """A RESUME after op 7 must not be late."""
    assert 0.0 <= backoff.delay_s(0, draw=draw) <= 0.5


def test_waits_grow_and_differ() -> None:
    """Twice as long each time, half of it drawn."""
    longest = [backoff.delay_s(attempt, draw=0.0) for attempt in range(1, 9)]

    assert longest == [2, 4, 8, 16, 32, 60, 60, 60]
    assert backoff.delay_s(4, draw=0.999999) == pytest.approx(8, abs=0.01)


@pytest.mark.parametrize(("attempt", "draw"), [(1, 1.0), (1, -0.1), (-1, 0.5)])
def test_a_wait_needs_a_valid_draw(attempt: int, draw: float) -> None:
    """A wrong draw is a fault of the caller, not a strange wait."""
    with pytest.raises(ValueError, match="must be"):
        backoff.delay_s(attempt, draw=draw)


# -------------------------------------------------------------------- budget


@pytest.mark.parametrize(
    ("ages_s", "free_in_s"),
    [
        pytest.param([], None, id="none"),
        pytest.param([1.0, 2.0], None, id="two of three"),
        pytest.param([1.0, 2.0, 3.0], 597.0, id="spent in ten minutes"),
        pytest.param([1.0, 2.0, 601.0], None, id="one is too old"),
        pytest.param([700.0 * k for k in range(1, 6)], DAY_S - 3500, id="spent in a day"),
        pytest.param([1.0, 2.0, 3.0, 900.0, 901.0], DAY_S - 901, id="both: the later one"),
        pytest.param([-50.0, -60.0, -70.0], 600.0, id="in the future counts as now"),
    ],
)
def test_logins_are_rationed(ages_s: list[float], free_in_s: float | None) -> None:
    """At most three in ten minutes and five in a day, here."""
    history = [NOW_S - age_s for age_s in ages_s]
    free = free_at_s(Limits(max_10_min=3, max_24_h=5), history, now_s=NOW_S)

    assert free == (None if free_in_s is None else pytest.approx(NOW_S + free_in_s))


@given(waits=st.lists(st.floats(0, 7200), min_size=30, max_size=120))
def test_no_pace_gets_around_the_budget(waits: list[float]) -> None:
    """However logins are asked for, no window ever holds more than allowed."""
    limits, now_s = Limits(max_10_min=4, max_24_h=11), NOW_S
    history: list[float] = []
    for wait_s in waits:
        now_s += wait_s
        free = free_at_s(limits, history, now_s=now_s)
        if free is not None:
            assert free > now_s
            now_s = free
        history.append(now_s)

    for window_s, most in ((600.0, 4), (DAY_S, 11)):
        counts = [sum(0 <= at_s - each < window_s for each in history) for at_s in history]
        assert max(counts) <= most


def test_a_budget_survives_the_disk() -> None:
    """What is written is read back; what is older than a day is not."""
    history = (NOW_S - DAY_S - 1, NOW_S - 700, NOW_S - 1)
    raw = identify_budget.encode(history)

    assert identify_budget.decode(raw, limits=Limits(), now_s=NOW_S) == history[1:]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x00\xff", id="garbage"),
        pytest.param(b'{"schema": 1, "identified_at_s": [1', id="truncated"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"schema": 2, "identified_at_s": []}', id="another schema"),
        pytest.param(b'{"schema": 1, "identified_at_s": ["x"]}', id="texts"),
        pytest.param(b'{"schema": 1, "identified_at_s": [true]}', id="booleans"),
        pytest.param(b'{"schema": 1}', id="nothing in it"),
        pytest.param(orjson.dumps({"schema": 1, "identified_at_s": [NOW_S] * 1001}), id="too many"),
    ],
)
def test_a_broken_budget_leaves_one_login(raw: bytes) -> None:
    """The bot starts, but a file that breaks each time is no way around the budget."""
    limits = Limits(max_10_min=5)
    history = identify_budget.decode(raw, limits=limits, now_s=NOW_S)

    assert free_at_s(limits, history, now_s=NOW_S) is None
    assert free_at_s(limits, (*history, NOW_S), now_s=NOW_S) == NOW_S + 600


# ---------------------------------------------------------------------- acks


def test_two_missed_acks_lose_the_connection() -> None:
    """One may be late; before the third heartbeat the connection is given up."""
    acks, lost = Acks(now_s=0.0), []
    for at_s in (0.0, 41.0):
        acks.sent(now_s=at_s)
        lost.append(acks.lost)

    assert lost == [False, True]


def test_an_ack_clears_what_was_missed() -> None:
    """And measures the way there and back."""
    acks = Acks(now_s=0.0)
    acks.sent(now_s=0.0)
    acks.sent(now_s=41.0)
    acks.acknowledged(now_s=41.25)

    assert (acks.lost, acks.missed, acks.latency_s) == (False, 0, 0.25)


# ----------------------------------------------------------------- readiness


def test_ready_is_the_last_of_the_named_guilds() -> None:
    """Guilds that nobody named neither help nor hinder."""
    awaited, seen = GuildsAwaited(), []
    awaited.named(0, [1, 2])
    for guild_id in (3, 1, 1, 2):
        seen.append(awaited.complete)
        awaited.settled(0, guild_id)

    assert (seen, awaited.complete) == ([False] * 4, True)


def test_a_shard_waits_for_the_guilds_of_shards_that_are_ready() -> None:
    """One that is not ready yet says itself, by its READY, that it awaits some."""
    awaited = GuildsAwaited()
    awaited.named(0, [])
    first = awaited.complete
    awaited.named(1, [7])
    second = awaited.complete
    awaited.settled(1, 7)

    assert (first, second, awaited.complete) == (True, False, True)


def test_a_second_ready_starts_anew() -> None:
    """After a new IDENTIFY all guilds come again."""
    awaited = GuildsAwaited()
    awaited.named(0, [1])
    awaited.settled(0, 1)
    awaited.named(0, [1])

    assert not awaited.complete


# ------------------------------------------------------------------- inflate


def packed(*texts: str) -> list[bytes]:
    """Answer *texts* as frames of one zlib stream."""
    deflater = zlib.compressobj()
    return [deflater.compress(text.encode()) + deflater.flush(zlib.Z_SYNC_FLUSH) for text in texts]


def packed_bytes(raw: bytes) -> bytes:
    """Answer *raw* as the only frame of a zlib stream."""
    deflater = zlib.compressobj()
    return deflater.compress(raw) + deflater.flush(zlib.Z_SYNC_FLUSH)


def test_messages_come_whole_from_any_number_of_frames() -> None:
    """A frame that does not end a message answers nothing."""
    first, second = packed('{"a": 1}', "ü" * 1000)
    inflater = ZlibInflater()

    assert inflater.decompress(first) == '{"a": 1}'
    assert inflater.decompress(second[:10]) is None
    assert inflater.decompress(second[10:]) == "ü" * 1000


def test_a_message_that_is_too_long_is_skipped_and_the_stream_goes_on() -> None:
    """Its head is kept, its rest never held in memory."""
    bomb, after = packed("x" * 50_000, "after")
    inflater = ZlibInflater(max_bytes=1000)

    with pytest.raises(MessageTooLongError) as caught:
        inflater.decompress(bomb)
    assert len(caught.value.head) <= 4096
    assert inflater.decompress(after) == "after"


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"nonsense\x00\x00\xff\xff", id="no zlib"),
        pytest.param(b"x" * 5000, id="endless"),
        pytest.param(b"\x78\x9c\xff\x00\x00\xff\xff", id="broken within"),
        pytest.param(packed_bytes(b"\xff\xfe"), id="no UTF-8"),
    ],
)
def test_a_stream_that_is_broken_says_so(frame: bytes) -> None:
    """Nothing after it can be read."""
    inflater = ZlibInflater(max_bytes=1000)

    with pytest.raises(StreamBrokenError):
        inflater.decompress(frame)


# ------------------------------------------------------------------ failures


class Answer:
    """As much of an HTTP response as discord.py's errors look at."""

    reason = ""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        self.status, self.headers = status, headers


def refused(status: int, **headers: str) -> discord.HTTPException:
    """Answer discord.py's error for *status*."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return discord.HTTPException(cast(Any, Answer(status, names)), "")


@pytest.mark.parametrize(
    ("error", "signal"),
    [
        pytest.param(refused(401), Unauthorized(), id="401"),
        pytest.param(refused(500), NetworkFailed(reason="http_500"), id="500"),
        pytest.param(refused(403), NetworkFailed(reason="http_403"), id="403"),
        pytest.param(
            refused(429, Retry_After="3600", Via="1.1"), Limited(retry_after_s=3600), id="429"
        ),
        pytest.param(
            refused(429, Retry_After="3600"),
            Limited(retry_after_s=3600, reason="cloudflare_ban"),
            id="ban",
        ),
        pytest.param(
            refused(429, Retry_After="soon"),
            Limited(retry_after_s=failures.BAN_WAIT_S, reason="cloudflare_ban"),
            id="ban without a time",
        ),
        pytest.param(
            refused(429, Retry_After="1e9", Via="x"),
            Limited(retry_after_s=DAY_S),
            id="no longer than a day",
        ),
        pytest.param(LongRateLimitError(9.0), Limited(retry_after_s=9.0), id="long limit"),
        pytest.param(UnavailableError(502), NetworkFailed(reason="http_502"), id="outage"),
        pytest.param(discord.RateLimited(7.0), Limited(retry_after_s=7.0), id="client's own limit"),
        pytest.param(
            ConnectionRefusedError(errno.ECONNREFUSED, ""),
            NetworkFailed(reason="refused"),
            id="refused",
        ),
        pytest.param(OSError(errno.ECONNRESET, ""), NetworkFailed(reason="reset"), id="reset"),
        pytest.param(
            aiohttp.ServerDisconnectedError(), NetworkFailed(reason="reset"), id="hung up"
        ),
        pytest.param(socket.gaierror(-2, ""), NetworkFailed(reason="dns"), id="no name"),
        pytest.param(TimeoutError(), NetworkFailed(reason="timeout"), id="timeout"),
        pytest.param(
            OSError(errno.EHOSTUNREACH, ""), NetworkFailed(reason="ehostunreach"), id="no route"
        ),
        pytest.param(aiohttp.ClientError(), NetworkFailed(reason="network"), id="other"),
    ],
)
def test_failures_are_told_apart(error: Exception, signal: object) -> None:
    """Waiting helps against some, the operator against others."""
    assert isinstance(error, failures.RECOVERABLE)
    assert signal_of(error) == signal


def test_a_close_that_discord_py_noticed_keeps_its_code() -> None:
    """Its own send may find out first."""
    error = discord.ConnectionClosed(cast(Any, None), shard_id=0, code=4004)

    assert signal_of(error) == Closed(code=4004)


# ------------------------------------------------------------------ addresses


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("wss://gateway.discord.gg", True),
        ("ws://127.0.0.1:1/gateway", True),
        ("https://discord.com", False),
        ("wss://", False),
        ("", False),
        (None, False),
        ("wss://[bad", False),
    ],
)
def test_only_addresses_of_a_gateway_are_used(address: object, fits: bool) -> None:
    """A nonsense `resume_gateway_url` is as none."""
    assert usable(address) is fits


def info(**changes: object) -> dict[str, Any]:
    """Answer what Discord answers to GET /gateway/bot."""
    limit = {"total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1}
    answer: dict[str, Any] = {"url": "wss://gateway.discord.gg", "shards": 1}
    return answer | {"session_start_limit": limit} | changes


def test_the_gateway_tells_its_limits() -> None:
    """Milliseconds become seconds."""
    found = read_info(info())

    assert found is not None
    assert (found.remaining, found.reset_after_s, found.max_concurrency) == (999, 14_400.0, 1)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("<html>", id="a page"),
        pytest.param(None, id="nothing"),
        pytest.param({}, id="empty"),
        pytest.param(info(url="https://x"), id="no WebSocket"),
        pytest.param(info(shards=0), id="no shards"),
        pytest.param(info(session_start_limit=None), id="no limit"),
        pytest.param(info(session_start_limit={"remaining": "x"}), id="no number"),
    ],
)
def test_an_answer_that_is_not_discords_is_not_believed(answer: object) -> None:
    """A proxy may answer 200 with a page of its own."""
    assert read_info(answer) is None


def test_an_api_address_must_end_with_its_version() -> None:
    """discord.py appends paths to it."""
    with pytest.raises(SettingsError, match="/api/v10"):
        endpoint.use("http://127.0.0.1:1234")


# -------------------------------------------------------------------- events


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        pytest.param("INTERACTION_CREATE", {"id": "5", "type": 2, "token": "t"}, 5, id="command"),
        pytest.param("INTERACTION_CREATE", {"id": "5", "type": 2}, None, id="no token"),
        pytest.param("INTERACTION_CREATE", {"id": "x", "type": 2, "token": "t"}, None, id="no id"),
        pytest.param("INTERACTION_CREATE", {"id": "²", "type": 2, "token": "t"}, None, id="no int"),
        pytest.param("INTERACTION_CREATE", None, None, id="nothing"),
        pytest.param("MESSAGE_CREATE", {"id": "5", "type": 2, "token": "t"}, None, id="other"),
    ],
)
def test_an_interaction_is_known_by_its_key(name: str, data: object, found: int | None) -> None:
    """Deadlines need it; malformed ones must not break what reads them."""
    key = interaction_of(name, data)

    assert (None if key is None else key.id) == found


def test_a_token_is_not_shown() -> None:
    """An interaction's token lets anybody answer for fifteen minutes."""
    key = interaction_of("INTERACTION_CREATE", {"id": "5", "type": 2, "token": "secret"})

    assert "secret" not in repr(key)


# ---------------------------------------------------------------- quarantine


def test_what_is_set_aside_is_bounded_and_always_json() -> None:
    """Half surrogate pairs and endless payloads are what ends there."""
    entry = Quarantined(
        at_s=NOW_S,
        shard_id=0,
        op=0,
        event="MESSAGE_CREATE",
        sequence=7,
        error="KeyError('\ud800')",
        raw="\ud800" * 100_000,
    )
    line = orjson.loads(entry.encode())

    assert len(line["raw"]) == MAX_RAW
    assert line["raw_characters"] == 100_000
    assert (line["op"], line["event"], line["sequence"]) == (0, "MESSAGE_CREATE", 7)
