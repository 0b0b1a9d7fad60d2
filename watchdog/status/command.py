"""`python -m watchdog status [--json]`: what the watchdog knows, also when there is none."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from watchdog.heartbeat import file, identity
from watchdog.heartbeat.decoder import HeartbeatError
from watchdog.heartbeat.installation import InstallationSettings, SettingsInvalidError
from watchdog.status import report as codec
from watchdog.status.reading import Reading, assess, to_text, writer_of

STATUS_NAME = "status.json"


def main(argv: list[str]) -> int:
    """Print the status; answers 0 while the bot serves, 1 while not, 3 when nobody knows."""
    parser = argparse.ArgumentParser(
        prog="python -m watchdog status",
        description="Print what the watchdog knows of the bot.",
        epilog="Exit code: 0 the bot serves, 1 it does not, 3 nobody knows.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    wants_json = parser.parse_args(argv).json
    path = _state_dir() / STATUS_NAME
    now_at = datetime.now(UTC)
    reading = read(path, now_at=now_at)
    text = _to_json(reading) if wants_json else to_text(reading, now_at=now_at, path=str(path))
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # `| head`: the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return reading.exit_code


def read(path: Path, *, now_at: datetime) -> Reading:
    """Answer what *path* holds and whether the one who wrote it still lives."""
    try:
        raw = file.read(path, max_bytes=codec.MAX_BYTES)
    except FileNotFoundError:
        return Reading(report=None, trouble="missing")
    except HeartbeatError as error:
        return Reading(report=None, trouble="unreadable", detail=error.reason)
    except OSError as error:
        return Reading(report=None, trouble="unreadable", detail=error.strerror or str(error))
    writer = writer_of(raw)
    process = identity.read(writer.identity.pid) if writer is not None else None
    return assess(raw, now_at=now_at, boot_id=identity.boot_id(), process=process)


def _state_dir() -> Path:
    """Answer the folder, also where settings are broken: that is when people look."""
    try:
        return InstallationSettings.load().state_dir
    except SettingsInvalidError as error:
        sys.stderr.write("".join(f"{line}\n" for line in error.lines))
        return Path(os.environ.get("STATE_DIR") or "state")


def _to_json(reading: Reading) -> str:
    content: dict[str, Any] = {
        "watchdog": {
            "running": reading.trouble in (None, "stale"),
            "trouble": reading.trouble,
            "detail": reading.detail or None,
        }
    }
    if reading.report is not None:
        content |= codec.document(reading.report)
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()
