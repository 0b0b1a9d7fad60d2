"""What a process asks of the system, seen in a process of its own."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import ROOT
from watchdog.heartbeat import privacy

PATTERN = Path("/proc/sys/kernel/core_pattern")
CRASH = """
import os, resource, sys
from watchdog.heartbeat import privacy
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))  # as generous as a machine can be
privacy.keep_files_private()
privacy.limit_core_dumps(allowed=sys.argv[1] == "True")
secret = "a-token-in-" + "memory"
os.abort()
"""


def needs_plain_cores() -> None:
    """Skip where a crash leaves no file in the current folder."""
    if sys.platform != "linux" or not PATTERN.exists():
        pytest.skip("the system does not say where it puts cores")
    if "/" in PATTERN.read_text() or PATTERN.read_text().startswith("|"):
        pytest.skip(f"cores go elsewhere: {PATTERN.read_text().strip()}")
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
        pytest.skip("the hard limit of core files is too low")


@pytest.mark.parametrize("allowed", [False, True])
def test_a_crash_leaves_a_core_only_when_asked_to(tmp_path: Path, allowed: bool) -> None:
    """A core holds the token; with CORE_DUMPS=true it is there, for its owner alone."""
    needs_plain_cores()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CRASH, str(allowed)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    cores = list(tmp_path.glob("core*"))

    assert done.returncode == -6
    assert bool(cores) is allowed
    assert [path for path in cores if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize(
    ("mode", "after"),
    [
        pytest.param(0o755, 0o700, id="as a checkout makes it"),
        pytest.param(0o750, 0o700, id="open to a group"),
        pytest.param(0o700, 0o700, id="private"),
        pytest.param(0o777, 0o777, id="open to all: told, not hidden"),
        pytest.param(0o770, 0o770, id="written by a group"),
    ],
)
def test_a_folder_of_the_installation_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, after: int
) -> None:
    """Whatever the umask was when it was made."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "logs"
    folder.mkdir()
    folder.chmod(mode)
    privacy.make_folder(Path("logs"))

    assert stat.S_IMODE(folder.stat().st_mode) == after


def test_a_folder_elsewhere_is_its_operators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STATE_DIR=/tmp must not close /tmp for everybody else, nor the installation itself."""
    home, elsewhere = tmp_path / "home", tmp_path / "var"
    for folder in (home, elsewhere):
        folder.mkdir()
        folder.chmod(0o755)
    monkeypatch.chdir(home)
    (home / "state").symlink_to(elsewhere)
    for path in (elsewhere, Path("state"), Path(), Path("..")):
        privacy.make_folder(path)

    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o755
    assert stat.S_IMODE(home.stat().st_mode) == 0o755


def test_a_new_folder_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one outside of the installation."""
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    privacy.make_folder(tmp_path / "elsewhere" / "state")

    assert stat.S_IMODE((tmp_path / "elsewhere" / "state").stat().st_mode) == 0o700


@pytest.mark.parametrize(("mode", "found"), [(0o644, True), (0o640, False), (0o600, False)])
def test_settings_that_all_may_read_are_noticed(tmp_path: Path, mode: int, found: bool) -> None:
    """A group is the operator's choice."""
    path = tmp_path / ".env"
    path.touch()
    path.chmod(mode)

    assert privacy.is_readable_by_all(path) is found
    assert not privacy.is_readable_by_all(tmp_path / "missing")
