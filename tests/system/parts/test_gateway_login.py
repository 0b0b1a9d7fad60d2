"""The first step, login, with a real discord.py client on the simulator."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from bot.errors import PermanentError
from simulator.server import Simulator
from tests.integration.gateway_rig import Echo, rigged
from tests.integration.serving import until
from watchdog.heartbeat import file, retry


async def test_a_wrong_token_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the gateway is touched, and with advice."""
    async with (
        Simulator() as simulator,
        rigged(simulator, tmp_path, monkeypatch, Echo(), token="wrong") as rig,
    ):
        with pytest.raises(PermanentError) as caught:
            await rig.connection.login()

        assert caught.value.kind == "invalid_token"
        assert "DISCORD_TOKEN" in caught.value.advice
        assert rig.connection.state == "failed"
        assert rig.hub.counts["connect"] == 0


async def test_a_token_that_is_revoked_later_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway closes with 4004."""
    async with Simulator() as simulator, rigged(simulator, tmp_path, monkeypatch, Echo()) as rig:
        await rig.ready()
        await rig.driver.portal(token="another-token")
        assert rig.running is not None
        await asyncio.wait({rig.running}, timeout=20)

        with pytest.raises(PermanentError, match="invalid_token"):
            rig.running.result()


@pytest.mark.parametrize(
    ("fault", "parameters", "reasons"),
    [
        pytest.param("refuse", {"for_s": 1.2}, {"refused"}, id="refused"),
        pytest.param("refuse", {"for_s": 2.5, "how": "reset"}, {"reset"}, id="reset"),
        pytest.param("fail_rest", {"status": 500, "for_s": 1.2}, {"http_500"}, id="500"),
        pytest.param("fail_rest", {"status": 503, "for_s": 1.2}, {"http_503"}, id="503"),
        pytest.param("fail_rest", {"status": 404, "for_s": 1.0}, {"http_404"}, id="404"),
    ],
)
async def test_a_login_is_tried_until_it_works(
    fault: str,
    parameters: dict[str, Any],
    reasons: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """discord.py gives up at the first refused connection."""
    async with Simulator() as simulator:
        await simulator.driver.fault(fault, parameters)
        async with rigged(simulator, tmp_path, monkeypatch, Echo()) as rig:
            rig.start()
            await rig.until(lambda: rig.connection.snapshot().reason is not None)
            seen, state = rig.connection.snapshot(), rig.connection.state
            await rig.ready()

            assert seen.reason in reasons
            assert state == "backing_off"
            assert seen.retry_at_s is not None
            assert await rig.answers("back") == "heard back"
            assert rig.hub.counts["identify"] == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param("cloudflare_ban", "cloudflare_ban", id="ban"),
        pytest.param("login_429", "rate_limited", id="429"),
    ],
)
async def test_a_ban_is_waited_out_alive_and_over_restarts(
    fault: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is on disk: the next process does not even try before it."""
    async with Simulator() as simulator:
        await simulator.driver.fault(fault, {"retry_after_s": 3600.0})
        seen = []
        for _ in range(2):
            async with rigged(simulator, tmp_path, monkeypatch, Echo()) as rig:
                rig.start()
                connection = rig.connection
                await until(lambda: connection.snapshot().reason is not None)  # noqa: B023
                seen.append((connection.state, connection.snapshot()))
        calls = [entry for entry in await simulator.driver.rest_log() if "users" in entry["path"]]
        kept = retry.decode(file.read(tmp_path / "retry.json"), now_s=time.time())

        assert [state for state, _ in seen] == ["backing_off", "backing_off"]
        assert [beat.reason for _, beat in seen] == [reason, reason]
        assert kept is not None
        assert kept.retry_at_s == pytest.approx(time.time() + 3600, abs=60)
        assert len(calls) == 1


async def test_a_wait_on_disk_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the login goes on, and the file goes away."""
    entry = retry.Retry(retry_at_s=time.time() + 1.5, reason="cloudflare_ban")
    file.write(tmp_path / "retry.json", retry.encode(entry))
    async with Simulator() as simulator, rigged(simulator, tmp_path, monkeypatch, Echo()) as rig:
        await rig.ready()
        ready_at_s = time.time()

        assert ready_at_s >= entry.retry_at_s
        assert not (tmp_path / "retry.json").exists()


async def test_a_short_limit_is_not_worth_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """discord.py sits it out inside the call."""
    async with Simulator() as simulator:
        await simulator.driver.fault("login_429", {"retry_after_s": 0.3, "times": 1})
        async with rigged(simulator, tmp_path, monkeypatch, Echo()) as rig:
            await rig.ready()

            assert rig.hub.counts["identify"] == 1
            assert not (tmp_path / "retry.json").exists()


@pytest.mark.parametrize(
    "error",
    [ConnectionRefusedError(111, "my database"), TimeoutError("my database"), KeyError("mine")],
)
async def test_a_fault_of_the_clients_own_hook_escapes(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no failure of the login, and trying again would run the hook twice."""
    runs = []

    class Broken(Echo):
        async def setup_hook(self) -> None:
            runs.append(1)
            raise error

    async with Simulator() as simulator, rigged(simulator, tmp_path, monkeypatch, Broken()) as rig:
        await rig.connection.login()
        with pytest.raises(type(error)):
            await rig.connection.run()

        assert len(runs) == 1
        assert rig.hub.counts["identify"] == 0  # a set-up that fails costs no login


async def test_a_login_that_is_interrupted_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM during a login: the client is closed while the call is under way."""
    async with Simulator() as simulator:
        await simulator.driver.fault("slow_rest", {"delay_s": 30.0})
        async with rigged(simulator, tmp_path, monkeypatch, Echo()) as rig:
            running = rig.start()
            await rig.until(lambda: rig.client.http.token is not None)
            await asyncio.sleep(0.2)
            began_s = time.monotonic()
            await rig.connection.close(ends_session=False)
            running.cancel()
            await asyncio.wait({running}, timeout=10)

            assert running.done()
            assert time.monotonic() - began_s < 5


async def test_the_clients_own_context_is_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `Client.run` does; bots open their database there."""
    course = []

    class Careful(Echo):
        async def __aenter__(self) -> Careful:
            course.append("enter")
            await super().__aenter__()
            return self

        async def close(self) -> None:
            course.append("close")
            await super().close()

    async with Simulator() as simulator, rigged(simulator, tmp_path, monkeypatch, Careful()) as rig:
        await rig.ready()
        await rig.connection.close(ends_session=True)

        assert course == ["enter", "close"]


@pytest.mark.parametrize("token", ["two words", "ümlaut", "line\nbreak", ""])
async def test_a_token_that_can_be_none_is_not_sent(
    token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would not even fit into a header."""
    async with (
        Simulator() as simulator,
        rigged(simulator, tmp_path, monkeypatch, Echo(), token=token) as rig,
    ):
        with pytest.raises(PermanentError, match="invalid_token"):
            await rig.connection.login()

        assert await simulator.driver.rest_log() == []
