"""Families of metrics with one prefix, in base units; a value that is not known has none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

PREFIX = "novera_"


def gauge(name: str, documentation: str, value: float | None) -> Iterator[Metric]:
    """Answer a gauge, nothing where *value* is not known."""
    if value is not None:
        yield GaugeMetricFamily(PREFIX + name, documentation, value=value)


def counter(name: str, documentation: str, value: float) -> Iterator[Metric]:
    """Answer a counter."""
    yield CounterMetricFamily(PREFIX + name, documentation, value=value)


def one_hot(name: str, documentation: str, words: Iterable[str], current: str) -> Iterator[Metric]:
    """Answer 1 for the word that holds and 0 for all others; the label is the name's last part."""
    family = GaugeMetricFamily(PREFIX + name, documentation, labels=[name.rpartition("_")[2]])
    for word in words:
        family.add_metric([word], float(word == current))
    yield family


def seconds(milliseconds: float | None) -> float | None:
    """Answer milliseconds in the base unit."""
    return None if milliseconds is None else milliseconds / 1000
