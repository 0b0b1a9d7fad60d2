"""The status page: one view as one HTML document, every value escaped, nothing loaded. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from watchdog.health.verdict import StatusReport
from watchdog.heartbeat.schema import Heartbeat, JournalFacts, Loop
from watchdog.status import pair
from watchdog.status.panels import columns
from watchdog.status.style import COLOURS, POLICY, SCRIPT, STYLE
from watchdog.status.view import View
from watchdog.status.wording import (
    HEADLINES,
    NOTHING,
    Tone,
    ago,
    clock_time,
    count,
    duration,
    milliseconds,
    moment,
    size,
    words,
)

__all__ = ["POLICY", "render"]

REFRESH_S = 5
MAX_PIPS = 10
SLOW_LATENCY_MS = 1000.0
SLOW_LAG_MS = 250.0
BLOCKED_S = 1.0

_LOGO = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.2"'
    ' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">'
    '<path d="M2 13h4.5l2.5-7 5 13 3-9 1.2 3H22"/></svg>'
)
_SIGNS: dict[Tone, str] = {
    "good": '<path d="M5 12.5l4.5 4.5L19 7.5"/>',
    "warn": '<path d="M12 5v8.5M12 18.4v.1"/>',
    "bad": '<path d="M6.5 6.5l11 11M17.5 6.5l-11 11"/>',
    "wait": '<path d="M12 6v6l4 2.5"/><circle cx="12" cy="12" r="9.5" stroke-width="1.8"/>',
    "idle": '<path d="M9 6v12M15 6v12"/>',
}
_ADVICE_LABELS: dict[Tone, str] = {
    "good": "Good to know",
    "wait": "Good to know",
    "warn": "Worth a look",
    "bad": "What you can do",
    "idle": "What you can do",
}


def render(view: View) -> str:
    """Answer the whole document."""
    headline = HEADLINES[view.report.verdict]
    name = view.beat.bot.name if view.beat is not None else "Novera"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<noscript><meta http-equiv="refresh" content="{REFRESH_S}"></noscript>
<title>{escape(headline.title)} · {escape(name)}</title>
<link rel="icon" href="{_icon(headline.tone)}">
<style>{STYLE}</style>
</head>
<body>
<p class="lost" role="alert">The watchdog does not answer. What you see is old.</p>
<main data-tone="{headline.tone}">
{_top(view, name)}
{_hero(view)}
{_advice(view)}
<section class="cards" aria-label="Key figures">
{_cards(view)}
</section>
{columns(view)}
{_foot(view)}
</main>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _icon(tone: Tone) -> str:
    fill = COLOURS[tone].replace("#", "%23")
    return (
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
        f"%3Ccircle cx='8' cy='8' r='7' fill='{fill}'/%3E%3C/svg%3E"
    )


def _top(view: View, name: str) -> str:
    version = view.beat.bot.version if view.beat is not None else ""
    who = f"{name} {version}".strip() if name.lower() != "novera" else version
    age = f"{duration(view.report_age_s)} ago" if view.report_age_s is not None else "not yet"
    return (
        f'<header class="top">{_LOGO}<span class="brand">Novera</span>'
        f'<span class="who soft">{escape(who)}</span>'
        f'<span class="when soft{"" if view.live else " old"}"><i></i>Checked {age}</span></header>'
    )


def _hero(view: View) -> str:
    report, headline = view.report, HEADLINES[view.report.verdict]
    since = ago(report.since, now_at=view.now_at)
    return (
        '<section class="card hero" role="status"><div class="orb">'
        '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.6"'
        ' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">'
        f"{_SIGNS[headline.tone]}</svg></div><div><h1>{escape(headline.title)}</h1>"
        f'<p class="meaning">{escape(headline.meaning)}</p><p class="since">'
        f'<span title="{escape(clock_time(report.since))}">for {escape(since)}</span>'
        f'<span class="tag">{escape(words(report.reason)) or NOTHING}</span></p></div></section>'
    )


def _advice(view: View) -> str:
    if not view.report.advice:
        return ""
    label = _ADVICE_LABELS[HEADLINES[view.report.verdict].tone]
    return (
        f'<aside class="card advice"><div><b>{label}</b>'
        f"<p>{_with_code(view.report.advice)}</p></div></aside>"
    )


def _with_code(text: str) -> str:
    """Answer *text* as HTML, what stands between backticks as code."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escape(text))


def _card(title: str, value: str, note: str, *, tone: str = "") -> str:
    """Answer one card; *value* is HTML, *note* is text."""
    marked = f" is-{tone}" if tone else ""
    return (
        f'<div class="card"><h2>{escape(title)}</h2><p class="value{marked}">{value}</p>'
        f'<p class="note">{escape(note)}</p></div>'
    )


def _cards(view: View) -> str:
    report, beat = view.report, view.beat
    process_note = f"process {report.bot_pid}" if report.bot_pid is not None else "no process"
    cards = [
        _card("Uptime", escape(duration(report.uptime_s)), process_note),
        _restarts_card(view),
        _spare_card(report),
    ]
    if beat is None:
        return "\n".join([*cards, _next_start_card(view)])
    return "\n".join([*cards, *_beat_cards(beat)])


def _beat_cards(beat: Heartbeat) -> Iterable[str]:
    gateway, loop, process, commands = beat.gateway, beat.loop, beat.process, beat.commands
    slow = gateway.latency_ms is not None and gateway.latency_ms >= SLOW_LATENCY_MS
    return (
        _card(
            "Discord",
            escape(milliseconds(gateway.latency_ms)) if gateway.connected else "Not connected",
            f"last event {duration(gateway.last_event_age_s)} ago"
            if gateway.last_event_age_s is not None
            else words(gateway.reason or beat.state),
            tone="" if gateway.connected and not slow else "warn",
        ),
        _journal_card(gateway.journal),
        _loop_card(loop),
        _card(
            "Memory",
            escape(size(process.rss_bytes)),
            f"CPU {process.cpu_percent:.1f} %, {process.threads} threads",
        ),
        _card(
            "Commands",
            escape(count(commands.invoked)),
            f"{count(commands.failed)} failed, {count(commands.timed_out)} timed out",
            tone="warn" if commands.timed_out else "",
        ),
    )


def _spare_card(report: StatusReport) -> str:
    state, tone = pair.spare_state(report)
    marked = tone if tone in ("warn", "good") else ""
    return _card("Spare", escape(state), pair.spare_note(report), tone=marked)


def _journal_card(journal: JournalFacts) -> str:
    if not journal.usable:
        why = words(journal.reason) if journal.reason else "nothing written yet"
        return _card("Journal", "Not usable", f"{why}; a restart logs in anew", tone="warn")
    behind = f"{milliseconds(journal.lag_ms)} behind, " if journal.lag_ms is not None else ""
    return _card("Journal", "Usable", f"{behind}{count(journal.unfinished)} unfinished")


def _loop_card(loop: Loop) -> str:
    if loop.blocked_s >= BLOCKED_S:
        since = escape(duration(loop.blocked_s))
        return _card("Event loop", f"{since} <small>blocked</small>", "no turn since", tone="bad")
    return _card(
        "Event loop",
        f"{escape(milliseconds(loop.lag_ms_p99))} <small>lag</small>",
        f"worst {milliseconds(loop.lag_ms_max)} in a minute",
        tone="warn" if loop.lag_ms_p99 >= SLOW_LAG_MS else "",
    )


def _restarts_card(view: View) -> str:
    restarts = view.report.restarts
    spent = max(0, min(restarts.in_window, restarts.allowed))
    pips = ""
    if 0 < restarts.allowed <= MAX_PIPS:
        full = " full" if spent >= restarts.allowed else ""
        marks = '<i class="spent"></i>' * spent + "<i></i>" * (restarts.allowed - spent)
        pips = f'<span class="pips{full}" aria-hidden="true">{marks}</span>'
    value = f"{count(restarts.in_window)} <small>of {count(restarts.allowed)}</small>{pips}"
    note = f"within {duration(restarts.window_s)}, {count(restarts.total)} in all"
    return _card("Restarts", value, note)


def _next_start_card(view: View) -> str:
    at = view.report.restarts.next_at
    next_at = moment(at) if at is not None else None
    if at is None or next_at is None:
        return _card("Next start", NOTHING, "none is planned")
    left_s = (next_at - view.now_at).total_seconds()
    value = f"in {duration(left_s)}" if left_s > 0 else "now"
    return _card("Next start", escape(value), clock_time(at))


def _foot(view: View) -> str:
    report = view.report
    pid = f"Watchdog process {report.watchdog_pid}" if report.watchdog_pid else "Watchdog"
    since = report.watchdog_started_at
    up = f", up {ago(since, now_at=view.now_at)}" if moment(since) is not None else ""
    links = "".join(
        f'<a href="{path}">{name}</a>'
        for path, name in (
            ("/healthz", "Health"), ("/livez", "Liveness"), ("/metrics", "Metrics"),
        )
    )  # fmt: skip
    return (
        f'<footer class="foot"><span>{escape(pid)}{escape(up)}</span>'
        f"<span>{escape(clock_time(report.checked_at))}</span><nav>{links}</nav></footer>"
    )
