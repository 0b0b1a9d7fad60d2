"""Settings of both programs, from `.env` and the environment, and as the last start kept them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yarl
from pydantic import SecretStr

from bot import known_settings
from bot.errors import SettingsError
from bot.settings import BotSettings
from tests.fuzz.choices import Choices, built
from tests.fuzz.mutation import byte_edited, json_text
from tests.fuzz.surface import Input, Surface
from tests.fuzz.watchdog_files import in_a_folder
from watchdog.alerts.sender import AlertSender
from watchdog.heartbeat.installation import SettingsInvalidError
from watchdog.settings import WatchdogSettings

NAMES = tuple(
    sorted({name.upper() for cls in (BotSettings, WatchdogSettings) for name in cls.model_fields})
)
VALUES = (
    *(b"1", b"0", b"-1", b"5", b"0.5", b"30", b"1e3", b"1e999", b"nan", b"inf", b"9" * 5000),
    b"1_0",
    *(b"true", b"no", b"maybe", b"", b"''", b'""', b'" "', b"'\\''", b'"\\n"', b"'", b'"', b"`"),
    b"\\",
    *(b"state", b"/", b"..", b"a\0b", b"\xef\xbf\xbd", b"\xff\xfe", b"a" * 5000, b"\xd9\xa3", b"#"),
    b"a #b",
    *(b"https://discord.com/api/v10", b"http://127.0.0.1:8/api", b"http://[::1]:8", b"http://[::1"),
    *(b"http://localhost:99999/x", b"http://a b/", b"ftp://a", b"https://"),
    b"https://\xe2\x82\xac.example/",
    *(b"https://a.example:x/", b"https://@/", b"http://127.0.0.1:0"),
    b"https://" + b"a" * 70 + b".example",
    *(b"https://xn--a.example/", b"https://a..example/", b"https://a.example/\r\nX: y"),
    b"https://[v1.a]/",
    *(b"postgresql://u:p@h/d", b"postgres://[", b"mysql://x", b"a.b:c", b"a:b:c", b"a.b, c ,,"),
    b"members",
    *(b"${A}${A}", b"${STATE_DIR}", b"${", b"${:-x}", b"${A:-${B}}", b"INFO", b"DEBUG\n"),
    b'"DEBUG\n"',
    *(b'"two\nlines"', b"token.of.nobody", b"'tok\ten'", b"\xc3\xa9clair-token"),
    b"example.org, a b",
)
LINES = (
    b"A=xxxxxxxxxxxxxxxx",
    b"A=${A}${A}",
    b"export B=1",
    b"# note",
    b"",
    b"C",
    b"=",
    b"\xef\xbb\xbf",
)
TOKENS = (
    b"=",
    b"\n",
    b"'",
    b'"',
    b"\\",
    b"${",
    b"}",
    b"#",
    b"export ",
    b"\r",
    b"\0",
    b"DISCORD_TOKEN=",
)


def make(choices: Choices) -> Input:
    """Answer a `.env`, then what the environment holds, a part for each."""
    lines = [b"DISCORD_TOKEN=a-token-of-nobody"]
    for _ in range(choices.number(6)):
        if choices.one_in(3):
            lines += [choices.pick(LINES)] * (1 + choices.number(40) * choices.number(2))
        else:
            lines.append(choices.pick(NAMES).encode() + b"=" + choices.pick(VALUES))
    written = byte_edited(b"\n".join(lines), choices, TOKENS, most=2)
    environ = [
        choices.pick(NAMES).encode() + b"=" + choices.pick(VALUES).replace(b"\0", b"")
        for _ in range(choices.number(3))
    ]
    return (written, *environ)


@contextlib.contextmanager
def environment(*entries: bytes) -> Iterator[None]:
    """Have nothing but *entries* in the environment until the block ends."""
    before = dict(os.environb)
    os.environb.clear()
    for entry in entries:
        name, _, value = entry.partition(b"=")
        os.environb[name] = value
    try:
        yield
    finally:
        os.environb.clear()
        os.environb.update(before)


def check(folder: Path, given: Input) -> None:
    """Settings are refused by their own error, or every part that reads them can use them."""
    with contextlib.chdir(folder), environment(*given[1:]):
        Path(".env").write_bytes(given[0])
        with contextlib.suppress(SettingsError):
            usable(BotSettings.load_or_explain())
        with contextlib.suppress(SettingsInvalidError):
            watchdog = WatchdogSettings.load()
            usable(watchdog)
            AlertSender(watchdog)


def usable(settings: BotSettings | WatchdogSettings) -> None:
    """Fail where a setting was taken that what uses it would choke on."""
    for path in (settings.state_dir, settings.log_dir):
        assert "\0" not in str(path), "a path with a null byte"
    if isinstance(settings, BotSettings):
        address = yarl.URL(f"{settings.discord_api_url}/users/@me")
        assert address.host
        token = settings.discord_token.get_secret_value().strip()
        assert not set(token) & set("\r\n\0"), "a token that no header can hold"
        token.encode()


# --------------------------------------------------------------- state/settings.json


def values_of(settings: Any) -> Mapping[str, object]:
    """Answer every setting by name, secrets opened."""
    found: dict[str, object] = {}
    for name in BotSettings.model_fields:
        value = getattr(settings, name)
        is_secret = isinstance(value, (SecretStr, known_settings.KnownSecret))
        found[name] = value.get_secret_value() if is_secret else value
    return found


def check_kept(folder: Path, given: Input) -> None:
    """What the last start kept is what is validated now, or is not believed."""
    with contextlib.chdir(folder), environment(b"JOB_WORKERS=3"):
        known_settings.KEPT.parent.mkdir(exist_ok=True)
        Path(".env").write_bytes(b"DISCORD_TOKEN=a-token-of-nobody\nPLUGINS=a.b\n")
        validated = known_settings._recall()
        if validated is None:
            known_settings.KEPT.unlink(missing_ok=True)
            known_settings.load()
            validated = known_settings._recall()
        assert validated is not None
        before, wanted = known_settings.KEPT.read_bytes(), values_of(validated)
        try:
            kept = json_text((before,), Choices(given[0]))
            known_settings.KEPT.write_bytes(kept)
            found = known_settings._recall()
            assert found is None or values_of(found) == wanted, "other settings were believed"
        finally:
            known_settings.KEPT.write_bytes(before)


def make_kept(choices: Choices) -> Input:
    """Answer what to change in the file, which is made on the spot: it knows its code's dates."""
    return (choices.some_bytes(127) or b"\x01",)


SURFACES = (
    Surface(name="settings", inputs=built(make, size=64), opened=in_a_folder(check)),
    Surface(
        name="kept_settings", inputs=built(make_kept, size=160), opened=in_a_folder(check_kept)
    ),
)
