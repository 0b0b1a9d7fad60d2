"""The connection to Discord, the journal and the replay, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from watchdog.heartbeat.schema import Gateway, Heartbeat
from watchdog.status.families import PREFIX, counter, gauge, seconds


def gateway(beat: Heartbeat) -> Iterator[Metric]:
    """Answer the families of the connection, and of what restarts made of events."""
    facts = beat.gateway
    yield from gauge("gateway_connected", "1 while connected.", float(facts.connected))
    yield from gauge(
        "gateway_latency_seconds",
        "Between a gateway heartbeat and its acknowledgement.",
        seconds(facts.latency_ms),
    )
    yield from gauge(
        "gateway_last_event_age_seconds",
        "Since anything came from the facts.",
        facts.last_event_age_s,
    )
    yield from gauge(
        "gateway_last_ack_age_seconds", "Since the last acknowledgement.", facts.last_ack_age_s
    )
    yield from counter("gateway_identifies", "Sessions begun with IDENTIFY.", facts.identifies)
    yield from counter("gateway_resumes", "Sessions continued with RESUME.", facts.resumes)
    yield from counter(
        "gateway_replayed_events", "Events replayed by RESUME.", facts.replayed_events
    )
    yield from counter(
        "gateway_quarantined_events",
        "Events that could not be parsed and were put aside.",
        facts.quarantined_events,
    )
    yield from _delivery(facts)
    yield from gauge(
        "gateway_identifies_remaining",
        "Logins that Discord still allows today.",
        facts.identify_remaining,
    )
    if facts.shards:
        up = GaugeMetricFamily(
            PREFIX + "gateway_shard_connected", "1 while connected.", labels=["shard"]
        )
        for shard in facts.shards:
            up.add_metric([str(shard.id)], float(shard.connected))
        yield up


def _delivery(facts: Gateway) -> Iterator[Metric]:
    journal = facts.journal
    yield from gauge(
        "journal_usable", "1 while a new process could continue the session.", float(journal.usable)
    )
    yield from gauge("journal_lag_seconds", "How far the disk is behind.", seconds(journal.lag_ms))
    yield from gauge("journal_events", "Events that a restore would read.", journal.events)
    yield from gauge("journal_bytes", "Size of the journal.", journal.bytes)
    yield from gauge("journal_unfinished", "Events being handled.", journal.unfinished)
    yield from counter(
        "gateway_redelivered_events",
        "Events handled again, since an earlier process did not finish them.",
        facts.redelivered_events,
    )
    yield from counter(
        "gateway_skipped_events",
        "Events replayed for the cache alone, since they were finished.",
        facts.skipped_events,
    )
    yield from counter(
        "gateway_poisoned_events",
        "Events set aside, since two processes died of them.",
        facts.poisoned_events,
    )
    yield from counter(
        "gateway_late_interactions",
        "Answers that Discord refused: given before, or too late.",
        facts.late_interactions,
    )
