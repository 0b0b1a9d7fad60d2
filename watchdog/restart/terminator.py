"""End a bot process that is not well, step by step, and only one that is proven to be the bot."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import structlog

from watchdog.errors import SignalRefusedError
from watchdog.process import refusal
from watchdog.process.handle import ProcessHandle
from watchdog.process.kernel import Kernel
from watchdog.restart.ending import Intervention
from watchdog.restart.remedy import Remedy
from watchdog.supervisord.program import Program

DEATH_S = 1.0  # a SIGKILL takes effect at once, unless the process waits for a disk

log = structlog.get_logger(__name__)


class Terminator:
    """Carry out a remedy on one process; `step` at every tick until the process has ended.

    No step waits for long: SIGTERM's deadline is counted in ticks.
    """

    def __init__(
        self,
        handle: ProcessHandle,
        remedy: Remedy,
        intervention: Intervention,
        *,
        program: Program,
        stacks: Path,
        patience_s: float,
        kernel: Kernel,
    ) -> None:
        self.handle, self.intervention = handle, intervention
        self.stack = ""
        self.actions: list[str] = []
        self._steps = list(remedy.steps)
        self._program, self._stacks, self._kernel = program, stacks, kernel
        self._patience_s = patience_s
        self._left_s: float | None = None

    def step(self, worth_s: float) -> None:
        """Do what is to be done now.

        Args:
            worth_s: What this tick counts of the patience with a process asked to end.

        Raises:
            SignalRefusedError: it is not, or no longer, a process that may be signalled.
            SupervisordError: supervisord does not confirm it.
        """
        if self._left_s is not None:
            self._left_s -= worth_s
            if self._left_s > 0:
                return
            self._left_s = None
        while self._steps and not self.handle.ended():
            self._confirm()
            match self._steps[0]:
                case "stack":
                    self._note("SIGUSR1")
                    self.stack = self._kernel.take_stack(self.handle, self._stacks)
                case "terminate":
                    self._note("SIGTERM")
                    self.handle.send(signal.SIGTERM)
                    self._left_s = self._patience_s
                case "kill":
                    self._note("SIGKILL")
                    self.handle.send(signal.SIGKILL)
                    if not self.handle.wait_end(DEATH_S):
                        return  # it waits for a disk: the step stays, and is tried again
            self._steps.pop(0)
            if self._left_s is not None:
                return

    def _confirm(self) -> None:
        who = self.handle.identity
        refused = refusal.refusal(
            who,
            self._kernel.see(who.pid),
            self._program.look(),
            supervisord_pid=self._program.supervisord_pid(),
            own_pid=os.getpid(),
        )
        if refused is not None:
            raise SignalRefusedError(who.pid, refused)

    def _note(self, action: str) -> None:
        if action in self.actions:
            return
        self.actions.append(action)
        kind = self.intervention.kind
        log.warning("process.signalled", pid=self.handle.identity.pid, signal=action, kind=kind)
