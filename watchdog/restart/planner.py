"""Turn an ending into a plan, and keep the plan in the ledger until it is carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import structlog

from watchdog.heartbeat import file, retry
from watchdog.heartbeat.identity import Identity
from watchdog.heartbeat.schema import Failure, HeartbeatError
from watchdog.restart.ending import Ending, Response, respond
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
    """Decide once per ending, on the history that outlives this process."""

    def __init__(
        self,
        ledger: Ledger,
        policy: RestartPolicy,
        *,
        moment: Callable[[], Now],
        draw: Callable[[], float],
        retry_path: Path,
        settings_file: SettingsFile,
    ) -> None:
        self.ledger, self.policy = ledger, policy
        self._moment, self._draw = moment, draw
        self._retry_path, self._settings_file = retry_path, settings_file

    @property
    def history(self) -> History:
        """Answer what is remembered."""
        return self.ledger.history

    def conclude(
        self, ending: Ending, *, failure: Failure | None = None, unseen: bool = False
    ) -> Plan:
        """Answer *ending* with a plan, and remember it.

        Args:
            failure: What the process said of it.
            unseen: Nobody met the process, so the settings it found are taken to be those of now.
        """
        response = respond(ending)
        if unseen:
            self.ledger.update(replace(self.history, settings_mark=self._settings_file.mark()))
        now_s = self._moment().monotonic_s
        match response.answer:
            case "stay_down":
                return self._rest("stopped", response)
            case "never":
                return self._rest("failed", response, failure=failure)
            case "at_once":
                graceful = ending.intervention is not None
                return self._start_asked(response, now_s, graceful=graceful)
            case "at_retry":
                return self._start_at_retry(response, now_s)
            case "by_policy":
                return self._start_by_policy(response, now_s, ending)

    def is_due(self) -> bool:
        """Answer whether the bot is to be started now."""
        history, now = self.history, self._moment()
        if history.standing == "failed":
            return self._settings_file.mark() != history.settings_mark
        return history.due_at_s is not None and now.monotonic_s >= history.due_at_s

    def due_in_s(self) -> float | None:
        """Answer the seconds until the planned start, None without one."""
        due_at_s = self.history.due_at_s
        return None if due_at_s is None else max(0.0, due_at_s - self._moment().monotonic_s)

    def launching(self) -> None:
        """Remember, before it is done, that the start about to come is ours."""
        mark = self._settings_file.mark()
        self.ledger.update(replace(self.history, launching=True, settings_mark=mark))

    def launched(self) -> None:
        """Count a start that was carried out."""
        self.ledger.update(replace(self.history, total=self.history.total + 1))

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
            history = replace(history, failures=(), asked=(), zombie_at_s=None)
        self.ledger.update(
            replace(
                history,
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

    def forgive(self) -> None:
        """Forget the failures: the bot has been well for long enough."""
        if self.history.failures or self.history.asked:
            log.info("failures.forgiven", failures=len(self.history.failures))
            self.ledger.update(replace(self.history, failures=(), asked=()))

    def may_restart(self) -> bool:
        """Answer whether one more restart lies within the budget."""
        now_s = self._moment().monotonic_s
        spent = recent(self.policy, self.history.failures, now_s=now_s)
        return spent < self.policy.max_restarts

    def may_restart_gracefully(self) -> bool:
        """Answer whether one more restart for memory lies within a budget of the same size."""
        now_s = self._moment().monotonic_s
        return recent(self.policy, self.history.asked, now_s=now_s) < self.policy.max_restarts

    def in_window(self) -> int:
        """Answer how many restarts count at the moment."""
        return recent(self.policy, self.history.failures, now_s=self._moment().monotonic_s)

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

    def _start_asked(self, response: Response, now_s: float, *, graceful: bool) -> Plan:
        """Start at once; but one that ends so time and again is slowed down like a failure."""
        history = self.history
        beyond = recent(self.policy, history.asked, now_s=now_s) + 1 - self.policy.max_restarts
        delay_s = backoff_s(self.policy, beyond, draw=self._draw())
        history = replace(
            history,
            asked=(*history.asked, now_s),
            graceful=history.graceful + (1 if graceful else 0),
        )
        return self._schedule(history, response, now_s, delay_s)

    def _start_at_retry(self, response: Response, now_s: float) -> Plan:
        plan_s = 0.0
        try:
            wanted = retry.decode(file.read(self._retry_path), now_s=self._moment().unix_s)
        except (HeartbeatError, OSError) as error:
            log.info("retry.unreadable", error=str(error))
            wanted = None
        if wanted is not None:
            plan_s = wanted.retry_at_s - self._moment().unix_s
        history = self.history
        again = recent(self.policy, history.asked, now_s=now_s) + (wanted is None)
        delay_s = max(plan_s, backoff_s(self.policy, again, draw=self._draw()))
        history = replace(history, asked=(*history.asked, now_s))
        plan = self._schedule(history, response, now_s, delay_s)
        reason = wanted.reason if wanted is not None else response.cause
        self.ledger.update(
            replace(
                self.history,
                standing="retrying",
                reason=reason,
                advice="The bot asked to be started later; nothing is to be done.",
            )
        )
        return plan

    def _start_by_policy(self, response: Response, now_s: float, ending: Ending) -> Plan:
        history = self.history
        decision = decide(self.policy, history.failures, now_s=now_s, draw=self._draw())
        if ending.intervention is not None and ending.intervention.verdict == "zombie":
            history = replace(history, zombie_at_s=now_s)
        if isinstance(decision, GiveUp):
            self.ledger.update(
                replace(
                    history,
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
        history = replace(history, failures=(*history.failures, now_s))
        return self._schedule(history, response, now_s, decision.delay_s)

    def _schedule(self, history: History, response: Response, now_s: float, delay_s: float) -> Plan:
        self.ledger.update(
            replace(
                history,
                standing="waiting",
                reason=response.cause,
                advice="",
                due_at_s=now_s + delay_s,
                launching=False,
            )
        )
        log.warning("restart.scheduled", cause=response.cause, delay_s=round(delay_s, 3))
        return Plan(response=response, delay_s=delay_s)
