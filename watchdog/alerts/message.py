"""Alerts as one Discord message, within Discord's limits whatever the alerts hold. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from watchdog.alerts.alert import Alert, AlertKind

# https://discord.com/developers/docs/resources/message#embed-object-embed-limits; counted here in
# UTF-16 units, which are never fewer than the characters Discord counts.
MAX_CONTENT = 2000
MAX_TITLE = 256
MAX_DESCRIPTION = 4096
MAX_FOOTER = 2048
MAX_EMBEDS_TEXT = 6000  # of all embeds together
MAX_EMBEDS = 10

COLOURS: dict[AlertKind, int] = {
    "incident": 0xE5484D,
    "recovery": 0x30A46C,
    "give_up": 0xB42318,
    "permanent_failure": 0xB42318,
    "warning": 0xF5A623,
}
NAMES: dict[AlertKind, tuple[str, str]] = {
    "incident": ("incident", "incidents"),
    "recovery": ("recovery", "recoveries"),
    "give_up": ("restart budget spent", "restart budgets spent"),
    "permanent_failure": ("permanent failure", "permanent failures"),
    "warning": ("warning", "warnings"),
}
_SUMMARY_COLOUR = 0x8B8D98


def payload(full: Sequence[Alert], summed: Sequence[Alert], *, source: str) -> dict[str, Any]:
    """Answer the body of a webhook call: *full* in an embed each, *summed* counted in one more.

    Nobody is ever mentioned by it. Texts share what Discord allows for all embeds together: a
    short one leaves its room to the longer ones.

    Args:
        full: At most `MAX_EMBEDS` - 1 alerts.
        source: Which installation speaks, shown in every footer.
    """
    embeds = [_embed(alert, source=source) for alert in full]
    if summed:
        embeds.append(_summary(summed, source=source))
    _share(embeds[:MAX_EMBEDS])
    return {
        "username": "Novera watchdog",
        "content": "",
        "embeds": embeds[:MAX_EMBEDS],
        "allowed_mentions": {"parse": []},
    }


def length(text: str) -> int:
    """Answer how many UTF-16 units *text* has."""
    return len(_units(text)) // 2


def cut(text: str, limit: int) -> str:
    """Answer *text* in at most *limit* UTF-16 units; an ellipsis stands for what is missing."""
    if length(text) <= limit:
        return text
    if limit <= 0:
        return ""
    # "ignore" drops half of a pair that the cut left over.
    return _units(text)[: 2 * (limit - 1)].decode("utf-16-le", "ignore") + "…"


def _units(text: str) -> bytes:
    return text.encode("utf-16-le", "replace")


def _embed(alert: Alert, *, source: str) -> dict[str, Any]:
    title = alert.title.strip() or NAMES[alert.kind][0].capitalize()
    embed: dict[str, Any] = {
        "title": cut(title, MAX_TITLE),
        "description": cut(alert.text.strip(), MAX_DESCRIPTION),
        "color": COLOURS[alert.kind],
        "footer": {"text": cut(source, 100)},
    }
    timestamp = _timestamp(alert.at)
    if timestamp is not None:
        embed["timestamp"] = timestamp
    return embed


def _summary(summed: Sequence[Alert], *, source: str) -> dict[str, Any]:
    counted = Counter(alert.kind for alert in summed)
    lines = [f"{number} {NAMES[kind][number != 1]}" for kind, number in counted.most_common()]
    return {
        "title": f"{len(summed)} more alerts were held back",
        "description": "\n".join([*lines, "All are in logs/incidents.jsonl."]),
        "color": _SUMMARY_COLOUR,
        "footer": {"text": cut(source, 100)},
    }


def _share(embeds: Sequence[dict[str, Any]]) -> None:
    """Cut the descriptions so that all embeds together keep Discord's limit."""
    fixed = sum(length(embed["title"]) + length(embed["footer"]["text"]) for embed in embeds)
    room = MAX_EMBEDS_TEXT - fixed
    by_length = sorted(embeds, key=lambda embed: length(embed["description"]))
    for position, embed in enumerate(by_length):
        embed["description"] = cut(embed["description"], room // (len(by_length) - position))
        room -= length(embed["description"])


def _timestamp(at: str) -> str | None:
    """Answer *at* as Discord reads it, None for what would make it refuse the whole message."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return moment.isoformat() if moment.tzinfo is not None else None
