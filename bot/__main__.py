"""Composition root of the bot process: `python -m bot [run | check | backup | restore]`."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import ExitCode, PermanentError, SettingsError

if TYPE_CHECKING:
    from argparse import Namespace

STATE_DIR = Path("state")  # of an installation whose settings can't be read
EXIT_GRACE_S = 1.0  # for threads that do not end by themselves


def _options(argv: list[str]) -> Namespace | None:
    """Answer the subcommand and its options; None: serve."""
    if argv in ([], ["run"]):  # as supervisord starts it: every millisecond counts
        return None
    import argparse

    parser = argparse.ArgumentParser(prog="python -m bot", description="Novera, the bot process.")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("run", help="serve (the default)")
    check = commands.add_parser("check", help="say what is wrong with this installation")
    check.add_argument("--offline", action="store_true", help="without asking Discord")
    backup = commands.add_parser("backup", help="copy the database, also while the bot serves")
    backup.add_argument("path", nargs="?", type=Path, help="a new file; default: state/backups/")
    restore = commands.add_parser("restore", help="bring a backup back; the bot must be stopped")
    restore.add_argument("path", type=Path, help="the backup")
    options = parser.parse_args(argv)
    return options if options.command in ("check", "backup", "restore") else None


def _tell(error: PermanentError) -> int:
    for line in error.lines if isinstance(error, SettingsError) else [error.advice]:
        sys.stderr.write(f"{line}\n")
    return ExitCode.CONFIGURATION


def _run() -> int:
    gc.disable()  # what is imported lives for ever; `launch` switches collection on after it
    from bot import known_settings, launch, lifecycle, process, stood_down, stop
    from bot.leadership import FileLeadership
    from bot.log import recording
    from bot.post import Post
    from watchdog.heartbeat import privacy

    privacy.keep_files_private()
    process.end_with_parent()
    post = Post.of(os.environ)
    try:
        settings = known_settings.load()
    except SettingsError as error:
        with FileLeadership(STATE_DIR / lifecycle.LOCK) as leadership:
            leads = not post.is_spare and leadership.lead_if_free()
            launch.leave_failure(STATE_DIR, error, leads=leads)
        return _tell(error)
    privacy.limit_core_dumps(allowed=settings.core_dumps)

    def stand_down() -> None:
        # supervisord alone sends SIGINT here; stopping the program `bot` is stopping the service.
        if post.supervised and not post.is_spare:
            stood_down.leave(settings.state_dir, "operator")

    signals = stop.StopSignals(deadline_s=settings.shutdown_timeout_s, on_interrupt=stand_down)
    signals.install()
    code = ExitCode.FAILED
    try:
        with recording(settings), stop.no_silent_exit():
            # The runner stays open: closing it would wait for tasks that refuse to end.
            code = asyncio.Runner().run(lifecycle.run(settings, signals, post))
    finally:
        stop.exit_within(EXIT_GRACE_S, code)
    return code


def _maintain(options: Namespace) -> int:
    from bot.settings import BotSettings
    from watchdog.heartbeat import privacy

    privacy.keep_files_private()
    try:
        settings = BotSettings.load_or_explain()
    except SettingsError as error:
        return _tell(error)
    if options.command == "check":
        from bot import check

        return check.tell(asyncio.Runner().run(check.examine(settings, offline=options.offline)))
    from bot import backups

    if options.command == "backup":
        return backups.make(settings, options.path)
    from bot.lifecycle import LOCK

    return backups.restore(settings, options.path, lock=settings.state_dir / LOCK)


def main(argv: list[str] | None = None) -> int:
    """Run one of the subcommands; answers the exit code."""
    options = _options(sys.argv[1:] if argv is None else argv)
    return _run() if options is None else _maintain(options)


if __name__ == "__main__":
    from watchdog.heartbeat.redaction import guard_streams

    guard_streams()
    sys.exit(main())
