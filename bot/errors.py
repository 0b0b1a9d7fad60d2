"""Exit codes and the errors that end the process; the tree of errors grows from `BotError`.

BotError
├── PermanentError    exit 78: no restart mends it, the operator must
│   └── SettingsError
└── TemporaryError    exit 75: try again at `retry_at_s`
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How the process ended, for the watchdog (DESIGN: judging and acting)."""

    STOPPED = 0  # an operator's wish, by the shutdown command alone
    FAILED = 1  # an unexpected error
    RESTART = 26  # the restart command: start again at once
    TEMPORARY = 75  # EX_TEMPFAIL: start again at retry_at
    CONFIGURATION = 78  # EX_CONFIG: token, intent or settings
    INTERRUPTED = 130  # SIGINT
    TERMINATED = 143  # SIGTERM


class BotError(Exception):
    """Every error of the bot's own."""


class PermanentError(BotError):
    """No restart will mend this; *advice* says what will."""

    def __init__(self, kind: str, advice: str) -> None:
        self.kind, self.advice = kind, advice
        super().__init__(f"{kind}: {advice}")


class SettingsError(PermanentError):
    """Settings that can't be used; *lines* hold one readable line each."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("invalid_settings", "; ".join(lines))


class TemporaryError(BotError):
    """Outside help is not there now; start again at *retry_at_s* (Unix time, seconds)."""

    def __init__(self, kind: str, *, retry_at_s: float) -> None:
        self.kind, self.retry_at_s = kind, retry_at_s
        super().__init__(f"{kind}, retry at {retry_at_s:.0f}")
