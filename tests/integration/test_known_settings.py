"""Settings that were validated once: the same again, and never those of yesterday."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from bot import known_settings
from bot.errors import SettingsError
from bot.known_settings import KnownSettings
from bot.settings import BotSettings

TOKEN = "a-token-of-nobody"
ENV = f"DISCORD_TOKEN={TOKEN}\nPLUGINS=a.b, c.d\nCOMMAND_TIMEOUT_S=12.5\nJOB_WORKERS=3\n"


@pytest.fixture(autouse=True)
def _installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an installation of its own that was started once."""
    for name in BotSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "state").mkdir()
    Path(".env").write_text(ENV)
    assert isinstance(known_settings.load(), BotSettings)


def test_what_was_validated_is_known_at_the_next_start() -> None:
    """Each setting has the value that the validator answered."""
    known, validated = known_settings.load(), BotSettings.load_or_explain()

    assert isinstance(known, KnownSettings)
    for name in BotSettings.model_fields:
        value = getattr(validated, name)
        secret = getattr(value, "get_secret_value", None)
        if secret is not None:
            assert getattr(known, name).get_secret_value() == secret()
        else:
            assert getattr(known, name) == value
            assert type(getattr(known, name)) is type(value) or isinstance(value, Path)


def test_a_known_start_does_without_the_validator() -> None:
    """What it saves is the import of pydantic."""
    program = (
        "import sys; from bot import known_settings; s = known_settings.load();"
        "sys.exit('pydantic' in sys.modules or s.job_workers != 3)"
    )
    root = Path(known_settings.__file__).parents[1]

    environ = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", program], check=False, env=environ)
    again = subprocess.run([sys.executable, "-c", program], check=False, env=environ)

    assert again.returncode == 0


def test_a_change_of_the_file_is_seen() -> None:
    """The next start has the new value."""
    Path(".env").write_text(ENV + "JOB_WORKERS=4\n")

    assert known_settings.load().job_workers == 4


@pytest.mark.parametrize("name", ["JOB_WORKERS", "job_workers"])
def test_a_change_of_the_environment_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In capitals or not."""
    monkeypatch.setenv(name, "4")

    assert known_settings.load().job_workers == 4


def test_a_new_token_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it is written; an empty one in the environment is none."""
    Path(".env").write_text(ENV.replace(TOKEN, "another-token"))
    monkeypatch.setenv("DISCORD_TOKEN", "")
    for _ in range(2):
        assert known_settings.load().discord_token.get_secret_value() == "another-token"


def test_a_token_is_never_written_down() -> None:
    """It stays in `.env`; the file is private all the same."""
    raw = known_settings.KEPT.read_bytes()

    assert TOKEN.encode() not in raw
    assert stat.S_IMODE(known_settings.KEPT.stat().st_mode) == 0o600
    assert TOKEN not in repr(known_settings.load().discord_token)


def test_a_setting_that_became_wrong_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad values and names that are nearly right are found as at a first start."""
    monkeypatch.setenv("JOB_WORKERS", "many")
    with pytest.raises(SettingsError, match="JOB_WORKERS"):
        known_settings.load()
    monkeypatch.delenv("JOB_WORKERS")
    monkeypatch.setenv("JOB_WORKER", "4")

    with pytest.raises(SettingsError, match="JOB_WORKER: "):
        known_settings.load()


def test_code_that_changed_validates_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An update may have other settings."""
    other = tmp_path / "settings.py"
    other.touch()
    monkeypatch.setattr(known_settings, "CODE", (other,))

    assert isinstance(known_settings.load(), BotSettings)
    assert isinstance(known_settings.load(), KnownSettings)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="not an object"),
        pytest.param(b'{"names": 1, "digest": 2}', id="wrong types"),
        pytest.param(b"\xff" * 100, id="garbage"),
        pytest.param(b" " * 100_000, id="huge"),
    ],
)
def test_a_file_that_is_spoilt_is_not_believed(raw: bytes) -> None:
    """The validator is asked again, and mends the file."""
    known_settings.KEPT.write_bytes(raw)

    assert isinstance(known_settings.load(), BotSettings)
    assert isinstance(known_settings.load(), KnownSettings)


def test_a_file_with_a_part_taken_out_is_not_believed() -> None:
    """Half a set of settings is none."""
    kept = orjson.loads(known_settings.KEPT.read_bytes())
    del kept["lists"]
    known_settings.KEPT.write_bytes(orjson.dumps(kept))

    assert isinstance(known_settings.load(), BotSettings)


def test_a_file_of_somebody_else_is_not_believed() -> None:
    """Who may write it could send the token elsewhere."""
    known_settings.KEPT.chmod(0o666)

    assert isinstance(known_settings.load(), BotSettings)


def test_a_known_setting_can_not_be_set() -> None:
    """Settings are read once."""
    known = known_settings.load()

    with pytest.raises(AttributeError):
        known.job_workers = 5  # type: ignore[misc]


def test_a_file_that_changes_while_it_is_validated_is_validated_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is kept must never be the answer to another question."""
    validate = BotSettings.load_or_explain

    def validate_while_it_changes() -> BotSettings:
        settings = validate()
        Path(".env").write_text(ENV + "JOB_WORKERS=5\n")
        return settings

    Path(".env").write_text(ENV + "JOB_WORKERS=4\n")
    monkeypatch.setattr(BotSettings, "load_or_explain", validate_while_it_changes)
    assert known_settings.load().job_workers == 4
    monkeypatch.setattr(BotSettings, "load_or_explain", validate)

    assert known_settings.load().job_workers == 5
