"""`python -m watchdog status` with real files."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.unit.status_reports import report
from watchdog.heartbeat import file, identity
from watchdog.status import command
from watchdog.status.report import encode


@pytest.fixture(autouse=True)
def _installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATE_DIR", raising=False)
    (tmp_path / "state").mkdir(mode=0o700)


def leave(**parts: Any) -> None:
    """Write a status as a watchdog does that is this very process."""
    now = datetime.now(UTC).isoformat()
    written = report(**{"checked_at": now, "watchdog_pid": os.getpid(), **parts})
    who = {"boot_id": identity.boot_id(), "watchdog_process_started": identity.own().started}
    document = {**who, **orjson.loads(encode(written))}
    file.write(Path("state/status.json"), orjson.dumps(document))


@pytest.mark.parametrize(
    ("parts", "code", "words"),
    [
        pytest.param({}, 0, "Healthy", id="healthy"),
        pytest.param({"verdict": "degraded"}, 0, "Degraded", id="degraded"),
        pytest.param({"verdict": "held"}, 1, "On hold", id="held"),
        pytest.param({"watchdog_pid": 2**22 + 1}, 3, "not running", id="watchdog_gone"),
        pytest.param(
            {"checked_at": "2026-01-01T00:00:00Z"}, 3, "has not judged", id="watchdog_hangs"
        ),
    ],
)
def test_the_status_is_printed_and_its_code_says_whether_the_bot_serves(
    capsys: pytest.CaptureFixture[str], parts: dict[str, Any], code: int, words: str
) -> None:
    """Text for people, the exit code for scripts."""
    leave(**parts)

    assert command.main([]) == code
    assert words in capsys.readouterr().out


def test_json_holds_report_and_watchdog(capsys: pytest.CaptureFixture[str]) -> None:
    """One document with everything."""
    leave(verdict="held", advice="Mend it.")

    code = command.main(["--json"])
    document = orjson.loads(capsys.readouterr().out)

    assert code == 1
    assert document["watchdog"] == {"running": True, "trouble": None, "detail": None}
    assert (document["verdict"], document["advice"]) == ("held", "Mend it.")
    assert document["incident"]["number"] == 4


def test_no_file_means_no_watchdog(capsys: pytest.CaptureFixture[str]) -> None:
    """Said clearly, with how to start it."""
    code = command.main([])

    assert code == 3
    assert "NEVER_DOWN.sh" in capsys.readouterr().out


def test_json_without_a_file_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts can always parse it."""
    code = command.main(["--json"])
    document = orjson.loads(capsys.readouterr().out)

    assert code == 3
    assert document["watchdog"]["trouble"] == "missing"


def _link() -> None:
    Path("state/status.json").symlink_to("/etc/hostname")


def _fifo() -> None:
    os.mkfifo("state/status.json")


def _garbage() -> None:
    file.write(Path("state/status.json"), b"\xff{")


def _huge() -> None:
    file.write(Path("state/status.json"), b" " * 1_000_000)


def _folder() -> None:
    Path("state/status.json").mkdir()


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(_link, id="a_link"),
        pytest.param(_fifo, id="a_fifo"),
        pytest.param(_garbage, id="garbage"),
        pytest.param(_huge, id="huge"),
        pytest.param(_folder, id="a_folder"),
    ],
)
def test_a_file_that_is_not_ours_is_refused(
    capsys: pytest.CaptureFixture[str], break_it: Any
) -> None:
    """It is neither followed nor waited for nor believed."""
    break_it()

    assert command.main([]) == 3
    assert "can't be believed" in capsys.readouterr().out


def test_broken_settings_do_not_hide_the_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is when people look."""
    monkeypatch.setenv("HEARTBEAT_INTERVAL_S", "often")
    leave()

    code = command.main([])
    printed = capsys.readouterr()

    assert code == 0
    assert "HEARTBEAT_INTERVAL_S" in printed.err
    assert "Healthy" in printed.out


def test_the_module_runs_it() -> None:
    """`python -m watchdog status` from the installation's folder."""
    root = Path(command.__file__).parents[2]
    environ = {**os.environ, "PYTHONPATH": str(root)}
    leave(verdict="held")

    done = subprocess.run(
        [sys.executable, "-m", "watchdog", "status"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout.startswith("State          On hold")
    assert done.stderr == ""
