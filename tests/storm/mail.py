"""Who takes the watchdog's alerts: the real plan, and a webhook that is made up."""

from __future__ import annotations

from tests.storm.machine import Machine
from watchdog.alerts import plan
from watchdog.alerts.alert import Alert
from watchdog.alerts.plan import Key, Limits, Send

LIMITS = Limits()
WINDOW_S = 300.0


class Mail:
    """Takes alerts and sends them when the plan says so; *down* while the webhook answers 500."""

    def __init__(self, machine: Machine) -> None:
        self.down = False
        self.told: list[Alert] = []
        self._machine = machine
        self._waiting: list[Alert] = []
        self._taken_at_s: dict[Key, float] = {}
        self._sent_at_s: list[float] = []
        self._pace = plan.fresh(LIMITS, now_s=machine.now_s)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def offer(self, alert: Alert) -> None:
        """Take an alert, unless it is one that was taken."""
        key, now_s = plan.key_of(alert), self._machine.unix_s
        if plan.is_repeat(
            key,
            waiting=[plan.key_of(each) for each in self._waiting],
            taken_at_s=self._taken_at_s,
            limits=LIMITS,
            now_s=now_s,
        ):
            return
        if alert.kind in ("incident", "recovery") and key in map(plan.key_of, self.told):
            self._machine.wrong(f"{alert.kind} {alert.key} is told twice")
        self._taken_at_s[key] = now_s
        self.told.append(alert)
        self._waiting.append(alert)

    def work(self) -> None:
        """Send what is due."""
        now_s = self._machine.now_s
        decision = plan.decide(self._pace, self._waiting, limits=LIMITS, now_s=now_s)
        if not isinstance(decision, Send):
            return
        if self.down:
            self._pace = plan.failed(self._pace, after_s=None, limits=LIMITS, now_s=now_s, draw=0.5)
            return
        self._pace = plan.concluded(self._pace, limits=LIMITS, now_s=now_s)
        sent = {*decision.full, *decision.summed}
        self._waiting = [each for at, each in enumerate(self._waiting) if at not in sent]
        self._sent_at_s.append(now_s)
        lately = sum(now_s - at_s < WINDOW_S for at_s in self._sent_at_s)
        if lately > LIMITS.burst + WINDOW_S / LIMITS.refill_s:
            self._machine.wrong(f"{lately} messages in {WINDOW_S:.0f} s")
