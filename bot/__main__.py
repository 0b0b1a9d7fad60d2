"""Composition root of the bot process: `python -m bot [run | check [--offline]]`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from pathlib import Path

from bot.errors import ExitCode, PermanentError, SettingsError

EXIT_GRACE_S = 1.0  # for threads that do not end by themselves


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bot", description="Novera, the bot process.")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("run", help="serve (the default)")
    check = commands.add_parser("check", help="say what is wrong with this installation")
    check.add_argument("--offline", action="store_true", help="without asking Discord")
    return parser.parse_args(argv)


def _tell(error: PermanentError) -> int:
    for line in error.lines if isinstance(error, SettingsError) else [error.advice]:
        sys.stderr.write(f"{line}\n")
    return ExitCode.CONFIGURATION


def _run() -> int:
    gc.disable()  # what is imported lives for ever; `launch` switches collection on after it
    from bot import known_settings, launch, lifecycle, process, stop
    from bot.log import recording

    process.end_with_parent()
    try:
        settings = known_settings.load()
    except SettingsError as error:
        launch.leave_failure(Path("state"), error)
        return _tell(error)
    signals = stop.StopSignals(deadline_s=settings.shutdown_timeout_s)
    signals.install()
    code = ExitCode.FAILED
    try:
        with recording(settings):
            # The runner stays open: closing it would wait for tasks that refuse to end.
            code = asyncio.Runner().run(lifecycle.run(settings, signals))
    finally:
        stop.exit_within(EXIT_GRACE_S, code)
    return code


def _check(*, offline: bool) -> int:
    from bot import check
    from bot.settings import BotSettings

    try:
        settings = BotSettings.load_or_explain()
    except SettingsError as error:
        return _tell(error)
    return check.tell(asyncio.Runner().run(check.examine(settings, offline=offline)))


def main(argv: list[str] | None = None) -> int:
    """Run one of the subcommands; answers the exit code."""
    options = _parse(argv)
    if options.command == "check":
        return _check(offline=options.offline)
    return _run()


if __name__ == "__main__":
    sys.exit(main())
