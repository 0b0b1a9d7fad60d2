"""What the watchdog remembers of restarts: its shape, and how it becomes bytes again. Pure.

Times are kept twice: monotonic seconds with the boot they belong to, and Unix time. Within one
boot the monotonic time counts, so a wall clock set wrong forgives nothing and forgets nothing.
After a reboot the Unix time is all there is; a time that lies ahead then counts as now.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast, get_args

import orjson

from watchdog.health.verdict import Role
from watchdog.heartbeat.clocks import Reading
from watchdog.heartbeat.retry import MAX_WAIT_S

SCHEMA = 1
MAX_TIMES = 200  # of each kind; more than any window may hold
MAX_TEXT = 2000
MAX_COUNT = 1 << 53  # a larger one is not believed: counted on, it could not be written any more

StandingKind = Literal["none", "waiting", "retrying", "held", "failed", "stopped"]
_T = TypeVar("_T")
_KINDS: tuple[str, ...] = get_args(StandingKind)
_ROLES: tuple[str, ...] = get_args(Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """One moment by both clocks."""

    monotonic_s: float
    unix_s: float
    boot_id: str

    @property
    def reading(self) -> Reading:
        """How the two clocks stand to each other."""
        return Reading.of(monotonic_s=self.monotonic_s, unix_s=self.unix_s, boot_id=self.boot_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that outlives the watchdog process; times are monotonic seconds of this boot.

    There is one for each program. The attributes up to *takeovers* are a budget, and budgets go by
    role: that of the program `bot` counts the ends of leaders, that of `spare` those of spares,
    whichever program they ran in. All others are of the program itself.

    Attributes:
        failures: Restarts after failures; these spend the budget.
        asked: Restarts that were asked for or planned.
        zombie_at_s: The last restart for a silent gateway.
        total: Restarts ever.
        graceful: Restarts for memory, ever.
        takeovers: How often a spare came to lead, ever.
        role: What the process at hand was last seen as, or the last one ended as.
        standing, reason, advice: Why the program does not run, while it does not.
        due_at_s: When it is to be started.
        launching: A start was ordered, and the new process not seen yet.
        ours: The process this watchdog or one before it started or adopted: pid, start time.
        supervisord: The supervisord of that time: pid, start time.
        settings_mark: `.env` as the failed process found it.
    """

    failures: tuple[float, ...] = ()
    asked: tuple[float, ...] = ()
    zombie_at_s: float | None = None
    total: int = 0
    graceful: int = 0
    takeovers: int = 0
    role: Role | None = None
    standing: StandingKind = "none"
    reason: str = ""
    advice: str = ""
    due_at_s: float | None = None
    launching: bool = False
    ours: tuple[int, float] | None = None
    supervisord: tuple[int, float] | None = None
    settings_mark: str = ""


def encode(history: History, now: Now) -> bytes:
    """Answer *history* as one JSON document."""

    def stamp(at_s: float | None) -> list[float] | None:
        return None if at_s is None else [at_s, now.unix_s - (now.monotonic_s - at_s)]

    return orjson.dumps(
        {
            "schema": SCHEMA,
            "boot_id": now.boot_id,
            "failures": [stamp(at_s) for at_s in history.failures[-MAX_TIMES:]],
            "asked": [stamp(at_s) for at_s in history.asked[-MAX_TIMES:]],
            "zombie_at": stamp(history.zombie_at_s),
            "total": history.total,
            "graceful": history.graceful,
            "takeovers": history.takeovers,
            "role": history.role,
            "standing": history.standing,
            "reason": history.reason[:MAX_TEXT],
            "advice": history.advice[:MAX_TEXT],
            "due_at": stamp(history.due_at_s),
            "launching": history.launching,
            "ours": history.ours,
            "supervisord": history.supervisord,
            "settings_mark": history.settings_mark[:MAX_TEXT],
        },
        option=orjson.OPT_INDENT_2,
    )


def decode(raw: bytes, now: Now) -> History | None:
    """Answer the history that *raw* holds, its times moved to this boot; None when unreadable.

    A part with a wrong type is left out: half a history is better than none.
    """
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return None
    same_boot = document.get("boot_id") == now.boot_id

    def times(key: str) -> tuple[float, ...]:
        items = document.get(key)
        stamps = items[-MAX_TIMES:] if isinstance(items, list) else []
        found = (_moment(item, now, same_boot=same_boot) for item in stamps)
        return tuple(sorted(at_s for at_s in found if at_s is not None))

    standing = document.get("standing")
    if standing not in _KINDS:
        standing = "none"
    due_at_s = _moment(document.get("due_at"), now, same_boot=same_boot, ahead=True)
    if standing in ("waiting", "retrying"):
        # A plan whose time is lost is due now, and none lies further ahead than a retry may.
        due_at_s = min(due_at_s or now.monotonic_s, now.monotonic_s + MAX_WAIT_S)
    return History(
        failures=times("failures"),
        asked=times("asked"),
        zombie_at_s=_moment(document.get("zombie_at"), now, same_boot=same_boot),
        total=_of(document, "total", _is_count, 0),
        graceful=_of(document, "graceful", _is_count, 0),
        takeovers=_of(document, "takeovers", _is_count, 0),
        role=cast(Role, role) if (role := document.get("role")) in _ROLES else None,
        standing=cast(StandingKind, standing),
        reason=_of(document, "reason", _is_text, ""),
        advice=_of(document, "advice", _is_text, ""),
        due_at_s=due_at_s,
        launching=document.get("launching") is True,
        ours=_pair(document.get("ours")) if same_boot else None,
        supervisord=_pair(document.get("supervisord")) if same_boot else None,
        settings_mark=_of(document, "settings_mark", _is_text, ""),
    )


def _moment(stamp: Any, now: Now, *, same_boot: bool, ahead: bool = False) -> float | None:
    """Answer a stored moment in monotonic seconds of this boot; only *ahead* may lie ahead."""
    if not isinstance(stamp, list) or len(stamp) != 2:
        return None
    if not all(type(part) in (int, float) and math.isfinite(part) for part in stamp):
        return None
    age_s = now.monotonic_s - stamp[0] if same_boot else now.unix_s - stamp[1]
    if not ahead:
        age_s = max(0.0, age_s)
    return float(now.monotonic_s - age_s)


def _pair(value: Any) -> tuple[int, float] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    pid, started = value
    if type(pid) is not int or type(started) not in (int, float) or pid <= 1:
        return None
    return pid, float(started)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_COUNT


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT


def _of(document: dict[str, Any], key: str, fits: Callable[[Any], bool], default: _T) -> _T:
    value = document.get(key, default)
    return cast("_T", value) if fits(value) else default
