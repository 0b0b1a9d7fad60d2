"""How a background job is shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bot.background.entry import Entry, Status

MAX_TEXT = 1500
_BAR = 12
_MARKS: Mapping[Status, str] = {
    "queued": "🕓",
    "running": "⏳",
    "done": "✅",
    "failed": "❌",
    "cancelled": "🛑",
    "interrupted": "⚠️",
}
_WORDS: Mapping[Status, str] = {
    "queued": "waiting for its turn",
    "running": "at work",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "interrupted": "interrupted by a restart, and not resumed",
}


def bar(done: int, total: int) -> str:
    """Answer *done* of *total* as a bar and in per cent."""
    share = min(1.0, max(0.0, done / total)) if total > 0 else 1.0
    filled = int(share * _BAR)
    return f"`{'█' * filled}{'░' * (_BAR - filled)}` {int(share * 100)} %"


def counted(entry: Entry) -> str:
    """Answer how far a job came, empty while nothing is known of it."""
    if entry.total is not None:
        return f"{entry.done:,} of {entry.total:,}"
    return f"{entry.done:,}" if entry.done else ""


def describe(entry: Entry) -> str:
    """Answer the text of a job's message."""
    lines = [f"{_MARKS[entry.status]} **{entry.title}**: {_WORDS[entry.status]} (job {entry.id})"]
    if entry.status == "running" and entry.total is not None:
        lines.append(f"{bar(entry.done, entry.total)}, {counted(entry)}")
    elif entry.status in ("cancelled", "interrupted", "failed") and counted(entry):
        lines.append(f"It came to {counted(entry)}.")
    lines += [text for text in (entry.error, entry.note) if text]
    text = "\n".join(lines)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def line(entry: Entry) -> str:
    """Answer one line for a list of jobs."""
    far = counted(entry)
    words = f"{entry.status}, {far}" if far else entry.status
    asked = f"<@{entry.place.user_id}> <t:{int(entry.created_at.timestamp())}:R>"
    return f"{_MARKS[entry.status]} `{entry.id}` {entry.title}: {words}, {asked}"
