"""`python -m bot check` against a simulated Discord and real databases: findings and advice."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bot import check
from bot.check import Finding
from bot.settings import BotSettings
from simulator.server import Simulator


@pytest.fixture(autouse=True)
def _installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of its own, without this machine's settings."""
    monkeypatch.chdir(tmp_path)
    for name in BotSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def settings_for(simulator: Simulator, **more: object) -> BotSettings:
    """Settings that point to *simulator*."""
    known = {"discord_api_url": simulator.api_url, "discord_token": simulator.token}
    return BotSettings.model_validate({**known, **more})


def by_subject(findings: list[Finding]) -> dict[str, Finding]:
    """The findings by what was looked at."""
    return {finding.subject: finding for finding in findings}


async def test_a_sound_installation_has_nothing_to_mend(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every line says ok, the exit code is 0, and the token is nowhere."""
    async with Simulator() as simulator:
        findings = await check.examine(settings_for(simulator), offline=False)

    capsys.readouterr()  # the simulator's own words
    assert check.tell(findings) == 0
    out = capsys.readouterr().out
    assert [line[:4] for line in out.splitlines()] == ["ok  "] * len(findings)
    assert {"token", "intents", "logins", "database", "bot"} <= set(by_subject(findings))
    assert simulator.token not in out


@pytest.mark.parametrize(
    ("fault", "subject", "advice"),
    [
        pytest.param("wrong_token", "token", "Make a new token", id="token refused"),
        pytest.param("cloudflare_ban", "token", "Wait", id="address banned"),
        pytest.param("missing_intent", "intents", "PRIVILEGED_INTENTS", id="intent off"),
        pytest.param("identifies_spent", "logins", "Wait", id="no login left"),
    ],
)
async def test_what_discord_refuses_is_named(fault: str, subject: str, advice: str) -> None:
    """Each refusal has its own line and says how to mend it."""
    async with Simulator() as simulator:
        await simulator.driver.fault(fault)
        findings = await check.examine(settings_for(simulator), offline=False)

    assert advice in by_subject(findings)[subject].advice
    assert check.tell(findings) == 78


async def test_a_discord_out_of_reach_is_named() -> None:
    """Nobody listens: the address is in the advice."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/api/v10"
        settings = BotSettings.model_validate({"discord_api_url": url, "discord_token": "x"})
        findings = await check.examine(settings, offline=False)

    assert url in by_subject(findings)["Discord"].advice


async def test_offline_asks_discord_nothing() -> None:
    """A start without a network is not held up."""
    async with Simulator() as simulator:
        await check.examine(settings_for(simulator), offline=True)

        assert await simulator.driver.rest_log() == []


async def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    """The state folder can't be written."""
    (tmp_path / "state").touch()
    settings = BotSettings.model_validate({"discord_token": "x"})

    findings = by_subject(await check.examine(settings, offline=True))

    assert findings["folder state"].advice
    assert findings["database"].advice


async def test_a_postgresql_is_read_and_written(postgresql: str) -> None:
    """A server that takes the address is well."""
    settings = BotSettings.model_validate({"discord_token": "x", "database_url": postgresql})

    finding = by_subject(await check.examine(settings, offline=True))["database"]

    assert finding.found.startswith("PostgreSQL")
    assert not finding.advice


async def test_a_postgresql_that_refuses_is_named_without_its_password(postgresql: str) -> None:
    """The database of the address does not exist."""
    url = f"{postgresql}_absent"
    settings = BotSettings.model_validate({"discord_token": "x", "database_url": url})

    finding = by_subject(await check.examine(settings, offline=True))["database"]

    assert "DATABASE_URL" in finding.advice
    assert "a-password" not in finding.found + finding.advice
