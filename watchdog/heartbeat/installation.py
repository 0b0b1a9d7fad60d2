"""What both processes know of an installation: its folders, and how a bad setting is told.

An installation is the folder the processes run in. Settings come from the environment or from its
`.env`; the environment wins. Reading them raises one error that holds one readable line a setting.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import annotated_types
from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

ENV_FILE = ".env"
ENCODING = "utf-8-sig"  # UTF-8, with or without the mark that some editors put in front


class SettingsInvalidError(ValueError):
    """Settings that can't be used; *lines* say what is allowed, never a secret."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("; ".join(lines))


class InstallationSettings(BaseSettings):
    """Settings that bot and watchdog read alike; all paths are relative to the installation."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding=ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        defer_build=True,  # this class itself is never made: only what derives from it is built
    )

    # Names the other process reads: known to be right, though they mean nothing here.
    foreign_names: ClassVar[frozenset[str]] = frozenset()

    state_dir: Path = Field(Path("state"), description="Folder of runtime files.")
    log_dir: Path = Field(Path("logs"), description="Folder of the JSON logs.")
    log_level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Lowest level logged."
    )
    heartbeat_interval_s: float = Field(
        1.0, ge=0.1, le=10, allow_inf_nan=False, description="Seconds between two heartbeats."
    )
    shutdown_timeout_s: float = Field(
        8.0,
        ge=1,
        le=60,
        allow_inf_nan=False,
        description="Seconds the bot has to end its tasks when it is stopped.",
    )
    standby: bool = Field(
        True, description="Keep a warm spare that takes over; `false` saves its memory."
    )

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Answer the settings of the installation in the current folder.

        Raises:
            SettingsInvalidError: with one line for each setting that can't be used, and for each
                name that is close to a known one.
        """
        environ = os.environ if environ is None else environ
        written = {key.upper(): value for key, value in _env_file().items() if value}
        known = {name.upper() for name in cls.model_fields} | cls.foreign_names
        lines = misspelt({*written, *(name.upper() for name in environ)}, known)
        try:
            settings = cls()
        except ValidationError as error:
            fields = cls.model_fields
            lines += [complaint(fields, problem) for problem in error.errors(include_input=False)]
            raise SettingsInvalidError(lines) from None
        if lines:
            raise SettingsInvalidError(lines)
        return settings


def _env_file() -> Mapping[str, str | None]:
    path = Path(ENV_FILE)
    if not path.exists():
        return {}
    if not path.is_file():
        raise SettingsInvalidError([f"{ENV_FILE}: is not a file"])
    try:
        with path.open(encoding=ENCODING) as lines:
            bad = [binding.original.line for binding in parse_stream(lines) if binding.error]
        if bad:
            raise SettingsInvalidError(
                [f"{ENV_FILE}: line {line} can't be read; write NAME=value" for line in bad]
            )
        return dotenv_values(path, encoding=ENCODING)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalidError([f"{ENV_FILE}: can't be read as UTF-8 text: {error}"]) from error


def misspelt(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Answer a line for each name that is nearly, but not quite, one that is known."""
    known = sorted(known)
    lines = []
    for name in sorted(set(names) - set(known)):
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.88)
        if close:
            lines.append(f"{name}: not a setting; did you mean {close[0]}?")
    return lines


def allowed(field: FieldInfo) -> str:
    """Answer what *field* admits, in words, from its own constraints; empty for free text."""
    limits: dict[str, Any] = {}
    for constraint in field.metadata:
        match constraint:
            case annotated_types.Ge(ge=limit) | annotated_types.MinLen(min_length=limit):
                limits["least"] = limit
            case annotated_types.Gt(gt=limit):
                limits["above"] = limit
            case annotated_types.Le(le=limit) | annotated_types.MaxLen(max_length=limit):
                limits["most"] = limit
            case annotated_types.Lt(lt=limit):
                limits["below"] = limit
            case _ if getattr(constraint, "pattern", None):
                return f"one of {constraint.pattern.strip('^$()').replace('|', ', ')}"
    if field.annotation is bool:
        return "true or false"
    for kind, words in ((int, "a whole number"), (float, "a number")):
        if field.annotation is kind:
            return f"{words} {_range(limits)}".strip()
    return f"{_range(limits)} characters long" if limits else ""


def _range(limits: Mapping[str, Any]) -> str:
    match limits:
        case {"least": least, "most": most}:
            return f"from {_plain(least)} to {_plain(most)}"
        case {"least": least, "below": below}:
            return f"from {_plain(least)} to less than {_plain(below)}"
    words = {"least": "at least", "above": "more than", "most": "at most", "below": "less than"}
    return " and ".join(f"{words[key]} {_plain(limit)}" for key, limit in limits.items())


def _plain(limit: float) -> str:
    return str(int(limit)) if float(limit).is_integer() else str(limit)


def complaint(fields: Mapping[str, FieldInfo], problem: Any) -> str:
    """Answer one line for one of pydantic's errors: the name, and what it must be.

    The value is not repeated: it may be a secret that landed in the wrong line.
    """
    name = str(problem["loc"][0]).lower() if problem["loc"] else "settings"
    if problem["type"] == "value_error":  # one of our own validators, in our own words
        return f"{name.upper()}: {str(problem['msg']).removeprefix('Value error, ')}"
    limits = allowed(fields[name]) if name in fields else ""
    said = str(problem["msg"]).removeprefix("Input should be ")
    return f"{name.upper()}: must be {limits or said}"
