"""What an outage of Discord must leave as it was: the process, the incidents, the log."""

from __future__ import annotations

from collections import Counter

from tests.faults import Gateway
from tests.system.installation import Installation, until
from watchdog.heartbeat.schema import Heartbeat


def serving(installation: Installation, *options: str) -> Gateway:
    """Start everything, the simulator with *options*; answers its gateway once the bot serves."""
    simulator = installation.start_simulator(*options)
    installation.start_supervisord()
    installation.wait_ready()
    return Gateway(simulator)


def wait_backing_off(installation: Installation, reason: str) -> Heartbeat:
    """Answer a beat of a bot that waits for *reason*, once the watchdog says so too."""

    def waits() -> Heartbeat | None:
        beat = installation.beat()
        ours = beat is not None and beat.state == "backing_off" and beat.gateway.reason == reason
        health = installation.healthz()[1]
        judged = (health.get("verdict"), health.get("reason")) == ("backing_off", reason)
        return beat if ours and judged else None

    beat = until(waits, f"the bot waits for {reason}", within_s=30)
    assert beat is not None
    return beat


def assert_untouched(installation: Installation, pid: int) -> None:
    """Fail if the bot *pid* was replaced, or anybody was told of an incident."""
    events = {record["event"] for record in installation.records("watchdog.jsonl")}

    assert installation.bot_pid() == pid
    assert installation.program_pid("bot") == pid
    assert installation.records("incidents.jsonl") == []
    assert events.isdisjoint({"restart.scheduled", "incident.opened", "warning.raised"})


def loud_lines(installation: Installation) -> Counter[tuple[str, str]]:
    """Count the lines of both logs that somebody should read, by event and reason.

    Without those of a loop that was blocked: of other tests, on a busy machine.
    """
    return Counter(
        (str(record["event"]), str(record.get("reason", "")))
        for name in ("bot.jsonl", "watchdog.jsonl")
        for record in installation.records(name)
        if record["level"] not in ("debug", "info")
        and record["event"] not in ("loop.blocked", "loop.unblocked")
    )
