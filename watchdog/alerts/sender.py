"""The sender: takes alerts at once, and delivers them from a thread of its own when it can."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from watchdog.alerts import plan
from watchdog.alerts.alert import Alert
from watchdog.alerts.channel import Channel
from watchdog.alerts.delivery import Closed, Delivered, Delivery, Refused, TryAgain
from watchdog.alerts.intake import Intake
from watchdog.alerts.push import PushMonitor
from watchdog.alerts.spool import Spool, Stored
from watchdog.alerts.webhook import WebhookChannel
from watchdog.alerts.worker import Worker
from watchdog.settings import WatchdogSettings

SPOOL_FOLDER = "alerts"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Where time and chance come from; tests bring their own."""

    monotonic: Callable[[], float] = time.monotonic
    unix: Callable[[], float] = time.time
    draw: Callable[[], float] = random.random


class AlertSender:
    """Deliver alerts at least once: what was not confirmed before a stop is sent again after it.

    Args:
        settings: ALERT_WEBHOOK_URL, PUSH_MONITOR_URL and where `state/` is; read once.
        channel: Where alerts go, in place of the webhook that the settings name.
    """

    def __init__(
        self,
        settings: WatchdogSettings,
        *,
        channel: Channel | None = None,
        clocks: Clocks | None = None,
        limits: plan.Limits | None = None,
    ) -> None:
        self._clocks, self._limits = clocks or Clocks(), limits or plan.Limits()
        url = settings.alert_webhook_url.get_secret_value()
        self._channel = channel or (WebhookChannel(url) if url else None)
        push_url = settings.push_monitor_url.get_secret_value()
        self._push = (
            PushMonitor(push_url, interval_s=settings.push_interval_s) if push_url else None
        )
        self._spool = Spool(settings.state_dir / SPOOL_FOLDER)
        self._worker = Worker("alert-sender", self.step)
        self.intake = Intake(
            self._spool, limits=self._limits, stored=self._worker.wake, unix=self._clocks.unix
        )
        self._pace = plan.fresh(self._limits, now_s=self._clocks.monotonic())
        self._closed = False
        self._counters: Counter[str] = Counter()  # written by the sender's thread alone

    def start(self) -> None:
        """Begin delivering, with what an earlier process left first."""
        if self._channel is not None:
            self.intake.worker.start()
            self._worker.start()
        if self._push is not None:
            self._push.worker.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End within *timeout_s*; what is not delivered by then stays on disk."""
        until_s = time.monotonic() + timeout_s
        self.intake.worker.stop(until_s)  # first, so that the last alerts are on disk
        self._worker.stop(until_s)
        if self._push is not None:
            self._push.worker.stop(until_s)

    def offer(self, alert: Alert) -> None:
        """Take *alert*; never waits for disk or network and never raises."""
        if self._channel is not None:
            self.intake.offer(alert)

    def healthy(self, is_healthy: bool) -> None:
        """Say at every tick how the bot is; PUSH_MONITOR_URL is fetched while this says True."""
        if self._push is not None:
            self._push.healthy(is_healthy)

    def snapshot(self) -> Mapping[str, int]:
        """Answer counters since the start, and how many alerts wait (`alerts_pending`)."""
        taken = self.intake.counters()
        return {
            "alerts_offered": taken["offered"],
            "alerts_repeated": taken["repeated"],
            "alerts_lost": taken["lost"] + self._spool.dropped,
            "alerts_pending": taken["unstored"] + len(self._spool.waiting),
            "alerts_corrupt": self._spool.corrupt,
            "alerts_unwritten": self._spool.unwritten,
            "alerts_sent": self._counters["sent"],
            "alerts_summed": self._counters["summed"],
            "alerts_refused": self._counters["refused"],
            "alert_messages": self._counters["messages"],
            "alert_failures": self._counters["failures"],
            "alert_channel_closed": int(self._closed),
            "push_fetched": self._push.fetched if self._push is not None else 0,
            "push_failures": self._push.failures if self._push is not None else 0,
        }

    def step(self) -> float | None:
        """Send at most one message; answer the seconds until the next may follow.

        None means that there is nothing to wait for but an alert.
        """
        if self._channel is None or self._closed:
            return None
        stored, now_s = self._spool.waiting, self._clocks.monotonic()
        pending = [one.alert for one in stored]
        decision = plan.decide(self._pace, pending, limits=self._limits, now_s=now_s)
        if isinstance(decision, plan.Wait):
            return None if decision.until_s is None else max(0.001, decision.until_s - now_s)
        full = [stored[at] for at in decision.full]
        summed = [stored[at] for at in decision.summed]
        delivery = self._channel.deliver(_alerts(full), _alerts(summed))
        return self._conclude(self._channel, delivery, full, summed)

    def _conclude(
        self, channel: Channel, delivery: Delivery, full: list[Stored], summed: list[Stored]
    ) -> float | None:
        match delivery:
            case Closed(reason=reason):
                self._close(channel, reason)
                return None
            case TryAgain():
                return self._try_later(channel, delivery)
            case Delivered():
                if self._pace.failures:
                    log.info("alert.channel_recovered", channel=channel.name)
                self._counters.update(messages=1, sent=len(full), summed=len(summed))
            case Refused(reason=reason):
                self._counters["refused"] += len(full) + len(summed)
                log.error("alert.refused", channel=channel.name, reason=reason)
        now_s = self._clocks.monotonic()
        self._pace = plan.concluded(self._pace, limits=self._limits, now_s=now_s)
        self._spool.remove([*full, *summed])
        return 0.0

    def _try_later(self, channel: Channel, delivery: TryAgain) -> float:
        now_s, first = self._clocks.monotonic(), self._pace.failures == 0
        self._pace = plan.failed(
            self._pace,
            after_s=delivery.after_s,
            limits=self._limits,
            now_s=now_s,
            draw=self._clocks.draw(),
        )
        self._counters["failures"] += 1
        wait_s = self._pace.not_before_s - now_s
        if first:  # told when it begins and when it ends, not at every attempt between
            log.warning(
                "alert.delivery_failed",
                channel=channel.name,
                reason=delivery.reason,
                retry_in_s=round(wait_s, 1),
                waiting=len(self._spool.waiting),
            )
        return wait_s

    def _close(self, channel: Channel, reason: str) -> None:
        self._closed = True
        log.error(
            "alert.channel_closed",
            channel=channel.name,
            reason=reason,
            waiting=len(self._spool.waiting),
            advice=f"Nothing takes alerts at {channel.setting} any more. Make a new webhook, put"
            " its address into .env and run `supervisorctl restart watchdog`: what waits in"
            " state/alerts/ is sent then.",
        )


def _alerts(stored: Sequence[Stored]) -> list[Alert]:
    return [one.alert for one in stored]
