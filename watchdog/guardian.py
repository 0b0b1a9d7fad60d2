"""Keep the service alive: one leader, one spare, one judgement. `tick` is the single step.

Each of the two programs has a keeper. What concerns both is here: who leads, what an end counts as,
who gives way to whom, the incident of the service and its recovery.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import orjson
import structlog

from watchdog.health import roles
from watchdog.health.limits import Limits
from watchdog.health.liveness import Judgement
from watchdog.health.roles import Circumstances, Member, Service
from watchdog.health.verdict import SERVING, Role
from watchdog.heartbeat import file
from watchdog.incidents.casebook import Casebook
from watchdog.incidents.notices import Notice, conditions, review
from watchdog.keeper import CLOSE_LOOK_S, Keeper

STEADY_S = 1.0  # of serving make a recovery; one beat may be the last gasp of a crashing bot
YIELD_S = 0.5  # in which a start waits for a takeover, which needs the processor more
TELL_S = 3.0  # an incident is told with what was done; one that nothing is done about, after this
PASSING = frozenset({"ending", "stopping", "shutting_down"})  # stops that are not complete yet
POISONED = (
    "An event was set aside after two processes died while they handled it; see"
    " logs/quarantine.jsonl. Nothing was restarted for it."
)

log = structlog.get_logger(__name__)


class Guardian:
    """Hold both programs; *keepers* are those of `bot` and of `spare`, in this order.

    Args:
        stood_down: The file that keeps a spare from taking over while it is there.
    """

    def __init__(
        self,
        keepers: tuple[Keeper, Keeper],
        casebook: Casebook,
        limits: Limits,
        *,
        stood_down: Path,
    ) -> None:
        self.keepers, self.casebook = keepers, casebook
        self._limits, self._stood_down = limits, stood_down
        self._notices: Mapping[str, Notice] = {}
        self._well_s = self._spare_well_s = self._untreated_s = self._leaderless_s = 0.0
        self._poisoned: tuple[str, int] | None = None
        nobody = Judgement(verdict="unknown", reason="not_looked_yet")
        self.service = Service(judgement=nobody, speaker=0, leader=None)
        spare = keepers[1].tools.planner
        if self.standby and spare.history.standing == "stopped" and spare.history.role == "spare":
            spare.relieve()  # STANDBY was false

    @property
    def standby(self) -> bool:
        """Answer whether a spare is wanted."""
        return self.keepers[1].needed

    @property
    def speaker(self) -> Keeper:
        """Answer whom the judgement is about."""
        return self.keepers[self.service.speaker]

    def tick(self, *, state_writable: bool = True) -> Judgement:
        """Look once, and do what is to be done; answer the judgement that is to be shown."""
        for keeper in self.keepers:
            keeper.look(state_writable=state_writable)
        self._renew()
        stood_down = self._stood_down.exists()
        for keeper, other in (self.keepers, self.keepers[::-1]):
            role = self._role(keeper, other, stood_down=stood_down)
            keeper.act(role=role, held_back=partial(self._is_held_back, keeper, other, role))
        around = Circumstances(
            standby=self.standby,
            stood_down=stood_down,
            overdue=self._leaderless_s >= self._limits.startup_s,
            blind=not state_writable,
        )
        self.service = roles.judge_service(*self._members(), around)
        self._give_way(stood_down=stood_down)
        self._follow(self.keepers[0].worth_s, stood_down=stood_down)
        return self.service.judgement

    def wait_s(self) -> float:
        """Answer how long until the next tick."""
        waits = [keeper.wait_s() for keeper in self.keepers]
        if self.service.judgement.verdict == "starting" and self.casebook.open is not None:
            waits.append(CLOSE_LOOK_S)  # a takeover takes milliseconds
        return min(waits)

    def death_descriptors(self) -> list[int]:
        """Answer the descriptors that become readable when a process dies."""
        found = (keeper.death_descriptor() for keeper in self.keepers)
        return [descriptor for descriptor in found if descriptor is not None]

    def _members(self) -> tuple[Member, Member]:
        bot, spare = self.keepers
        return bot.member(), spare.member()

    def _role(self, keeper: Keeper, other: Keeper, *, stood_down: bool) -> Role:
        """Answer what an end, or a start, counts as; a start of `bot` is the wish to serve."""
        resting = roles.rests(*self._members(), stood_down=stood_down) or not keeper.needed
        if keeper is self.keepers[0] and keeper.tools.probe.handle is None:
            resting = False
        return roles.counts_as(keeper.member(), other.member(), resting=resting)

    def _renew(self) -> None:
        """Let an operator's start of `bot` be one of the whole service."""
        bot, spare = self.keepers
        if bot.renewed:
            self.casebook.act("an operator started the bot")
            if self.standby and spare.tools.planner.history.standing in ("held", "stopped"):
                spare.tools.planner.relieve()
        bot.renewed = spare.renewed = False

    def _give_way(self, *, stood_down: bool) -> None:
        """End a process that must not go on as it is, and that is well."""
        bot, spare = self.keepers
        if self.service.leader == 1 and bot.member().state == "STOPPED":
            self._stand_down()
            spare.retire("operator")
        for keeper, other in (self.keepers, self.keepers[::-1]):
            if other.role is not None and self._is_ahead(keeper, other, stood_down=stood_down):
                other.retire("settings_changed")

    def _is_held_back(self, keeper: Keeper, other: Keeper, role: Role) -> bool:
        """Answer whether the start of *keeper*'s program has to wait, by what is known by now."""
        stood_down = self._stood_down.exists()
        takeover = role == "leader" and other.member().is_warm and not stood_down
        return (
            (takeover and self._leaderless_s < YIELD_S)
            or self._is_ahead(keeper, other, stood_down=stood_down)
            or self._stays_down(keeper, other, stood_down=stood_down)
        )

    def _is_ahead(self, keeper: Keeper, other: Keeper, *, stood_down: bool) -> bool:
        """Answer whether *keeper*'s program is to be tried with new settings, but *other*'s first.

        A process with the old ones would take over in the moment in which it may. And only a start
        of `bot` takes back that nobody is to lead.
        """
        planner = keeper.tools.planner
        failed = planner.history.standing == "failed" and planner.history.role == "leader"
        if not failed or not planner.is_due() or not other.member().alive:
            return False
        return other.tools.planner.is_outdated() or (stood_down and other is self.keepers[0])

    def _stays_down(self, keeper: Keeper, other: Keeper, *, stood_down: bool) -> bool:
        """Answer whether a start that is due would take back that nobody is to lead.

        Each start of `bot` does. It may have been planned before the leader, in the program
        `spare`, ended for good, or be that of a process which waited, and died of something else.
        """
        if not stood_down or keeper is not self.keepers[0] or keeper.wished:
            return False
        if other.has_ended:
            return True  # how it ended is not known before its own turn
        own, others = keeper.tools.planner.history, other.tools.planner.history
        mended = others.standing == "failed" and other.tools.planner.is_due()
        waited = own.role == "spare" and own.standing != "failed"
        return not mended and (waited or other.member().ended_for_good)

    def _stand_down(self) -> None:
        """Do what the stopped program could not: have nobody take over after the leader's end."""
        if self._stood_down.exists():
            return
        try:
            file.write(self._stood_down, orjson.dumps({"reason": "operator"}))
            sight = self.keepers[0].tools.probe.ask()
            if sight is not None and sight.state != "STOPPED":  # started again in this moment
                self._stood_down.unlink(missing_ok=True)
        except OSError as error:
            log.warning("stood_down.unwritten", error=error.strerror or str(error))

    def _follow(self, worth_s: float, *, stood_down: bool) -> None:
        """Recover, forgive, warn."""
        judgement, casebook = self.service.judgement, self.casebook
        treated = any(keeper.intervention is not None for keeper in self.keepers)
        serving = judgement.verdict in SERVING and self.speaker.intervention is None
        untreated = casebook.open is not None and not treated
        self._untreated_s = self._untreated_s + worth_s if untreated else 0.0
        waits = self.service.leader is None and self.speaker.member().is_warm and not stood_down
        self._leaderless_s = self._leaderless_s + worth_s if waits else 0.0
        if self._untreated_s >= TELL_S:
            casebook.tell(judgement.advice)
        self._forgive(worth_s, serving=serving)
        if serving:
            casebook.serve(steady=self._well_s >= STEADY_S)
            self._note_poisoned()
        else:
            casebook.falter()
        if judgement.verdict == "stopped" and judgement.reason not in PASSING:
            casebook.stop()
        if judgement.verdict == "held":
            planner = self.speaker.tools.planner
            casebook.give_up(restarts=planner.in_window(), window_s=planner.policy.window_s)
        found = conditions(judgement)
        self._notices, tell = review(self._notices, found, worth_s=worth_s)
        for reason in tell:
            casebook.warn(reason, found[reason])

    def _forgive(self, worth_s: float, *, serving: bool) -> None:
        """Count how long leader and spare have been well, and forgive what was before."""
        if serving and self.speaker.progress.missing_s >= self._limits.frozen_s:
            return  # no beat comes: nobody knows whether it is well
        planners = [keeper.tools.planner for keeper in self.keepers]
        warm = any(member.is_warm for member in self._members())
        self._well_s = self._well_s + worth_s if serving else 0.0
        self._spare_well_s = self._spare_well_s + worth_s if serving and warm else 0.0
        forgiven_s = planners[0].policy.forgiven_s
        if self._spare_well_s >= forgiven_s:
            planners[1].forgive("spare")
        if self._well_s < forgiven_s:
            return
        planners[0].forgive("leader")
        for planner in planners:
            if planner.history.standing == "held" and planner.history.role == "leader":
                planner.relieve()  # as a spare of the one that lives it may do no harm

    def _note_poisoned(self) -> None:
        """Tell of an event that was set aside; never while another incident is open."""
        sight = self.speaker.sight
        beat = sight.beat.beat if sight is not None else None
        if beat is None or self.casebook.open is not None:
            return
        instance, poisoned = beat.instance, beat.gateway.poisoned_events
        if self._poisoned is None:  # told by the watchdog before this one
            self._poisoned = (instance, poisoned)
        before = self._poisoned[1] if self._poisoned[0] == instance else 0
        if poisoned > before:
            self.casebook.note("poisoned_event", "two_deaths", POISONED)
        self._poisoned = (instance, poisoned)
