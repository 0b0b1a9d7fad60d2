"""The webhook channel: alerts as a Discord message; whatever speaks Discord's format will do."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

import orjson

from watchdog.alerts.alert import Alert
from watchdog.alerts.delivery import Answer, Delivery, TryAgain, judge
from watchdog.alerts.fetch import FetchError, Target, fetch, target_of
from watchdog.alerts.message import payload
from watchdog.heartbeat.redaction import SECRETS


class WebhookChannel:
    """Deliver alerts to one webhook address."""

    name = "webhook"
    setting = "ALERT_WEBHOOK_URL"

    def __init__(self, url: str, *, call: Callable[..., Answer] = fetch) -> None:
        self._target: Target = target_of(url)
        self._call = call
        self._source = f"Novera on {socket.gethostname()}"

    def deliver(self, full: Sequence[Alert], summed: Sequence[Alert]) -> Delivery:
        """Send one message that shows *full* and counts *summed*; never raises for the network."""
        message = payload(full, summed, source=self._source)
        body = SECRETS.redact_json(orjson.dumps(message).decode()).encode()
        try:
            return judge(self._call(self._target, body=body))
        except FetchError as error:
            return TryAgain(reason=error.reason)
