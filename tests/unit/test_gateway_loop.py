"""The connection loop of a real discord.py client, on a fake gateway in virtual time."""

from __future__ import annotations

import itertools
from typing import Any

import discord
import pytest

from bot.errors import PermanentError
from bot.gateway import close_codes
from bot.gateway.event import GatewayEvent, current_event
from bot.gateway.identify_budget import Limits
from bot.gateway.session import Session
from bot.gateway.transitions import Phase
from tests.unit.gateway_stage import (
    GENERAL,
    INTERVAL_S,
    OWN,
    READY_TIMEOUT_S,
    FakeSocket,
    Watched,
    stage,
)

IDENTIFY, RESUME, HEARTBEAT = 2, 6, 1


def last(socket: FakeSocket, op: int) -> dict[str, Any]:
    """Answer the data of the last payload with *op*."""
    return next(sent["d"] for sent in reversed(socket.sent) if sent["op"] == op)


async def test_a_first_connection_identifies() -> None:
    """At the address that Discord names, once, and written down."""
    async with stage() as on:
        await on.run(1)

        assert on.loop.phase is Phase.READY
        assert on.gateway.newest.url.startswith(GENERAL)
        assert (on.gateway.count(IDENTIFY), len(on.ledger.history)) == (1, 1)
        assert on.loop.session is not None
        assert on.loop.session.address == OWN


async def test_op_7_is_answered_by_a_prompt_resume() -> None:
    """Within a second, at the session's own address, from the last sequence."""
    async with stage() as on:
        await on.run(60)
        on.gateway.newest.event("TYPING_START", {}, sequence=41)
        on.gateway.newest.op(7)
        await on.run(1)

        assert on.loop.phase is Phase.READY
        assert on.gateway.sockets[0].closed_with == 4000
        assert on.gateway.newest.url.startswith(OWN)
        assert last(on.gateway.newest, RESUME) == {
            "seq": 41,
            "session_id": "one",
            "token": "token",
        }
        assert on.gateway.count(IDENTIFY) == 1


@pytest.mark.parametrize("code", [None, 1000, 1001, 4000, 4001, 4002, 4005, 4008])
async def test_a_drop_is_resumed(code: int | None) -> None:
    """Whatever Discord closes with, unless it says that the session is over."""
    async with stage() as on:
        await on.run(60)
        on.gateway.newest.hang_up(code)
        await on.run(3)

        assert (on.gateway.count(RESUME), on.gateway.count(IDENTIFY)) == (1, 1)
        assert on.loop.phase is Phase.READY


@pytest.mark.parametrize("code", [4003, 4007, 4009])
async def test_a_session_that_is_over_is_not_resumed(code: int) -> None:
    """IDENTIFY follows, and the journal hears of it."""
    async with stage() as on:
        await on.run(60)
        on.gateway.newest.hang_up(code)
        await on.run(10)

        assert (on.gateway.count(RESUME), on.gateway.count(IDENTIFY)) == (0, 2)
        assert [each is None for each in on.journal.sessions] == [False, True, False]


async def test_an_invalid_session_is_closed_for_good() -> None:
    """Op 9 false ends it with 1000; the new login keeps five seconds' distance."""
    async with stage() as on:
        await on.run(0.1)
        on.gateway.newest.op(9, False)
        await on.run(4)
        early = on.gateway.count(IDENTIFY)
        await on.run(4)

        assert on.gateway.sockets[0].closed_with == 1000
        assert (early, on.gateway.count(IDENTIFY)) == (1, 2)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(4004, "invalid_token"), (4011, "sharding_required"), (4014, "missing_intent")],
)
async def test_a_fatal_close_ends_the_loop(code: int, kind: str) -> None:
    """With an error that says what to do."""
    async with stage() as on:
        on.gateway.on_identify = lambda socket: socket.hang_up(code)
        await on.run(1)

        with pytest.raises(PermanentError) as caught:
            on.running.result()
        assert caught.value.kind == kind
        assert on.loop.phase is Phase.FAILED
        assert len(on.gateway.tries) == 1


@pytest.mark.parametrize(
    "misbehave",
    [
        pytest.param(lambda socket: socket.hang_up(4000), id="closed after HELLO"),
        pytest.param(lambda socket: socket.hang_up(None), id="dropped after HELLO"),
        pytest.param(lambda socket: socket.op(9, False), id="op 9 false"),
        pytest.param(lambda socket: socket.op(7), id="op 7"),
        pytest.param(lambda socket: socket.text("<html>"), id="no JSON"),
    ],
)
async def test_a_gateway_that_throws_everybody_out_is_not_stormed(misbehave: Any) -> None:
    """At most ten connects in the first minute, and in ten minutes no more logins than allowed."""
    async with stage() as on:
        on.gateway.on_connect = misbehave
        await on.run(60)
        first_minute = len(on.gateway.tries)
        await on.run(530)

        assert 2 <= first_minute <= 10
        assert on.gateway.count(IDENTIFY) <= 10
        assert not on.running.done()


async def test_a_network_that_is_down_is_tried_patiently() -> None:
    """Ever later, up to once a minute, and well at once when it is back."""
    async with stage() as on:
        on.gateway.refuse = {GENERAL}
        await on.run(600)
        times = [at_s for at_s, _ in on.gateway.tries]
        gaps = [after - before for before, after in itertools.pairwise(times)]
        on.gateway.refuse = set()
        await on.run(61)

        assert gaps[0] < 3
        assert gaps == sorted(gaps)
        assert 30 <= gaps[-1] <= 60
        assert on.loop.phase is Phase.READY
        assert len(on.ledger.history) == 1


async def test_a_ready_that_never_comes_is_asked_for_again() -> None:
    """After the time limit, with a new IDENTIFY."""
    async with stage() as on:
        on.gateway.on_identify = lambda _: None
        await on.run(READY_TIMEOUT_S + 5)
        on.gateway.on_identify = FakeSocket.ready
        await on.run(READY_TIMEOUT_S + 5)

        assert on.loop.phase is Phase.READY
        assert on.gateway.count(IDENTIFY) == len(on.ledger.history) <= 3


async def test_a_resume_that_is_never_answered_becomes_an_identify() -> None:
    """discord.py would wait for ever."""
    async with stage() as on:
        await on.run(60)
        on.gateway.on_resume = lambda _: None
        on.gateway.newest.op(7)
        await on.run(READY_TIMEOUT_S + 10)

        assert (on.gateway.count(RESUME), on.gateway.count(IDENTIFY)) == (1, 2)
        assert on.loop.phase is Phase.READY


async def test_a_long_replay_is_waited_for() -> None:
    """As long as missed events come, RESUMED may be late."""
    async with stage() as on:
        await on.run(60)
        on.gateway.on_resume = lambda _: None
        on.gateway.newest.op(7)
        await on.run(1)
        for _ in range(6):
            on.gateway.newest.event("TYPING_START", {})
            await on.run(READY_TIMEOUT_S - 5)
        on.gateway.newest.event("RESUMED", {})
        await on.run(1)

        assert on.loop.phase is Phase.READY
        assert on.wire.replayed == 6
        assert on.gateway.count(IDENTIFY) == 1


async def test_a_dead_resume_address_gives_way_to_the_general_one() -> None:
    """Two tries, then the session goes on elsewhere."""
    async with stage() as on:
        await on.run(60)
        on.gateway.refuse = {OWN}
        on.gateway.newest.op(7)
        await on.run(10)

        urls = [url.partition("?")[0] for _, url in on.gateway.tries]
        assert urls == [GENERAL, OWN, OWN, GENERAL]
        assert on.gateway.count(IDENTIFY) == 1
        assert on.loop.phase is Phase.READY


@pytest.mark.parametrize(
    "foreign", ["ws://own.discord.gg/", "wss://gateway.discord.gg.evil.example/"]
)
async def test_the_token_is_not_sent_to_an_address_that_a_file_names(foreign: str) -> None:
    """Whoever can change the journal does not get the token: the session goes on at Discord's."""
    session = Session(session_id="old", sequence=77, address=foreign)
    async with stage(session=session) as on:
        await on.run(1)

        assert [url.partition("?")[0] for _, url in on.gateway.tries] == [GENERAL]
        assert last(on.gateway.newest, RESUME)["session_id"] == "old"


async def test_the_token_is_not_sent_to_an_address_that_ready_names() -> None:
    """Nor in the clear to Discord's own."""
    async with stage() as on:
        on.gateway.on_identify = lambda socket: socket.ready(url="ws://own.discord.gg/")
        await on.run(60)
        on.gateway.newest.op(7)
        await on.run(10)

        assert [url.partition("?")[0] for _, url in on.gateway.tries] == [GENERAL, GENERAL]
        assert on.loop.phase is Phase.READY


async def test_the_token_is_not_sent_to_an_address_that_rest_names() -> None:
    """Something that answers for Discord is asked again and again, and never connected to."""
    async with stage() as on:
        on.gateway.general = "wss://evil.example/"
        await on.run(60)

        assert on.gateway.tries == []
        assert on.gateway.asked > 1


async def test_missing_acks_are_noticed_under_traffic() -> None:
    """Two unanswered heartbeats lose the connection, however much else comes."""
    async with stage() as on:
        await on.run(1)
        on.gateway.acknowledges = False
        for _ in range(int(3 * INTERVAL_S)):
            on.gateway.newest.event("TYPING_START", {})
            await on.run(1)
        await on.run(3)

        assert on.gateway.sockets[0].closed_with == 4000
        assert on.gateway.count(RESUME) == 1
        assert on.gateway.count(IDENTIFY) == 1


async def test_a_gateway_that_fell_silent_is_resumed() -> None:
    """TCP may stay open for ever."""
    async with stage() as on:
        await on.run(1)
        on.gateway.acknowledges = False
        await on.run(2.5 * INTERVAL_S)
        on.gateway.acknowledges = True
        await on.run(5)

        assert on.gateway.count(RESUME) == 1
        assert on.loop.phase is Phase.READY


async def test_a_gateway_that_never_greets_is_left() -> None:
    """No HELLO is as good as no connection."""
    async with stage() as on:
        on.gateway.greets = False
        await on.run(70)
        on.gateway.greets = True
        await on.run(70)

        assert on.loop.phase is Phase.READY
        assert on.gateway.count(IDENTIFY) == len(on.ledger.history) == 1


async def test_no_login_is_sent_when_discord_allows_none() -> None:
    """Held until `reset_after`, alive, and then at once."""
    async with stage() as on:
        on.gateway.limit |= {"remaining": 0, "reset_after": 3_600_000}
        await on.run(1000)
        held = (on.loop.phase, on.waits.reason, len(on.gateway.tries))
        on.gateway.limit |= {"remaining": 1000}
        await on.run(2700)

        assert held == (Phase.HOLDING, "session_start_limit", 0)
        assert on.loop.phase is Phase.READY


async def test_a_spent_budget_holds_the_loop() -> None:
    """It waits until a login falls out of the window; the process lives."""
    async with stage(limits=Limits(max_10_min=2)) as on:
        for _ in range(3):
            await on.run(20)
            if on.gateway.newest.closed_with is None:
                on.gateway.newest.hang_up(4009)
        await on.run(100)
        held = (on.loop.phase, on.waits.reason, on.gateway.count(IDENTIFY))
        await on.run(500)

        assert held == (Phase.HOLDING, "identify_budget", 2)
        assert on.gateway.count(IDENTIFY) == 3
        assert on.loop.phase is Phase.READY


async def test_discord_is_asked_before_every_login() -> None:
    """`session_start_limit` is read each time, and not for a RESUME."""
    async with stage() as on:
        await on.run(60)
        on.gateway.newest.hang_up(None)
        await on.run(60)
        on.gateway.newest.hang_up(4009)
        await on.run(60)

        assert (on.gateway.asked, on.gateway.count(IDENTIFY), on.gateway.count(RESUME)) == (2, 2, 1)


# ------------------------------------------------------------------- payloads


async def test_an_event_that_breaks_its_parser_is_set_aside() -> None:
    """The connection lives on, the sequence goes on, the next event is handled."""
    client = Watched()
    async with stage(client) as on:
        await on.run(1)
        on.gateway.newest.event("MESSAGE_CREATE", {"nothing": "in it"}, sequence=8)
        on.gateway.newest.event("GUILD_CREATE", None, sequence=9)
        on.gateway.newest.event("NO_LIBRARY_KNOWS_IT", {}, sequence=10)
        on.gateway.newest.event("RESUMED", {}, sequence=11)
        await on.run(1)

        assert [entry.event for entry in on.quarantine.entries] == [
            "MESSAGE_CREATE",
            "GUILD_CREATE",
        ]
        assert "nothing" in on.quarantine.entries[0].raw
        assert len(on.gateway.sockets) == 1
        assert client.events[-1] == "resumed"
        assert on.loop.session is not None
        assert on.loop.session.sequence == 11


async def test_a_listener_of_the_client_that_raises_is_set_aside_too() -> None:
    """A client may override `dispatch`; its faults must not cost the connection."""

    class Faulty(Watched):
        def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
            if event == "resumed":
                raise LookupError("of the client's own")
            super().dispatch(event, *args, **kwargs)

    async with stage(Faulty()) as on:
        await on.run(1)
        on.gateway.newest.event("RESUMED", {})
        await on.run(1)

        assert len(on.quarantine.entries) == 1
        assert on.loop.phase is Phase.READY


async def test_a_payload_that_is_no_json_is_asked_for_once_more() -> None:
    """RESUME brings it again; when it is as broken, it is passed over."""
    async with stage() as on:
        await on.run(60)

        def replay(socket: FakeSocket) -> None:
            socket.text("{broken")
            socket.event("RESUMED", {})

        on.gateway.on_resume = replay
        on.gateway.newest.text("{broken")
        await on.run(1)

        assert len(on.gateway.sockets) == 2
        assert on.quarantine.count == 2
        assert on.loop.phase is Phase.READY


async def test_a_ready_that_is_broken_does_not_count() -> None:
    """Without its guilds and user nothing could be served."""
    async with stage() as on:
        on.gateway.on_identify = lambda socket: socket.event("READY", {"session_id": "x"})
        await on.run(3)
        on.gateway.on_identify = FakeSocket.ready
        await on.run(10)

        assert on.quarantine.count >= 1
        assert on.loop.phase is Phase.READY


async def test_opcodes_that_nobody_knows_are_passed_over() -> None:
    """Discord may add some."""
    async with stage() as on:
        await on.run(1)
        on.gateway.newest.op(99, {"new": True})
        on.gateway.newest.op(10, {"heartbeat_interval": 5000})
        on.gateway.newest.text('{"op": "zero"}')
        await on.run(1)

        assert on.loop.phase is Phase.READY
        assert len(on.gateway.sockets) == 1


async def test_a_heartbeat_that_is_asked_for_comes_at_once() -> None:
    """Op 1 from Discord's side."""
    async with stage() as on:
        await on.run(1)
        before = on.gateway.count(HEARTBEAT)
        on.gateway.newest.op(1)
        await on.run(0.1)

        assert on.gateway.count(HEARTBEAT) == before + 1


# ---------------------------------------------------------------------- seams


async def test_handlers_know_which_event_they_handle() -> None:
    """Tasks inherit it; outside of events there is none."""
    seen: list[GatewayEvent | None] = []

    class Curious(Watched):
        async def on_raw_message_delete(self, _: discord.RawMessageDeleteEvent) -> None:
            seen.append(current_event.get())

        async def on_resumed(self) -> None:
            seen.append(current_event.get())

    async with stage(Curious()) as on:
        await on.run(1)
        on.gateway.newest.event("MESSAGE_DELETE", {"id": "1", "channel_id": "2"}, sequence=17)
        on.gateway.newest.event("RESUMED", {}, sequence=18)
        await on.run(1)

        assert seen[0] is not None
        assert (seen[0].name, seen[0].sequence, seen[0].shard_id) == ("MESSAGE_DELETE", 17, 0)
        assert seen[1] is None  # it serves the session, and may start what lives for ever
        assert current_event.get() is None


async def test_the_journal_hears_of_events_before_they_are_parsed() -> None:
    """With their text and sequence, broken ones too."""
    async with stage() as on:
        await on.run(1)
        on.gateway.newest.event("MESSAGE_CREATE", {}, sequence=5)
        await on.run(1)

        assert [(each.name, each.sequence) for each in on.journal.dispatches] == [
            ("READY", 1),
            ("MESSAGE_CREATE", 5),
        ]
        assert on.journal.dispatches[1].raw.startswith('{"op":0')


async def test_a_session_of_an_earlier_process_is_resumed() -> None:
    """No IDENTIFY is spent, and Discord is not even asked for the address."""
    session = Session(session_id="old", sequence=77, address=OWN)
    async with stage(session=session) as on:
        await on.run(1)

        assert last(on.gateway.newest, RESUME) == {
            "seq": 77,
            "session_id": "old",
            "token": "token",
        }
        assert (on.gateway.count(IDENTIFY), on.gateway.asked) == (0, 0)
        assert on.loop.phase is Phase.READY


async def test_a_hook_before_identify_is_called() -> None:
    """Clients use it to take turns; their own one may take as long as it likes."""
    calls: list[bool] = []

    class Hooked(Watched):
        async def before_identify_hook(
            self, shard_id: int | None, *, initial: bool = False
        ) -> None:
            calls.append(initial)

    async with stage(Hooked()) as on:
        await on.run(60)
        on.gateway.newest.hang_up(4009)
        await on.run(60)

        assert calls == [True, False]


async def test_a_client_that_closes_itself_ends_the_loop() -> None:
    """With 4000, whatever discord.py asks for: the next process continues. It is no error."""
    async with stage() as on:
        await on.run(1)
        await on.client.close()
        await on.run(1)

        assert on.gateway.newest.closed_with == close_codes.KEEPING
        assert on.running.done()
        assert on.running.result() is None


async def test_a_client_that_closes_itself_while_it_waits_ends_the_loop() -> None:
    """Within a second, however long the wait would be."""
    async with stage() as on:
        on.gateway.limit |= {"remaining": 0, "reset_after": 3_600_000}
        await on.run(5)
        await on.client.close()
        await on.run(2)

        assert on.running.done()


async def test_ready_comes_as_soon_as_no_guild_can_come() -> None:
    """The wait of discord.py is cut to a millisecond, until the next READY."""
    client = discord.Client(intents=discord.Intents(guilds=True), guild_ready_timeout=7.0)
    async with stage(client) as on:
        on.gateway.on_identify = lambda socket: socket.ready(guilds=[10, 20])
        await on.run(1)
        timeouts = [client._connection.guild_ready_timeout]
        for guild_id in ("10", "20"):
            on.gateway.newest.event("GUILD_DELETE", {"id": guild_id, "unavailable": True})
            await on.run(0.1)
            timeouts.append(client._connection.guild_ready_timeout)
        on.gateway.newest.hang_up(4009)
        await on.run(10)
        timeouts.append(client._connection.guild_ready_timeout)

        assert timeouts == [7.0, 7.0, 0.001, 7.0]
