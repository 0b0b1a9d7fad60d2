"""The watchdog process: `python -m watchdog [run | check | deploy | status [--json]]`."""

from __future__ import annotations

import argparse
import os
import sys

EXIT_CONFIGURATION = 78  # EX_CONFIG of sysexits.h
USAGE = "python -m watchdog [run | check | deploy | status [--json]]"


def _run(parent_pid: int) -> int:
    from watchdog.heartbeat import privacy
    from watchdog.heartbeat.installation import SettingsInvalidError
    from watchdog.settings import WatchdogSettings

    privacy.keep_files_private()
    try:
        settings = WatchdogSettings.load()
        privacy.limit_core_dumps(allowed=settings.core_dumps)
        for folder in (settings.state_dir, settings.log_dir):
            privacy.make_folder(folder)
    except SettingsInvalidError as error:
        return _tell(error.lines)
    except OSError as error:
        return _tell([f"{error.filename}: can't be made: {error.strerror}"])
    from watchdog import daemon
    from watchdog.heartbeat.records import recording
    from watchdog.heartbeat.redaction import SECRETS

    for secret in (settings.alert_webhook_url, settings.push_monitor_url):
        SECRETS.add_url(secret.get_secret_value())
    with recording(settings.log_dir / "watchdog.jsonl", level=settings.log_level):
        return daemon.run(settings, parent_pid=parent_pid)


def _check() -> int:
    from watchdog.heartbeat.installation import SettingsInvalidError
    from watchdog.settings import WatchdogSettings

    try:
        WatchdogSettings.load()
    except SettingsInvalidError as error:
        return _tell(error.lines)
    return 0


def _tell(lines: list[str]) -> int:
    for line in lines:
        sys.stderr.write(f"{line}\n")
    return EXIT_CONFIGURATION


def main(argv: list[str] | None = None) -> int:
    """Run one of the subcommands; answers the exit code."""
    parent_pid = os.getppid()  # before the slow imports, during which it may die
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["status"]:
        from watchdog.status import command

        return command.main(arguments[1:])
    if arguments[:1] == ["deploy"]:
        from watchdog import deployment

        return deployment.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m watchdog", usage=USAGE)
    parser.add_argument("command", nargs="?", choices=("run", "check"), default="run")
    if parser.parse_args(arguments).command == "check":
        return _check()
    return _run(parent_pid)


if __name__ == "__main__":
    from watchdog.heartbeat.redaction import guard_streams

    guard_streams()
    sys.exit(main())
