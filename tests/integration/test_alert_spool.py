"""The spool on a real disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from watchdog.alerts.alert import Alert
from watchdog.alerts.spool import Spool


def alert(number: int = 1, text: str = "text") -> Alert:
    return Alert(kind="incident", key=f"incident-{number}", at="", title="title", text=text)


def spooled(folder: Path, *numbers: int, max_entries: int = 100) -> Spool:
    """Answer an open spool to which alerts of *numbers* were added."""
    spool = Spool(folder, max_entries=max_entries)
    spool.open()
    for number in numbers:
        spool.keep(spool.add(alert(number)))
    return spool


def keys(spool: Spool) -> list[str]:
    return [stored.alert.key for stored in spool.waiting]


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*-*.json"))


def test_alerts_survive_in_their_order(tmp_path: Path) -> None:
    """What one process left, the next one finds, oldest first."""
    spooled(tmp_path, 1, 2, 3)

    found = spooled(tmp_path)

    assert keys(found) == ["incident-1", "incident-2", "incident-3"]


def test_entries_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    """Alerts may quote a stack."""
    folder = tmp_path / "alerts"
    spooled(folder, 1)
    (only,) = entries(folder)

    assert folder.stat().st_mode & 0o777 == 0o700
    assert only.stat().st_mode & 0o777 == 0o600


def test_a_removed_alert_is_gone_for_good(tmp_path: Path) -> None:
    """Delivered once is enough."""
    spool = spooled(tmp_path, 1, 2)

    spool.remove(spool.waiting[:1])

    assert keys(spool) == ["incident-2"]
    assert keys(spooled(tmp_path)) == ["incident-2"]


def test_an_alert_delivered_before_it_was_written_leaves_nothing(tmp_path: Path) -> None:
    """The network may be faster than the disk."""
    spool = spooled(tmp_path)
    stored = spool.add(alert())

    spool.remove([stored])
    spool.keep(stored)

    assert entries(tmp_path) == []


def test_the_oldest_give_way_when_there_are_too_many(tmp_path: Path) -> None:
    """Bounded in number, and what was dropped is counted."""
    spool = spooled(tmp_path, *range(6), max_entries=4)

    assert keys(spool) == [f"incident-{number}" for number in range(2, 6)]
    assert len(entries(tmp_path)) == 4
    assert spool.dropped == 2


def test_the_oldest_give_way_when_they_are_too_large(tmp_path: Path) -> None:
    """Bounded in bytes."""
    spool = Spool(tmp_path, max_bytes=3000)
    spool.open()

    for number in range(10):
        spool.keep(spool.add(alert(number, text="x" * 1000)))

    assert keys(spool) == ["incident-8", "incident-9"]
    assert sum(path.stat().st_size for path in entries(tmp_path)) <= 3000


def test_corrupt_entries_are_skipped_counted_and_removed(tmp_path: Path) -> None:
    """Whatever lies in the folder, the sound entries are found."""
    spooled(tmp_path, 1, 2)
    first, second = entries(tmp_path)
    first.write_bytes(b"\x00garbage")
    second.with_name("0" * 20 + "-000000.json").symlink_to("/etc/hostname")
    second.with_name("0" * 20 + "-000001.json").write_bytes(b"x" * 100_000)
    os.mkfifo(second.with_name("0" * 20 + "-000002.json"))
    second.with_name("notes.txt").write_text("not ours")

    spool = spooled(tmp_path)

    assert keys(spool) == ["incident-2"]
    assert spool.corrupt == 4
    assert [path.name for path in sorted(tmp_path.iterdir())] == [second.name, "notes.txt"]


def test_a_disk_that_takes_nothing_loses_no_alert_of_this_process(tmp_path: Path) -> None:
    """A file stands where the folder should be: alerts wait in memory."""
    (tmp_path / "alerts").write_text("in the way")

    spool = spooled(tmp_path / "alerts", 1, 2)

    assert keys(spool) == ["incident-1", "incident-2"]
    assert spool.unwritten == 2


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="an_object"),
        pytest.param(b'[["incident"],[1,2,3],["a","b","c"]]', id="wrong_entries"),
        pytest.param(b"\xff", id="garbage"),
    ],
)
def test_a_broken_memory_of_what_was_taken_is_empty(tmp_path: Path, content: bytes) -> None:
    """The worst that follows is a repeated alert."""
    (tmp_path / "taken.json").write_bytes(content)

    assert spooled(tmp_path).load_taken() == {}


def test_what_was_taken_is_remembered(tmp_path: Path) -> None:
    """With its time, for the process that comes next."""
    taken = {("incident", "incident-1"): 1000.0, ("recovery", "é\u202f"): 2000.5}
    spooled(tmp_path).save_taken(taken)

    assert spooled(tmp_path).load_taken() == taken
