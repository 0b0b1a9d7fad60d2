"""Alerts wait on disk for a webhook that does not take them, and nobody waits for it."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from tests.integration.webhook_stand_in import Webhook, answer, webhook
from tests.ports import free_port
from tests.system.conftest import Make, Measured
from tests.system.fault_rows import fault
from tests.system.installation import until
from tests.system.roles import wait_spare
from watchdog.alerts import entry
from watchdog.alerts.alert import Alert
from watchdog.alerts.spool import MAX_ENTRIES

EARLIER = MAX_ENTRIES + 100
LIMITED = answer(429, headers="Retry-After: 1\r\n", body=b'{"retry_after": 1.0}')


def fill_spool(folder: Path) -> None:
    """Leave more alerts of earlier runs than may wait."""
    folder.mkdir(mode=0o700)
    for number in range(EARLIER):
        alert = Alert(kind="warning", key=f"old-{number}", at="2026-01-01", title="old", text="old")
        (folder / f"{number:020d}-{number:06d}.json").write_bytes(entry.encode(alert))


def waiting_keys(folder: Path) -> list[str]:
    """Answer the keys of the alerts that wait on disk."""
    keys = []
    for path in folder.glob("*-*.json"):
        with contextlib.suppress(FileNotFoundError):  # delivered meanwhile
            keys.append(entry.decode(path.read_bytes()).key)
    return keys


@fault(
    79,
    "webhook down, slow, 429, 5xx",
    answer="a death is judged and answered as fast as ever; alerts are spooled, at most 200, tried"
    " again, and arrive once",
    within_s=1.0,
)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("is_there", "bad"),
    [
        pytest.param(False, LIMITED, id="down, then 429"),
        pytest.param(True, answer(500), id="slow, then 500"),
    ],
)
def test_fault_79_webhook_fails(
    make_installation: Make, measured: Measured, *, is_there: bool, bad: bytes
) -> None:
    """A channel that fails costs the operator time, and the bot none."""
    port = free_port()
    installation = make_installation(ALERT_WEBHOOK_URL=Webhook([], port=port).url)
    spool = installation.state / "alerts"
    fill_spool(spool)
    installation.start_simulator()
    with contextlib.ExitStack() as stack:
        installation.start_supervisord()
        if is_there:  # a byte of its answer every half minute
            slow = stack.enter_context(webhook(answer(204), port=port, drip_s=30))
            until(lambda: slow.bodies, "an attempt hangs", within_s=20)
        pid = installation.wait_ready().pid
        wait_spare(installation)
        began_s = time.monotonic()
        installation.kill(pid)
        until(lambda: installation.healthz()[1]["restarts"]["in_window"], "it is judged")
        took_s = time.monotonic() - began_s
        until(lambda: "incident-1" in waiting_keys(spool), "the incident's alert is on disk")
        counters = installation.healthz()[1]["counters"]
        waiting = len(waiting_keys(spool))
    with webhook(bad, answer(204), port=port) as hook:
        until(lambda: "Incident 1: recovered" in str(hook.all_titles), "all arrives", within_s=30)
        until(lambda: not waiting_keys(spool), "nothing waits")

    assert waiting <= MAX_ENTRIES
    assert counters["alerts_lost"] >= EARLIER - MAX_ENTRIES
    assert counters["tick_errors"] == 0
    taken = [title for message in hook.titles[1:] for title in message if "Incident" in title]
    assert len(hook.titles[0]) == 10  # what the first answer refused, a sum of the rest with it
    assert [title.split(" after")[0] for title in taken] == [
        "Incident 1: crash (SIGKILL)",
        "Incident 1: recovered",
    ]
    measured(took_s)
