"""What the log channel is told of automod. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.plugins.automod.config import ALERT, DELETE, KICK, LABELS, TIMEOUT, WARN
from bot.plugins.automod.rules import Finding

MAX_QUOTE = 600  # characters of the message
TICK = "\u02cb"  # looks like a backtick, and ends no code
DONE = {
    DELETE: "message deleted",
    WARN: "member warned",
    TIMEOUT: "member timed out",
    KICK: "member kicked",
    ALERT: "alert",
}
PLANNED = {
    DELETE: "delete the message",
    WARN: "warn the member",
    TIMEOUT: "time out the member",
    KICK: "kick the member",
    ALERT: "alert here",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one act went."""

    action: str
    note: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """For the log channel, in Discord's Markdown."""

    title: str
    text: str


def on_message(
    *,
    user_id: int,
    channel_id: int,
    text: str,
    findings: Sequence[Finding],
    asked: Sequence[str],
    outcomes: Sequence[Outcome] | None,
) -> Report:
    """Answer the report on a message; *outcomes* are None in a dry run."""
    lines = [f"**Member** <@{user_id}> ({user_id})", f"**Channel** <#{channel_id}>"]
    lines += [f"**{LABELS[each.rule].capitalize()}:** {quoted(each.what)}" for each in findings]
    lines += _outcome_lines(asked, outcomes)
    if text.strip():
        lines.append(f"```\n{fenced(text)}\n```")
    return Report(title=_title("Automod", outcomes), text="\n".join(lines))


def on_join(
    *,
    user_id: int,
    age: timedelta,
    asked: Sequence[str],
    outcomes: Sequence[Outcome] | None,
) -> Report:
    """Answer the report on a new account that joined."""
    hours = max(0, int(age.total_seconds() // 3600))
    old = f"{hours} hours" if hours < 48 else f"{hours // 24} days"
    lines = [f"**Member** <@{user_id}> ({user_id})", f"The account is {old} old."]
    lines += _outcome_lines([each for each in asked if each != ALERT], outcomes)
    return Report(title=_title("Automod: new account joined", outcomes), text="\n".join(lines))


def quoted(text: str) -> str:
    """Answer *text* as code in a line, which is shown as it is."""
    shown = text.replace("`", TICK)
    return f"`{shown}`"


def fenced(text: str) -> str:
    """Answer the beginning of *text* for a code block, which nothing in it ends."""
    short = text if len(text) <= MAX_QUOTE else f"{text[: MAX_QUOTE - 1]}…"
    return short.replace("`", TICK)


def _title(title: str, outcomes: Sequence[Outcome] | None) -> str:
    return f"{title} (dry run)" if outcomes is None else title


def _outcome_lines(asked: Sequence[str], outcomes: Sequence[Outcome] | None) -> list[str]:
    if outcomes is None:
        return [f"Nothing was done. I would {', '.join(PLANNED[each] for each in asked)}."]
    done = [_said(each) for each in outcomes if not each.failed]
    failed = [
        f"I could not {PLANNED[each.action]}: {each.note}" for each in outcomes if each.failed
    ]
    return [*([f"**Done** {', '.join(done)}"] if done else []), *failed]


def _said(outcome: Outcome) -> str:
    return f"{DONE[outcome.action]} ({outcome.note})" if outcome.note else DONE[outcome.action]
