"""Keep the bot alive: look, judge, act, report. `tick` is the single step.

What is decided is decided in pure modules (`health.liveness`, `restart.ending`, `restart.policy`,
`restart.remedy`); this class gathers their facts and has their answers carried out.
"""

from __future__ import annotations

import structlog

from watchdog.errors import SupervisordError
from watchdog.health.limits import Limits
from watchdog.health.liveness import Judgement, Observation, Standing, judge
from watchdog.health.observation import Sight
from watchdog.health.progress import Progress, advance
from watchdog.health.verdict import SERVING
from watchdog.heartbeat import identity
from watchdog.heartbeat.identity import Identity
from watchdog.incidents.notices import Notice, conditions, review
from watchdog.restart.tools import Tools
from watchdog.restart.treatment import Treatment
from watchdog.restart.undertaker import Undertaker

LEAST_WAIT_S = 0.005
STEADY_S = 1.0  # of serving make a recovery; one beat may be the last gasp of a crashing bot
TELL_S = 3.0  # an incident is told with what was done; one that nothing is done about, after this
CLOSE_LOOK_S = 0.1  # between polls of a bot that may be stuck; each is worth only what it lasted
RETRY_S = 0.25  # between two tries of a start that is due
MEMORY_KILLS_EVERY_POLLS = 20

log = structlog.get_logger(__name__)


class Keeper:
    """Hold one bot process at a time, from the first sight to its end and the next start."""

    def __init__(self, tools: Tools, limits: Limits) -> None:
        self._tools, self._limits = tools, limits
        self._treatment, self._undertaker = Treatment(tools), Undertaker(tools)
        self._met: Identity | None = None
        self._notices: dict[str, Notice] = {}
        self._well_s = 0.0
        self._untreated_s = 0.0
        self._memory_kills: int | None = None
        self.progress = Progress()
        self.judgement = Judgement(verdict="unknown", reason="not_looked_yet")
        self.sight: Sight | None = None

    def tick(self, *, state_writable: bool = True) -> Judgement:
        """Look once, and do what is to be done; answer the judgement that is to be shown."""
        sight = self._look(ask=self._is_doubtful(), state_writable=state_writable)
        worth_s = max(0.0, min(sight.gap_s, self._limits.poll_s))
        if not self._has_ended():
            judgement = judge(self._observe(sight), self._limits)
            self._treatment.apply(judgement, sight, self.progress, worth_s=worth_s)
        if self._act():
            sight = self._look(ask=False, state_writable=state_writable)
        self.sight, self.judgement = sight, judge(self._observe(sight), self._limits)
        self._follow(self.judgement, worth_s)
        return self.judgement

    def wait_s(self) -> float:
        """Answer how long until the next tick: one interval, or less when something falls due."""
        limits, progress = self._limits, self.progress
        waits = [limits.poll_s]
        due_in_s = self._tools.planner.due_in_s()
        if self._tools.probe.handle is None:
            if due_in_s is not None:
                waits.append(due_in_s if due_in_s > 0 else RETRY_S)
        elif self._treatment.intervention is None and self.judgement.verdict in SERVING:
            left_s = (limits.hung_s - progress.stalled_s, limits.frozen_s - progress.missing_s)
            waits += [wait_s for wait_s in left_s if wait_s > 0]
            normal_s = limits.beat_s + limits.poll_s  # a healthy pulse is never seen older
            if max(progress.stalled_s, progress.missing_s) > normal_s:
                waits.append(CLOSE_LOOK_S)
        return max(LEAST_WAIT_S, min(waits))

    def death_descriptor(self) -> int | None:
        """Answer the descriptor that becomes readable when the bot dies, None without one."""
        handle = self._tools.probe.handle
        return None if handle is None or handle.ended() else handle.fileno()

    def _look(self, *, ask: bool, state_writable: bool) -> Sight:
        probe = self._tools.probe
        sight = probe.look(ask=ask, state_writable=state_writable)
        if probe.handle is not None and probe.handle.identity != self._met:
            self._meet(probe.handle.identity)
        self.progress = advance(self.progress, sight, self._limits)
        if self.progress.polls % MEMORY_KILLS_EVERY_POLLS == 1:
            self._memory_kills = self._tools.memory_kills()
        return sight

    def _observe(self, sight: Sight) -> Observation:
        history = self._tools.planner.history
        standing = Standing(kind=history.standing, reason=history.reason, advice=history.advice)
        return Observation(sight=sight, progress=self.progress, standing=standing)

    def _is_doubtful(self) -> bool:
        """Answer whether supervisord's word is needed at this poll."""
        return (
            self._tools.probe.handle is None
            or self._treatment.intervention is not None
            or self.judgement.verdict not in SERVING
            or self.progress.stalled_s > self._limits.hung_s / 2
            or self.progress.missing_s > self._limits.frozen_s / 2
        )

    def _meet(self, who: Identity) -> None:
        self._met = who
        self._treatment.reset()
        try:
            above = identity.read(self._tools.program.supervisord_pid())
        except SupervisordError as error:
            self._tools.probe.fail(error)
            above = None
        if self._tools.planner.meet(who, above) == "operator":
            self._tools.casebook.act("an operator started the bot")

    def _has_ended(self) -> bool:
        handle = self._tools.probe.handle
        return handle is not None and handle.ended()

    def _act(self) -> bool:
        """Bury what has ended and start what is due; answer whether anything changed."""
        buried = False
        if self._has_ended():
            intervention = self._treatment.intervention
            buried = self._undertaker.bury(intervention, starved=self._is_starved())
        elif self._tools.probe.handle is None:
            self._undertaker.find_ended(self._tools.probe.program)
        if self._tools.probe.handle is not None:
            return buried
        return (self._tools.planner.is_due() and self._undertaker.start()) or buried

    def _is_starved(self) -> bool:
        """Answer whether the kernel has killed for want of memory since the last look."""
        before, now = self._memory_kills, self._tools.memory_kills()
        return before is not None and now is not None and now > before

    def _follow(self, judgement: Judgement, worth_s: float) -> None:
        """Recover, forgive, warn."""
        casebook, planner = self._tools.casebook, self._tools.planner
        serving = judgement.verdict in SERVING and self._treatment.intervention is None
        self._well_s = self._well_s + worth_s if serving else 0.0
        untreated = casebook.open is not None and self._treatment.intervention is None
        self._untreated_s = self._untreated_s + worth_s if untreated else 0.0
        if self._untreated_s >= TELL_S:
            casebook.tell(judgement.advice)
        if serving:
            casebook.serve(steady=self._well_s >= STEADY_S)
            if self._well_s >= planner.policy.forgiven_s:
                planner.forgive()
        else:
            casebook.falter()
        planner.ledger.flush()
        found = conditions(judgement)
        self._notices, tell = review(self._notices, found, worth_s=worth_s)
        for reason in tell:
            casebook.warn(reason, found[reason])
