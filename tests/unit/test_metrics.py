"""Metrics as Prometheus reads them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.status_reports import LEADER, SPARE, as_json, beat, report, view
from watchdog.heartbeat import schema
from watchdog.status import metrics
from watchdog.status.view import View


def families(shown: View) -> dict[str, Metric]:
    _, raw = metrics.text(shown)
    return {family.name: family for family in text_string_to_metric_families(raw.decode())}


def value(shown: View, name: str, /, **labels: str) -> float | None:
    """Answer the one sample that has *name* and *labels*."""
    for family in families(shown).values():
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    return None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("novera_up", 1.0, id="up"),
        pytest.param("novera_restarts_total", 6.0, id="restarts"),
        pytest.param("novera_restarts_in_window", 1.0, id="restarts_in_window"),
        pytest.param("novera_incidents_total", 4.0, id="incidents"),
        pytest.param("novera_incident_open", 0.0, id="incident_over"),
        pytest.param("novera_incident_recovery_seconds", 7.6, id="recovery"),
        pytest.param("novera_bot_uptime_seconds", 592.0, id="uptime"),
        pytest.param("novera_bot_resident_memory_bytes", 71_303_168.0, id="memory"),
        pytest.param("novera_bot_cpu_ratio", 0.4, id="cpu_is_a_share"),
        pytest.param("novera_heartbeat_age_seconds", 0.5, id="beat_age"),
        pytest.param("novera_loop_lag_p99_seconds", 0.0019, id="lag_in_seconds"),
        pytest.param("novera_gateway_latency_seconds", 0.041, id="latency_in_seconds"),
        pytest.param("novera_tasks_failed_total", 1.0, id="tasks"),
        pytest.param("novera_commands_invoked_total", 1893.0, id="commands"),
        pytest.param("novera_verdict_start_time_seconds", 1777895408.0, id="since"),
        pytest.param("novera_database_up", 1.0, id="database"),
        pytest.param("novera_backup_failed", 0.0, id="backup"),
        pytest.param("novera_takeovers_total", 3.0, id="takeovers"),
        pytest.param("novera_spare_up", 1.0, id="spare"),
        pytest.param("novera_journal_usable", 1.0, id="journal"),
        pytest.param("novera_journal_lag_seconds", 0.012, id="journal_lag_in_seconds"),
        pytest.param("novera_gateway_redelivered_events_total", 2.0, id="handled_again"),
        pytest.param("novera_gateway_skipped_events_total", 31.0, id="skipped"),
        pytest.param("novera_gateway_poisoned_events_total", 0.0, id="set_aside"),
    ],
)
def test_a_report_is_measured_in_base_units(name: str, expected: float) -> None:
    """Seconds, bytes and shares, as Prometheus' conventions ask for."""
    assert value(view(report()), name) == pytest.approx(expected)


def test_each_program_is_what_it_is_at_the_moment() -> None:
    """Either may lead; one without a process is neither."""
    shown = view(report(processes=(replace(SPARE, pid=None), LEADER)))

    def roles(program: str) -> list[float | None]:
        name = "novera_process_role"
        return [value(shown, name, program=program, role=role) for role in ("leader", "spare")]

    assert (roles("spare"), roles("bot")) == ([1.0, 0.0], [0.0, 0.0])
    assert value(shown, "novera_spare_up") == 0.0
    assert value(shown, "novera_process_uptime_seconds", program="spare") == 592.0


def test_a_lost_database_and_a_failed_backup_are_measured() -> None:
    """A bot that has none says nothing of one."""
    storage = schema.Storage(kind="sqlite", state="degraded", failed=3, backup_problem="full")
    lost, none = (
        view(report(heartbeat=as_json(beat(storage=each)))) for each in (storage, schema.Storage())
    )

    assert value(lost, "novera_database_up") == 0.0
    assert value(lost, "novera_database_failed_total") == 3.0
    assert value(lost, "novera_backup_failed") == 1.0
    assert value(none, "novera_database_up") is None


def test_exactly_one_verdict_is_hot() -> None:
    """All verdicts are there, so that an alert on one never lacks its series."""
    shown = view(report(verdict="hung"))

    samples = families(shown)["novera_verdict"].samples

    assert [sample.labels["verdict"] for sample in samples if sample.value == 1] == ["hung"]
    assert len(samples) == 12
    assert value(shown, "novera_up") == 0.0


def test_what_is_not_known_is_left_out() -> None:
    """A missing latency is no latency of zero."""
    shown = view(report(heartbeat=as_json(beat(gateway=schema.Gateway()))))

    assert value(shown, "novera_gateway_latency_seconds") is None
    assert value(shown, "novera_gateway_connected") == 0.0


def test_a_dead_bot_has_no_figures() -> None:
    """The last beat of a process that is gone would look like a living one."""
    shown = view(report(verdict="dead", bot_pid=None, uptime_s=None))

    assert "novera_loop_lag_p99_seconds" not in families(shown)
    assert value(shown, "novera_up") == 0.0


def test_a_hung_watchdog_says_so() -> None:
    """What it last judged no longer counts as up."""
    shown = view(report(), live=False)

    assert value(shown, "novera_watchdog_live") == 0.0
    assert value(shown, "novera_up") == 0.0


def test_names_of_tasks_are_labels_that_cannot_break_out() -> None:
    """Quotes, backslashes and line breaks of a plugin's task names are escaped."""
    wild = 'a"} 1\nb\\'
    tasks = schema.Tasks(active=1, by_name={wild: schema.TaskName(active=1)})

    shown = view(report(heartbeat=as_json(beat(tasks=tasks))))

    assert value(shown, "novera_task_active", task=wild) == 1.0


def test_the_watchdogs_own_counts_are_there() -> None:
    """By name, whatever the daemon counts."""
    assert value(view(report()), "novera_watchdog_count", name="polls") == 1000.0


def test_every_family_is_named_and_told() -> None:
    """One prefix, small letters, a help text each, and no family twice."""
    _, raw = metrics.text(view(report()))
    helps = re.findall(r"^# HELP (\S+) (.+)$", raw.decode(), re.MULTILINE)
    names = [name for name, _ in helps]

    assert all(re.fullmatch(r"novera_[a-z0-9_]+", name) for name in names)
    assert len(names) == len(set(names))
    assert all(text.endswith(".") for _, text in helps)
