"""The health of the bot on one page. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.plugins.general.catalogue import Field, Page
from watchdog.heartbeat.schema import Commands, Gateway, Heartbeat, Jobs, Tasks

MAX_TASK_NAMES = 12

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
