"""What must never happen, by what is known for certain from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.storm.bots import BotProcess
from tests.storm.machine import Machine
from watchdog.guardian import Guardian
from watchdog.health.observation import ProgramState
from watchdog.health.verdict import Role
from watchdog.settings import WatchdogSettings

ROLES: tuple[Role, Role] = ("leader", "spare")
EARLY_S = 3.0  # polls are counted, so that health may be counted a little earlier than it is over
NEW_S = 5.0
UNSEEN_S = 1.5  # a lead that is handed over


class Grants:
    """Restarts that were granted to one role, remembered whatever the watchdog forgets."""

    def __init__(self, *, most: int, window_s: float) -> None:
        self._most, self._window_s = most, window_s
        self._granted_at_s: set[float] = set()
        self._renewed_at_s = float("-inf")

    def note(self, failures: Iterable[float], *, now_s: float) -> str | None:
        """Take what the watchdog counts now; answers what is wrong with it.

        Failures that it has forgotten begin a new budget; whether it may is not asked here.
        """
        failures = list(failures)
        if not failures and self.is_forgotten(failures):
            self.renew(now_s)
        # Which ones are new is told by their time: a clock of the same boot.
        self._granted_at_s |= {round(at_s, 3) for at_s in failures if now_s - at_s < NEW_S}
        begin_s = max(now_s - self._window_s, self._renewed_at_s)
        lately = sorted(at_s for at_s in self._granted_at_s if at_s > begin_s)
        if len(lately) > self._most:
            return f"{len(lately)} restarts in {self._window_s:.0f} s: {lately}"
        return None

    def is_forgotten(self, failures: Sequence[float]) -> bool:
        """Answer whether what was granted since the last renewal is counted no more."""
        granted = self._granted_at_s
        return not failures and bool(granted) and self._renewed_at_s < max(granted)

    def renew(self, now_s: float) -> None:
        """Begin a new budget."""
        self._renewed_at_s = now_s
        self._granted_at_s.clear()


class Audit:
    """Watches starts, budgets and leaders of a made-up machine."""

    def __init__(self, machine: Machine, settings: WatchdogSettings) -> None:
        self._machine, self._settings = machine, settings
        self._well_since_s = self._well_at_s = machine.now_s
        self._renewed_at_s = machine.now_s
        self._grants = {
            role: Grants(most=settings.max_restarts, window_s=settings.restart_window_s)
            for role in ROLES
        }
        self._started_at_s: list[float] = []

    def starts(self, program: str, state: ProgramState, *, failed: bool) -> None:
        """The watchdog starts *program*, which is in *state* by supervisord's word."""
        if state in ("STOPPED", "STOPPING"):
            self._machine.wrong(f"the watchdog starts {program}, which an operator stopped")
        now_s, window_s = self._machine.now_s, self._settings.restart_window_s
        if failed:
            self._started_at_s.append(now_s)
        begin_s = max(now_s - window_s, self._renewed_at_s)
        lately = sum(at_s > begin_s for at_s in self._started_at_s)
        # Those of leaders, those of spares, and the one that a new budget begins with.
        if lately > 2 * self._settings.max_restarts + 1:
            self._machine.wrong(f"{lately} starts after failures in {window_s:.0f} s")

    def renewed(self, program: str) -> None:
        """An operator started *program*: a new budget, also of the service if it is `bot`."""
        for role in ROLES if program == "bot" else ROLES[1:]:
            self._renew(role)

    def see(self, living: Sequence[BotProcess]) -> None:
        """See how it is, whether a watchdog looks or not."""
        now_s, leads = self._machine.now_s, sum(process.leads for process in living)
        serves = any(process.serves for process in living)
        if leads > 1:
            self._machine.wrong("two processes lead")
        unseen_s = self._settings.zombie_after_s + EARLY_S if leads else UNSEEN_S
        if not serves and now_s - self._well_at_s > unseen_s:
            self._well_since_s = now_s
        elif serves:
            self._well_at_s = now_s

    def look(self, guardian: Guardian) -> None:
        """Look at what a watchdog remembers, after a tick of it."""
        now_s = self._machine.now_s
        for role, keeper in zip(ROLES, guardian.keepers, strict=True):
            failures = keeper.tools.planner.history.failures
            if self._grants[role].is_forgotten(failures):
                self._forgive(role)
            wrong = self._grants[role].note(failures, now_s=now_s)
            if wrong is not None:
                self._machine.wrong(f"{role}: {wrong}")

    def _forgive(self, role: Role) -> None:
        """The failures are forgotten: only after health that lasted, or by an operator's start."""
        least_s = self._settings.forgiven_after_s - EARLY_S
        if self._machine.now_s - self._well_since_s < least_s:
            self._machine.wrong(f"failures of {role} are forgotten without health")
        self._renew(role)

    def _renew(self, role: Role) -> None:
        self._renewed_at_s = self._machine.now_s
        self._grants[role].renew(self._machine.now_s)
