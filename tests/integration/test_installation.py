"""Settings from environment and `.env`: every mistake is one readable line, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bot.settings import BotSettings
from watchdog.heartbeat.installation import (
    InstallationSettings,
    SettingsInvalidError,
    allowed,
    misspelt,
)
from watchdog.settings import WatchdogSettings

ROOT = Path(__file__).parents[2]
SETTINGS: list[type[InstallationSettings]] = [BotSettings, WatchdogSettings]


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and an environment without any setting."""
    names = {name.upper() for cls in SETTINGS for name in cls.model_fields}
    for name in os.environ:
        if name.upper() in names:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(cls: type[InstallationSettings]) -> list[str]:
    """Answer the complaints about the settings of now, none if they can be used."""
    try:
        cls.load()
    except SettingsInvalidError as error:
        return error.lines
    return []


@pytest.mark.parametrize("cls", SETTINGS)
def test_an_empty_environment_is_enough(cls: type[InstallationSettings]) -> None:
    """Every setting has a default."""
    assert lines(cls) == []


PORT = "HTTP_PORT: must be a whole number from 1 to 65535"
HUNG = "HUNG_AFTER_S: must be a number from 0.5 to 300"


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        pytest.param("HTTP_PORT", "abc", PORT, id="a word for a port"),
        pytest.param("HTTP_PORT", "0", PORT, id="port 0"),
        pytest.param("HTTP_PORT", "-1", PORT, id="port -1"),
        pytest.param("HTTP_PORT", "65536", PORT, id="a port past the last"),
        pytest.param("HTTP_PORT", "80.5", PORT, id="half a port"),
        pytest.param("HTTP_PORT", "nan", PORT, id="port nan"),
        pytest.param("HTTP_PORT", "%(ENV_PORT)s", PORT, id="a percent sign for a port"),
        pytest.param("HTTP_PORT", "9" * 5000, PORT, id="five thousand digits"),
        pytest.param("HUNG_AFTER_S", "0", HUNG, id="zero seconds"),
        pytest.param("HUNG_AFTER_S", "-1", HUNG, id="negative seconds"),
        pytest.param("HUNG_AFTER_S", "nan", HUNG, id="nan seconds"),
        pytest.param("HUNG_AFTER_S", "inf", HUNG, id="endless seconds"),
        pytest.param("HUNG_AFTER_S", "1e999", HUNG, id="more than a double"),
        pytest.param("HUNG_AFTER_S", "5s", HUNG, id="a unit"),
        pytest.param("HUNG_AFTER_S", "5,0", HUNG, id="a comma"),
        pytest.param(
            "MAX_RESTARTS",
            "many",
            "MAX_RESTARTS: must be a whole number from 1 to 100",
            id="a word for a count",
        ),
        pytest.param(
            "LOG_LEVEL",
            "LOUD",
            "LOG_LEVEL: must be one of DEBUG, INFO, WARNING, ERROR",
            id="no log level",
        ),
        pytest.param(
            "ALERT_WEBHOOK_URL",
            "ftp://a.example/secret",
            "ALERT_WEBHOOK_URL: must be an http:// or https:// address",
            id="another scheme",
        ),
        pytest.param(
            "ALERT_WEBHOOK_URL",
            "http://hooks.example/secret",
            "ALERT_WEBHOOK_URL: http:// would send the webhook's token in the clear; use https://",
            id="a webhook in the clear",
        ),
        pytest.param(
            "HTTP_ALLOWED_HOSTS",
            "status.example, https://a.example/",
            "HTTP_ALLOWED_HOSTS: https://a.example/ is no name of a host; no port, no address with"
            " ://",
            id="an address for a name",
        ),
    ],
)
def test_a_bad_value_is_one_line_with_name_and_allowed_range(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    """The line can be acted upon by who never saw this code."""
    monkeypatch.setenv(name, value)

    assert lines(WatchdogSettings) == [line]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        pytest.param("STANDBY", "perhaps", "STANDBY: must be true or false", id="no truth value"),
        pytest.param(
            "COMMAND_PREFIX",
            "much too long",
            "COMMAND_PREFIX: must be from 1 to 8 characters long",
            id="a long prefix",
        ),
        pytest.param(
            "DISCORD_API_URL",
            "http://api.example/v10",
            "DISCORD_API_URL: http:// would send the token in the clear; use https://",
            id="a token in the clear",
        ),
        pytest.param(
            "OUTBOUND_NETWORKS",
            "127.0.0.0/8, 10.1.2.3/8",
            "OUTBOUND_NETWORKS: 10.1.2.3/8 is no network; write 127.0.0.0/8 or ::1",
            id="bits behind the prefix",
        ),
        pytest.param(
            "BOT_FACTORY",
            "os.system('x')",
            "BOT_FACTORY: must look like package.module:callable",
            id="no factory",
        ),
        pytest.param(
            "WEATHER_URL",
            "https://weather.example/now?key=s3cret",
            "WEATHER_URL: must hold {place} in its path or query, where the place is to stand",
            id="a weather service that is not told the place",
        ),
        pytest.param(
            "WEATHER_FIELDS",
            "temperature_c=temp,moon=phase",
            "WEATHER_FIELDS: must look like temperature_c=current.temp_c,…; it may name place, "
            "summary, observed_at, temperature_c, feels_like_c, humidity_percent, wind_kmh",
            id="a field of the weather that is none",
        ),
    ],
)
def test_settings_of_the_bot_complain_alike(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    """Numbers, truth values, lengths, and what its own validators say."""
    monkeypatch.setenv(name, value)

    assert lines(BotSettings) == [line]


def test_several_mistakes_are_several_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """All are told at once, none hides the other."""
    monkeypatch.setenv("HTTP_PORT", "x")
    monkeypatch.setenv("HUNG_AFTER_S", "x")
    monkeypatch.setenv("MAX_RESTART", "5")

    told = lines(WatchdogSettings)

    assert sorted(line.partition(":")[0] for line in told) == [
        "HTTP_PORT",
        "HUNG_AFTER_S",
        "MAX_RESTART",
    ]


@pytest.mark.parametrize("cls", SETTINGS)
@pytest.mark.parametrize("name", ["DISCORD_TOKN", "HUNG_AFTER", "HTTP_PROT", "MAX_RESTART"])
def test_a_misspelt_name_is_told_by_both_processes(
    monkeypatch: pytest.MonkeyPatch, cls: type[InstallationSettings], name: str
) -> None:
    """Silently ignored, it would be looked for all night."""
    monkeypatch.setenv(name, "1")

    (line,) = lines(cls)

    assert line.startswith(f"{name}: not a setting; did you mean ")


@pytest.mark.parametrize("cls", SETTINGS)
def test_the_settings_of_the_other_process_are_no_mistakes(
    monkeypatch: pytest.MonkeyPatch, cls: type[InstallationSettings]
) -> None:
    """One `.env` serves both."""
    for other in SETTINGS:
        for name in other.model_fields:
            monkeypatch.setenv(name.upper(), "")

    assert lines(cls) == []


@pytest.mark.parametrize("name", ["PATH", "HOME", "HTTP_PROXY", "LOG", "TOKEN", "HOSTNAME"])
def test_names_of_others_are_left_alone(name: str) -> None:
    """An environment is full of them."""
    known = {field.upper() for cls in SETTINGS for field in cls.model_fields}

    assert misspelt([name], known) == []


def test_no_line_repeats_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that landed in the wrong setting must not land in the log."""
    for name in ("HTTP_PORT", "HUNG_AFTER_S", "LOG_LEVEL", "ALERT_WEBHOOK_URL", "MAX_RESTARTS"):
        monkeypatch.setenv(name, "ftp://mfa.TOKENTOKEN")

    told = "\n".join(lines(WatchdogSettings))

    assert "HTTP_PORT" in told
    assert "TOKENTOKEN" not in told


def test_the_file_is_read_and_the_environment_wins(
    installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As everybody expects of a `.env`."""
    (installation / ".env").write_text("HTTP_PORT=6001\nHUNG_AFTER_S=7\n")
    monkeypatch.setenv("HTTP_PORT", "6002")

    settings = WatchdogSettings.load()

    assert (settings.http_port, settings.hung_after_s) == (6002, 7.0)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ufeffHTTP_PORT=6001\n", id="a mark of an editor in front"),
        pytest.param("http_port=6001", id="small letters, no newline"),
        pytest.param("export HTTP_PORT=6001\n", id="export"),
        pytest.param("HTTP_PORT='6001' # the page\n", id="quotes and comment"),
        pytest.param("HTTP_PORT = 6001\r\n", id="spaces and a line end of Windows"),
    ],
)
def test_a_file_may_be_written_in_many_ways(installation: Path, text: str) -> None:
    """By hand, by editors, on other systems."""
    (installation / ".env").write_bytes(text.encode())

    assert WatchdogSettings.load().http_port == 6001


def test_a_percent_sign_in_a_value_is_kept(installation: Path) -> None:
    """Passwords have them, and supervisord would expand them."""
    (installation / ".env").write_text("DISCORD_TOKEN=a%b%(c)s%%d\n")

    token = BotSettings.load().discord_token.get_secret_value()

    assert token == "a%b%(c)s%%d"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(b"HTTP_PORT=\xff\xfe\n", ".env: can't be read as UTF-8", id="not UTF-8"),
        pytest.param(
            b"LOG_LEVEL=INFO\nHTTP_PORT 6001\nA=1\n", ".env: line 2 can't", id="no equals sign"
        ),
        pytest.param(b"HTTP_PORT='6001\n", ".env: line 1 can't", id="an open quote"),
    ],
)
def test_a_file_that_can_not_be_read_is_told(installation: Path, content: bytes, line: str) -> None:
    """With the line, where there is one."""
    (installation / ".env").write_bytes(content)

    (told,) = lines(WatchdogSettings)

    assert told.startswith(line)


def test_a_folder_in_the_place_of_the_file_is_told(installation: Path) -> None:
    """Docker makes one where a file to mount is missing."""
    (installation / ".env").mkdir()

    assert lines(WatchdogSettings) == [".env: is not a file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_file_without_permission_is_told() -> None:
    """Made by root, read by a service's own user."""
    program = (
        "import os, sys\n"
        "from watchdog.heartbeat.installation import SettingsInvalidError\n"
        "from watchdog.settings import WatchdogSettings\n"
        "os.chdir(sys.argv[1])\n"
        "os.setegid(65534), os.seteuid(65534)\n"
        "try:\n"
        "    WatchdogSettings.load()\n"
        "except SettingsInvalidError as error:\n"
        "    print(error.lines)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        env_file = Path(folder, ".env")
        env_file.write_text("HTTP_PORT=6001\n")
        env_file.chmod(0o600)
        child = subprocess.run(
            [sys.executable, "-c", program, folder], cwd=ROOT, check=True, capture_output=True
        )

    assert b".env: can't be read" in child.stdout


@pytest.mark.parametrize("cls", SETTINGS)
def test_every_number_says_its_range(cls: type[InstallationSettings]) -> None:
    """No complaint may leave a reader to guess."""
    numbers = {
        name: allowed(field)
        for name, field in cls.model_fields.items()
        if field.annotation in (int, float)
    }

    assert all(" from " in words and " to " in words for words in numbers.values()), numbers
