"""The whole service on a made-up machine: the watchdog is the real one, all around it is not."""

from __future__ import annotations

import contextlib
import logging
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import structlog

from tests.fakes import FakeDraw
from tests.storm.audit import Audit
from tests.storm.bots import BotProcess
from tests.storm.discord import Discord, Shelf
from tests.storm.machine import Machine, MachineKernel, Process, WatchdogDiedError
from tests.storm.mail import Mail
from tests.storm.supervisord import Rpc, Slot, Supervisord
from watchdog.assembly import Surroundings, guardian_of
from watchdog.guardian import Guardian
from watchdog.settings import WatchdogSettings
from watchdog.supervisord.rpc import SupervisordRpc

# Shorter than the defaults, so that a storm meets the limits often.
SETTINGS = {
    "startup_timeout_s": 20.0,
    "zombie_after_s": 30.0,
    "zombie_grace_s": 90.0,
    "max_restarts": 3,
    "restart_window_s": 120.0,
    "restart_cap_s": 20.0,
    "forgiven_after_s": 60.0,
    "max_rss_for_s": 20.0,
}
WATCHDOG_BACK_S = 1.5
MEMORY = Path("/dev/shm")  # where there is one, the watchdog's files cost no disk


class Scene:
    """Start it, break it, let time go by; `audit` says what must never have happened.

    Attributes:
        broken: A bot that starts crashes.
        wanted: The operator's last wish was that the service runs.
    """

    def __init__(self, folder: Path) -> None:
        for name in ("state", "logs"):
            (folder / name).mkdir(mode=0o700)
        self.folder, self.machine = folder, Machine(folder)
        self.broken, self.wanted = False, True
        self.shelf, self.discord = Shelf(folder), Discord(self.machine)
        self.write_token(self.discord.token)
        folders = {"state_dir": folder / "state", "log_dir": folder / "logs"}
        self.settings = WatchdogSettings.model_validate(folders | SETTINGS)
        self.supervisord = Supervisord(self.machine, self._make)
        self.mail = Mail(self.machine)
        self.audit = Audit(self.machine, self.settings)
        self.watchdog: Process | None = None
        self.guardian: Guardian
        self._back_at_s = self.machine.now_s
        self._mend()

    # What there is

    def process(self, program: str) -> BotProcess | None:
        """Answer the living process of *program*."""
        found = self.supervisord.slots[program].process
        return None if found is None or found.dead else found

    def living(self) -> list[BotProcess]:
        """Answer the living bot processes."""
        found = (self.process(name) for name in ("bot", "spare"))
        return [process for process in found if process is not None]

    def leader(self) -> BotProcess | None:
        """Answer who leads, None while nobody does."""
        return next((each for each in self.living() if each.leads), None)

    @property
    def serves(self) -> bool:
        """Whether somebody who asks now would be answered."""
        return any(process.serves for process in self.living())

    @property
    def verdict(self) -> str:
        """The watchdog's last one."""
        return self.guardian.service.judgement.verdict

    def write_token(self, token: str) -> None:
        """Be the operator, who writes `.env`."""
        temporary = self.folder / ".env.new"
        temporary.write_text(token)
        temporary.rename(self.folder / ".env")

    def _make(self, program: str, parent_pid: int) -> BotProcess:
        bot = BotProcess(self.machine, program, self.shelf, self.discord, parent_pid=parent_pid)
        bot.breaks = lambda: self.broken
        return bot

    # Time

    def run(self, seconds: float) -> None:
        """Let *seconds* go by as the watchdog's daemon would, tick by tick."""
        until_s = self.machine.now_s + seconds
        while self.machine.now_s < until_s - 1e-6:
            self.audit.see(self.living())
            self._mend()
            left_s = until_s - self.machine.now_s
            if self.watchdog is None or self.watchdog.stopped:
                self.machine.advance(min(0.5, left_s))
            else:
                self._tick()
                self._wait(min(left_s, self.guardian.wait_s()))

    def _tick(self) -> None:
        try:
            self.guardian.tick(state_writable=not self.shelf.is_full)
        except WatchdogDiedError:
            self.kill_watchdog()
            return
        self.mail.work()
        self.audit.look(self.guardian)

    def _wait(self, wait_s: float) -> None:
        """Wait as `select` does: until something dies, or *wait_s* are over."""
        until_s, deaths = self.machine.now_s + wait_s, self.machine.deaths
        while self.machine.now_s < until_s - 1e-6 and self.machine.deaths == deaths:
            self.machine.advance(min(0.25, until_s - self.machine.now_s))

    def _mend(self) -> None:
        """Be NEVER_DOWN.sh, and supervisord: start what is not there."""
        if self.machine.now_s < self._back_at_s:
            return
        if self.supervisord.dead:
            self.machine.processes.pop(self.supervisord.pid, None)
            self.supervisord = Supervisord(self.machine, self._make)
            self.wanted = True
        if self.watchdog is None and not self.supervisord.stopped:
            self._hire()

    def _hire(self) -> None:
        """Start the watchdog, on the files that the one before it has left."""
        machine = self.machine
        rpc = Rpc(machine, lambda: self.supervisord, on_start=self._starting)
        around = Surroundings(
            clock=machine.clock,
            wall_clock=machine.wall_clock,
            sleep=machine.advance,
            draw=FakeDraw(0.0, 0.5, 0.9),
            memory_kills=lambda: None,
            kernel=MachineKernel(machine),
            env_file=self.folder / ".env",
        )
        self.watchdog = Process(machine, "watchdog", parent_pid=self.supervisord.pid)
        self.guardian = guardian_of(
            self.settings, cast(SupervisordRpc, rpc), offer=self.mail.offer, around=around
        )

    def _starting(self, program: str, slot: Slot) -> None:
        self.audit.starts(program, slot.state, failed=slot.failed)

    # What happens to it

    def kill_watchdog(self) -> None:
        """SIGKILL; supervisord starts the next one."""
        self._back_at_s = self.machine.now_s + WATCHDOG_BACK_S
        if self.watchdog is not None:
            self.watchdog.end(-1, by="SIGKILL")
            self.machine.processes.pop(self.watchdog.pid, None)
            self.watchdog = None
        self.machine.doom = None

    def kill_supervisord(self) -> None:
        """SIGKILL: both bots and the watchdog end with it, and all is started again."""
        self.kill_watchdog()
        self.supervisord.take(signal.SIGCONT)
        self.supervisord.take(signal.SIGKILL)
        self.supervisord.end(-1, by="SIGKILL")

    def stop_watchdog(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after *seconds*."""
        if self.watchdog is not None:
            self.watchdog.stopped = True
            self.run(seconds)
        if self.watchdog is not None:
            self.watchdog.stopped = False

    def order(self, word: str, program: str) -> None:
        """Be the operator: `supervisorctl` *word* *program*, to its end."""
        supervisord = self.supervisord
        if supervisord.dead or supervisord.stopped:
            return
        slot = supervisord.slots[program]
        if word in ("stop", "restart"):
            supervisord.stop(program)
            for _ in range(60):
                if slot.state != "STOPPING" or supervisord.dead:
                    break
                self.run(0.25)
        if program == "bot" and word == "stop" and slot.state == "STOPPED":
            self.wanted = False
        if word in ("start", "restart") and not supervisord.dead and supervisord.start(program):
            self.audit.renewed(program)
            self.wanted |= program == "bot"


@contextlib.contextmanager
def staged() -> Iterator[Scene]:
    """Answer a scene in a folder of its own; what it would log is not."""
    before = structlog.get_config()
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)
    folder = tempfile.mkdtemp(prefix="novera-storm-", dir=MEMORY if MEMORY.is_dir() else None)
    structlog.configure(wrapper_class=silent)
    try:
        yield Scene(Path(folder))
    finally:
        structlog.configure(**before)
        shutil.rmtree(folder, ignore_errors=True)
