"""Settings as they were validated last, for a start that finds nothing changed since.

Importing and building the validator takes as long as all other work of ours at a start, and a
restart is a start too. What it answered is kept in `state/settings.json`, without the secrets,
under a digest of all that it depends on: `.env`, the environment and the code. Whatever is odd
about that file is a reason to validate again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson

from watchdog.heartbeat import file, identity
from watchdog.heartbeat.decoder import HeartbeatError

if TYPE_CHECKING:
    from bot.settings import BotSettings

KEPT = Path("state/settings.json")
ENV_FILE = Path(".env")
MAX_BYTES = 64 * 1024
# The code that says what is valid: when one of these changes, everything is validated again.
CODE = (
    Path(__file__).with_name("settings.py"),
    Path(__file__).with_name("outbound") / "weather_source.py",
    Path(identity.__file__).with_name("installation.py"),
    Path(identity.__file__).with_name("addresses.py"),
)


class KnownSecret:
    """A secret that does not show itself; what is used of pydantic's `SecretStr`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "KnownSecret(**********)"

    def get_secret_value(self) -> str:
        """Answer the secret itself."""
        return self._value


class KnownSettings:
    """The attributes of `BotSettings` with their validated values; none can be set."""

    def __init__(self, values: Mapping[str, object]) -> None:
        object.__setattr__(self, "_values", values)

    def __getattr__(self, name: str) -> object:
        try:
            return object.__getattribute__(self, "_values")[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings can't be changed: {name}")


def load() -> BotSettings:
    """Answer the settings of the installation in the current folder, a token among them.

    Raises:
        SettingsError: one line a setting, for exit code 78.
    """
    known = _recall()
    if known is not None:
        return cast("BotSettings", known)
    from bot.settings import BotSettings

    names = sorted({name.upper() for name in BotSettings.model_fields} | BotSettings.foreign_names)
    before = None
    with contextlib.suppress(OSError):  # the validator says it better
        before = _digest(names, _written())
    settings = BotSettings.load_or_explain()
    with contextlib.suppress(OSError):  # the next start validates again, that is all
        _keep(settings, names, before)
    return settings


def _recall() -> KnownSettings | None:
    try:
        kept = orjson.loads(file.read(KEPT, max_bytes=MAX_BYTES))
        seal, names = kept.pop("seal"), kept["names"]
        written = _written()
        if seal != _seal(kept) or kept["digest"] != _digest(names, written):
            return None
        values: dict[str, object] = dict(kept["plain"])
        values |= {name: Path(path) for name, path in kept["paths"].items()}
        values |= {name: tuple(items) for name, items in kept["lists"].items()}
        secrets = _secrets(kept["secrets"], written)
    except (OSError, HeartbeatError, ValueError, TypeError, LookupError, AttributeError):
        return None
    if not secrets["discord_token"].strip():
        return None
    return KnownSettings(values | {name: KnownSecret(text) for name, text in secrets.items()})


def _keep(settings: BotSettings, names: list[str], digest: str | None) -> None:
    kinds: dict[str, dict[str, Any]] = {"plain": {}, "paths": {}, "lists": {}, "secrets": {}}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Path):
            kinds["paths"][name] = str(value)
        elif isinstance(value, tuple):
            kinds["lists"][name] = list(value)
        elif isinstance(value, bool | int | float | str):
            kinds["plain"][name] = value
        else:
            kinds["secrets"][name] = value.get_secret_value()
    secrets, written = list(kinds["secrets"]), _written()
    # Not when `.env` changed meanwhile, nor when only the validator reads its secrets as it does.
    if digest != _digest(names, written) or _secrets(secrets, written) != kinds["secrets"]:
        KEPT.unlink(missing_ok=True)
    elif KEPT.parent.is_dir():
        document = {**kinds, "secrets": secrets, "names": names, "digest": digest}
        file.write(KEPT, orjson.dumps({**document, "seal": _seal(document)}))


def _seal(document: Mapping[str, object]) -> str:
    """Answer a digest of what is kept: a value that a bad disk changed is no valid one."""
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _written() -> bytes:
    """Answer the content of `.env`, empty without one."""
    if not ENV_FILE.is_file():
        return b""
    with ENV_FILE.open("rb") as stream:
        raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return raw


def _digest(names: list[str], written: bytes) -> str:
    """Answer a digest of all that the answer of the validator depends on."""
    known = set(names)
    code = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in CODE]
    # Every name counts, since one that is nearly known is an error; values of known ones only.
    environment = sorted(
        (name, value if name.upper() in known else "") for name, value in os.environ.items()
    )
    parts = repr((sys.version_info[:3], code, environment, ENV_FILE.exists())).encode()
    return hashlib.sha256(parts + b"\0" + written).hexdigest()


def _secrets(names: list[str], written: bytes) -> dict[str, str]:
    """Answer the secrets by name: from the environment, else from `.env`, else empty."""
    from dotenv import dotenv_values

    values = dotenv_values(stream=io.StringIO(written.decode("utf-8-sig")))
    found = {name.upper(): value for name, value in values.items() if value}
    found |= {name.upper(): value for name, value in os.environ.items() if value}
    return {name: found.get(name.upper()) or "" for name in names}
