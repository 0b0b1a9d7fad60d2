"""The health of the bot on a few pages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.clock.skew import WARN_OVER_S, Skew
from bot.views.page import MAX_VALUE, Field, Page, cut
from watchdog.heartbeat.schema import Commands, Gateway, Heartbeat, Jobs, Storage, Tasks

if TYPE_CHECKING:
    from bot.pipeline.figures import HandlerFigures, PipelineFigures

MAX_TASK_NAMES = 12
_DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_STORAGE = {
    "ready": "🟢 ready",
    "closed": "⚪ not opened yet",
    "opening": "🟡 opening",
    "degraded": "🔴 does not answer",
}

_STATES = {
    "ready": "🟢 Ready",
    "starting": "🟡 Starting",
    "connecting": "🟡 Connecting",
    "resuming": "🟡 Resuming the session",
    "backing_off": "🟠 Waiting for Discord",
    "stopping": "🟠 Stopping",
    "failed": "🔴 Failed",
}


def describe(
    beat: Heartbeat | None,
    tasks: Tasks,
    commands: Commands,
    *,
    uptime_s: float,
    plugins: int,
    failed_plugins: Sequence[str],
) -> Page:
    """Answer the page that ``/status`` shows.

    Args:
        beat: The newest heartbeat; without one only what follows is known.
        uptime_s: Seconds since the process started.
        plugins: How many are loaded.
        failed_plugins: Names of those that should be and are not.
    """
    fields = [Field(name="Up for", value=age(uptime_s))]
    if beat is not None:
        fields += [
            Field(name="Gateway", value=_gateway(beat.gateway)),
            Field(
                name="Event loop",
                value=f"lag p50 {_ms(beat.loop.lag_ms_p50)}\np99 {_ms(beat.loop.lag_ms_p99)}",
            ),
            Field(name="Process", value=_process(beat)),
            Field(name="Jobs", value=_jobs(beat.jobs)),
            Field(name="Servers", value=f"{beat.bot.guilds} ({beat.bot.members} members)"),
        ]
    fields += [
        Field(name="Commands", value=_commands(commands)),
        Field(name="Plugins", value=_plugins(plugins, failed_plugins)),
        Field(name=f"Tasks: {tasks.active} active", value=_tasks(tasks), inline=False),
    ]
    text = "No heartbeat yet." if beat is None else _STATES.get(beat.state, beat.state)
    return Page(title="Status", text=text, fields=tuple(fields))


def inside(pipeline: PipelineFigures, storage: Storage, skew: Skew | None) -> Page:
    """Answer the page about messages, the database and the clock."""
    messages = (
        f"{pipeline.messages} seen, {pipeline.under_way} under way\n"
        f"p50 {_ms(pipeline.p50_ms)}, p99 {_ms(pipeline.p99_ms)}"
    )
    stages = "\n".join(_handler(each) for each in pipeline.handlers)
    return Page(
        title="Inside",
        fields=(
            Field(name="Messages", value=messages),
            Field(name="Database", value=_storage(storage)),
            Field(name="Clock", value=_clock(skew)),
            Field(name="Stages of a message", value=cut(stages, MAX_VALUE), inline=False),
        ),
    )


def _handler(figures: HandlerFigures) -> str:
    words = [f"`{figures.stage}` {cut(figures.name, 60)}: {figures.count}"]
    if figures.stopped:
        words.append(f"{figures.stopped} stopped")
    if figures.failures or figures.timeouts:
        words.append(f"⚠️ {figures.failures} failed, {figures.timeouts} too slow")
    return f"{', '.join(words)}; p99 {_ms(figures.p99_ms)}"


def _storage(storage: Storage) -> str:
    kind = _DATABASES.get(storage.kind, "Database")
    lines = [f"{kind}: {_STORAGE.get(storage.state, storage.state)}"]
    if storage.state == "degraded":
        lines.append(f"since {age(storage.state_age_s)}")
    lines.append(f"{storage.retried} retried, {storage.failed} failed")
    if storage.problem:
        lines.append(cut(storage.problem, 200))
    if storage.backup_problem:
        lines.append(f"⚠️ The last backup failed: {cut(storage.backup_problem, 200)}")
    return "\n".join(lines)


def _clock(skew: Skew | None) -> str:
    """Ours against Discord's; a whole second is as exact as Discord tells it."""
    if skew is None:
        return "not compared with Discord's yet"
    if skew.certain_s > WARN_OVER_S:
        side = "ahead of" if skew.middle_s > 0 else "behind"
        return f"⚠️ {abs(skew.middle_s):.1f} s {side} Discord's: set this machine's clock"
    return f"🟢 within {max(abs(skew.lowest_s), abs(skew.highest_s)):.1f} s of Discord's"


def age(seconds: float) -> str:
    """Answer a span of time in its two largest units: ``3 d 4 h``, ``5 min 2 s``."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count} {unit}")
        if len(parts) == 2:
            break
    return " ".join(parts) or "0 s"


def _ms(value: float | None) -> str:
    if value is None:
        return "?"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def _gateway(gateway: Gateway) -> str:
    connected = "connected" if gateway.connected else f"not connected {gateway.reason or ''}"
    return (
        f"{connected.strip()}, latency {_ms(gateway.latency_ms)}\n"
        f"{gateway.identifies} logins, {gateway.resumes} resumes"
    )


def _process(beat: Heartbeat) -> str:
    process = beat.process
    return (
        f"{process.rss_bytes / 1_000_000:.0f} MB, CPU {process.cpu_percent:.1f} %\n"
        f"{process.open_files} files, {process.threads} threads"
    )


def _jobs(jobs: Jobs) -> str:
    return f"{jobs.running} running, {jobs.queued} waiting\n{jobs.done} done, {jobs.failed} failed"


def _commands(commands: Commands) -> str:
    return (
        f"{commands.invoked} run, {commands.failed} failed, {commands.timed_out} timed out\n"
        f"p50 {_ms(commands.p50_ms)}, p99 {_ms(commands.p99_ms)}"
    )


def _plugins(loaded: int, failed: Sequence[str]) -> str:
    if not failed:
        return f"{loaded} loaded"
    names = ", ".join(f"`{name}`" for name in failed)
    return f"{loaded} loaded\n⚠️ failed: {names}"


def _tasks(tasks: Tasks) -> str:
    """The busiest names first; failures are named wherever there are any."""
    ordered = sorted(tasks.by_name.items(), key=lambda item: (-item[1].active, item[0]))
    shown = [(name, task) for name, task in ordered if task.active or task.failed]
    lines = [
        f"`{name}` {task.active}" + (f", {task.failed} failed" if task.failed else "")
        for name, task in shown[:MAX_TASK_NAMES]
    ]
    if len(shown) > MAX_TASK_NAMES:
        lines.append(f"… and {len(shown) - MAX_TASK_NAMES} more names")
    totals = f"{tasks.created} made, {tasks.failed} failed, {tasks.cancelled} cancelled"
    return "\n".join([*lines, totals])
