"""The sender with real threads, a real disk and a webhook on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.fakes import FakeClock
from tests.integration.log_capture import captured
from tests.integration.webhook_stand_in import answer, until, webhook
from tests.ports import free_port
from watchdog.alerts import plan
from watchdog.alerts import sender as sender_module
from watchdog.alerts import worker as worker_module
from watchdog.alerts.alert import Alert, AlertKind
from watchdog.alerts.delivery import Closed, Delivered, Delivery, Refused, TryAgain
from watchdog.alerts.sender import AlertSender, Clocks
from watchdog.settings import WatchdogSettings

FAST = plan.Limits(burst=100, refill_s=0.01, base_s=0.05, cap_s=0.1)


def alert(number: int, kind: AlertKind = "incident") -> Alert:
    at = "2026-05-04T12:00:00.000Z"
    return Alert(kind=kind, key=f"incident-{number}", at=at, title=f"{kind} {number}", text="x")


def settings(folder: Path, *, url: str = "", push_url: str = "") -> WatchdogSettings:
    return WatchdogSettings.model_construct(
        state_dir=folder,
        alert_webhook_url=SecretStr(url),
        push_monitor_url=SecretStr(push_url),
        push_interval_s=1.0,
    )


@contextmanager
def running(
    folder: Path, url: str, *, limits: plan.Limits = FAST, stop_s: float = 5.0
) -> Iterator[AlertSender]:
    sender = AlertSender(settings(folder, url=url), limits=limits)
    sender.start()
    try:
        yield sender
    finally:
        sender.stop(stop_s)


class FakeChannel:
    """Take messages, and answer each with the next of *deliveries*, then that it was delivered."""

    name = "fake"
    setting = "ALERT_WEBHOOK_URL"

    def __init__(self, *deliveries: Delivery) -> None:
        self._deliveries = list(deliveries)
        self.messages: list[tuple[int, int]] = []

    def deliver(self, full: Sequence[Alert], summed: Sequence[Alert]) -> Delivery:
        self.messages.append((len(full), len(summed)))
        return self._deliveries.pop(0) if self._deliveries else Delivered()


def stepped(folder: Path, clock: FakeClock, channel: FakeChannel) -> AlertSender:
    """Answer a sender that no thread drives."""
    clocks = Clocks(monotonic=clock, unix=clock, draw=lambda: 0.0)
    sender = AlertSender(settings(folder), channel=channel, clocks=clocks)
    sender.intake.open()
    return sender


def offer(sender: AlertSender, *alerts: Alert) -> None:
    for each in alerts:
        sender.offer(each)
    sender.intake.step()


def test_an_alert_arrives(tmp_path: Path) -> None:
    """Offered, stored, delivered, forgotten."""
    with webhook(answer(204)) as hook, running(tmp_path, hook.url) as sender:
        sender.offer(alert(1))

        assert until(lambda: sender.snapshot()["alerts_sent"] == 1)
        assert hook.all_titles == ["incident 1"]
        assert sender.snapshot()["alerts_pending"] == 0
    assert list(tmp_path.glob("alerts/*-*.json")) == []


def test_alerts_with_the_same_key_are_one(tmp_path: Path) -> None:
    """Repeats are dropped, also by the process that comes next; a recovery is news."""
    with webhook(answer(204)) as hook:
        with running(tmp_path, hook.url) as sender:
            for _ in range(5):
                sender.offer(alert(1))
            assert until(lambda: sender.snapshot()["alerts_sent"] == 1)
        with running(tmp_path, hook.url) as sender:
            sender.offer(alert(1))
            sender.offer(alert(1, "recovery"))
            assert until(lambda: sender.snapshot()["alerts_sent"] == 1)

    assert sender.snapshot()["alerts_repeated"] == 1
    assert hook.all_titles == ["incident 1", "recovery 1"]


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(answer(500), id="500"),
        pytest.param(answer(503, headers="Retry-After: 0\r\n"), id="503"),
        pytest.param(answer(429, body=b'{"retry_after": 0.2}'), id="429"),
        pytest.param(b"", id="closed_without_a_word"),
        pytest.param(b"\xff\xfe\x00", id="garbage"),
        pytest.param(answer(302, headers="Location: http://127.0.0.1:9/\r\n"), id="redirect"),
    ],
)
def test_what_fails_is_tried_again_until_it_arrives(tmp_path: Path, bad: bytes) -> None:
    """Two bad answers, then a good one: the alert arrives once it can."""
    with webhook(bad, bad, answer(204)) as hook, running(tmp_path, hook.url) as sender:
        sender.offer(alert(1))

        assert until(lambda: sender.snapshot()["alerts_sent"] == 1)
        assert sender.snapshot()["alert_failures"] == 2
        assert len(hook.bodies) == 3


def test_the_wait_that_a_429_asks_for_is_kept(tmp_path: Path) -> None:
    """Nothing is sent before, however fast the backoff would be."""
    limited = answer(429, headers="Retry-After: 1\r\n", body=b'{"retry_after": 0.6}')
    with webhook(limited, answer(204)) as hook, running(tmp_path, hook.url) as sender:
        sender.offer(alert(1))
        assert until(lambda: len(hook.bodies) == 1)
        limited_at_s = time.monotonic()
        assert until(lambda: sender.snapshot()["alerts_sent"] == 1)

        assert time.monotonic() - limited_at_s >= 0.9


def test_an_unreachable_webhook_gets_everything_when_it_is_back(tmp_path: Path) -> None:
    """Down, then up: what waited comes, and on disk it was all the time."""
    port = free_port()
    with running(tmp_path, f"http://127.0.0.1:{port}/hook") as sender:
        for number in range(4):
            sender.offer(alert(number))
        assert until(lambda: sender.snapshot()["alert_failures"] >= 2)
        assert until(lambda: len(list(tmp_path.glob("alerts/*-*.json"))) == 4)
        with webhook(answer(204), port=port) as hook:
            assert until(lambda: sender.snapshot()["alerts_sent"] == 4)

            assert sorted(hook.all_titles) == [f"incident {number}" for number in range(4)]


def test_what_was_not_delivered_is_sent_by_the_next_process(tmp_path: Path) -> None:
    """The spool outlives the sender."""
    with running(tmp_path, f"http://127.0.0.1:{free_port()}/hook") as sender:
        sender.offer(alert(1))
        sender.offer(alert(2, "give_up"))
    with webhook(answer(204)) as hook, running(tmp_path, hook.url) as sender:
        assert until(lambda: sender.snapshot()["alerts_sent"] == 2)

        assert hook.titles == [["incident 1", "give_up 2"]]


def test_a_sender_killed_in_mid_attempt_has_its_alerts_on_disk(tmp_path: Path) -> None:
    """While one attempt hangs, later alerts are stored all the same."""
    with (
        webhook(answer(204), drip_s=30.0) as hook,
        running(tmp_path, hook.url, stop_s=0.0) as sender,
    ):
        sender.offer(alert(1))
        assert until(lambda: len(hook.bodies) == 1)
        sender.offer(alert(2))

        assert until(lambda: len(list(tmp_path.glob("alerts/*-*.json"))) == 2)


def test_a_webhook_that_is_gone_is_told_once_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """404: no more calls, one line that says what to do, and the alerts wait for a new address."""
    logs = captured(monkeypatch, sender_module)
    with webhook(answer(404)) as hook, running(tmp_path, hook.url) as sender:
        sender.offer(alert(1))
        assert until(lambda: sender.snapshot()["alert_channel_closed"] == 1)
        sender.offer(alert(2))
        assert until(lambda: len(list(tmp_path.glob("alerts/*-*.json"))) == 2)
        assert len(hook.bodies) == 1
    with webhook(answer(204)) as other, running(tmp_path, other.url):
        assert until(lambda: len(other.all_titles) == 2)

    (told,) = [line for line in logs if line["event"] == "alert.channel_closed"]
    assert "ALERT_WEBHOOK_URL" in told["advice"]
    assert "very-secret-token" not in str(logs)


def test_a_stop_does_not_wait_for_a_slow_webhook(tmp_path: Path) -> None:
    """The watchdog ends in time; the alert is still there for its successor."""
    with webhook(answer(204), drip_s=30.0) as hook:
        sender = AlertSender(settings(tmp_path, url=hook.url), limits=FAST)
        sender.start()
        sender.offer(alert(1))
        assert until(lambda: len(hook.bodies) == 1)
        began_s = time.monotonic()
        sender.stop(0.3)

        assert time.monotonic() - began_s < 5
    assert len(list(tmp_path.glob("alerts/*-*.json"))) == 1


def test_offering_never_waits(tmp_path: Path) -> None:
    """A thousand alerts to a webhook that hangs cost the caller next to nothing."""
    with (
        webhook(answer(204), drip_s=30.0) as hook,
        running(tmp_path, hook.url, stop_s=0.0) as sender,
    ):
        before_s = time.thread_time()
        for number in range(1000):
            sender.offer(alert(number))
        used_s = time.thread_time() - before_s

        assert used_s < 1.0
        assert until(lambda: sender.snapshot()["alerts_offered"] == 1000)


def test_without_an_address_nothing_is_kept(tmp_path: Path) -> None:
    """No webhook is set: alerts are in the log already."""
    with running(tmp_path, "") as sender:
        sender.offer(alert(1))

        assert sender.snapshot()["alerts_pending"] == 0
    assert not (tmp_path / "alerts").exists()


def test_a_storm_is_a_few_messages(tmp_path: Path, clock: FakeClock) -> None:
    """After the burst, what waits is sent together: some in full, the rest as a sum."""
    channel = FakeChannel()
    sender = stepped(tmp_path, clock, channel)
    for number in range(50):
        offer(sender, alert(number))
        sender.step()

    clock.advance(30.0)
    sender.step()

    assert channel.messages == [(1, 0)] * 5 + [(9, 36)]
    assert sender.snapshot()["alerts_summed"] == 36
    assert sender.snapshot()["alerts_pending"] == 0


def test_a_message_that_is_refused_is_dropped_and_the_next_is_sent(
    tmp_path: Path, clock: FakeClock
) -> None:
    """A message Discord can't read must not stand in the way of all that follow."""
    channel = FakeChannel(Refused(reason="http_400"))
    sender = stepped(tmp_path, clock, channel)

    offer(sender, alert(1))
    sender.step()
    offer(sender, alert(2))
    sender.step()

    assert channel.messages == [(1, 0), (1, 0)]
    assert (sender.snapshot()["alerts_refused"], sender.snapshot()["alerts_sent"]) == (1, 1)


def test_a_closed_channel_is_never_called_again(tmp_path: Path, clock: FakeClock) -> None:
    """Only a new process with a new setting tries again."""
    channel = FakeChannel(Closed(reason="http_404"))
    sender = stepped(tmp_path, clock, channel)

    for number in range(3):
        offer(sender, alert(number))
        sender.step()
        clock.advance(1e6)

    assert channel.messages == [(1, 0)]
    assert sender.snapshot()["alerts_pending"] == 3


def test_a_long_outage_is_one_line_at_its_start_and_one_at_its_end(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quiet logs: attempts in between are counted only."""
    channel = FakeChannel(*[TryAgain(reason="timeout")] * 20)
    logs = captured(monkeypatch, sender_module)
    sender = stepped(tmp_path, clock, channel)
    offer(sender, alert(1))
    for _ in range(21):
        sender.step()
        clock.advance(301.0)

    events = [line["event"] for line in logs]
    assert events == ["alert.delivery_failed", "alert.channel_recovered"]
    assert sender.snapshot()["alert_failures"] == 20


def test_a_bug_in_a_channel_does_not_end_the_sender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alert sink is a border: what goes wrong there is logged, and the thread lives on."""

    class Broken(FakeChannel):
        def deliver(self, full: Sequence[Alert], summed: Sequence[Alert]) -> Delivery:
            raise KeyError("bug")

    logs = captured(monkeypatch, worker_module)
    sender = AlertSender(settings(tmp_path), channel=Broken(), limits=FAST)
    sender.start()
    sender.offer(alert(1))
    assert until(lambda: any(line["event"] == "worker.step_failed" for line in logs))
    names = {thread.name for thread in threading.enumerate()}
    sender.stop(5.0)

    assert "alert-sender" in names


def test_the_push_monitor_is_fetched_while_healthy(tmp_path: Path) -> None:
    """At once, then every interval, and no more when the bot is sick."""
    with webhook(answer(200, body=b"OK")) as monitor:
        sender = AlertSender(settings(tmp_path, push_url=monitor.url))
        sender.start()
        sender.healthy(False)
        assert monitor.heads == []
        sender.healthy(True)
        assert until(lambda: sender.snapshot()["push_fetched"] >= 2)
        sender.healthy(False)
        sender.stop(5.0)

    assert all(head.startswith(b"GET /api/webhooks") for head in monitor.heads)
