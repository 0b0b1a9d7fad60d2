"""The words for people: what a verdict is called, and how numbers are said. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from watchdog.health.verdict import Verdict

Tone = Literal["good", "warn", "bad", "wait", "idle"]
NOTHING = "—"


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A verdict for people; *tone* decides the colour."""

    title: str
    meaning: str
    tone: Tone


HEADLINES: dict[Verdict, Headline] = {
    "starting": Headline(
        title="Starting", meaning="The bot is on its way and not ready yet.", tone="wait"
    ),
    "healthy": Headline(
        title="Healthy", meaning="The bot is connected to Discord and answers.", tone="good"
    ),
    "degraded": Headline(
        title="Degraded", meaning="The bot answers, but something needs a look.", tone="warn"
    ),
    "backing_off": Headline(
        title="Waiting for Discord",
        meaning="The bot is alive, waits its turn and goes on by itself.",
        tone="wait",
    ),
    "hung": Headline(
        title="Hung",
        meaning="The event loop stands still. The watchdog replaces the bot.",
        tone="bad",
    ),
    "frozen": Headline(
        title="Frozen",
        meaning="The process exists but gives no sign of life. The watchdog replaces it.",
        tone="bad",
    ),
    "zombie": Headline(
        title="Cut off",
        meaning="The bot runs, but nothing has come from Discord for too long.",
        tone="bad",
    ),
    "dead": Headline(title="Down", meaning="The bot's process has ended.", tone="bad"),
    "failed": Headline(
        title="Needs you",
        meaning="The bot can't run until something is mended. It is not restarted meanwhile.",
        tone="bad",
    ),
    "held": Headline(
        title="On hold", meaning="The watchdog does not touch the bot until you do.", tone="bad"
    ),
    "stopped": Headline(title="Stopped", meaning="The bot was stopped on purpose.", tone="idle"),
    "unknown": Headline(
        title="Unknown", meaning="Nobody can say right now how the bot is.", tone="warn"
    ),
}


def moment(at: str) -> datetime | None:
    """Answer an ISO 8601 time with a zone as UTC, None for anything else."""
    try:
        found = datetime.fromisoformat(at)
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):  # the first hours of year 1 east of Greenwich, for one
        return None


def clock_time(at: str) -> str:
    """Answer *at* as a UTC time that people read, itself when it is no time."""
    found = moment(at)
    return at if found is None else found.strftime("%Y-%m-%d %H:%M:%S UTC")


def ago(at: str, *, now_at: datetime) -> str:
    """Answer how long before *now_at* the time *at* was."""
    found = moment(at)
    return NOTHING if found is None else duration((now_at - found).total_seconds())


def duration(seconds: float | None) -> str:
    """Answer a span in its two largest units; less than nothing counts as nothing."""
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = int(seconds)
    parts = [
        (whole // 86_400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"),
        (whole % 60, "s"),
    ]  # fmt: skip
    first = next(index for index, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number)


def milliseconds(value: float | None) -> str:
    """Answer a short span given in milliseconds."""
    if value is None:
        return NOTHING
    if value >= 1000:
        return duration(value / 1000)
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


def size(value: int) -> str:
    """Answer bytes in the unit that fits."""
    if value < 1024:
        return f"{value} B"
    amount = value / 1024
    for unit in ("KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if amount >= 10 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def count(value: int | None) -> str:
    """Answer a number with its thousands apart."""
    return NOTHING if value is None else f"{value:,}".replace(",", "\u202f")


def words(short: str) -> str:
    """Answer a short word such as `pulse_stopped` as people write it."""
    return short.replace("_", " ").strip()
