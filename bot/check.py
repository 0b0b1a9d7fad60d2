"""`python -m bot check`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot import factory
from bot.errors import ExitCode, PermanentError
from bot.settings import BotSettings
from bot.storage import database
from bot.tasks.timeouts import with_timeout
from watchdog.heartbeat import privacy

CALL_TIMEOUT_S = 10.0
PORTAL = "the bot's page of Discord's developer portal"
# Application flags (Discord, application object): an intent that is on, for all or small bots.
INTENT_FLAGS = {
    "presences": (1 << 12) | (1 << 13),
    "members": (1 << 14) | (1 << 15),
    "message_content": (1 << 18) | (1 << 19),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; *advice* says how to mend it, empty when it is well."""

    subject: str
    found: str
    advice: str = ""


async def examine(settings: BotSettings, *, offline: bool) -> list[Finding]:
    """Answer a finding for each thing that a start depends on, in the order of a start."""
    findings = [Finding(subject="settings", found="valid")]
    findings += [_folder(path) for path in (settings.state_dir, settings.log_dir)]
    findings.append(_bot(settings))
    findings.append(await _database(settings))
    if not offline:
        findings += await _discord(settings)
    return findings


def tell(findings: list[Finding]) -> int:
    """Print the findings, one line each; answers the exit code."""
    for finding in findings:
        mark = "FAIL" if finding.advice else "ok  "
        line = f"{mark} {finding.subject}: {finding.found}"
        sys.stdout.write(f"{line}\n" if not finding.advice else f"{line}. {finding.advice}\n")
    wrong = any(finding.advice for finding in findings)
    return ExitCode.CONFIGURATION if wrong else ExitCode.STOPPED


def _folder(path: Path) -> Finding:
    try:
        privacy.make_folder(path)
        with tempfile.NamedTemporaryFile(dir=path, prefix=".check-"):
            pass
    except OSError as error:
        return Finding(
            subject=f"folder {path}",
            found=f"can't be written: {error.strerror}",
            advice=f"Make it writable for user {os.geteuid()}, or free some space",
        )
    return Finding(subject=f"folder {path}", found="writable")


def _bot(settings: BotSettings) -> Finding:
    subject = "bot"
    try:
        client = factory.make(settings)
    except PermanentError as error:
        return Finding(subject=subject, found="can't be made", advice=error.advice)
    return Finding(subject=subject, found=f"{type(client).__module__}.{type(client).__name__}")


async def _database(settings: BotSettings) -> Finding:
    try:
        found = await with_timeout(database.probe(settings), CALL_TIMEOUT_S)
    except (database.DatabaseError, TimeoutError) as error:
        return Finding(
            subject="database",
            found=str(error) or "does not answer",
            advice="Mend DATABASE_URL, or leave it empty for SQLite in the state folder",
        )
    return Finding(subject="database", found=found)


async def _discord(settings: BotSettings) -> list[Finding]:
    headers = {"Authorization": f"Bot {settings.discord_token.get_secret_value().strip()}"}
    timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_S)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        probes: tuple[Callable[[], Awaitable[list[Finding]]], ...] = (
            lambda: _token(session, settings),
            lambda: _intents(session, settings),
            lambda: _session_starts(session, settings),
        )
        findings: list[Finding] = []
        for probe in probes:
            try:
                findings += await probe()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                findings.append(
                    Finding(
                        subject="Discord",
                        found=f"not reached ({type(error).__name__})",
                        advice=f"Check the network and DISCORD_API_URL={settings.discord_api_url}",
                    )
                )
            if findings[-1].advice:
                break
        return findings


async def _get(session: aiohttp.ClientSession, settings: BotSettings, path: str) -> Any:
    """Answer the JSON object at *path*, or the status as a number when it is not 200."""
    async with session.get(f"{settings.discord_api_url}{path}") as response:
        if response.status != 200:
            return response.status
        return await response.json()


async def _token(session: aiohttp.ClientSession, settings: BotSettings) -> list[Finding]:
    user = await _get(session, settings, "/users/@me")
    if user == 401:
        advice = f"Make a new token on {PORTAL} and put it into .env as DISCORD_TOKEN"
        return [Finding(subject="token", found="Discord refuses it", advice=advice)]
    if not isinstance(user, dict):
        advice = "Wait, then check again; a 429 here may be a ban of this address for an hour"
        return [Finding(subject="token", found=f"Discord answered {user}", advice=advice)]
    return [Finding(subject="token", found=f"accepted, bot id {user.get('id')}")]


async def _intents(session: aiohttp.ClientSession, settings: BotSettings) -> list[Finding]:
    application = await _get(session, settings, "/oauth2/applications/@me")
    flags = application.get("flags", 0) if isinstance(application, dict) else 0
    missing = [name for name in settings.privileged_intents if not flags & INTENT_FLAGS[name]]
    if missing:
        advice = f"Switch them on on {PORTAL}, or take them out of PRIVILEGED_INTENTS"
        return [Finding(subject="intents", found=f"off: {', '.join(missing)}", advice=advice)]
    return [Finding(subject="intents", found=", ".join(settings.privileged_intents) or "none")]


async def _session_starts(session: aiohttp.ClientSession, settings: BotSettings) -> list[Finding]:
    gateway = await _get(session, settings, "/gateway/bot")
    limit = gateway.get("session_start_limit", {}) if isinstance(gateway, dict) else {}
    remaining, total = limit.get("remaining", 0), limit.get("total", 0)
    found = f"{remaining} of {total} left today"
    if remaining < 1:
        wait_s = limit.get("reset_after", 0) / 1000
        advice = f"Wait {wait_s:.0f} s; the bot does so by itself"
        return [Finding(subject="logins", found=found, advice=advice)]
    return [Finding(subject="logins", found=found)]
