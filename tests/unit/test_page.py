"""The status page."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any, get_args

import pytest

from tests.unit.status_reports import INCIDENT, LEADER, SPARE, as_json, beat, report, view
from watchdog.health.verdict import Restarts, Verdict
from watchdog.heartbeat import schema
from watchdog.status import page
from watchdog.status.wording import HEADLINES

VOID = {"meta", "link", "path", "circle", "i"}
WILD = "<script>alert(1)</script>\"'&`x`"


class Outline(HTMLParser):
    """Collect what a browser would see: tags, attributes, and whether all are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def outline(html: str) -> Outline:
    found = Outline()
    found.feed(html)
    found.close()
    return found


@pytest.mark.parametrize("verdict", get_args(Verdict))
@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({}, id="with_all"),
        pytest.param(
            {"bot_pid": None, "uptime_s": None, "heartbeat": None, "incident": None}, id="bare"
        ),
    ],
)
def test_every_verdict_is_a_whole_page(verdict: Verdict, parts: dict[str, None]) -> None:
    """Tags are balanced and the verdict is the heading, whatever is known."""
    html = page.render(view(report(verdict=verdict, **parts)))

    assert outline(html).open == []
    assert f"<h1>{HEADLINES[verdict].title}</h1>" in html


def test_whatever_a_value_holds_is_text() -> None:
    """No value of a report or of a heartbeat becomes markup."""
    wild = beat(
        state="ready",
        bot=schema.Bot(name=WILD, version=WILD),
        gateway=schema.Gateway(reason=WILD),
        tasks=schema.Tasks(by_name={WILD: schema.TaskName(active=1)}),
        storage=schema.Storage(kind=WILD, state=WILD, problem=WILD, backup_problem=WILD),
    )
    shown = report(
        reason=WILD,
        advice=WILD,
        since=WILD,
        checked_at=WILD,
        watchdog_started_at=WILD,
        warnings=(WILD,),
        heartbeat=as_json(wild),
        restarts=Restarts(next_at=WILD),
        incident=replace(
            INCIDENT,
            kind=WILD,
            cause=WILD,
            first_seen_at=WILD,
            recovered_at=WILD,
            actions=(WILD,),
        ),
    )

    found = outline(page.render(view(shown)))

    assert found.tags.count("script") == 1
    assert found.open == []


def test_nothing_is_loaded_and_only_the_pages_own_script_runs() -> None:
    """No address but our own paths, and the policy's hashes are those of the page."""
    html = page.render(view(report()))
    found = outline(html)
    inline = re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", html, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inline]

    assert len(hashes) == 2
    assert all(f"'sha256-{each}'" in page.POLICY for each in hashes)
    assert "src" not in found.attributes
    assert "style" not in found.attributes
    assert all(link.startswith(("/", "data:")) for link in found.attributes["href"])


def test_the_page_refreshes_itself_without_a_script_too() -> None:
    """Where scripts are off, the whole page is loaded again."""
    html = page.render(view(report()))

    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in html


def test_advice_is_shown_with_its_commands() -> None:
    """What stands between backticks is set as code."""
    html = page.render(view(report(verdict="held", advice="Then `supervisorctl start bot`.")))

    assert "Then <code>supervisorctl start bot</code>." in html


def test_a_planned_start_is_counted_down() -> None:
    """A bot that is down shows when it comes back."""
    restarts = Restarts(total=7, in_window=2, next_at="2026-05-04T12:00:03.600Z")

    html = page.render(
        view(report(verdict="dead", bot_pid=None, heartbeat=None, restarts=restarts))
    )

    assert "in 3.6 s" in html


def test_a_blocked_loop_is_shown_as_blocked() -> None:
    """The lag of a loop that does not turn means nothing."""
    html = page.render(view(report(heartbeat=as_json(beat(loop=schema.Loop(blocked_s=5.2))))))

    assert "5.2 s <small>blocked</small>" in html


def test_an_incident_that_lasts_is_open() -> None:
    """It has no recovery yet; an operator's stop ends one as well."""
    lasting = replace(INCIDENT, recovered_at=None, time_to_recovery_s=None)

    hung = page.render(view(report(verdict="hung", incident=lasting)))
    stopped = page.render(view(report(verdict="stopped", incident=lasting)))

    assert "Open incident" in hung
    assert "Last incident" in stopped


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        pytest.param({}, ">Warm<", id="warm"),
        pytest.param({"standby": False}, ">None<", id="not_wanted"),
        pytest.param({"processes": (replace(SPARE, pid=None, verdict="dead"), LEADER)}, ">Missing<",
                     id="missing"),
        pytest.param(
            {"processes": (replace(SPARE, verdict="starting", reason="starting"), LEADER)},
            ">Warming up<", id="warming_up"),
        pytest.param({"processes": (replace(SPARE, verdict="hung"), LEADER)}, ">Hung<", id="hung"),
        pytest.param({"processes": (SPARE,)}, "waits to lead", id="nobody_leads"),
    ],
)  # fmt: skip
def test_the_spare_is_shown(parts: dict[str, Any], words: str) -> None:
    """Whether the next death finds one is a key figure."""
    assert words in page.render(view(report(**parts)))


def test_a_database_that_does_not_answer_is_shown_with_what_to_do() -> None:
    """Its panel says so, whatever else is the verdict's reason; one that is not there has none."""
    storage = schema.Storage(
        kind="sqlite", state="degraded", problem="the disk is full", backup_problem="no room"
    )
    lost = page.render(view(report(heartbeat=as_json(beat(storage=storage)))))
    none = page.render(view(report(heartbeat=as_json(beat(storage=schema.Storage())))))

    assert "<h2>Database</h2>" in lost
    assert "<dd>the disk is full</dd>" in lost
    assert "<dd>failed: no room</dd>" in lost
    assert "<h2>Database</h2>" not in none


def test_a_journal_that_can_not_be_used_is_said() -> None:
    """The next start would then log in anew."""
    journal = schema.JournalFacts(usable=False, reason="too_large")
    shown = beat(gateway=schema.Gateway(journal=journal))

    html = page.render(view(report(heartbeat=as_json(shown))))

    assert "too large; a restart logs in anew" in html


def test_the_stages_of_a_takeover_are_told_apart_from_a_start() -> None:
    """They count from the moment in which the process came to lead."""
    start = beat(stages_s={"imports": 0.31, "ready": 0.69})

    assert "Takeover, stage by stage" in page.render(view(report()))
    assert "Start, stage by stage" in page.render(view(report(heartbeat=as_json(start))))


def test_many_tasks_are_folded() -> None:
    """The busiest are shown, the rest on demand."""
    names = {f"task {n}": schema.TaskName(active=int(n == 30)) for n in range(40)}
    html = page.render(view(report(heartbeat=as_json(beat(tasks=schema.Tasks(by_name=names))))))

    assert "<summary>30 more</summary>" in html
    assert html.index("task 30") < html.index("task 0")


def test_a_large_restart_budget_is_a_number_only() -> None:
    """A hundred marks would tell nobody anything."""
    html = page.render(view(report(restarts=Restarts(in_window=7, allowed=100))))

    assert 'class="pips' not in html
    assert "of 100" in html
