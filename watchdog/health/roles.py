"""Who leads, what the other process is worth, and one verdict on the service they give. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from watchdog.health.liveness import Judgement, Standing
from watchdog.health.observation import ProgramState
from watchdog.health.verdict import SERVING, Role, Verdict
from watchdog.health.wellbeing import STATE_UNWRITABLE

PROGRAMS = ("bot", "spare")
OPERATOR = "operator"
STOPS = ("STOPPED", "STOPPING")  # by an operator's wish, of one program
START_ADVICE = "Start it with `supervisorctl start bot`."
RESTART_ADVICE = "Start it with `supervisorctl restart bot`."
# A service without any process is called after the program with the best prospects.
PROSPECTS: tuple[Verdict, ...] = ("dead", "backing_off", "failed", "held", "stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of the two programs.

    Attributes:
        judgement: Of its own process.
        alive: It has a process.
        role: What that process says it is; null before its first beat.
        beat_at_s: When it said so: of two that say they lead, the later one does.
        state: By supervisord's word, null while there is none.
        standing: Why it does not run; its role is what the process was last seen as.
    """

    judgement: Judgement
    alive: bool = False
    role: Role | None = None
    beat_at_s: float = 0.0
    state: ProgramState | None = None
    standing: Standing = field(default_factory=Standing)

    @property
    def ended_for_good(self) -> bool:
        """Whether its process led, and ended so that nobody is to take over: exit 0, or 78.

        Not one that an operator stopped: of `spare` that is a handover, of `bot` it is seen anyway.
        """
        standing = self.standing
        ended = standing.kind in ("failed", "stopped") and standing.role == "leader"
        return ended and not self.alive and self.state not in STOPS

    @property
    def is_warm(self) -> bool:
        """Whether it could take over now."""
        return self.alive and self.role == "spare" and self.judgement.verdict in SERVING


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The judgement of both together.

    Attributes:
        speaker: The member it is about: the leader, or the one that is about to lead; 0 is the
            program `bot`, 1 is `spare`.
        leader: The member that leads, null while none does.
    """

    judgement: Judgement
    speaker: int
    leader: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a verdict on the service depends on besides.

    Attributes:
        standby: A spare is wanted.
        stood_down: Whoever ended last wants nobody to take over.
        overdue: Processes live, and none has led for longer than a start may take.
        blind: The state folder takes nothing new: a process that came to lead can't say so.
    """

    standby: bool = True
    stood_down: bool = False
    overdue: bool = False
    blind: bool = False


def leader_of(bot: Member, spare: Member) -> int | None:
    """Answer which one leads, None when none does."""
    leaders = [at for at, each in enumerate((bot, spare)) if each.alive and each.role == "leader"]
    return max(leaders, key=lambda at: (bot, spare)[at].beat_at_s, default=None)


def rests(bot: Member, spare: Member, *, stood_down: bool) -> bool:
    """Answer whether nobody is to lead: an operator's wish, or a failure that no restart mends."""
    return stood_down or bot.state in STOPS or bot.ended_for_good or spare.ended_for_good


def counts_as(own: Member, other: Member, *, resting: bool) -> Role:
    """Answer what the end of *own*'s process, or a start that fails, counts as.

    Where nobody leads, it is the leader's: it would have led, had it lived.
    """
    if own.standing.kind == "none" and own.standing.role == "leader":
        return "leader"
    other_leads = other.alive and other.role == "leader"
    return "spare" if other_leads or resting else "leader"


def judge_service(bot: Member, spare: Member, around: Circumstances) -> Service:
    """Answer the one verdict on the service; the same question has the same answer."""
    members = (bot, spare)
    leader = leader_of(bot, spare)
    if leader is None:
        judgement, speaker = _leaderless(bot, spare, around)
        return Service(judgement=judgement, speaker=speaker, leader=None)
    judgement = members[leader].judgement
    if leader == 1 and bot.state == "STOPPED":
        judgement = replace(judgement, verdict="stopped", reason=OPERATOR, advice="")
    elif judgement.verdict in SERVING and around.standby:
        judgement = _with_spare(judgement, members[1 - leader], PROGRAMS[1 - leader])
    return Service(judgement=judgement, speaker=leader, leader=leader)


def _with_spare(judgement: Judgement, spare: Member, program: str) -> Judgement:
    """Answer the judgement of a leader that serves, with what its spare makes of it."""
    if not spare.alive and spare.state in STOPS:
        return _warned(judgement, "spare_stopped_by_an_operator")
    complaint = _complaint(spare, program)
    if complaint is None:
        return judgement
    judgement = _warned(judgement, complaint.reason)
    if judgement.verdict == "degraded":
        return judgement  # what the leader itself needs comes first
    return replace(complaint, warnings=judgement.warnings)


def _warned(judgement: Judgement, warning: str) -> Judgement:
    return replace(judgement, warnings=(*judgement.warnings, warning))


def _complaint(spare: Member, program: str) -> Judgement | None:
    own = spare.judgement
    if spare.alive:
        return _complaint_of_process(own)
    match own.verdict:
        case "held":
            word = "held"
            advice = (
                "The spare dies again and again: find the cause in logs/bot.jsonl, then"
                f" `supervisorctl start {program}`."
            )
        case "failed":
            word, advice = "failed", own.advice or "The spare can't run: see logs/bot.jsonl."
        case "stopped":
            word = "missing"
            advice = (
                "The spare ended by itself: see logs/bot.jsonl. If STANDBY was changed:"
                " `supervisorctl restart watchdog`."
            )
        case "unknown":
            if own.reason != "supervisord_no_such_program":
                return None  # supervisord is silent: that is said already
            word, advice = "missing", "supervisord knows no program `spare`: start everything anew."
        case _:
            word = "missing"
            advice = "There is no spare at the moment; it is started again by itself."
    advice += " Until it is there, the end of the bot costs a cold start."
    return Judgement(verdict="degraded", reason=f"spare_{word}", advice=advice)


def _complaint_of_process(own: Judgement) -> Judgement | None:
    if own.verdict not in ("hung", "frozen", "held"):
        return None
    advice = "The spare does not react and is replaced; the bot serves on."
    if own.verdict == "held":  # by a debugger
        advice = own.advice
    return Judgement(verdict="degraded", reason=f"spare_{own.verdict}", advice=advice)


def _leaderless(bot: Member, spare: Member, around: Circumstances) -> tuple[Judgement, int]:
    if bot.state in STOPS:
        return (Judgement(verdict="stopped", reason="stopping") if bot.alive else bot.judgement), 0
    members = (bot, spare)
    ended = [at for at, each in enumerate(members) if each.ended_for_good]
    if ended:
        at = min(ended, key=lambda at: members[at].standing.kind)  # "failed" comes first
        return _advised(members[at].judgement, bot), at
    warm = [at for at, each in enumerate(members) if each.is_warm]
    cold = [at for at, each in enumerate(members) if each.alive and not each.is_warm]
    if cold and (around.stood_down or not warm):
        return members[cold[0]].judgement, cold[0]
    if not warm and around.stood_down and _is_held_back(bot):
        return Judgement(verdict="stopped", reason="stood_down", advice=START_ADVICE), 0
    if not warm:
        return _without_process(bot, spare, around)
    if around.stood_down:
        return Judgement(verdict="stopped", reason="stood_down", advice=RESTART_ADVICE), warm[0]
    if around.blind:
        return _blind(), warm[0]
    if around.overdue:
        return _overdue(), warm[0]
    return Judgement(verdict="starting", reason="taking_over"), warm[0]


def _blind() -> Judgement:
    return Judgement(
        verdict="unknown",
        reason=STATE_UNWRITABLE,
        advice="Nothing can be written into state/: the disk is full or read-only, or the folder is"
        " gone. No heartbeat tells who leads, so nobody knows; the bot may serve all the same.",
    )


def _is_held_back(bot: Member) -> bool:
    """Answer whether the process waited as a spare: to start it would be to take a stop back."""
    return bot.standing.kind == "waiting" and bot.standing.role == "spare"


def _overdue() -> Judgement:
    return Judgement(
        verdict="held",
        reason="no_leader",
        advice="Both processes are well and neither can lead: somebody else holds"
        " state/leader.lock. Find out who: `fuser state/leader.lock`.",
    )


def _advised(judgement: Judgement, bot: Member) -> Judgement:
    """Answer advice that works: a program that runs can't be started."""
    if bot.alive and judgement.verdict == "stopped":
        return replace(judgement, advice=RESTART_ADVICE)
    return judgement


def _without_process(bot: Member, spare: Member, around: Circumstances) -> tuple[Judgement, int]:
    members = (bot, spare)
    heard = [0, 1] if around.standby or spare.standing.role == "leader" else [0]
    for verdict in PROSPECTS:
        for at in heard:
            if members[at].judgement.verdict == verdict:
                return members[at].judgement, at
    return bot.judgement, 0
