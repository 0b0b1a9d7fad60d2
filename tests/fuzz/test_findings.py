"""What hostile input once broke, where no file of the corpus says it: in SQLite, and in words."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import orjson
import pytest

from bot import known_settings
from bot.gateway.identify_gate import usable
from bot.gateway.journal import files
from bot.gateway.journal.batch import Came, SessionIs
from bot.gateway.journal.merging import UnmergeableError, merge
from bot.gateway.journal.reading import Saved, Unusable, load
from bot.gateway.journal.state_events import as_id
from bot.gateway.session import Session
from bot.settings import BotSettings
from tests.fuzz import journal
from tests.fuzz.mutation import nested
from tests.fuzz.settings import environment
from watchdog.heartbeat.installation import MAX_ENV_LENGTH, SettingsInvalidError
from watchdog.settings import WatchdogSettings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of some guilds."""
    path = files.path_of(tmp_path, 0)
    journal.write_base(path)
    return path


def execute(path: Path, statements: str) -> None:
    """Change the file as SQLite does."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA writable_schema = ON")
    connection.executescript(statements)
    connection.close()


def begins_a_session(path: Path) -> bool:
    """Answer whether the next session is kept, whatever lies there."""
    one = journal.journal_of(path)
    one.write([Came(0, 1, "READY", journal.EVENTS[0][3].decode())], at_s=1e9)
    one.write([SessionIs(0, journal.SESSION)], at_s=1e9)
    one.close(in_order=True)
    return isinstance(load(path.parent, journal.PRINT)[0], Saved)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "statements",
    [
        pytest.param(journal.ENDLESS_SESSION, id="a view that never ends"),
        pytest.param(journal.ENDLESS_INBOX, id="a view in place of the inbox"),
        pytest.param(journal.TRIGGER, id="a trigger that deletes"),
        pytest.param("ALTER TABLE session ADD COLUMN more TEXT", id="another column"),
        pytest.param("DROP INDEX events_of_guild", id="no index"),
        pytest.param(
            "UPDATE sqlite_master SET sql = CAST(replace(sql, 'INTEGER NOT', 'IN' ||"
            " CAST(x'f4' AS TEXT) || ' NOT') AS TEXT) WHERE name = 'inbox'",
            id="a table whose words are no UTF-8",
        ),
    ],
)
def test_a_journal_with_other_tables_is_broken(statements: str, path: Path) -> None:
    """It is asked nothing, since a view could answer for ever, and the next one replaces it."""
    execute(path, statements)

    found = load(path.parent, journal.PRINT)[0]

    assert isinstance(found, Unusable)
    assert found.reason == "broken"
    assert begins_a_session(path)


def test_a_resume_address_of_no_domain_is_none(path: Path) -> None:
    """It begins like an encoded name and can't be decoded: the session is resumed elsewhere."""
    execute(path, "UPDATE session SET address = 'wss://xn--a.example'")

    found = load(path.parent, journal.PRINT)[0]

    assert isinstance(found, Saved)
    assert isinstance(found.session, Session)
    assert found.session.address is None
    assert not usable("ws://gateway.example:0")


def test_a_guild_that_is_nested_too_deep_cannot_be_merged() -> None:
    """It can be read, but not be written: the journal is given up, its thread goes on."""
    sequence, guild, name, raw = journal.EVENTS[1]
    data = orjson.loads(raw)["d"] | {"strange": nested(200)}
    deep = b'{"t":"GUILD_CREATE","d":%s}' % orjson.dumps(data).replace(
        orjson.dumps(nested(200)), orjson.dumps(nested(200)).replace(b"0", b"[" * 200 + b"]" * 200)
    )

    with pytest.raises(UnmergeableError):
        merge(guild, [(sequence, name, deep), (sequence + 1, name, deep)], self_id=9)


@pytest.mark.parametrize("value", ["9999999999999999999", 1 << 63, -1, "\u0663", 1.0, None])
def test_what_no_table_can_hold_is_no_id(value: object) -> None:
    """Nineteen digits may be more than SQLite's largest number."""
    assert as_id(value) is None


# ---------------------------------------------------------------------- settings


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that nothing in the environment disturbs."""
    (tmp_path / "state").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_kept_settings_that_changed_on_disk_are_validated_again(installation: Path) -> None:
    """A bad disk must not allow more logins."""
    Path(".env").write_text("DISCORD_TOKEN=a-token-of-nobody\n")
    with environment():
        known_settings.load()
        raw = known_settings.KEPT.read_bytes()
        changed = raw.replace(b'"identify_max_24_h":200', b'"identify_max_24_h":900')
        known_settings.KEPT.write_bytes(changed)

        found = known_settings.load()

    assert changed != raw
    assert found.identify_max_24_h == 200


@pytest.mark.parametrize(
    ("written", "line"),
    [
        pytest.param(
            "A=xxxxxxxxxxxxxxxx\n" + "A=${A}${A}\n" * 40,
            "A: too long once the ${…} in it are filled in",
            id="values that fill each other",
        ),
        pytest.param(
            "#" * (MAX_ENV_LENGTH + 1), f".env: more than {MAX_ENV_LENGTH} characters", id="size"
        ),
        pytest.param(
            "STATE_DIR=a\0b", "STATE_DIR: holds a line break or another invisible byte", id="null"
        ),
        pytest.param(
            "PUSH_MONITOR_URL=http://localhost:99999/",
            "PUSH_MONITOR_URL: must be an http:// or https:// address",
            id="port",
        ),
    ],
)
def test_what_no_part_could_use_is_told_in_a_line(
    written: str, line: str, installation: Path
) -> None:
    """Nothing of it is a crash later."""
    Path(".env").write_text(written)

    with environment(), pytest.raises(SettingsInvalidError) as refused:
        WatchdogSettings.load()

    assert refused.value.lines == [line]


def test_bytes_that_are_no_text_are_told_by_the_setting(installation: Path) -> None:
    """The environment can hold them."""
    with environment(b"STATE_DIR=\xff"), pytest.raises(SettingsInvalidError, match="STATE_DIR"):
        WatchdogSettings.load()

    assert b"STATE_DIR" not in os.environb


def test_a_list_may_go_over_several_lines(installation: Path) -> None:
    """Between its words a line break is a blank."""
    Path(".env").write_text('DISCORD_TOKEN=a-token-of-nobody\nPLUGINS="a.b,\n  c.d"\n')

    with environment():
        assert BotSettings.load().plugins == ("a.b", "c.d")
