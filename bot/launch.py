"""What happens before the first heartbeat: folders, stack dump, imports.

Imports come first because they may take long: a heartbeat that is written meanwhile would show a
loop without a pulse, and the watchdog would take a slow import for a hang. They run inside the loop
all the same, so that a module which starts a bot when it is imported fails instead of taking over.
"""

from __future__ import annotations

import contextlib
import gc
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from bot import process
from bot.errors import ExitCode, PermanentError, TemporaryError
from bot.gateway.pace import Pace
from bot.heartbeat.stages import Stages
from bot.vitals import beat_path
from watchdog.heartbeat import file, identity, privacy, retry, schema

if TYPE_CHECKING:
    from pathlib import Path

    import discord

    from bot.gateway.recall import Recall
    from bot.settings import BotSettings

log = structlog.get_logger(__name__)

RETRY = "retry.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A client that is made but not started, and how long it took to come here."""

    client: discord.Client
    recall: Recall
    stages: Stages


def make_folders(settings: BotSettings) -> bool:
    """Make state/ and logs/, readable by their owner alone; answers whether that could be done."""
    try:
        for folder in (settings.state_dir, settings.log_dir):
            privacy.make_folder(folder)
    except OSError as error:
        log.exception("bot.crashed", stage="folders", error=type(error).__name__)
        return False
    return True


def prepare(settings: BotSettings, *, leads: bool) -> Prepared | ExitCode:
    """Make the client; answers an exit code, logged with its reason, when that can't be.

    Args:
        leads: This process is the leader: its failure is the service's.
    """
    stages = Stages()
    stages.reached("settings")
    try:
        process.dump_stacks_on_sigusr1(settings.log_dir / "bot.stacks.log")
        from bot import factory

        client = factory.make(settings)
        found = recall(client, settings)
    except PermanentError as error:
        log.exception("bot.failed", kind=error.kind, advice=error.advice)
        leave_failure(settings.state_dir, error, leads=leads)
        return ExitCode.CONFIGURATION
    except OSError as error:
        log.exception("bot.crashed", stage="launch", error=type(error).__name__)
        return ExitCode.FAILED
    gc.freeze()  # what was imported lives for ever: it need not be looked at again
    gc.enable()
    stages.reached("imports")
    return Prepared(client=client, recall=found, stages=stages)


def recall(client: discord.Client, settings: BotSettings) -> Recall:
    """Answer what an earlier process left of the sessions of *client*; nothing is read yet."""
    from bot.gateway.recall import Recall

    token = settings.discord_token.get_secret_value().strip()
    return Recall(client, settings, token=token)


def leave_retry(state_dir: Path, error: TemporaryError) -> None:
    """Leave on disk when the next process may try; without it the watchdog takes its own delay."""
    entry = retry.Retry(retry_at_s=error.retry_at_s, reason=error.kind)
    with contextlib.suppress(OSError):
        file.write(state_dir / RETRY, retry.encode(entry, Pace().reading()))


def leave_failure(state_dir: Path, error: PermanentError, *, leads: bool) -> None:
    """Leave a last beat that says why, for a process that never came to beat."""
    own = identity.own()
    beat = schema.Heartbeat(
        boot_id=identity.boot_id(),
        pid=own.pid,
        process_started=own.started,
        instance=str(uuid.uuid4()),
        sequence=1,
        written_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        monotonic_s=time.monotonic(),
        interval_s=1.0,
        state="failed",
        role="leader" if leads else "spare",
        failure=schema.Failure(kind=error.kind, message=error.advice, permanent=True),
    )
    with contextlib.suppress(OSError):  # a folder that can't be written is told by the caller
        file.write(beat_path(state_dir, leads=leads), schema.encode(beat))
