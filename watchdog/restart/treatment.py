"""What is done about a process that lives and is not well."""

from __future__ import annotations

import structlog

from watchdog.errors import SignalRefusedError, SupervisordError
from watchdog.health.liveness import Judgement
from watchdog.health.observation import Sight
from watchdog.health.progress import Progress
from watchdog.health.verdict import Role
from watchdog.incidents import forensics
from watchdog.process.handle import ProcessHandle
from watchdog.restart.ending import MEMORY_HIGH, Intervention
from watchdog.restart.remedy import Remedy, remedy_for
from watchdog.restart.terminator import Terminator
from watchdog.restart.tools import Tools

BAD = frozenset({"hung", "frozen", "zombie"})
RETIRE = Remedy(steps=("terminate", "kill"), counted=False)

log = structlog.get_logger(__name__)


class Treatment:
    """Carry out at most one remedy on the process at hand, over as many ticks as it takes.

    Incidents are of the service: what is done about a spare is logged, and is none.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._terminator: Terminator | None = None
        self._refused: str | None = None
        self.role: Role = "leader"  # of the process when its remedy began; it may hand over then

    @property
    def intervention(self) -> Intervention | None:
        """Answer why the process at hand is being ended, None when it is not."""
        terminator = self._terminator
        return terminator.intervention if terminator is not None and terminator.actions else None

    def reset(self) -> None:
        """Forget the process that was at hand."""
        self._terminator, self._refused = None, None

    def apply(
        self,
        judgement: Judgement,
        sight: Sight,
        progress: Progress,
        *,
        role: Role,
        worth_s: float,
    ) -> None:
        """Put a bad verdict on record, and begin or continue its remedy."""
        handle = self._tools.probe.handle
        if self._terminator is not None:
            self._step(self._terminator, worth_s)
            return
        self.role = role
        if handle is None:
            return
        if judgement.verdict in BAD and role == "leader":
            beat = sight.beat.beat
            self._tools.casebook.fail(
                handle.identity,
                "never_ready" if judgement.reason == "never_ready" else judgement.verdict,
                judgement.reason,
                evidence=lambda: forensics.gather(sight, progress),
                stack=beat.loop.stack if beat is not None else None,
            )
        remedy = remedy_for(judgement)
        if remedy is None or not self._is_allowed(judgement, remedy):
            return
        memory = judgement.verdict == "degraded"
        intervention = Intervention(
            verdict=judgement.verdict,
            kind=MEMORY_HIGH if memory else judgement.reason,
            counted=remedy.counted,
        )
        self._begin(handle, remedy, intervention)

    def retire(self, kind: str) -> None:
        """Ask the process at hand to end, for a reason that is no fault of its own."""
        handle = self._tools.probe.handle
        if handle is not None and self._terminator is None:
            self._begin(handle, RETIRE, Intervention(verdict="healthy", kind=kind, counted=False))

    def _begin(self, handle: ProcessHandle, remedy: Remedy, intervention: Intervention) -> None:
        self._terminator = Terminator(
            handle,
            remedy,
            intervention,
            program=self._tools.program,
            stacks=self._tools.stacks,
            patience_s=self._tools.patience_s,
            kernel=self._tools.kernel,
        )
        self._step(self._terminator, 0.0)

    def _is_allowed(self, judgement: Judgement, remedy: Remedy) -> bool:
        """Answer whether the remedy may be used now; a silent gateway may yet mend itself."""
        planner = self._tools.planner
        if not remedy.counted:
            return planner.may_restart_gracefully(self.role)
        if judgement.verdict != "zombie":
            return True
        return planner.may_restart_a_zombie(grace_s=self._tools.zombie_grace_s)

    def _step(self, terminator: Terminator, worth_s: float) -> None:
        before = len(terminator.actions)
        try:
            terminator.step(worth_s)
        except SignalRefusedError as error:
            self._tools.tally.refusals += 1
            if self._refused != error.reason:
                self._refused = error.reason
                log.warning("signal.refused", pid=error.pid, reason=error.reason)
                if self.role == "leader":
                    self._tools.casebook.act(f"left alone: {error.reason}")
        except SupervisordError as error:
            self._tools.probe.fail(error)
        new = terminator.actions[before:]
        if terminator.intervention.counted and self.role == "leader":
            for action in new:
                self._tools.casebook.act(action)
            if terminator.stack:
                self._tools.casebook.add(stack=terminator.stack, stacks=terminator.stack)
        if "SIGKILL" in new:
            self._tools.tally.kills += 1
        if not terminator.actions:
            self._terminator = None  # nothing was done: judge anew at the next tick
