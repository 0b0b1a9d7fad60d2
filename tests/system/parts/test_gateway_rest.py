"""The guard in front of REST, with a real discord.py client on the simulator."""

from __future__ import annotations

import asyncio
import io
import time
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
from discord.http import Route

from bot.gateway.rest import GlobalGate
from bot.tasks.timeouts import with_timeout
from tests.integration.gateway_rig import Echo, Rig, serving_echo


def general(rig: Rig[Echo]) -> discord.TextChannel:
    """Answer #general as the client knows it."""
    channel = rig.client.get_channel(rig.simulator.world.channel("general").id)
    assert isinstance(channel, discord.TextChannel)
    return channel


async def test_a_call_that_is_cancelled_in_a_global_429_hangs_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later calls wait as long as Discord asked for, and no longer."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        channel = general(rig)
        await rig.driver.fault("global_429", {"retry_after_s": 1.0, "times": 1})
        with pytest.raises(TimeoutError):
            await with_timeout(channel.send("cancelled"), 0.3)
        shut = not rig.client.http._global_over.is_set()
        began_s = time.monotonic()
        await with_timeout(channel.send("later"), 10)

        assert shut
        assert 0.2 <= time.monotonic() - began_s < 8
        assert isinstance(rig.client.http._global_over, GlobalGate)


async def test_a_global_429_that_nobody_cancels_is_waited_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ever: several calls at once, one of them cancelled, all others answered."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        channel = general(rig)
        await rig.driver.fault("global_429", {"retry_after_s": 0.5, "times": 3})
        calls = [
            rig.tasks.create_task(channel.send(f"call {number}"), name="call")
            for number in range(4)
        ]
        await asyncio.sleep(0.2)
        calls[0].cancel()
        await asyncio.wait(calls, timeout=20)

        assert calls[0].cancelled()
        assert [call.exception() for call in calls[1:]] == [None, None, None]


async def test_the_gate_survives_another_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """discord.py makes a new event at every login."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        old = rig.client.http._global_over
        rig.client.http._global_over = asyncio.Event()
        rig.client.http._global_over.set()
        await general(rig).send("again")

        assert isinstance(rig.client.http._global_over, GlobalGate)
        assert rig.client.http._global_over is not old


async def test_reading_is_tried_again_after_a_reset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """discord.py looks for the numbers of other systems."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        await rig.driver.fault("drop_rest", {"times": 1, "method": "GET"})
        channel = await rig.client.fetch_channel(general(rig).id)

        assert channel.id == general(rig).id


async def test_writing_is_not_repeated_after_a_reset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord may have done it already."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        channel = general(rig)
        await rig.driver.fault("drop_rest", {"times": 1, "when": "after", "method": "POST"})
        with pytest.raises((OSError, aiohttp.ClientError)):
            await channel.guild.create_text_channel("second")
        calls = [each for each in await rig.driver.rest_log() if each["path"].endswith("/channels")]

        assert len(calls) == 1


@pytest.mark.parametrize(
    ("fault", "parameters"),
    [
        pytest.param("drop_rest", {"when": "before"}, id="reset, not done"),
        pytest.param("drop_rest", {"when": "after"}, id="reset, done"),
        pytest.param("fail_rest", {"status": 503}, id="overloaded"),
        pytest.param("fail_rest", {"status": 502}, id="repeated by discord.py"),
    ],
)
@pytest.mark.parametrize(
    "with_file", [pytest.param(False, id="text"), pytest.param(True, id="file")]
)
async def test_a_message_is_sent_again_and_there_once(
    fault: str,
    parameters: dict[str, Any],
    with_file: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Discord knows it by its nonce; a file is read from its beginning again."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        channel = general(rig)
        upload: Any = {"file": discord.File(io.BytesIO(b"content"), "a.txt")} if with_file else {}
        await rig.driver.fault(fault, {"times": 1, "method": "POST", **parameters})
        message = await channel.send("once", **upload)
        said = [m["content"] for m in await rig.driver.messages()]

        assert said.count("once") == 1
        assert message.content == "once"
        assert [each.size for each in message.attachments] == [len("content")] * with_file


async def test_a_message_without_a_nonce_gets_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a library posts past discord.py's own `send`."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        http, channel = rig.client.http, general(rig)
        route = Route("POST", "/channels/{channel_id}/messages", channel_id=channel.id)
        await rig.driver.fault("drop_rest", {"times": 1, "when": "after", "method": "POST"})
        sent = await http.request(route, json={"content": "raw"})
        said = [m["content"] for m in await rig.driver.messages()]

        assert said.count("raw") == 1
        assert len(sent["nonce"]) == 24


async def test_a_call_that_is_not_answered_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiohttp's own limit is five minutes a try."""
    monkeypatch.setattr("bot.gateway.rest.CALL_TIMEOUT_S", 0.5)
    async with serving_echo(tmp_path, monkeypatch) as rig:
        await rig.driver.fault("slow_rest", {"delay_s": 20.0, "times": 1})
        with pytest.raises(TimeoutError):
            await with_timeout(general(rig).send("slow"), 15)

        assert await rig.answers("well?") == "heard well?"


@pytest.mark.parametrize("status", [503])
async def test_reading_is_tried_again_when_discord_is_overloaded(
    status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 503 is final for discord.py."""
    async with serving_echo(tmp_path, monkeypatch) as rig:
        await rig.driver.fault("fail_rest", {"status": status, "times": 1})
        channel = await rig.client.fetch_channel(general(rig).id)

        assert channel.id == general(rig).id
