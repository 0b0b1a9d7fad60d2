"""The connection loop with a real discord.py client, on the simulator."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import discord
import orjson
import pytest

from bot.errors import PermanentError
from bot.gateway.event import current_event
from simulator.server import Simulator
from tests.integration.gateway_rig import Echo, rigged, serving_echo


async def test_a_client_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One login, one connection, and the heartbeat's part says so."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        reply = await rig.answers("hello")
        seen = rig.connection.snapshot()

        assert reply == "heard hello"
        assert rig.connection.state == "ready"
        assert (seen.connected, seen.identifies, seen.resumes) == (True, 1, 0)
        assert seen.identify_remaining == 999
        assert seen.latency_ms is not None
        assert seen.last_event_age_s is not None
        assert seen.last_ack_age_s is not None
        assert [(shard.id, shard.connected) for shard in seen.shards] == [(0, True)]
        assert len(orjson.loads((tmp_path / "identify.json").read_bytes())["identified_at_s"]) == 1


async def test_ready_does_not_wait_for_guilds_that_nobody_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`guild_ready_timeout` is 20 s here; every guild is announced before `ready`."""
    async with Simulator() as simulator:
        await simulator.driver.add_guild("Second")
        async with rigged(simulator, tmp_path, monkeypatch, Echo()) as rig:
            await rig.ready(timeout_s=15)
            order = [each for each in rig.client.events if not each.startswith("socket")]

            assert order == ["connect", "guild_available", "guild_available", "ready"]
            assert len(rig.client.guilds) == 2
            assert rig.client._connection.guild_ready_timeout == 0.001


async def test_ready_waits_for_a_guild_that_is_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last guild that READY named makes the client ready, not the time limit."""
    async with Simulator() as simulator:
        await simulator.driver.fault("delayed_guilds", {"delay_s": 1.0})
        async with rigged(simulator, tmp_path, monkeypatch, Echo()) as rig:
            rig.start()
            await rig.until(lambda: "connect" in rig.client.events)
            early = rig.connection.ready.is_set()
            await rig.ready(timeout_s=15)

            assert not early
            assert not rig.client.guilds[0].unavailable


async def test_members_are_requested_before_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the members intent discord.py chunks guilds first, as ever."""
    client = Echo(intents=discord.Intents.all(), chunk_guilds_at_startup=True)
    async with Simulator() as simulator, rigged(simulator, tmp_path, monkeypatch, client) as rig:
        await rig.ready()

        assert client.guilds[0].chunked
        assert {member.name for member in client.guilds[0].members} >= {"alice", "bob"}


@pytest.mark.parametrize(
    ("fault", "parameters"),
    [
        pytest.param("reconnect", {}, id="op 7"),
        pytest.param("invalid_session", {"resumable": True}, id="op 9 true"),
        pytest.param("drop_tcp", {}, id="RST"),
        pytest.param("close", {"code": 1000}, id="1000"),
        pytest.param("close", {"code": 4000}, id="4000"),
        pytest.param("not_json", {}, id="not JSON"),
        pytest.param("bad_zlib", {}, id="bad zlib"),
    ],
)
async def test_what_was_said_meanwhile_is_answered(
    fault: str, parameters: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is lost is resumed; no login is spent, nothing is missed or doubled."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        await rig.driver.fault(fault, parameters)
        await rig.until(lambda: not rig.connection.ready.is_set())
        reply = await rig.answers("meanwhile")
        await rig.ready()
        seen = rig.connection.snapshot()

        assert reply == "heard meanwhile"
        assert rig.client.heard == ["meanwhile"]
        assert (seen.identifies, seen.resumes) == (1, 1)
        assert rig.hub.counts["identify"] == 1


@pytest.mark.parametrize(
    ("fault", "parameters"),
    [
        pytest.param("invalid_session", {"resumable": False}, id="op 9 false"),
        pytest.param("close", {"code": 4007}, id="4007"),
        pytest.param("close", {"code": 4009}, id="4009"),
    ],
)
async def test_a_session_that_is_over_is_followed_by_another(
    fault: str, parameters: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IDENTIFY, once."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        await rig.driver.fault(fault, parameters)
        await rig.until(lambda: rig.connection.snapshot().identifies == 2)
        await rig.ready()

        assert await rig.answers("again") == "heard again"
        assert (rig.hub.counts["identify"], rig.hub.counts["resume"]) == (2, 0)


@pytest.mark.parametrize(
    ("fault", "parameters", "quarantined"),
    [
        pytest.param("malformed_event", {"event": "MESSAGE_CREATE"}, 1, id="message"),
        pytest.param("malformed_event", {"event": "GUILD_CREATE"}, 1, id="guild"),
        pytest.param("malformed_event", {"event": "INTERACTION_CREATE"}, 1, id="interaction"),
        pytest.param("unknown_event", {}, 0, id="unknown event"),
        pytest.param("unknown_op", {}, 0, id="unknown opcode"),
        pytest.param("huge_event", {"size_bytes": 1 << 20}, 0, id="large"),
        pytest.param("huge_event", {"size_bytes": 20 << 20}, 1, id="huge"),
    ],
)
async def test_a_strange_event_does_not_cost_the_connection(
    fault: str,
    parameters: dict[str, Any],
    quarantined: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is set aside, and what comes after it is handled on the same connection."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        await rig.driver.fault(fault, parameters)
        reply = await rig.answers("still there?")

        assert reply == "heard still there?"
        assert rig.connection.snapshot().quarantined_events == quarantined
        assert rig.hub.counts["connect"] == 1


async def test_the_quarantine_is_a_private_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds what Discord sent, for its owner alone; the sequence goes on."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        await rig.driver.fault("malformed_event", {"event": "MESSAGE_CREATE"})
        await rig.answers("next")
        await rig.driver.fault("reconnect")
        await rig.until(lambda: rig.connection.snapshot().resumes == 1)
        await rig.connection.close(ends_session=True)
        path = tmp_path / "quarantine.jsonl"
        entry = orjson.loads(path.read_bytes())

        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert (entry["op"], entry["event"]) == (0, "MESSAGE_CREATE")
        assert entry["error"].startswith("KeyError")
        assert entry["raw"]
        assert rig.connection.snapshot().quarantined_events == 1


@pytest.mark.parametrize("fault", ["no_acks", "silent_gateway"])
async def test_a_gateway_that_does_not_acknowledge_is_left(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After two heartbeats without an ACK, and then resumed."""
    world = {"heartbeat_interval_s": 0.4, "heartbeat_grace": 100.0}
    async with serving_echo(tmp_path, monkeypatch, world) as rig:
        await rig.driver.fault(fault, {"connections": "existing"})
        await rig.until(lambda: rig.connection.snapshot().resumes == 1)
        await rig.ready()

        assert await rig.answers("well?") == "heard well?"
        assert rig.connection.snapshot().identifies == 1


async def test_a_dead_resume_address_is_left_for_the_general_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session goes on there; discord.py would try the dead one for ever."""
    async with Simulator() as simulator:
        await simulator.driver.fault("dead_resume_url")
        async with rigged(simulator, tmp_path, monkeypatch, Echo()) as rig:
            await rig.ready()
            await rig.driver.fault("drop_tcp")
            await rig.until(lambda: rig.connection.snapshot().resumes == 1)

            assert rig.hub.counts["identify"] == 1
            assert await rig.answers("here?") == "heard here?"


@pytest.mark.parametrize("fault", ["no_resumed", "refuse_resume"])
async def test_a_resume_without_success_becomes_a_login(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is refused or never answered."""
    async with serving_echo(tmp_path, monkeypatch, gateway_ready_timeout_s=1.0) as rig:
        await rig.driver.fault(fault)
        await rig.driver.fault("drop_tcp")
        await rig.until(lambda: rig.connection.snapshot().identifies == 2)
        await rig.ready()

        assert rig.hub.counts["resume"] == 1


async def test_a_ready_that_does_not_come_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the time limit, and within the budget."""
    async with Simulator() as simulator:
        await simulator.driver.fault("no_ready", {"times": 1})
        options = {"gateway_ready_timeout_s": 1.0}
        async with rigged(simulator, tmp_path, monkeypatch, Echo(), **options) as rig:
            await rig.ready()

            assert rig.hub.counts["identify"] == 2


@pytest.mark.slow
async def test_a_gateway_that_closes_everybody_is_not_stormed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """discord.py alone connects hundreds of times a second."""
    async with Simulator() as simulator:
        await simulator.driver.fault("close_after_hello")
        async with rigged(simulator, tmp_path, monkeypatch, Echo()) as rig:
            rig.start()
            await rig.until(lambda: rig.hub.counts["connect"] >= 2)
            await asyncio.sleep(3.0)
            connects = rig.hub.counts["connect"]
            await rig.until(lambda: rig.connection.state == "backing_off")
            await rig.driver.clear_faults()
            await rig.ready()

            assert connects <= 4


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(("missing_intent", {}), "missing_intent", id="intent"),
        pytest.param(("close_after_identify", {"code": 4004}), "invalid_token", id="token"),
        pytest.param(("close_after_identify", {"code": 4011}), "sharding_required", id="sharding"),
        pytest.param(("close_after_hello", {"code": 4012}), "invalid_api_version", id="version"),
    ],
)
async def test_what_only_the_operator_can_mend_ends_the_connection(
    fault: tuple[str, dict[str, Any]],
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the first sight of it, with advice."""
    async with Simulator() as simulator:
        await simulator.driver.fault(*fault)
        async with rigged(simulator, tmp_path, monkeypatch, Echo()) as rig:
            with pytest.raises(PermanentError) as caught:
                await rig.ready()

            assert caught.value.kind == kind
            assert rig.hub.counts["connect"] == 1
            assert rig.connection.state == "failed"


async def test_no_login_is_sent_while_discord_allows_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held, told, alive; one IDENTIFY too many would reset the token."""
    async with Simulator() as simulator:
        await simulator.driver.session_start_limit(remaining=0, reset_after_s=2.0)
        async with rigged(simulator, tmp_path, monkeypatch, Echo()) as rig:
            rig.start()
            await rig.until(lambda: rig.connection.snapshot().reason is not None)
            held = rig.connection.snapshot()
            state = rig.connection.state
            await rig.ready()

            assert (held.reason, state) == ("session_start_limit", "backing_off")
            assert held.retry_at_s is not None
            assert held.identify_remaining == 0
            assert rig.hub.counts["identify"] == 1
            assert simulator.portal.token_resets == 0


async def test_a_budget_that_earlier_processes_spent_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three starts, two logins: the third one waits."""
    async with Simulator() as simulator:
        for _ in range(2):
            async with rigged(
                simulator, tmp_path, monkeypatch, Echo(), identify_max_10_min=2
            ) as rig:
                await rig.ready()
        async with rigged(simulator, tmp_path, monkeypatch, Echo(), identify_max_10_min=2) as rig:
            rig.start()
            await rig.until(lambda: rig.connection.snapshot().reason is not None)

            assert rig.connection.snapshot().reason == "identify_budget"
            assert rig.connection.state == "backing_off"
            assert simulator.hub.counts["identify"] == 2


@pytest.mark.parametrize(("ends_session", "left"), [(True, 0), (False, 1)])
async def test_a_close_keeps_or_ends_the_session(
    ends_session: bool, left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4000 for a process that comes back, 1000 for a stop for good."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        await rig.connection.close(ends_session=ends_session)
        await rig.until(lambda: not rig.hub.connections)

        assert len(rig.hub.sessions) == left
        assert rig.client.is_closed()
        assert rig.connection.state == "stopping"


async def test_a_new_process_continues_an_old_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given the session, it resumes; what was said between the two arrives, and only that."""
    async with Simulator() as simulator:
        async with rigged(simulator, tmp_path, monkeypatch, Echo()) as first:
            await first.ready()
            await first.answers("before")
            await first.connection.stop_intake()
            sessions = first.connection.sessions
            await first.connection.close(ends_session=False)
        await simulator.driver.say("between")
        options = {"sessions": sessions}
        async with rigged(simulator, tmp_path, monkeypatch, Echo(), **options) as second:
            second.start()
            await second.until(lambda: second.client.heard == ["between"])

            assert first.client.heard == ["before"]
            assert simulator.hub.counts["identify"] == 1


async def test_nothing_is_taken_in_after_the_intake_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection stays, REST calls work; what comes waits for the next process."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        await rig.answers("one")
        await rig.connection.stop_intake()
        await rig.driver.say("two")
        channel = rig.client.get_channel(rig.simulator.world.channel("general").id)
        assert isinstance(channel, discord.TextChannel)
        await channel.send("still able to speak")
        await asyncio.sleep(0.3)

        assert rig.client.heard == ["one"]
        assert len(rig.hub.connections) == 1
        assert rig.running is not None
        assert rig.running.done()


async def test_a_client_that_closes_itself_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `Client.connect` would, without an error; the next process goes on with its session."""

    class Parting(Echo):
        async def on_disconnect(self) -> None:
            """Be there, so that discord.py schedules it."""

    async with (
        Simulator() as simulator,
        rigged(simulator, tmp_path, monkeypatch, Parting()) as rig,
    ):
        await rig.ready()
        await rig.client.close()
        await rig.until(lambda: rig.running is not None and rig.running.done())

        assert rig.running is not None
        assert rig.running.result() is None
        assert rig.hub.sessions.keys() == {rig.connection.sessions[0].session_id}


async def test_handlers_know_their_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through every task that discord.py makes."""
    seen = []

    class Curious(Echo):
        async def on_message(self, message: discord.Message) -> None:
            await asyncio.sleep(0)
            seen.append(current_event.get())
            await super().on_message(message)

    async with Simulator() as simulator, rigged(simulator, tmp_path, monkeypatch, Curious()) as rig:
        await rig.ready()
        await rig.answers("who am I?")

        assert seen[0] is not None
        assert seen[0].name == "MESSAGE_CREATE"


async def test_a_sharded_client_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One loop for each shard; discord.py's own methods find their connections."""

    class Sharded(Echo, discord.AutoShardedClient):
        pass

    async with Simulator() as simulator:
        client = Sharded(shard_count=2, guild_ready_timeout=2.0)
        async with rigged(simulator, tmp_path, monkeypatch, client) as rig:
            await rig.ready()
            await client.change_presence(status=discord.Status.idle)
            reply = await rig.answers("sharded")
            await rig.driver.fault("drop_tcp")
            await rig.until(lambda: rig.connection.snapshot().resumes == 2)
            await rig.ready()
            again = await rig.answers("again")

            assert (reply, again) == ("heard sharded", "heard again")
            assert [shard_id for shard_id, _ in client.latencies] == [0, 1]
            assert client.get_shard(1) is not None
            assert len(rig.connection.snapshot().shards) == 2
            assert client.events.count("ready") == 1
            assert client.events.count("shard_ready") == 2


async def test_a_shard_can_be_sent_away_and_called_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By discord.py's own `ShardInfo`."""

    class Sharded(Echo, discord.AutoShardedClient):
        pass

    async with Simulator() as simulator:
        client = Sharded(shard_count=2, guild_ready_timeout=2.0)
        async with rigged(simulator, tmp_path, monkeypatch, client) as rig:
            await rig.ready()
            shard = client.get_shard(1)
            assert shard is not None
            await shard.disconnect()
            await rig.until(lambda: not rig.connection.ready.is_set())
            away = shard.is_closed()
            await shard.connect()
            await rig.ready()

            assert away
            assert not client.shards[1].is_closed()


async def test_discord_is_asked_how_many_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the client does not say."""

    class Sharded(Echo, discord.AutoShardedClient):
        pass

    async with Simulator() as simulator:
        client = Sharded(guild_ready_timeout=2.0)
        async with rigged(simulator, tmp_path, monkeypatch, client) as rig:
            await rig.ready()

            assert client.shard_count == 1
            assert await rig.answers("one") == "heard one"
