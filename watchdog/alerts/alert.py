"""What an alert says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AlertKind = Literal["incident", "recovery", "give_up", "permanent_failure", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One message for the operator; alerts with the same *key* are one.

    Attributes:
        key: De-duplication key, such as `incident-17`.
        at: When it happened, ISO 8601 UTC.
        title: One line.
        text: What was seen and what to do; no token, message content or user name.
    """

    kind: AlertKind
    key: str
    at: str
    title: str
    text: str
