"""Files that a watchdog finds when it starts: restarts, incidents, alerts, a report, pids."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import orjson

from tests.fakes import FakeClock
from tests.fuzz.choices import Choices, built
from tests.fuzz.mutation import byte_edited, json_text
from tests.fuzz.surface import Check, Input, Surface
from tests.integration.test_watchdog_planner import ASKED, CRASH, TEMPORARY, Desk
from tests.unit.status_reports import NOW_AT, report
from watchdog.alerts import entry, plan
from watchdog.alerts.alert import Alert
from watchdog.alerts.intake import Intake
from watchdog.alerts.message import payload
from watchdog.alerts.spool import TAKEN_NAME, Spool
from watchdog.heartbeat import identity
from watchdog.heartbeat.identity import Identity
from watchdog.incidents.casebook import Casebook
from watchdog.incidents.incident import Incident, encode
from watchdog.incidents.journal import Journal
from watchdog.process import leftover, roster
from watchdog.restart import history as histories
from watchdog.restart.history import History, Now
from watchdog.status import command
from watchdog.status.reading import to_text
from watchdog.status.report import encode as encode_report

# Ledgers are written durably: that takes a disk a hundred times as long as all the rest.
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
AT = "2026-05-04T11:50:00.000Z"
BOOT = "boot"
WHO = Identity(pid=99, started=5.0)
HISTORY = histories.encode(
    History(
        failures=(10.0, 20.0, 30.0),
        asked=(11.0,),
        zombie_at_s=12.0,
        total=4,
        role="leader",
        standing="waiting",
        reason="exit 1",
        due_at_s=40.0,
        ours=(99, 5.0),
        supervisord=(50, 1.0),
        settings_mark="abc",
    ),
    Now(monotonic_s=35.0, unix_s=1_700_000_035.0, boot_id=BOOT),
)
RETRY = orjson.dumps({"schema": 1, "retry_at_s": 1_700_000_099.0, "reason": "rate_limited"})
OPEN = Incident(
    number=3,
    kind="crash",
    cause="SIGKILL",
    first_seen_at=AT,
    last_seen_at=AT,
    first_seen_s=1.0,
    evidence={"exit_status": -1, "memory": {"rss_bytes": 1}},
    actions=("started: process 5",),
)
INCIDENTS = encode(OPEN, boot_id=BOOT)
ALERT = Alert(kind="incident", key="incident-3", at=AT, title="The bot died", text="SIGKILL")
TAKEN = orjson.dumps([["incident", "incident-3", 1.0], ["recovery", "incident-3", 2.0]])
REPORT = encode_report(report())
WRITTEN = {
    **orjson.loads(REPORT),
    "boot_id": BOOT,
    "watchdog_pid": 1,
    "watchdog_process_started": 3.5,
}
STATUS = (REPORT, orjson.dumps(WRITTEN))
ROSTER = (
    b"never_down 11 2.5 boot\nsupervisord 12 2.75 boot\nsimulator 13 2.8 boot\n"
    b"never_down 21 3.5 boot\nsupervisord 22 3.75 boot\n"
)
PIDS = (
    b" ",
    b"\n",
    b"9" * 5000,
    b"1e400",
    b"nan",
    b"-1",
    b"\xd9\xa3",
    b"never_down",
    b"\xb2",
    b"0",
)


def json_or_bytes(*bases: bytes) -> Callable[[Choices], Input]:
    """Answer what makes inputs of JSON files."""
    return lambda choices: (json_text(bases, choices),)


def restarts(folder: Path, given: Input) -> None:
    """Whatever the ledgers hold, endings are concluded and the history is written again."""
    (folder / "restarts.json").write_bytes(given[0])
    (folder / "restarts-spare.json").write_bytes(given[-1])
    (folder / "retry.json").write_bytes(given[1] if len(given) > 1 else RETRY)
    desk = Desk(folder, clock=FakeClock(36.0))
    planner = desk.planner
    planner.is_due()
    planner.due_in_s()
    planner.may_restart_a_zombie(grace_s=9.0)
    for ending, role in ((CRASH, "leader"), (TEMPORARY, "spare"), (ASKED, "leader")):
        planner.conclude(ending, role=role)  # type: ignore[arg-type] # a literal
        planner.launching()
        planner.launched()
        planner.meet(WHO, None)
        planner.seen_as("spare")
        planner.seen_as("leader")
    planner.may_restart_gracefully("leader")
    planner.forgive("leader")
    again = desk.hire()
    assert again.history == planner.history, "what was written reads differently"


def make_restarts(choices: Choices) -> Input:
    """Answer the ledgers, and when the bot wants to be started."""
    return (json_text((HISTORY,), choices), json_text((RETRY,), choices))


def incidents(folder: Path, given: Input) -> None:
    """Whatever the journal of incidents holds, the next incident is opened, told and closed."""
    path = folder / "incidents.jsonl"
    path.write_bytes(b"".join(given))
    told: list[Alert] = []
    book = Casebook(
        Journal(path, boot_id=BOOT), offer=told.append, at=lambda: AT, clock=lambda: 50.0
    )
    command_report = report(incident=book.summary())
    encode_report(command_report)
    book.add(cause="SIGSEGV", memory=1)
    book.act("started: process 6")
    book.fail(WHO, "crash", "SIGKILL")
    book.tell("Look.")
    book.exhaust()
    book.give_up(restarts=5, window_s=600.0)
    book.serve(steady=True)
    book.fail(None, "crash", "exit 1")
    book.tell()
    book.stop()
    for alert in told:
        entry.encode(entry.bounded(alert))
    assert book.lost_records == 0
    assert book.summary() is not None
    found = Journal(path, boot_id=BOOT).last(now_s=1.0)
    assert found is not None
    assert found.outcome == "stopped", "what was written is not found"


def make_incidents(choices: Choices) -> Input:
    """Answer some lines, the last of which counts."""
    lines = [json_text((INCIDENTS,), choices) + b"\n" for _ in range(1 + choices.number(2))]
    if choices.one_in(3):
        lines.append(byte_edited(INCIDENTS, choices))
    return tuple(lines)


def alerts(folder: Path, given: Input) -> None:
    """Whatever the spool holds, it can be sent, and one more alert be taken."""
    spool_folder = folder / "alerts"
    spool_folder.mkdir(exist_ok=True)
    for number, raw in enumerate(given[:-1]):
        (spool_folder / f"{number:020d}-{number:06d}.json").write_bytes(raw)
    (spool_folder / TAKEN_NAME).write_bytes(given[-1])
    spool = Spool(spool_folder)
    intake = Intake(spool, limits=plan.Limits(), stored=lambda: None, unix=lambda: 100.0)
    intake.open()
    intake.offer(replace(ALERT, key="another"))
    intake.step()
    waiting = [one.alert for one in spool.waiting]
    body = orjson.dumps(payload(waiting[:9], waiting[9:], source="here"))
    assert len(body) < 128 * 1024
    assert waiting[-1].key == "another", "the new one is not waiting"
    spool.remove(spool.waiting)
    assert [path.name for path in spool_folder.iterdir()] in ([], [TAKEN_NAME])


def make_alerts(choices: Choices) -> Input:
    """Answer some alerts, then those that were taken."""
    texts = (entry.encode(ALERT),)
    some = tuple(json_text(texts, choices) for _ in range(1 + choices.number(3)))
    return (*some, json_text((TAKEN,), choices))


def status(folder: Path, given: Input) -> None:
    """Whatever the report holds, the command says something about it."""
    path = folder / "status.json"
    path.write_bytes(given[0])
    reading = command.read(path, now_at=NOW_AT)
    shown = to_text(reading, now_at=NOW_AT, path=str(path))
    assert all(line.isprintable() for line in shown.splitlines())
    command._to_json(reading)


def pids(folder: Path, given: Input) -> None:
    """Whatever NEVER_DOWN.sh's file holds, its lines are pids or passed over; nothing is killed."""
    with contextlib.chdir(folder):
        roster.STATE.mkdir(exist_ok=True)
        roster.ROSTER.write_bytes(given[0])
        entries = roster.read()
        roster.last_shell(entries)
        left = roster.left_over(entries, Identity(pid=21, started=3.5))
        for each in left:
            identity.read(each.identity.pid)
            assert roster.parse(roster.render(each)) == (each,)
        leftover._is_foreign(None, list(left))
        roster.rewrite(entries[-1:])


def make_pids(choices: Choices) -> Input:
    """Answer a roster."""
    return (byte_edited(ROSTER, choices, PIDS),)


def in_a_folder(
    check: Callable[[Path, Input], None],
) -> Callable[[], contextlib.AbstractContextManager[Check]]:
    """Answer what opens a surface whose check works in a folder of its own."""

    @contextlib.contextmanager
    def opened() -> Iterator[Check]:
        with tempfile.TemporaryDirectory(prefix="novera-fuzz-", dir=MEMORY) as folder:
            yield lambda given: check(Path(folder), given)

    return opened


def _clean(check: Callable[[Path, Input], None]) -> Callable[[Path, Input], None]:
    def run(folder: Path, given: Input) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                path.unlink()
        check(folder, given)

    return run


SURFACES = tuple(
    Surface(name=name, inputs=built(make, size=64), opened=in_a_folder(_clean(check)))
    for name, make, check in (
        ("restarts", make_restarts, restarts),
        ("incidents", make_incidents, incidents),
        ("alert_spool", make_alerts, alerts),
        ("status", json_or_bytes(*STATUS), status),
        ("pids", make_pids, pids),
    )
)
