"""Who leads, what an end counts as, and the one verdict on both processes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.health.liveness import Judgement, Standing
from watchdog.health.roles import (
    Circumstances,
    Member,
    counts_as,
    judge_service,
    leader_of,
    rests,
)
from watchdog.health.verdict import SERVING, Role, Verdict

WELL = Judgement(verdict="healthy", reason="serving")
LEADER = Member(judgement=WELL, alive=True, role="leader", beat_at_s=10.0, state="RUNNING")
SPARE = Member(judgement=WELL, alive=True, role="spare", beat_at_s=10.0, state="RUNNING")
NEW = Member(
    judgement=Judgement(verdict="starting", reason="no_beat_yet"), alive=True, state="RUNNING"
)
STOPPED = Member(judgement=Judgement(verdict="stopped", reason="operator"), state="STOPPED")


def gone(verdict: Verdict, kind: Any, role: Role = "leader", reason: str = "exit 1") -> Member:
    """Answer a member without a process."""
    return Member(
        judgement=Judgement(verdict=verdict, reason=reason, advice="Mend it."),
        state="EXITED",
        standing=Standing(kind=kind, reason=reason, role=role),
    )


DEAD = gone("dead", "waiting")
HELD = gone("held", "held")
FAILED = gone("failed", "failed", reason="invalid_token")
ENDED = gone("stopped", "stopped", reason="exit 0")
HUNG = replace(SPARE, judgement=Judgement(verdict="hung", reason="pulse_stopped"))


@pytest.mark.parametrize(
    ("bot", "spare", "around", "verdict", "reason"),
    [
        pytest.param(LEADER, SPARE, {}, "healthy", "serving", id="a leader and a warm spare"),
        pytest.param(SPARE, LEADER, {}, "healthy", "serving", id="the other way round"),
        pytest.param(LEADER, NEW, {}, "healthy", "serving", id="the spare warms up"),
        pytest.param(LEADER, HUNG, {}, "degraded", "spare_hung", id="the spare hangs"),
        pytest.param(
            LEADER, gone("dead", "waiting", "spare"), {}, "degraded", "spare_missing",
            id="the spare waits for its restart"),
        pytest.param(
            LEADER, gone("held", "held", "spare"), {}, "degraded", "spare_held",
            id="the spare can't be kept"),
        pytest.param(
            LEADER, gone("failed", "failed", "spare"), {}, "degraded", "spare_failed",
            id="the spare's settings are bad"),
        pytest.param(LEADER, STOPPED, {}, "healthy", "serving", id="the spare was stopped"),
        pytest.param(
            LEADER, ENDED, {"standby": False}, "healthy", "serving", id="no spare is wanted"),
        pytest.param(
            STOPPED, LEADER, {}, "stopped", "operator", id="the service is being stopped"),
        pytest.param(STOPPED, SPARE, {}, "stopped", "operator", id="the service was stopped"),
        pytest.param(DEAD, SPARE, {}, "starting", "taking_over", id="a takeover"),
        pytest.param(NEW, SPARE, {}, "starting", "taking_over", id="a takeover and a start"),
        pytest.param(NEW, NEW, {}, "starting", "no_beat_yet", id="both start"),
        pytest.param(SPARE, SPARE, {"overdue": True}, "held", "no_leader", id="a stranger leads"),
        pytest.param(DEAD, SPARE, {"overdue": True, "blind": True}, "unknown", "state_unwritable",
                     id="a takeover that no beat can tell of"),
        pytest.param(FAILED, SPARE, {"stood_down": True}, "failed", "invalid_token",
                     id="the leader failed for good"),
        pytest.param(SPARE, FAILED, {"stood_down": True}, "failed", "invalid_token",
                     id="in the other program"),
        pytest.param(ENDED, SPARE, {"stood_down": True}, "stopped", "exit 0",
                     id="the shutdown command"),
        pytest.param(SPARE, SPARE, {"stood_down": True}, "stopped", "stood_down",
                     id="nobody is to lead"),
        pytest.param(NEW, SPARE, {"stood_down": True}, "starting", "no_beat_yet",
                     id="a start takes that back"),
        pytest.param(DEAD, HELD, {}, "dead", "exit 1", id="one is tried again"),
        pytest.param(HELD, HELD, {}, "held", "exit 1", id="nobody is tried again"),
        pytest.param(DEAD, STOPPED, {}, "dead", "exit 1", id="dead, and the spare was stopped"),
        pytest.param(DEAD, replace(ENDED, state="STOPPED"), {}, "dead", "exit 1",
                     id="dead, and the spare was stopped while it led"),
        pytest.param(DEAD, gone("stopped", "stopped", "spare"), {"standby": False}, "dead",
                     "exit 1", id="dead without spare"),
    ],
)  # fmt: skip
def test_the_service_has_one_verdict(
    bot: Member, spare: Member, around: dict[str, bool], verdict: str, reason: str
) -> None:
    """That of the leader, with what the spare makes of it; without a leader, the best prospects."""
    judgement = judge_service(bot, spare, Circumstances(**around)).judgement

    assert (judgement.verdict, judgement.reason) == (verdict, reason)


def test_what_the_leader_itself_needs_comes_first() -> None:
    """The spare's complaint is a warning then."""
    slow = replace(LEADER, judgement=Judgement(verdict="degraded", reason="slow_loop"))

    judgement = judge_service(slow, gone("held", "held", "spare"), Circumstances()).judgement

    assert judgement.reason == "slow_loop"
    assert judgement.warnings == ("spare_held",)


def test_an_operators_stop_of_the_spare_is_a_warning() -> None:
    """It is healthy, and said."""
    judgement = judge_service(LEADER, STOPPED, Circumstances()).judgement

    assert judgement.warnings == ("spare_stopped_by_an_operator",)


def test_a_program_that_runs_is_not_to_be_started() -> None:
    """`supervisorctl start bot` would refuse, since it is the warm spare."""
    service = judge_service(SPARE, ENDED, Circumstances(stood_down=True))

    assert "restart bot" in service.judgement.advice


@pytest.mark.parametrize(
    ("pair", "program"),
    [
        pytest.param((LEADER, gone("held", "held", "spare")), "spare", id="spare"),
        pytest.param((gone("held", "held", "spare"), LEADER), "bot", id="bot"),
    ],
)
def test_a_spare_that_is_held_is_called_by_its_program(
    pair: tuple[Member, Member], program: str
) -> None:
    """The advice can be typed as it stands."""
    judgement = judge_service(*pair, Circumstances()).judgement

    assert f"`supervisorctl start {program}`" in judgement.advice


def test_of_two_that_say_they_lead_the_later_one_does() -> None:
    """The other one has not been heard since."""
    assert leader_of(LEADER, replace(LEADER, beat_at_s=11.0)) == 1
    assert leader_of(replace(LEADER, beat_at_s=12.0), LEADER) == 0


LED = Member(judgement=WELL, standing=Standing(role="leader"))
WAITED = Member(judgement=WELL, standing=Standing(role="spare"))


@pytest.mark.parametrize(
    ("own", "other", "resting", "role"),
    [
        pytest.param(LED, LEADER, False, "leader", id="it led, and another leads by now"),
        pytest.param(WAITED, LEADER, False, "spare", id="a spare"),
        pytest.param(WAITED, SPARE, False, "leader", id="it would have led"),
        pytest.param(WAITED, SPARE, True, "spare", id="nobody is to lead"),
        pytest.param(Member(judgement=WELL), DEAD, False, "leader", id="both die at their start"),
        pytest.param(DEAD, LEADER, False, "spare", id="a start that fails is a spare's"),
    ],
)
def test_an_end_counts_as_what_the_process_was(
    own: Member, other: Member, resting: bool, role: Role
) -> None:
    """Budgets go by role, and where nobody leads the leader's is spent."""
    assert counts_as(own, other, resting=resting) == role


@pytest.mark.parametrize(
    ("bot", "spare", "stood_down", "answer"),
    [
        pytest.param(LEADER, SPARE, False, False, id="it serves"),
        pytest.param(DEAD, SPARE, False, False, id="it will serve"),
        pytest.param(STOPPED, SPARE, False, True, id="stopped"),
        pytest.param(SPARE, FAILED, False, True, id="failed for good"),
        pytest.param(LEADER, gone("failed", "failed", "spare"), False, False, id="a spare failed"),
        pytest.param(DEAD, DEAD, True, True, id="said so on disk"),
        pytest.param(
            LEADER, replace(ENDED, state="STOPPED"), False, False, id="a stop of spare hands over"
        ),
    ],
)
def test_a_service_rests_when_nobody_is_to_lead(
    bot: Member, spare: Member, stood_down: bool, answer: bool
) -> None:
    """Then nothing that ends is a failure of the service."""
    assert rests(bot, spare, stood_down=stood_down) is answer


MEMBERS = st.builds(
    Member,
    judgement=st.builds(
        Judgement, verdict=st.sampled_from(get_args(Verdict)), reason=st.just("reason")
    ),
    alive=st.booleans(),
    role=st.sampled_from(["leader", "spare", None]),
    beat_at_s=st.floats(0, 100),
    state=st.sampled_from(["STOPPED", "RUNNING", "EXITED", "STOPPING", "FATAL", None]),
    standing=st.builds(
        Standing,
        kind=st.sampled_from(["none", "waiting", "retrying", "held", "failed", "stopped"]),
        role=st.sampled_from(["leader", "spare", None]),
    ),
).filter(lambda member: member.judgement.verdict not in SERVING or (member.alive and member.role))
AROUND = st.builds(
    Circumstances, standby=st.booleans(), stood_down=st.booleans(), overdue=st.booleans()
)


@given(MEMBERS, MEMBERS, AROUND)
def test_a_service_serves_only_by_a_leader_that_does(
    bot: Member, spare: Member, around: Circumstances
) -> None:
    """Whatever is seen, nobody is told that it serves when no process says that it leads."""
    service = judge_service(bot, spare, around)

    leader = leader_of(bot, spare)
    serves = leader is not None and (bot, spare)[leader].judgement.verdict in SERVING

    assert serves or service.judgement.verdict not in SERVING
