"""When what needs a look is told: once it lasts, once an episode, at most hourly. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from watchdog.health.liveness import Judgement
from watchdog.health.wellbeing import STATE_UNWRITABLE

HOLD_S = 10.0  # polls worth this long before a condition is told
HOLDS_S: Mapping[str, float] = {
    "backing_off": 120.0,  # Discord is away now and then; that is not worth a message
    "supervisord": 3.0,
    "heartbeat_writer": 0.0,
    "heartbeat_distrusted": 0.0,
    "debugger_attached": 0.0,
    "memory_restart": 0.0,
}
AGAIN_S = 3600.0
MAX_NOTICES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One condition: for how long it lasts, and how long ago it was told (null: never)."""

    lasted_s: float = 0.0
    told_s: float | None = None
    told_now: bool = False


def review(
    notices: Mapping[str, Notice], conditions: Mapping[str, str], *, worth_s: float
) -> tuple[dict[str, Notice], tuple[str, ...]]:
    """Answer the notices after one more poll, and the reasons that are to be told now.

    Args:
        conditions: What holds now: a reason, and the text for the operator.
        worth_s: What the poll is worth, in seconds.
    """
    after: dict[str, Notice] = {}
    tell: list[str] = []
    for reason in list(dict.fromkeys([*notices, *conditions]))[:MAX_NOTICES]:
        notice = notices.get(reason, Notice())
        told_s = None if notice.told_s is None else notice.told_s + worth_s
        if reason not in conditions:
            if told_s is not None and told_s < AGAIN_S:
                after[reason] = Notice(told_s=told_s)
            continue
        notice = replace(notice, lasted_s=notice.lasted_s + worth_s, told_s=told_s)
        hold_s = HOLDS_S.get(reason, HOLD_S)
        if not notice.told_now and notice.lasted_s >= hold_s:
            if told_s is None or told_s >= AGAIN_S:
                tell.append(reason)
                notice = replace(notice, told_s=0.0)
            notice = replace(notice, told_now=True)
        after[reason] = notice
    return after, tuple(tell)


def conditions(judgement: Judgement) -> dict[str, str]:
    """Answer what needs a look by *judgement*: reasons, and words for the operator."""
    found = {}
    if judgement.verdict == "degraded" or judgement.reason in (
        "heartbeat_distrusted",
        "heartbeat_unreadable",
        "debugger_attached",
        STATE_UNWRITABLE,
    ):
        found[judgement.reason] = judgement.advice
    elif judgement.verdict == "backing_off":
        found["backing_off"] = f"The bot waits for Discord: {judgement.reason}."
    for warning in judgement.warnings:
        trouble = warning.removeprefix("supervisord_")
        if trouble not in (warning, "shutting_down"):
            found["supervisord"] = (
                f"supervisord does not answer ({trouble}). The bot serves on, but is not restarted"
                " until supervisord answers."
            )
    return found
