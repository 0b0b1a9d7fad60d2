"""`python -m watchdog deploy`: new code without a gap, and back when the new code fails.

The spare is restarted, so that it runs the code and the settings that are in the folder now. Once
it is warm, the leader is asked to step down (SIGUSR2); it stays as a fallback for a while. Whoever
dies meanwhile is the watchdog's, as always: nothing is started here that it would not start itself.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from watchdog.errors import SupervisordError, WatchdogError
from watchdog.health.observation import ProgramSight
from watchdog.health.verdict import Role
from watchdog.heartbeat import file, identity
from watchdog.heartbeat.installation import SettingsInvalidError
from watchdog.heartbeat.schema import BEAT_FILES, Heartbeat, HeartbeatError, decode
from watchdog.settings import WatchdogSettings
from watchdog.status.command import STATUS_NAME, read
from watchdog.supervisord.program import Program
from watchdog.supervisord.rpc import SupervisordRpc

EXIT_DONE, EXIT_FAILED, EXIT_CONFIGURATION = 0, 1, 78
POLL_S = 0.05
STOP_MARGIN_S = 3.0


class DeploymentError(WatchdogError):
    """The new code does not lead; the text says why, and who does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A process and the program that it is of."""

    program: Program
    beat: Heartbeat

    @property
    def pid(self) -> int:
        """The process' pid."""
        return self.beat.pid


class Deployment:
    """One deploy of one installation; *say* gets a line for each step.

    Raises:
        DeploymentError: from `run`, with what became of it.
        SupervisordError: from `run`, when supervisord does not answer.
    """

    def __init__(
        self, settings: WatchdogSettings, rpc: SupervisordRpc, *, say: Callable[[str], None]
    ) -> None:
        self._settings, self._rpc, self._say = settings, rpc, say
        self._programs = (Program(rpc, "bot"), Program(rpc, "spare"))

    def run(self) -> None:
        """Have new code lead."""
        leader = self._leader()
        if not self._settings.standby:
            self._restart(leader)
            return
        self._hand_over(leader, self._renew_spare(leader))

    def _leader(self) -> Post:
        reading = read(self._settings.state_dir / STATUS_NAME, now_at=datetime.now(UTC))
        if reading.trouble is not None or reading.report is None:
            raise DeploymentError("The watchdog does not judge; see `python -m watchdog status`.")
        if reading.exit_code != 0:
            raise DeploymentError(
                f"The service is {reading.report.verdict} ({reading.report.reason}); first mend"
                " that, or restart it: `supervisorctl restart bot`."
            )
        beat = self._beat("leader")
        pids = {program.look().pid: program for program in self._known()}
        if beat is None or beat.state != "ready" or beat.pid not in pids:
            raise DeploymentError("There is no leader that is ready.")
        return Post(program=pids[beat.pid], beat=beat)

    def _known(self) -> tuple[Program, ...]:
        """Answer the programs that are to be there; supervisord may know no spare."""
        return self._programs if self._settings.standby else self._programs[:1]

    def _renew_spare(self, leader: Post) -> Post:
        """Restart the program that does not lead; answer it once it is warm."""
        (program,) = (each for each in self._programs if each is not leader.program)
        self._say(f"Starting the new code as the spare (program {program.name}) …")
        old = program.look()
        if old.pid > 0:
            self._rpc.call("signalProcess", program.name, "TERM")
            patience_s = self._settings.shutdown_timeout_s + STOP_MARGIN_S
            if not self._until(lambda: program.look().pid != old.pid, patience_s):
                raise DeploymentError("The old spare does not end. Nothing else was touched.")
        pid = program.start().pid
        warm = self._await(program, pid, "spare")
        if warm is None:
            warm = self._beat_of(pid, "leader")  # the old leader died meanwhile
        if warm is None:
            raise DeploymentError(
                f"The new code does not get warm: {self._why(program, pid)}. The old process leads"
                " on, untouched."
            )
        return Post(program=program, beat=warm)

    def _hand_over(self, leader: Post, new: Post) -> None:
        if new.beat.role == "leader":
            self._say("The old leader ended meanwhile; the new code leads.")
            return
        who = identity.read(leader.pid)
        if who is None or not leader.beat.is_of(leader.pid, who.started):
            raise DeploymentError("The leader ended meanwhile; see `python -m watchdog status`.")
        if leader.program.look().pid != leader.pid:
            raise DeploymentError("supervisord names another leader; nothing was asked of it.")
        self._say("The spare is warm. Asking the leader to step down …")
        asked_at_s = time.monotonic()
        self._rpc.call("signalProcess", leader.program.name, "USR2")
        beat = self._await(new.program, new.pid, "leader")
        if beat is not None:
            self._say(
                f"Done in {time.monotonic() - asked_at_s:.2f} s: process {new.pid}"
                f" ({new.program.name}) leads{_gap(beat)}."
            )
            return
        why = self._why(new.program, new.pid)
        back = self._await(leader.program, leader.pid, "leader")
        who_leads = "the old process leads again" if back else "nobody is ready to lead"
        raise DeploymentError(f"The new code does not lead: {why}; {who_leads}.")

    def _restart(self, leader: Post) -> None:
        """Without a spare there is a gap, as short as a start."""
        self._say("STANDBY is false, so there is a gap. Restarting the bot …")
        asked_at_s = time.monotonic()
        self._rpc.call("signalProcess", leader.program.name, "TERM")

        def restarted() -> bool:
            beat = self._beat("leader")
            return beat is not None and beat.pid != leader.pid and beat.state == "ready"

        patience_s = self._settings.shutdown_timeout_s + self._settings.startup_timeout_s
        if not self._until(restarted, patience_s):
            raise DeploymentError("The bot is not back; see `python -m watchdog status`.")
        self._say(f"Done: the bot was away for {time.monotonic() - asked_at_s:.2f} s at most.")

    def _await(self, program: Program, pid: int, role: Role) -> Heartbeat | None:
        """Answer the beat of the process *pid* once it is ready as *role*; None: it never is."""
        found: list[Heartbeat] = []

        def settled() -> bool:
            beat = self._beat_of(pid, role)
            if beat is not None and beat.state == "ready":
                found.append(beat)
            return bool(found) or program.look().pid != pid

        self._until(settled, self._settings.startup_timeout_s)
        return found[0] if found else None

    def _why(self, program: Program, pid: int) -> str:
        sight = program.look()
        if sight.pid == pid:
            return f"not ready after {self._settings.startup_timeout_s:.0f} s"
        for role in BEAT_FILES:
            beat = self._read(role)
            if beat is not None and beat.pid == pid and beat.failure is not None:
                return beat.failure.message
        return f"its process ended{_status(sight)}, see logs/bot.jsonl"

    def _beat_of(self, pid: int, role: Role) -> Heartbeat | None:
        beat = self._beat(role)
        return beat if beat is not None and beat.pid == pid else None

    def _beat(self, role: Role) -> Heartbeat | None:
        """Answer the beat of a living process of *role*."""
        beat = self._read(role)
        if beat is None:
            return None
        who = identity.read(beat.pid)
        return beat if who is not None and beat.is_of(who.pid, who.started) else None

    def _read(self, role: Role) -> Heartbeat | None:
        try:
            beat = decode(file.read(self._settings.state_dir / BEAT_FILES[role]))
        except (HeartbeatError, OSError):
            return None
        return beat if beat.role == role and beat.boot_id == identity.boot_id() else None

    def _until(self, check: Callable[[], bool], within_s: float) -> bool:
        deadline_s = time.monotonic() + within_s
        while not check():
            if time.monotonic() >= deadline_s:
                return False
            time.sleep(POLL_S)
        return True


def _gap(beat: Heartbeat) -> str:
    """Answer how long the new leader took, by its own stages."""
    ready_s = beat.stages_s.get("ready")
    return f", ready {ready_s * 1000:.0f} ms after it had the lead" if ready_s is not None else ""


def _status(sight: ProgramSight) -> str:
    status = sight.exit_status
    return "" if status is None else " by a signal" if status < 0 else f" with exit {status}"


def main(argv: list[str]) -> int:
    """Deploy what is in the folder; answers 0 when it leads, 1 when not."""
    argparse.ArgumentParser(
        prog="python -m watchdog deploy",
        description="Replace the bot by the code and the settings in this folder, without a gap.",
        epilog="Exit code: 0 the new code leads, 1 it does not.",
    ).parse_args(argv)
    try:
        settings = WatchdogSettings.load()
    except SettingsInvalidError as error:
        sys.stderr.write("".join(f"{line}\n" for line in error.lines))
        return EXIT_CONFIGURATION
    # Here people are told in sentences; events are for the daemon's log.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    rpc = SupervisordRpc(
        Path(settings.state_dir) / "supervisor.sock", timeout_s=settings.supervisor_timeout_s
    )
    try:
        Deployment(settings, rpc, say=_say).run()
    except SupervisordError as error:
        sys.stderr.write(f"supervisord does not do it: {error}. See `supervisorctl status`.\n")
        return EXIT_FAILED
    except DeploymentError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FAILED
    return EXIT_DONE


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
