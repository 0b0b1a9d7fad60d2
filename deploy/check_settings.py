"""Check the settings of both processes before either is started: `python -m deploy.check_settings`.

One interpreter for both, and nothing but the settings is imported: a start must be quick.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bot.errors import SettingsError
from bot.settings import BotSettings
from watchdog.heartbeat import privacy
from watchdog.heartbeat.installation import ENV_FILE, SettingsInvalidError
from watchdog.settings import WatchdogSettings

EXIT_CONFIGURATION = 78  # EX_CONFIG of sysexits.h


def complaints() -> list[str]:
    """Answer a line for each setting that can't be used; of one that both read, once."""
    lines: list[str] = []
    try:
        BotSettings.load_or_explain()
    except SettingsError as error:
        lines += error.lines
    try:
        WatchdogSettings.load()
    except SettingsInvalidError as error:
        lines += error.lines
    return list(dict.fromkeys(lines))


def main() -> int:
    """Print what is wrong; answers the exit code."""
    lines = complaints()
    sys.stderr.writelines(f"{line}\n" for line in lines)
    if privacy.is_readable_by_all(Path(ENV_FILE)):
        sys.stderr.write(
            f"{ENV_FILE}: every user of this machine can read it; chmod 600 {ENV_FILE}\n"
        )
    return EXIT_CONFIGURATION if lines else 0


if __name__ == "__main__":
    sys.exit(main())
