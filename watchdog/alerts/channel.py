"""What a channel is: one file each, one verb."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from watchdog.alerts.alert import Alert
from watchdog.alerts.delivery import Delivery


class Channel(Protocol):
    """A way to the operator.

    Attributes:
        name: Short word, for logs.
        setting: The setting that holds its address, for advice.
    """

    name: str
    setting: str

    def deliver(self, full: Sequence[Alert], summed: Sequence[Alert]) -> Delivery:
        """Try once, within seconds, to send one message: *full* shown, *summed* only counted."""
        ...
