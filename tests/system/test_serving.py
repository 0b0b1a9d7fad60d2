"""A bot that serves: its commands, its tasks, its logs."""

from __future__ import annotations

import json

import pytest

from tests.system.installation import Installation, until


def test_it_answers_text_and_slash_commands(running: Installation) -> None:
    """Every command is there both as text and as a slash command."""
    simulator = running.simulator
    until(simulator.commands, "the commands are synced")

    pong = simulator.slash("ping", wait_s=5)
    status = simulator.slash("status", wait_s=5)
    help_page = simulator.slash("help", wait_s=5)

    assert running.say("!ping hello") == "pong hello"
    assert pong["response"]["content"].startswith("pong")
    assert "Ready" in json.dumps(status["response"]["embeds"])
    assert "ping" in json.dumps(help_page["response"])


def test_its_tasks_have_names(running: Installation) -> None:
    """Six and more named tasks are alive, each counted under its name."""
    # While it registers its commands, aiohttp writes their many bytes in a task of its own.
    until(lambda: (running.state / "commands.hash").exists(), "its commands are registered")
    before = running.wait_ready().sequence
    until(lambda: (b := running.beat()) and b.sequence > before + 2, "a few beats")
    beat = running.wait_ready()
    alive = {name for name, task in beat.tasks.by_name.items() if task.active}

    assert sum(task.active for task in beat.tasks.by_name.values()) >= 6
    assert "Task" not in alive  # what asyncio calls a task that nobody named


def test_its_logs_are_json_lines_without_secrets(running: Installation) -> None:
    """Each line has the four fields, and neither the token nor what somebody wrote is in any."""
    running.say("!ping a-secret-of-alice")
    names = ("bot.jsonl", "watchdog.jsonl")
    records = [record for name in names for record in running.records(name)]
    everything = "".join(path.read_text() for path in running.logs.iterdir())

    assert all(set(record) >= {"timestamp", "level", "event", "logger"} for record in records)
    assert {name for name in names if not running.records(name)} == set()
    assert "simulator-token" not in everything
    assert "a-secret-of-alice" not in everything
    assert [record for record in records if record["level"] in ("warning", "error")] == []


def test_the_starts_stages_are_told(running: Installation) -> None:
    """What a start spends its time on is in the heartbeat, in order."""
    beat = running.wait_ready()
    stages = list(beat.stages_s)

    assert stages[:4] == ["settings", "imports", "login", "restored"]
    assert set(stages[4:-1]) == {"setup_hook", "hello", "identified"}
    assert stages[-1] == "ready"
    assert list(beat.stages_s.values()) == sorted(beat.stages_s.values())


def test_a_clock_that_is_wrong_is_told(running: Installation) -> None:
    """Over five seconds against Discord's: one warning in the log, and `/status` says so."""
    simulator = running.simulator
    until(simulator.commands, "the commands are synced")

    def clock() -> str:
        shown = simulator.slash("status", wait_s=5)["response"]["id"]
        for _ in range(2):
            simulator.call("click", message=shown, label="Next", wait_s=5)
        (page,) = simulator.call("message", message=shown)["embeds"]
        return next(str(field["value"]) for field in page["fields"] if field["name"] == "Clock")

    def shows(sign: str) -> str:
        text = clock()
        return text if text.startswith(sign) else ""

    def told(event: str) -> list[float]:
        return [each["skew_s"] for each in running.records("bot.jsonl") if each["event"] == event]

    right = until(lambda: shows("🟢"), "the clock is compared")
    simulator.fault("wrong_date", offset_s=-4)
    bearable = [clock() for _ in range(4)]
    simulator.fault("wrong_date", offset_s=-60)
    wrong = until(lambda: shows("⚠️"), "the clock is off")
    clock()
    warned = told("clock.skewed")
    simulator.clear_fault("wrong_date")
    until(lambda: shows("🟢"), "the clock is right again")

    assert right.endswith("of Discord's")
    assert all(each.startswith("🟢") for each in bearable)
    assert "ahead of Discord's: set this machine's clock" in wrong
    assert 58 <= float(wrong.split()[1]) <= 61
    assert warned == [pytest.approx(60, abs=1.5)]
    assert len(told("clock.corrected")) == 1
