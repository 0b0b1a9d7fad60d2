"""A real supervisord in a folder of its own, running the test bot, and a keeper to drive."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from watchdog.alerts.alert import Alert
from watchdog.assembly import guardian_of
from watchdog.errors import SupervisordSilentError
from watchdog.guardian import Guardian
from watchdog.health.verdict import ProcessSummary, StatusReport
from watchdog.process.handle import ProcessHandle
from watchdog.publisher import Publisher
from watchdog.restart.tools import Tools
from watchdog.settings import WatchdogSettings
from watchdog.supervisord.rpc import SupervisordRpc

ROOT = Path(__file__).parents[2]
BOT = Path(__file__).with_name("watchdog_bot.py")
DEADLINE_S = 25.0

CONFIG = """\
[unix_http_server]
file = %(here)s/state/supervisor.sock
chmod = 0700

[supervisord]
nodaemon = true
identifier = {identifier}
logfile = %(here)s/logs/supervisord.log
pidfile = %(here)s/state/supervisord.pid
childlogdir = %(here)s/logs
directory = %(here)s

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://%(here)s/state/supervisor.sock

"""

PROGRAM = """
[program:{name}]
command = {python} {bot}
environment = PYTHONPATH="{root}",STANDBY="{standby}"
autorestart = false
startsecs = 0
stopsignal = INT
stopwaitsecs = 3
stopasgroup = true
killasgroup = true
stdout_logfile = %(here)s/logs/{name}.stdout.log
stderr_logfile = %(here)s/logs/{name}.stderr.log
"""

WATCHDOG = """
[program:watchdog]
command = {python} -m watchdog
environment = PYTHONPATH="{root}",{environment}
autorestart = true
startsecs = 0
stopwaitsecs = 3
stdout_logfile = %(here)s/logs/watchdog.stdout.log
stderr_logfile = %(here)s/logs/watchdog.stderr.log
"""


class Rig:
    """The folder, its supervisord, and a keeper in this process."""

    def __init__(self, folder: Path, settings: WatchdogSettings) -> None:
        self.folder, self.settings = folder, settings
        self.alerts: list[Alert] = []
        self.report: StatusReport | None = None
        self.supervisord: subprocess.Popen[bytes] | None = None
        self.guardian: Guardian
        self.publisher: Publisher
        self.watch()

    def watch(self) -> None:
        """Be a watchdog that starts now."""
        rpc = SupervisordRpc(
            self.folder / "state/supervisor.sock", timeout_s=self.settings.supervisor_timeout_s
        )
        self.guardian = guardian_of(self.settings, rpc, offer=self.alerts.append)
        self.publisher = Publisher(
            self.folder / "state/status.json",
            publish=self._publish,
            healthy=lambda _: None,
        )

    def _publish(self, report: StatusReport) -> None:
        self.report = report

    def write_config(self, *, watchdog: dict[str, str] | None = None) -> None:
        """Write `supervisord.conf`."""
        text = CONFIG.format(identifier=self.folder.name)
        standby = str(self.settings.standby).lower()
        for name in ("bot", "spare"):
            text += PROGRAM.format(
                name=name, python=sys.executable, bot=BOT, root=ROOT, standby=standby
            )
        if watchdog is not None:
            named = {"STANDBY": standby, **watchdog}
            environment = ",".join(f'{key}="{value}"' for key, value in named.items())
            text += WATCHDOG.format(python=sys.executable, root=ROOT, environment=environment)
        (self.folder / "supervisord.conf").write_text(text)

    def start(self) -> None:
        """Start supervisord and wait until it answers."""
        self.supervisord = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-c", "supervisord.conf"],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"]},
        )
        wait_for(self._answers)

    def _answers(self) -> bool:
        """Answer whether supervisord answers; its socket is there some time before."""
        rpc = SupervisordRpc(self.folder / "state/supervisor.sock", timeout_s=DEADLINE_S)
        try:
            return bool(rpc.call("getState"))
        except SupervisordSilentError:
            return False

    def control(self, *words: str) -> str:
        """Be the operator: `supervisorctl` *words*."""
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", "supervisord.conf"]
        done = subprocess.run(
            [*command, *words], cwd=self.folder, capture_output=True, text=True, timeout=20
        )
        return done.stdout

    def wish(self, wish: str, *, of: str = "wish") -> None:
        """Have the leader do something, or the spare with `wish-spare`."""
        temporary = self.folder / "wish.new"
        temporary.write_text(wish)
        temporary.rename(self.folder / of)

    def tick(self) -> None:
        """Tick once and wait, as the daemon does."""
        self.guardian.tick(state_writable=self.publisher.writable)
        self.publisher.publish(self.guardian)
        poll = select.poll()
        for death in self.guardian.death_descriptors():
            poll.register(death, select.POLLIN)
        poll.poll(self.guardian.wait_s() * 1000)

    def until(self, condition: Callable[[], bool], *, deadline_s: float = DEADLINE_S) -> float:
        """Tick until *condition* holds; answer how long that took, in seconds."""
        began_s = time.monotonic()
        while not condition():
            if time.monotonic() - began_s > deadline_s:
                raise AssertionError(f"not within {deadline_s} s; last report {self.report}")
            self.tick()
        return time.monotonic() - began_s

    def until_verdict(self, verdict: str, *, deadline_s: float = DEADLINE_S) -> float:
        """Tick until *verdict* is reported."""
        return self.until(lambda: self.verdict == verdict, deadline_s=deadline_s)

    def until_recovered(self) -> None:
        """Tick until the bot is healthy and no incident is open."""
        self.until(lambda: self.verdict == "healthy" and self.guardian.casebook.open is None)

    def for_polls(self, polls: int) -> set[str]:
        """Tick *polls* times; answer the verdicts seen."""
        seen = set()
        for _ in range(polls):
            self.tick()
            seen.add(self.verdict)
        return seen

    def process(self, program: str) -> ProcessSummary:
        """Answer what the last report says of *program*."""
        assert self.report is not None
        (found,) = (each for each in self.report.processes if each.program == program)
        return found

    def is_paired(self) -> bool:
        """Answer whether one leads, the other is warm, and no incident is open."""
        if self.report is None or self.guardian.casebook.open is not None:
            return False
        seen = sorted((each.role or "", each.verdict) for each in self.report.processes)
        return seen == [("leader", "healthy"), ("spare", "healthy")]

    @property
    def tools(self) -> Tools:
        """Answer what the keeper of the program `bot` works with."""
        return self.guardian.keepers[0].tools

    @property
    def verdict(self) -> str:
        """Answer the last verdict."""
        return self.report.verdict if self.report is not None else ""

    @property
    def pid(self) -> int:
        """Answer the bot's pid by the last report."""
        assert self.report is not None
        assert self.report.bot_pid is not None
        return self.report.bot_pid

    @property
    def lives(self) -> list[int]:
        """Answer the pids of all bots so far."""
        path = self.folder / "lives"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def records(self) -> list[dict[str, Any]]:
        """Answer the incident records."""
        path = self.folder / "logs/incidents.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def release(self) -> None:
        """Let go of both processes, as the end of a watchdog does."""
        for keeper in self.guardian.keepers:
            keeper.tools.probe.release()

    def close(self) -> None:
        """End every process, by pid."""
        if self.supervisord is not None and self.supervisord.poll() is None:
            self.supervisord.send_signal(signal.SIGCONT)
            self.supervisord.terminate()
            try:
                self.supervisord.wait(10)
            except subprocess.TimeoutExpired:
                self.supervisord.kill()
                self.supervisord.wait(5)
        self.release()
        for pid in self.lives:
            end_if_ours(pid, self.folder)


def end_if_ours(pid: int, folder: Path) -> None:
    """Kill *pid* if it is a bot of *folder* that outlived its supervisord."""
    handle = ProcessHandle.open(pid)
    if handle is None:
        return
    with contextlib.suppress(OSError):
        if os.readlink(f"/proc/{pid}/cwd") == str(folder):
            handle.send(signal.SIGKILL)
    handle.close()


def wait_for(condition: Callable[[], bool], *, deadline_s: float = DEADLINE_S) -> None:
    """Wait until *condition* holds."""
    began_s = time.monotonic()
    while not condition():
        if time.monotonic() - began_s > deadline_s:
            raise AssertionError(f"not within {deadline_s} s")
        time.sleep(0.02)


@contextlib.contextmanager
def rigged(folder: Path, **changes: Any) -> Iterator[Rig]:
    """Answer a rig with quick limits; the current folder must be *folder*."""
    for name in ("state", "logs"):
        (folder / name).mkdir(mode=0o700)
    values: dict[str, Any] = {
        "poll_interval_s": 0.2,
        "heartbeat_interval_s": 0.3,
        "hung_after_s": 1.5,
        "frozen_after_s": 1.5,
        "startup_timeout_s": 10.0,
        "restart_base_s": 0.2,
        "shutdown_timeout_s": 1.0,
        "supervisor_timeout_s": 1.0,
        "standby": False,
    }
    rig = Rig(folder, WatchdogSettings(**(values | changes)))
    rig.write_config()
    try:
        yield rig
    finally:
        rig.close()
