"""Heartbeats: what the decoder believes, everything that shows a beat can show."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from tests.fuzz.choices import Choices, built
from tests.fuzz.mutation import json_text
from tests.fuzz.surface import Check, Input, Surface
from tests.unit.status_reports import BOOT, MONOTONIC_S, NOW_AT, as_json, beat, report
from watchdog.heartbeat import schema
from watchdog.heartbeat.decoder import HeartbeatError
from watchdog.status import metrics
from watchdog.status.answer import answer, to_bytes
from watchdog.status.reading import Reading, to_text
from watchdog.status.report import decode, document, encode
from watchdog.status.request import Request
from watchdog.status.view import compose

BEATS = (
    beat(),
    beat(
        role="spare",
        state="failed",
        failure=schema.Failure(kind="invalid_token", message="Mend it.", permanent=True),
        loop=schema.Loop(pulse=3, blocked_s=9.5, stack='  File "a.py", line 1, in on_message'),
        gateway=schema.Gateway(
            retry_at_s=1_777_000_000.0,
            reason="identify_budget",
            shards=(schema.Shard(id=0, connected=True, latency_ms=4.0), schema.Shard(id=1)),
        ),
    ),
)
TEXTS = tuple(schema.encode(one) for one in BEATS)
PATHS = ("/", "/healthz", "/metrics", "/livez")


def build(choices: Choices) -> Input:
    """Answer a beat, most of them changed."""
    return (json_text(TEXTS, choices),)


def check(given: Input) -> None:
    """A beat is refused by its own error, or believed and then shown on every page."""
    try:
        believed = schema.decode(given[0])
    except HeartbeatError:
        return
    again = schema.encode(believed)
    assert len(again) <= schema.MAX_BYTES
    schema.decode(again)
    believed.is_of(4242, 1.0)
    seen = report(heartbeat=document(replace(report(), heartbeat=as_json(believed)))["heartbeat"])
    view = compose(
        seen,
        believed,
        live=True,
        report_age_s=0.1,
        now_at=NOW_AT,
        monotonic_s=MONOTONIC_S,
        boot_id=BOOT,
    )
    for path in PATHS:
        shown = answer(Request(path=path, with_body=True), view, metrics=metrics.text)
        to_bytes(shown, date="")
    to_text(Reading(report=decode(encode(seen))), now_at=NOW_AT, path="state/status.json")


@contextlib.contextmanager
def opened() -> Iterator[Check]:
    """Nothing is set up."""
    yield check


SURFACE = Surface(name="heartbeat", inputs=built(build), opened=opened)
