"""What both processes know of an installation: its folders, and how a bad setting is told.

An installation is the folder the processes run in. Settings come from the environment or from its
`.env`; the environment wins. Reading them raises one error that holds one readable line a setting.
"""

from __future__ import annotations

import difflib
import io
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, get_origin

import annotated_types
from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream
from dotenv.variables import Variable, parse_variables
from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

ENV_FILE = ".env"
MAX_ENV_LENGTH = 64 * 1024  # characters of the file
MAX_FILLED_LENGTH = 256 * 1024  # of all its values, with what they refer to filled in
# Control characters, and bytes that are not UTF-8; lists of words may have line breaks in between.
_NO_TEXT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_NO_WORDS = re.compile("[\x00\ud800-\udfff]")
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
    core_dumps: bool = Field(
        False, description="Let a crash leave a core file: for debugging, since it holds the token."
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
        given = written | {name.upper(): value for name, value in environ.items() if value}
        unfit = [name.upper() for name in cls.model_fields if cls._is_unfit(name, given)]
        if unfit:
            lines += [f"{name}: holds a line break or another invisible byte" for name in unfit]
            raise SettingsInvalidError(lines)
        try:
            settings = cls()
        except ValidationError as error:
            fields = cls.model_fields
            lines += [complaint(fields, problem) for problem in error.errors(include_input=False)]
            raise SettingsInvalidError(lines) from None
        if lines:
            raise SettingsInvalidError(lines)
        return settings

    @classmethod
    def _is_unfit(cls, name: str, given: Mapping[str, str]) -> bool:
        """Answer whether a setting holds what no file name, header or address may hold."""
        is_list = get_origin(cls.model_fields[name].annotation) is tuple
        unfit = _NO_WORDS if is_list else _NO_TEXT
        return unfit.search(given.get(name.upper(), "").strip()) is not None


def _env_file() -> Mapping[str, str | None]:
    path = Path(ENV_FILE)
    if not path.exists():
        return {}
    if not path.is_file():
        raise SettingsInvalidError([f"{ENV_FILE}: is not a file"])
    try:
        with path.open(encoding=ENCODING) as stream:
            text = stream.read(MAX_ENV_LENGTH + 1)
        if len(text) > MAX_ENV_LENGTH:
            raise SettingsInvalidError([f"{ENV_FILE}: more than {MAX_ENV_LENGTH} characters"])
        bindings = list(parse_stream(io.StringIO(text)))
        bad = [
            f"{ENV_FILE}: line {each.original.line} can't be read; write NAME=value"
            for each in bindings
            if each.error
        ]
        if bad or (bad := _endless(bindings)):
            raise SettingsInvalidError(bad)
        return dotenv_values(stream=io.StringIO(text))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalidError([f"{ENV_FILE}: can't be read as UTF-8 text: {error}"]) from error


def _endless(bindings: Iterable[Binding]) -> list[str]:
    """Answer a line for values that fill each other in again and again until no memory is left."""
    lengths, total = dict[str, int](), 0
    for binding in bindings:
        name, length = binding.key or "", 0
        for atom in parse_variables(binding.value or ""):
            if isinstance(atom, Variable):
                outside = os.environ.get(atom.name, "")
                length += max(lengths.get(atom.name, 0), len(outside), len(atom.default or ""))
            else:
                length += len(atom.resolve({}))
        total += length
        if total > MAX_FILLED_LENGTH:
            return [f"{name}: too long once the ${{…}} in it are filled in"]
        lengths[name] = length
    return []


def misspelt(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Answer a line for each name that is nearly, but not quite, one that is known."""
    known = sorted(known)
    lines = []
    for name in sorted(set(names) - set(known)):
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.88)
        if close:
            lines.append(f"{name}: not a setting; did you mean {close[0]}?")
    return lines


def words_of(value: object) -> object:
    """Answer text as the words that commas separate in it, anything else as it is."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


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
