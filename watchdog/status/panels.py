"""The panels below the fold of the status page: tasks, the last incident, all details. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from watchdog.health.verdict import IncidentSummary
from watchdog.heartbeat.schema import Heartbeat, TaskName, Tasks
from watchdog.status import database, pair
from watchdog.status.view import View
from watchdog.status.wording import (
    NOTHING,
    ago,
    clock_time,
    count,
    duration,
    milliseconds,
    words,
)

ROWS_SHOWN = 10
ACTIONS_SHOWN = 12


def columns(view: View) -> str:
    """Answer the two columns; panels with nothing to tell are left out."""
    beat, report = view.beat, view.report
    left = [_tasks(beat.tasks)] if beat is not None else []
    right = [_incident(report.incident, view)]
    if report.processes:
        right.insert(0, _details("Processes", pair.rows(report)))
    if report.warnings:
        right.insert(0, _warnings(report.warnings))
    if beat is not None:
        left.append(_details("Commands and jobs", _work(beat)))
        right.append(_details("Discord", _gateway(beat)))
        right.append(_details("Process", _process(view, beat)))
        if beat.storage.kind:
            right.append(_details("Database", database.rows(beat.storage)))
        left += _stages(beat)
    if not left:
        return f'<div class="columns single"><div>{"".join(right)}</div></div>'
    return f'<div class="columns"><div>{"".join(left)}</div><div>{"".join(right)}</div></div>'


def _panel(title: str, aside: str, content: str) -> str:
    """Answer one panel; *content* is HTML, the rest is text."""
    return (
        f'<section class="card panel"><header><h2>{escape(title)}</h2>'
        f"<span>{escape(aside)}</span></header>{content}</section>"
    )


def _details(title: str, rows: Iterable[tuple[str, str]]) -> str:
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    return _panel(title, "", f"<dl>{listed}</dl>")


def _tasks(tasks: Tasks) -> str:
    rows = sorted(
        tasks.by_name.items(), key=lambda item: (-item[1].active, -item[1].failed, item[0])
    )
    aside = f"{count(tasks.active)} alive, {count(tasks.failed)} failed of {count(tasks.created)}"
    if not rows:
        return _panel("Tasks", aside, '<p class="empty">No task has a name yet.</p>')
    content = _table(rows[:ROWS_SHOWN])
    if len(rows) > ROWS_SHOWN:
        content += (
            f'<details id="more-tasks"><summary>{len(rows) - ROWS_SHOWN} more</summary>'
            f"{_table(rows[ROWS_SHOWN:])}</details>"
        )
    return _panel("Tasks", aside, content)


def _table(rows: Iterable[tuple[str, TaskName]]) -> str:
    titles = ("Name", "Alive", "Done", "Failed", "Typical", "Slowest 1 %", "Oldest")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    body = "".join(_row(name, task) for name, task in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(name: str, task: TaskName) -> str:
    failed = ' class="is-warn"' if task.failed else ' class="zero"'
    oldest = duration(task.oldest_s) if task.active else NOTHING
    cells = (
        _cell(count(task.active), dim=not task.active)
        + _cell(count(task.completed), dim=not task.completed)
        + f"<td{failed}>{count(task.failed)}</td>"
        + _cell(milliseconds(task.p50_ms), dim=task.p50_ms is None)
        + _cell(milliseconds(task.p99_ms), dim=task.p99_ms is None)
        + _cell(oldest, dim=oldest == NOTHING)
    )
    return f'<tr><th scope="row" title="{escape(name)}">{escape(name)}</th>{cells}</tr>'


def _cell(text: str, *, dim: bool) -> str:
    mark = ' class="zero"' if dim else ""
    return f"<td{mark}>{escape(text)}</td>"


def _warnings(warnings: tuple[str, ...]) -> str:
    listed = "".join(f"<li>{escape(words(warning))}</li>" for warning in warnings)
    return _panel("Warnings", "", f'<ul class="warnings">{listed}</ul>')


def _incident(incident: IncidentSummary | None, view: View) -> str:
    if incident is None:
        return _panel("Incidents", "", '<p class="empty">None so far.</p>')
    over = not view.in_incident
    title = f"{words(incident.kind).capitalize()}: {words(incident.cause)}"
    steps = [_step("seen", "Seen", incident.first_seen_at)]
    steps += [f"<li>{escape(action)}</li>" for action in incident.actions[:ACTIONS_SHOWN]]
    left_out = len(incident.actions) - ACTIONS_SHOWN
    if left_out > 0:
        steps.append(f'<li class="soft">{left_out} more, see logs/incidents.jsonl</li>')
    if incident.recovered_at is not None:
        span = duration(incident.time_to_recovery_s)
        steps.append(_step("done", f"Recovered after {span}", incident.recovered_at))
    since = ago(incident.recovered_at or incident.first_seen_at, now_at=view.now_at)
    state = f"over for {since}" if over else f"lasts for {since}"
    return _panel(
        f"{'Last' if over else 'Open'} incident",
        f"#{incident.number}, {state}",
        f'<p class="incident-title">{escape(title)}</p><ol class="steps">{"".join(steps)}</ol>',
    )


def _step(mark: str, text: str, at: str) -> str:
    return (
        f'<li class="{mark}">{escape(text)} <time class="soft" datetime="{escape(at)}">'
        f"{escape(clock_time(at))}</time></li>"
    )


def _work(beat: Heartbeat) -> Iterable[tuple[str, str]]:
    commands, jobs = beat.commands, beat.jobs
    return (
        ("Commands run", count(commands.invoked)),
        ("Failed", count(commands.failed)),
        ("Timed out", count(commands.timed_out)),
        ("Typical answer", milliseconds(commands.p50_ms)),
        ("Slowest 1 %", milliseconds(commands.p99_ms)),
        ("Jobs waiting, running", f"{count(jobs.queued)}, {count(jobs.running)}"),
        ("Jobs done, failed", f"{count(jobs.done)}, {count(jobs.failed)}"),
    )


def _gateway(beat: Heartbeat) -> Iterable[tuple[str, str]]:
    gateway = beat.gateway
    rows = [
        ("Connection", "open" if gateway.connected else words(gateway.reason or beat.state)),
        ("Servers, members", f"{count(beat.bot.guilds)}, {count(beat.bot.members)}"),
        ("Last acknowledged", _before(gateway.last_ack_age_s)),
        ("Sessions begun, resumed", f"{count(gateway.identifies)}, {count(gateway.resumes)}"),
        ("Logins left today", count(gateway.identify_remaining)),
    ]
    if gateway.replayed_events:
        rows.append(("Events replayed", count(gateway.replayed_events)))
    if gateway.quarantined_events:
        rows.append(("Events put aside", count(gateway.quarantined_events)))
    rows += [(name, count(number)) for name, number in pair.delivery_rows(gateway) if number]
    if len(gateway.shards) > 1:
        up = sum(shard.connected for shard in gateway.shards)
        rows.append(("Shards connected", f"{up} of {len(gateway.shards)}"))
    return rows


def _process(view: View, beat: Heartbeat) -> Iterable[tuple[str, str]]:
    process = beat.process
    limit = f" of {count(process.open_files_limit)}" if process.open_files_limit else ""
    return (
        ("Bot process", count(beat.pid).replace("\u202f", "")),
        ("State", words(beat.state)),
        ("Open files", f"{count(process.open_files)}{limit}"),
        ("Last heartbeat", _before(view.beat_age_s)),
        ("Heartbeats", count(beat.sequence)),
    )


def _stages(beat: Heartbeat) -> Iterable[str]:
    if beat.stages_s:
        title = "Takeover" if pair.is_takeover(beat.stages_s) else "Start"
        listed = ((words(name), pair.precisely(at_s)) for name, at_s in beat.stages_s.items())
        yield _details(f"{title}, stage by stage", listed)


def _before(seconds: float | None) -> str:
    return NOTHING if seconds is None else f"{duration(seconds)} ago"
