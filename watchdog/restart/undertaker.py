"""What is done about a process that has ended: clear up, find out why, start the next one."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

import structlog

from watchdog.errors import SupervisordError, SupervisordFaultError
from watchdog.health.observation import ProgramSight
from watchdog.health.roles import PROGRAMS
from watchdog.health.verdict import Role
from watchdog.heartbeat.identity import Identity
from watchdog.heartbeat.schema import Failure
from watchdog.restart.ending import EXIT_STOPPED, Ending, Intervention
from watchdog.restart.planner import Plan
from watchdog.restart.tools import Tools
from watchdog.supervisord.log_lines import LoggedEnd

REAP_S = 2.5  # supervisord looks for dead children once a second even when nobody asks
RETRY_S = 1.0  # until a start is ordered again that supervisord would not carry out now

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWords:
    """What is left of a process: its last beat's failure, and supervisord's line about its end.

    Attributes:
        unseen: It began and ended while nobody watched.
    """

    who: Identity | None = None
    failure: Failure | None = None
    logged: LoggedEnd | None = None
    unseen: bool = False


class Undertaker:
    """Conclude every end exactly once."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def bury(self, intervention: Intervention | None, *, role: Role, starved: bool) -> bool:
        """Have the ended process reaped and plan what follows; answer whether that is done.

        Args:
            intervention: Why the watchdog ended it, if it did.
            role: What it was.
            starved: The kernel has killed for want of memory meanwhile.
        """
        tools = self._tools
        handle = tools.probe.handle
        if handle is None or tools.probe.is_silent():
            return False
        who = handle.identity
        tools.kernel.end_leftovers(who)
        try:
            program = tools.program.reap(who.pid, timeout_s=REAP_S)
            logged = tools.program.last_end(who.pid) if program.exit_status == -1 else None
        except SupervisordError as error:
            tools.probe.fail(error)
            return False
        if program.pid == who.pid:
            return False  # not reaped yet
        last = tools.probe.beat_of(who)
        if last is not None and last.role == "leader":
            role = "leader"  # it may have led between two looks only
            tools.planner.seen_as(role)
        words = LastWords(who=who, failure=last.failure if last else None, logged=logged)
        tools.probe.release()
        tools.probe.hear(program)
        if tools.probe.handle is None:  # else somebody has started the next one already
            self._conclude(program, words, role=role, intervention=intervention, starved=starved)
        return True

    def find_ended(self, program: ProgramSight | None, *, role: Role) -> None:
        """Plan for a bot whose end nobody has seen: the watchdog before this one died."""
        if program is None or program.pid > 0 or program.state not in ("EXITED", "FATAL"):
            return
        history = self._tools.planner.history
        rested = history.standing == "stopped" and (
            history.reason == "exit 0" and program.exit_status == 0
        )
        if rested or history.standing not in ("none", "stopped"):
            return
        try:
            logged = self._tools.program.last_end(None) if program.exit_status == -1 else None
        except SupervisordError as error:
            self._tools.probe.fail(error)
            return
        last = self._tools.probe.beat_of(None)
        failure = last.failure if last is not None else None
        words = LastWords(failure=failure, logged=logged, unseen=history.ours is None)
        self._conclude(program, words, role=role)

    def start(self, *, role: Role) -> bool:
        """Start the program, if supervisord's state still asks for it; answer whether it runs.

        Args:
            role: What it is to be, for the case that it ends at once.
        """
        tools = self._tools
        if tools.probe.is_silent():
            return False
        program = tools.probe.ask()
        if program is None or tools.probe.handle is not None:
            return tools.probe.handle is not None
        nobody = LastWords()
        if program.state in ("STOPPED", "STOPPING"):
            self._conclude(program, nobody, role=role)
            return False
        tools.planner.launching()
        began_s = tools.clock()
        with contextlib.suppress(OSError):  # without logs/ supervisord starts nothing
            tools.stacks.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            program = tools.program.start()
        except SupervisordFaultError as error:
            self._refuse_start(error, nobody, role)
            return False
        except SupervisordError as error:
            tools.probe.fail(error)  # it may have started all the same: look before ordering again
            return False
        tools.planner.launched()
        tools.tally.starts += 1
        tools.probe.hear(program)
        took_s = round(tools.clock() - began_s, 3)
        log.info("bot.started", program=tools.program.name, pid=program.pid, took_s=took_s)
        if tools.probe.handle is None:  # it has ended already, and was reaped
            program = tools.probe.ask() or program
            if tools.probe.handle is None:
                self._conclude(replace(program, pid=0), nobody, role=role)
        return tools.probe.handle is not None

    def _refuse_start(self, error: SupervisordFaultError, nobody: LastWords, role: Role) -> None:
        log.warning("start.refused", reason=error.reason)
        if error.reason in ("shutting_down", "no_such_program"):
            self._tools.planner.postpone(RETRY_S)
            return
        refused = ProgramSight(state="FATAL", pid=0, spawn_error=error.reason)
        self._conclude(refused, nobody, role=role)

    def _conclude(
        self,
        program: ProgramSight,
        words: LastWords,
        *,
        role: Role,
        intervention: Intervention | None = None,
        starved: bool = False,
    ) -> None:
        """Plan once for one end, and put it on record."""
        logged, failure = words.logged, words.failure
        is_spare = self._tools.program.name == PROGRAMS[1]
        if program.exit_status == EXIT_STOPPED and is_spare and not self._has_led():
            role = "spare"  # the shutdown command is a leader's; this one was not wanted
        ending = Ending(
            state=program.state,
            exit_status=program.exit_status,
            signal=logged.signal if logged is not None else None,
            out_of_memory=starved,
            asked=role == "spare" or self._tools.stood_down.exists(),
            intervention=intervention,
        )
        plan = self._tools.planner.conclude(ending, role=role, failure=failure, unseen=words.unseen)
        log.warning(
            "bot.ended",
            program=self._tools.program.name,
            role=role,
            pid=words.who.pid if words.who is not None else None,
            cause=plan.response.cause,
            answer=plan.response.answer,
            exit_status=ending.exit_status,
            signal=ending.signal,
        )
        if role == "leader":
            self._record(plan, program, words)

    def _has_led(self) -> bool:
        return self._tools.planner.history.role == "leader"

    def _record(self, plan: Plan, program: ProgramSight, words: LastWords) -> None:
        """Put on record, and tell, an end that is a failure."""
        casebook, response = self._tools.casebook, plan.response
        failure, logged = words.failure, words.logged
        match response.answer:
            case "stay_down" | "at_once" | "at_retry":
                return
            case "never":
                kind = failure.kind[:64] if failure is not None else response.cause
                advice = failure.message[:1000] if failure is not None else ""
                casebook.fail_for_good(words.who, kind, advice)
            case "by_policy":
                start_failed = response.cause == "start_failed"
                casebook.fail(
                    words.who, "start_failed" if start_failed else "crash", response.cause
                )
        casebook.add(
            exit_status=program.exit_status,
            signal=logged.signal if logged is not None else None,
            core_dumped=logged.core_dumped if logged is not None else False,
            supervisord_log=logged.line if logged is not None else "",
            spawn_error=program.spawn_error,
        )
        if plan.delay_s is not None:
            casebook.act(f"restart in {plan.delay_s:.1f} s" if plan.delay_s else "restart at once")
        casebook.tell()
        if plan.gave_up is not None:
            casebook.exhaust()
