"""Leader and spare, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from watchdog.health.verdict import Role, StatusReport
from watchdog.status.families import PREFIX, counter, gauge
from watchdog.status.pair import spare_state


def processes(report: StatusReport) -> Iterator[Metric]:
    """Answer who is what, whether the next death finds a spare, and how often one took over."""
    role = GaugeMetricFamily(
        PREFIX + "process_role",
        "1 for what the process of each program is, 0 for what it is not.",
        labels=["program", "role"],
    )
    uptime = GaugeMetricFamily(
        PREFIX + "process_uptime_seconds", "Age of each program's process.", labels=["program"]
    )
    memory = GaugeMetricFamily(
        PREFIX + "process_resident_memory_bytes",
        "Resident memory of each program's process.",
        labels=["program"],
    )
    for each in report.processes:
        for word in get_args(Role):
            holds = each.pid is not None and each.role == word
            role.add_metric([each.program, word], float(holds))
        if each.uptime_s is not None:
            uptime.add_metric([each.program], each.uptime_s)
        if each.rss_bytes is not None:
            memory.add_metric([each.program], each.rss_bytes)
    yield from (role, uptime, memory)
    warm = spare_state(report)[1] == "good"
    yield from gauge("spare_wanted", "1 unless STANDBY is false.", float(report.standby))
    yield from gauge("spare_up", "1 while a warm spare would take over.", float(warm))
    yield from counter("takeovers", "How often a spare came to lead, ever.", report.takeovers)
