"""Turn an ending into a plan, and keep the plan in the ledger until it is carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import structlog

from watchdog.health.verdict import Role
from watchdog.heartbeat import file, retry
from watchdog.heartbeat.identity import Identity
from watchdog.heartbeat.schema import Failure, HeartbeatError
from watchdog.restart.ending import MEMORY_HIGH, Ending, Response, respond
from watchdog.restart.env_file import SettingsFile
from watchdog.restart.history import History, Now
from watchdog.restart.ledger import Ledger
from watchdog.restart.policy import GiveUp, RestartPolicy, backoff_s, decide, recent

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What follows an ending; *delay_s* null: no start is planned."""

    response: Response
    delay_s: float | None = None
    gave_up: int | None = None


class Planner:
    """Decide once per ending, on the history that outlives this process.

    Args:
        ledger: The program's own plan.
        budgets: Whose failures count where, by role; one of them is *ledger* as well.
        renews: Budgets that a start of this program by an operator begins anew.
    """

    def __init__(
        self,
        ledger: Ledger,
        policy: RestartPolicy,
        *,
        budgets: Mapping[Role, Ledger],
        renews: tuple[Role, ...],
        moment: Callable[[], Now],
        draw: Callable[[], float],
        retry_path: Path,
        settings_file: SettingsFile,
    ) -> None:
        self.ledger, self.policy = ledger, policy
        self._budgets, self._renews = budgets, renews
        self._moment, self._draw = moment, draw
        self._retry_path, self._settings_file = retry_path, settings_file

    @property
    def history(self) -> History:
        """Answer what is remembered."""
        return self.ledger.history

    def seen_as(self, role: Role) -> None:
        """Remember what the process is: a leader's death is one also when nobody sees it."""
        if self.history.role == role:
            return
        took_over = self.history.role == "spare" and role == "leader"
        self.ledger.update(replace(self.history, role=role))
        log.info("role.changed", role=role, took_over=took_over)
        if took_over:
            leaders = self._budgets["leader"]
            history = leaders.history
            leaders.update(replace(history, takeovers=history.takeovers + 1))

    def conclude(
        self,
        ending: Ending,
        *,
        role: Role,
        failure: Failure | None = None,
        unseen: bool = False,
    ) -> Plan:
        """Answer *ending* with a plan, and remember it.

        Args:
            role: What the process was.
            failure: What the process said of it.
            unseen: Nobody met the process, so the settings it found are taken to be those of now.
        """
        response = respond(ending)
        mark = self._settings_file.mark() if unseen else self.history.settings_mark
        self.ledger.update(replace(self.history, role=role, settings_mark=mark))
        now_s = self._moment().monotonic_s
        match response.answer:
            case "stay_down":
                return self._rest("stopped", response)
            case "never":
                return self._rest("failed", response, failure=failure)
            case "at_once":
                return self._start_asked(response, now_s, role)
            case "at_retry":
                return self._start_at_retry(response, now_s, role)
            case "by_policy":
                return self._start_by_policy(response, now_s, ending, role)

    def is_due(self) -> bool:
        """Answer whether the bot is to be started now."""
        history, now = self.history, self._moment()
        if history.standing == "failed":
            return self.is_outdated()
        return history.due_at_s is not None and now.monotonic_s >= history.due_at_s

    def is_outdated(self) -> bool:
        """Answer whether `.env` is another one than the process found, or the last one did."""
        return self._settings_file.mark() != self.history.settings_mark

    def due_in_s(self) -> float | None:
        """Answer the seconds until the planned start, None without one."""
        due_at_s = self.history.due_at_s
        return None if due_at_s is None else max(0.0, due_at_s - self._moment().monotonic_s)

    def launching(self) -> None:
        """Remember, before it is done, that the start about to come is ours."""
        mark = self._settings_file.mark()
        self.ledger.update(replace(self.history, launching=True, settings_mark=mark))

    def launched(self) -> None:
        """Count a start that was carried out, for the role of the process that it replaces."""
        budget = self._budgets[self.history.role or "leader"]
        budget.update(replace(budget.history, total=budget.history.total + 1))

    def relieve(self) -> None:
        """Plan a start now: there is a new budget, or a spare is wanted again."""
        log.info("restart.relieved", standing=self.history.standing)
        now_s = self._moment().monotonic_s
        self.ledger.update(replace(self.history, standing="waiting", advice="", due_at_s=now_s))

    def postpone(self, delay_s: float) -> None:
        """Try the planned start again later: supervisord would not do it now."""
        due_at_s = self._moment().monotonic_s + delay_s
        self.ledger.update(replace(self.history, launching=False, due_at_s=due_at_s))

    def meet(self, who: Identity, supervisord: Identity | None) -> str:
        """Note a process seen for the first time; answer whose it is.

        Returns:
            `known` (from before this watchdog), `ours`, `adopted` (started by a new supervisord,
            or nobody can tell) or `operator`, whose start begins a new budget.
        """
        history = self.history
        if history.ours == (who.pid, who.started):
            return "known"
        above = (supervisord.pid, supervisord.started) if supervisord else history.supervisord
        mark = self._settings_file.mark()
        if history.launching:
            whose = "ours"
        elif supervisord is None or above != history.supervisord:
            whose = "adopted"
        else:
            whose = "operator"
            for role in self._renews:
                budget = self._budgets[role]
                budget.update(replace(budget.history, failures=(), asked=(), zombie_at_s=None))
        self.ledger.update(
            replace(
                self.history,
                role=None,
                standing="none",
                reason="",
                advice="",
                due_at_s=None,
                launching=False,
                ours=(who.pid, who.started),
                supervisord=above,
                settings_mark=history.settings_mark if whose == "ours" else mark,
            )
        )
        log.info("process.met", pid=who.pid, whose=whose)
        return whose

    def forgive(self, role: Role) -> None:
        """Forget the failures of *role*: it has been well for long enough."""
        budget = self._budgets[role]
        if budget.history.failures or budget.history.asked:
            log.info("failures.forgiven", role=role, failures=len(budget.history.failures))
            budget.update(replace(budget.history, failures=(), asked=()))

    def may_restart_a_zombie(self, *, grace_s: float) -> bool:
        """Answer whether a leader with a silent gateway may be ended; it may yet mend itself."""
        at_s = self._budgets["leader"].history.zombie_at_s
        graced = at_s is None or self._moment().monotonic_s - at_s >= grace_s
        return graced and self.in_window("leader") < self.policy.max_restarts

    def may_restart_gracefully(self, role: Role) -> bool:
        """Answer whether one more restart for memory lies within a budget of the same size."""
        asked, now_s = self._budgets[role].history.asked, self._moment().monotonic_s
        return recent(self.policy, asked, now_s=now_s) < self.policy.max_restarts

    def in_window(self, role: Role = "leader") -> int:
        """Answer how many restarts of *role* count at the moment."""
        failures, now_s = self._budgets[role].history.failures, self._moment().monotonic_s
        return recent(self.policy, failures, now_s=now_s)

    def _rest(
        self,
        standing: Literal["failed", "stopped"],
        response: Response,
        *,
        failure: Failure | None = None,
    ) -> Plan:
        reason = failure.kind[:64] if failure is not None else response.cause
        self.ledger.update(
            replace(
                self.history,
                standing=standing,
                reason=reason,
                advice=failure.message[:1000] if failure is not None else "",
                due_at_s=None,
                launching=False,
            )
        )
        log.warning("bot.rested", standing=standing, reason=reason)
        return Plan(response=response)

    def _start_asked(self, response: Response, now_s: float, role: Role) -> Plan:
        """Start at once; but one that ends so time and again is slowed down like a failure."""
        budget = self._budgets[role]
        beyond = recent(self.policy, budget.history.asked, now_s=now_s) + 1
        delay_s = backoff_s(self.policy, beyond - self.policy.max_restarts, draw=self._draw())
        self._ask(budget, now_s, graceful=response.cause == MEMORY_HIGH)
        return self._schedule(response, now_s, delay_s)

    def _start_at_retry(self, response: Response, now_s: float, role: Role) -> Plan:
        plan_s, budget, now = 0.0, self._budgets[role], self._moment()
        try:
            raw = file.read(self._retry_path)
            wanted = retry.decode(raw, now_s=now.unix_s, reading=now.reading)
        except (HeartbeatError, OSError) as error:
            log.info("retry.unreadable", error=str(error))
            wanted = None
        if wanted is not None:
            plan_s = wanted.retry_at_s - now.unix_s
        again = recent(self.policy, budget.history.asked, now_s=now_s) + (wanted is None)
        delay_s = max(plan_s, backoff_s(self.policy, again, draw=self._draw()))
        self._ask(budget, now_s)
        plan = self._schedule(response, now_s, delay_s)
        reason = wanted.reason if wanted is not None else response.cause
        advice = "The bot asked to be started later; nothing is to be done."
        history = replace(self.history, standing="retrying", reason=reason, advice=advice)
        self.ledger.update(history)
        return plan

    def _ask(self, budget: Ledger, now_s: float, *, graceful: bool = False) -> None:
        """Note a restart that is no failure."""
        history = budget.history
        asked, counted = (*history.asked, now_s), history.graceful + (1 if graceful else 0)
        budget.update(replace(history, asked=asked, graceful=counted))

    def _start_by_policy(
        self, response: Response, now_s: float, ending: Ending, role: Role
    ) -> Plan:
        budget = self._budgets[role]
        decision = decide(self.policy, budget.history.failures, now_s=now_s, draw=self._draw())
        if ending.intervention is not None and ending.intervention.verdict == "zombie":
            budget.update(replace(budget.history, zombie_at_s=now_s))
        if isinstance(decision, GiveUp):
            self.ledger.update(
                replace(
                    self.history,
                    standing="held",
                    reason=response.cause,
                    advice=f"{decision.restarts} restarts did not help. Find the cause in"
                    " logs/bot.jsonl, then `supervisorctl start bot`.",
                    due_at_s=None,
                    launching=False,
                )
            )
            log.error("restart.given_up", cause=response.cause, restarts=decision.restarts)
            return Plan(response=response, gave_up=decision.restarts)
        failures = (*budget.history.failures, now_s)
        budget.update(replace(budget.history, failures=failures))
        return self._schedule(response, now_s, decision.delay_s)

    def _schedule(self, response: Response, now_s: float, delay_s: float) -> Plan:
        self.ledger.update(
            replace(
                self.history,
                standing="waiting",
                reason=response.cause,
                advice="",
                due_at_s=now_s + delay_s,
                launching=False,
            )
        )
        log.warning("restart.scheduled", cause=response.cause, delay_s=round(delay_s, 3))
        return Plan(response=response, delay_s=delay_s)
