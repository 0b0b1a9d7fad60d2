"""Keep one program alive: look, judge, act.

What is decided is decided in pure modules (`health.liveness`, `restart.ending`, `restart.policy`,
`restart.remedy`); this class gathers their facts and has their answers carried out.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from watchdog.errors import SupervisordError
from watchdog.health.limits import Limits
from watchdog.health.liveness import Judgement, Observation, Standing, judge
from watchdog.health.observation import Sight
from watchdog.health.progress import Progress, advance
from watchdog.health.roles import Member
from watchdog.health.verdict import SERVING, Role
from watchdog.heartbeat.identity import Identity
from watchdog.restart.ending import Intervention
from watchdog.restart.tools import Tools
from watchdog.restart.treatment import Treatment
from watchdog.restart.undertaker import Undertaker

LEAST_WAIT_S = 0.005
CLOSE_LOOK_S = 0.1  # between polls of a bot that may be stuck; each is worth only what it lasted
RETRY_S = 0.25  # between two tries of a start that is due
MEMORY_KILLS_EVERY_POLLS = 20

log = structlog.get_logger(__name__)


class Keeper:
    """Hold one process at a time, from the first sight to its end and the next start.

    Args:
        needed: The program is to run; the spare is not where STANDBY is false.
    """

    def __init__(self, tools: Tools, limits: Limits, *, needed: bool = True) -> None:
        self.tools, self.needed = tools, needed
        self._limits = limits
        self._treatment, self._undertaker = Treatment(tools), Undertaker(tools)
        self._met: Identity | None = None
        self._memory_kills: int | None = None
        self.renewed = False  # an operator's start, which nobody has answered yet
        self.wished = False  # somebody else has started it, and it has not come to beat since
        self.progress = Progress()
        self.judgement = Judgement(verdict="unknown", reason="not_looked_yet")
        self.sight: Sight | None = None

    def look(self, *, state_writable: bool = True) -> None:
        """Look once; a process that has ended is still there for `act`."""
        self._see(ask=self._is_doubtful(), state_writable=state_writable)

    def act(self, *, role: Role, held_back: Callable[[], bool] = lambda: False) -> None:
        """Do what is to be done about what was seen, and judge what is to be shown.

        Args:
            role: What an end, or a start, of the process counts as.
            held_back: Answers whether a start that is due is not to be carried out yet; asked
                once the end before it is known.
        """
        sight = self.sight
        if sight is None:
            return
        if not self.has_ended:
            judgement = judge(self._observe(sight), self._limits)
            self._treatment.apply(judgement, sight, self.progress, role=role, worth_s=self.worth_s)
        if self._conclude(role, held_back=held_back):
            self._see(ask=False, state_writable=sight.state_writable)
        self.judgement = judge(self._observe(self.sight or sight), self._limits)
        self.tools.planner.ledger.flush()

    def retire(self, kind: str) -> None:
        """Ask the process to end; what follows is a start at once, and no failure."""
        self._treatment.retire(kind)

    @property
    def worth_s(self) -> float:
        """Answer what the last poll counts, in seconds."""
        gap_s = self.sight.gap_s if self.sight is not None else 0.0
        return max(0.0, min(gap_s, self._limits.poll_s))

    @property
    def intervention(self) -> Intervention | None:
        """Answer why the process is being ended, None when it is not."""
        return self._treatment.intervention

    @property
    def has_ended(self) -> bool:
        """Answer whether the process at hand has ended, and nothing has followed from it yet."""
        handle = self.tools.probe.handle
        return handle is not None and handle.ended()

    @property
    def role(self) -> Role | None:
        """Answer what the process says it is, None without one, or before its first beat."""
        sight = self.sight
        if sight is None or sight.process is None or sight.beat.beat is None:
            return None
        return sight.beat.beat.role

    def member(self) -> Member:
        """Answer the facts from which the service is judged."""
        sight, role = self.sight, self.role
        beat = sight.beat.beat if sight is not None else None
        return Member(
            judgement=self.judgement,
            alive=sight is not None and sight.process is not None,
            role=role,
            beat_at_s=beat.monotonic_s if beat is not None and role is not None else 0.0,
            state=sight.program.state if sight is not None and sight.program else None,
            standing=self._standing(),
        )

    def wait_s(self) -> float:
        """Answer how long until the next tick: one interval, or less when something falls due."""
        limits, progress = self._limits, self.progress
        waits = [limits.poll_s]
        due_in_s = self.tools.planner.due_in_s()
        if self.tools.probe.handle is None:
            if due_in_s is not None:
                waits.append(due_in_s if due_in_s > 0 else RETRY_S)
        elif self.intervention is None and self.judgement.verdict in SERVING:
            left_s = (limits.hung_s - progress.stalled_s, limits.frozen_s - progress.missing_s)
            waits += [wait_s for wait_s in left_s if wait_s > 0]
            normal_s = limits.beat_s + limits.poll_s  # a healthy pulse is never seen older
            if max(progress.stalled_s, progress.missing_s) > normal_s:
                waits.append(CLOSE_LOOK_S)
        return max(LEAST_WAIT_S, min(waits))

    def death_descriptor(self) -> int | None:
        """Answer the descriptor that becomes readable when the process dies, None without one."""
        handle = self.tools.probe.handle
        return None if handle is None or handle.ended() else handle.fileno()

    def _see(self, *, ask: bool, state_writable: bool) -> None:
        probe, planner = self.tools.probe, self.tools.planner
        self.sight = probe.look(ask=ask, state_writable=state_writable)
        if probe.handle is not None and probe.is_named and probe.handle.identity != self._met:
            self._meet(probe.handle.identity)
        self.progress = advance(self.progress, self.sight, self._limits)
        if self.role is not None and probe.is_named:
            planner.seen_as(self.role)
            self.wished = False
        # Not once it has ended: the kill that ended it would count as one of before.
        if self.progress.polls % MEMORY_KILLS_EVERY_POLLS == 1 and not self.has_ended:
            self._memory_kills = self.tools.memory_kills()

    def _standing(self) -> Standing:
        history = self.tools.planner.history
        return Standing(
            kind=history.standing,
            reason=history.reason,
            advice=history.advice,
            role=history.role,
        )

    def _observe(self, sight: Sight) -> Observation:
        return Observation(sight=sight, progress=self.progress, standing=self._standing())

    def _is_doubtful(self) -> bool:
        """Answer whether supervisord's word is needed at this poll."""
        if self.tools.probe.handle is None:
            return self.needed
        return (
            self.intervention is not None
            or self.judgement.verdict not in SERVING
            or self.progress.stalled_s > self._limits.hung_s / 2
            or self.progress.missing_s > self._limits.frozen_s / 2
        )

    def _meet(self, who: Identity) -> None:
        self._met = who
        self._treatment.reset()
        try:
            above = self.tools.kernel.identify(self.tools.program.supervisord_pid())
        except SupervisordError as error:
            self.tools.probe.fail(error)
            above = None
        whose = self.tools.planner.meet(who, above)
        self.renewed |= whose == "operator"
        self.wished = whose in ("operator", "adopted")

    def _conclude(self, role: Role, *, held_back: Callable[[], bool]) -> bool:
        """Bury what has ended and start what is due; answer whether anything changed."""
        buried, probe, planner = False, self.tools.probe, self.tools.planner
        if self.has_ended:
            ended = self.intervention
            counts_as = self._treatment.role if ended is not None else role
            buried = self._undertaker.bury(ended, role=counts_as, starved=self._is_starved())
        elif probe.handle is None:
            self._undertaker.find_ended(probe.program, role=role)
        if probe.handle is not None or not planner.is_due() or held_back():
            return buried
        return self._undertaker.start(role=role) or buried

    def _is_starved(self) -> bool:
        """Answer whether the kernel has killed for want of memory since the last look."""
        before, now = self._memory_kills, self.tools.memory_kills()
        return before is not None and now is not None and now > before
