"""A whole installation in a folder of its own: real supervisord, bot, watchdog and simulator.

A process belongs to the installation when it runs in its folder; so whatever a test leaves behind
is found, however it came about, and is ended by its identity.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from simulator.control import ControlClient
from tests.ports import free_port
from tests.sources import ROOT
from watchdog.heartbeat import schema
from watchdog.heartbeat.identity import Identity
from watchdog.heartbeat.schema import Heartbeat, HeartbeatError
from watchdog.process.handle import ProcessHandle

T = TypeVar("T")

LINKED = ("bot", "watchdog", "simulator", "tests", "bench", "deploy", "requirements", ".venv")
COPIED = ("supervisord.conf", "NEVER_DOWN.sh")
READY_WITHIN_S = 40.0  # a second on an idle machine
STOP_WITHIN_S = 16.0
POLL_S = 0.05
# Faster than the defaults, so that a test takes seconds; DISCORD_* and HTTP_PORT come with start.
SETTINGS: Mapping[str, object] = {"HUNG_AFTER_S": 2, "FROZEN_AFTER_S": 2}
# Signs of asyncio or Python used wrongly, wherever they are logged.
MISUSE = re.compile(
    r"exception was never retrieved|was never awaited|was destroyed but it is pending"
    r"|RuntimeWarning|ResourceWarning|Event loop is closed|got Future .* attached to a different"
    r'|"level": ?"(?:warning|error|critical)"[^\n]*"logger": ?"asyncio"'
)


def until(check: Callable[[], T], what: str, *, within_s: float = 10.0) -> T:
    """Answer the first true answer of *check*; raises AssertionError after *within_s*."""
    deadline_s = time.monotonic() + within_s
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() >= deadline_s:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        time.sleep(POLL_S)


class Installation:
    """Start, ask, break and end an installation; `close` leaves no process and no file."""

    def __init__(self, **settings: object) -> None:
        # Not pytest's tmp_path: a unix socket's path has 107 characters at most.
        self.folder = Path(tempfile.mkdtemp(prefix="novera-")).resolve()
        self.state, self.logs = self.folder / "state", self.folder / "logs"
        self.state.mkdir()
        self.logs.mkdir()
        for name in LINKED:
            if (ROOT / name).exists():
                (self.folder / name).symlink_to(ROOT / name)
        for name in COPIED:
            shutil.copy(ROOT / name, self.folder / name)
        self.http_port = free_port()
        self.settings: dict[str, object] = {**SETTINGS, "HTTP_PORT": self.http_port, **settings}
        self.write_env()
        self.started: list[subprocess.Popen[bytes]] = []
        self._simulator: ControlClient | None = None

    # What is started

    def write_env(self, **settings: object) -> None:
        """Write `.env` anew, with *settings* added; None takes one away."""
        self.settings.update(settings)
        lines = [f"{name}={value}\n" for name, value in self.settings.items() if value is not None]
        path = self.folder / ".env"
        path.touch(mode=0o600)
        path.write_text("".join(lines), encoding="utf-8")

    def start(self, *command: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start *command* in the folder, with an empty environment unless *env* is given.

        What it prints goes to logs/test.log, since a pipe that nobody reads fills up.
        """
        with (self.logs / "test.log").open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=dict(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def start_simulator(self, *options: str, port: int = 0) -> ControlClient:
        """Start a simulated Discord and write its address and token to `.env`."""
        port = port or free_port()
        self.start(*self.python("simulator", "--port", str(port), *options))
        self._simulator = ControlClient(f"http://127.0.0.1:{port}")
        self._simulator.wait_until_up(READY_WITHIN_S)
        self.write_env(DISCORD_API_URL=self._simulator.api_url, DISCORD_TOKEN="simulator-token")
        return self._simulator

    def start_supervisord(self, **env: str) -> subprocess.Popen[bytes]:
        """Start supervisord as `env -i` would."""
        return self.start(*self.python("supervisor.supervisord", "-c", "supervisord.conf"), env=env)

    def never_down(self, *flags: str, **env: str) -> subprocess.Popen[bytes]:
        """Start NEVER_DOWN.sh with a search path and nothing else."""
        return self.start("./NEVER_DOWN.sh", *flags, env={"PATH": os.environ["PATH"], **env})

    def python(self, module: str, *arguments: str) -> tuple[str, ...]:
        """Answer the command that runs *module*."""
        return (str(self.folder / ".venv/bin/python"), "-m", module, *arguments)

    # What is asked

    @property
    def simulator(self) -> ControlClient:
        """The simulated Discord."""
        assert self._simulator is not None, "start_simulator first"
        return self._simulator

    def run(self, *command: str, timeout_s: float = 20.0, **env: str) -> tuple[int, str]:
        """Run *command* in the folder to its end; answers its code and all that it printed."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).decode()

    def supervisorctl(self, *arguments: str) -> str:
        """Answer what supervisorctl prints."""
        return self.run(*self.python("supervisor.supervisorctl", *arguments))[1]

    def program_pid(self, name: str) -> int | None:
        """Answer the pid that supervisord names for *name*, None when it does not run."""
        found = re.search(rf"^{name} .*pid (\d+),", self.supervisorctl("status"), re.MULTILINE)
        return int(found[1]) if found else None

    def say(self, text: str, *, within_s: float = 10.0) -> str:
        """Post *text* and answer the bot's reply to it."""
        return self.simulator.ask(text, timeout_s=within_s)

    def http(self, path: str) -> tuple[int, bytes]:
        """Answer status and body of the status server; 0 when nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        except OSError:
            return 0, b""
        finally:
            connection.close()

    def healthz(self) -> tuple[int, dict[str, Any]]:
        """Answer the status code and the document of /healthz."""
        status, body = self.http("/healthz")
        return status, json.loads(body) if body else {}

    def verdict(self) -> str:
        """Answer the watchdog's verdict, empty while it does not answer."""
        return str(self.healthz()[1].get("verdict", ""))

    def beat(self) -> Heartbeat | None:
        """Answer the newest beat, None without one that can be read."""
        try:
            return schema.decode((self.state / "heartbeat.json").read_bytes())
        except (FileNotFoundError, HeartbeatError):
            return None

    def bot_pid(self) -> int:
        """Answer the pid of the bot, by its beat."""
        beat = self.beat()
        assert beat is not None, "no heartbeat"
        return beat.pid

    def wait_ready(
        self, *, within_s: float = READY_WITHIN_S, not_pid: int = 0, after_s: float = 0.0
    ) -> Heartbeat:
        """Answer the first beat of a bot that is ready and judged so.

        Args:
            not_pid: A bot of before, whose beat does not count.
            after_s: Beats of bots that started before do not count; seconds since boot.
        """

        def ready() -> Heartbeat | None:
            beat = self.beat()
            if beat is None or beat.state != "ready" or beat.pid == not_pid:
                return None
            if beat.process_started < after_s:
                return None
            status, health = self.healthz()
            return beat if status == 200 and health.get("bot_pid", beat.pid) == beat.pid else None

        beat = until(ready, "the bot is ready", within_s=within_s)
        assert beat is not None
        return beat

    def wait_polls(self, polls: int) -> None:
        """Wait until the watchdog has polled so often, and could have done what it should not."""

        def polled() -> int:
            return int(self.healthz()[1].get("counters", {}).get("polls", 0))

        before = until(polled, "the watchdog polls")
        until(lambda: polled() >= before + polls, f"{polls} more polls")

    def watchdog_pid(self) -> int:
        """Answer the pid of the watchdog that judged last, by its own word."""
        return int(json.loads((self.state / "status.json").read_bytes())["watchdog_pid"])

    def records(self, name: str) -> list[dict[str, Any]]:
        """Answer the JSON Lines of logs/*name*, a torn last line left out."""
        records = []
        for line in self.text(name).splitlines():
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError:
                continue
        return records

    def text(self, name: str) -> str:
        """Answer the content of logs/*name*, empty without it."""
        path = self.logs / name
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    # What is broken, and ended

    def kill(self, pid: int, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal *pid*, which must be a process of this installation."""
        assert pid in {process.pid for process in self.processes()}, f"{pid} is none of ours"
        os.kill(pid, number)

    def processes(self) -> list[Identity]:
        """Answer the living processes that run in the folder, zombies not counted."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or _folder_of(entry) != self.folder:
                continue
            handle = ProcessHandle.open(int(entry.name))
            if handle is not None:
                if not handle.ended():
                    found.append(handle.identity)
                handle.close()
        return found

    def identifies(self) -> int:
        """Answer how often somebody logged in to the simulated Discord."""
        return int(self.simulator.stats()["gateway"]["identify"])

    def bots(self) -> list[str]:
        """Answer the command lines of the bots that live, leader and spare."""
        return [line for line in self.commands() if line.endswith("-m bot")]

    def commands(self) -> list[str]:
        """Answer the command lines of the processes, for people."""
        lines = []
        for process in self.processes():
            raw = _read(Path(f"/proc/{process.pid}/cmdline"))
            lines.append(f"{process.pid}: {raw.replace(chr(0), ' ').strip()}")
        return lines

    def stop(self, process: subprocess.Popen[bytes], *, within_s: float = STOP_WITHIN_S) -> int:
        """Send SIGTERM and answer the exit code."""
        if process.poll() is None:
            process.terminate()
        return process.wait(within_s)

    def misuses(self) -> list[str]:
        """Answer the lines of the logs that tell of asyncio or Python used wrongly."""
        return [
            f"{path.name}: {line[:400]}"
            for path in sorted(self.logs.iterdir())
            for line in self.text(path.name).splitlines()
            if MISUSE.search(line)
        ]

    def tails(self) -> str:
        """Answer the ends of all logs, for a test that failed."""
        parts = [f"processes: {self.commands()}"]
        for path in [*sorted(self.logs.iterdir()), *sorted(self.state.glob("*.json"))]:
            content = _read(path)
            if content:
                parts.append(f"--- {path.name}\n{content[-4000:]}")
        return "\n".join(parts)

    def close(self) -> list[str]:
        """End everything; answers the command lines of what did not end by itself."""
        for process in reversed(self.started):  # the simulator was there first
            try:
                self.stop(process)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._simulator is not None:
            self._simulator.close()
        left = self.commands()
        for who in self.processes():
            handle = ProcessHandle.open(who.pid)
            if handle is not None:
                if handle.identity == who:
                    handle.send(signal.SIGKILL)
                    handle.wait_end(5)
                handle.close()
        return left

    def remove(self) -> None:
        """Delete the folder; what it links to stays."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _folder_of(process: Path) -> Path | None:
    try:
        return Path(os.readlink(process / "cwd"))
    except OSError:
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
