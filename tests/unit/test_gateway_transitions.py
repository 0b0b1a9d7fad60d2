"""The state machine of the gateway connection: a table for all of it, then its memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateway import backoff, close_codes
from bot.gateway.actions import (
    BackOff,
    Connect,
    Fail,
    Greet,
    Hold,
    Ignore,
    LogIn,
    Serve,
    Stop,
)
from bot.gateway.signals import (
    BudgetSpent,
    Closed,
    DelayOver,
    Hello,
    Limited,
    LoggedIn,
    NetworkFailed,
    PayloadBroken,
    Ready,
    ReconnectAsked,
    Resumed,
    SessionInvalid,
    Signal,
    StopAsked,
    TimedOut,
    Unauthorized,
)
from bot.gateway.transitions import (
    MAX_REFUSALS,
    OWN_TRIES,
    SIGNALS,
    TABLE,
    Phase,
    Standing,
    begin,
    decide,
)

NOW_S = 1000.0
L, C, I, R, Y, B, H, S, F = (  # noqa: E741 - columns of the table below
    Phase.LOGIN,
    Phase.CONNECTING,
    Phase.IDENTIFYING,
    Phase.RESUMING,
    Phase.READY,
    Phase.BACKING_OFF,
    Phase.HOLDING,
    Phase.STOPPED,
    Phase.FAILED,
)
FATAL_CLOSE = Closed(code=4004)
STANDINGS = {
    L: Standing(),
    C: Standing(phase=C, logged_in=True),
    I: Standing(phase=I, logged_in=True),
    R: Standing(phase=R, logged_in=True, has_session=True),
    Y: Standing(phase=Y, logged_in=True, has_session=True, served_at_s=NOW_S - 60),
    B: Standing(phase=B, logged_in=True, has_session=True),
    H: Standing(phase=H, logged_in=True),
    S: Standing(phase=S, logged_in=True),
    F: Standing(phase=F, logged_in=True),
}
# What each signal leads to in each phase; a phase that is not named ignores it and stays.
EXPECTED: list[tuple[Signal, dict[Phase, tuple[Phase, type]]]] = [
    (LoggedIn(), {L: (C, Connect)}),
    (Hello(), {C: (I, Greet)}),
    (Ready(), {I: (Y, Serve), R: (Y, Serve)}),
    (Resumed(), {R: (Y, Serve)}),
    (SessionInvalid(resumable=True), dict.fromkeys((C, I, R, Y), (B, BackOff))),
    (SessionInvalid(resumable=False), dict.fromkeys((C, I, R, Y), (B, BackOff))),
    (ReconnectAsked(), dict.fromkeys((C, I, R, Y), (B, BackOff))),
    (Closed(code=4000), dict.fromkeys((C, I, R, Y), (B, BackOff))),
    (Closed(code=None), dict.fromkeys((C, I, R, Y), (B, BackOff))),
    (Closed(code=1000, by_us=True), dict.fromkeys((C, I, R, Y), (B, BackOff))),
    (FATAL_CLOSE, dict.fromkeys((C, I, R, Y), (F, Fail))),
    (NetworkFailed(reason="refused"), dict.fromkeys((L, C, I, R, Y), (B, BackOff))),
    (TimedOut(waiting_for="hello"), dict.fromkeys((L, C, I, R, Y), (B, BackOff))),
    (PayloadBroken(reason="not_json"), dict.fromkeys((L, C, I, R, Y), (B, BackOff))),
    (Limited(retry_after_s=30.0), dict.fromkeys((L, C), (B, BackOff))),
    (Unauthorized(), dict.fromkeys((L, C), (F, Fail))),
    (BudgetSpent(until_s=1.0, reason="identify_budget"), dict.fromkeys((C, I), (H, Hold))),
    (DelayOver(), dict.fromkeys((B, H), (C, Connect))),
    (StopAsked(), dict.fromkeys((L, C, I, R, Y, B, H), (S, Stop))),
]
ALL = [
    pytest.param(phase, signal, *rule.get(phase, (phase, Ignore)), id=f"{phase.value}-{signal}")
    for signal, rule in EXPECTED
    for phase in Phase
]


@pytest.mark.parametrize(("phase", "signal", "then", "action"), ALL)
def test_every_signal_in_every_phase_has_one_answer(
    phase: Phase, signal: Signal, then: Phase, action: type
) -> None:
    """The whole table, signal by signal and phase by phase."""
    step = decide(STANDINGS[phase], signal, now_s=NOW_S)

    assert (step.standing.phase, type(step.action)) == (then, action)


def test_the_table_has_no_gap() -> None:
    """There is a rule for every phase and signal, and this file tries each of them."""
    assert set(TABLE) == set(Phase)
    assert all(set(rules) == set(SIGNALS) for rules in TABLE.values())
    assert {type(signal) for signal, _ in EXPECTED} == set(SIGNALS)


@pytest.mark.parametrize("phase", [S, F])
@pytest.mark.parametrize(("signal", "_"), EXPECTED)
def test_the_end_is_never_left(phase: Phase, signal: Signal, _: object) -> None:
    """A connection that ended or failed answers nothing any more."""
    step = decide(STANDINGS[phase], signal, now_s=NOW_S)

    assert step.standing is STANDINGS[phase]


@given(st.lists(st.tuples(st.sampled_from([each for each, _ in EXPECTED]), st.floats(0, 100))))
def test_no_order_of_signals_breaks_the_memory(course: list[tuple[Signal, float]]) -> None:
    """Whatever comes: RESUME needs a session, waits are never negative, the end is the end."""
    standing, now_s = Standing(), 0.0
    for signal, gap_s in course:
        now_s += gap_s
        before = standing
        step = decide(standing, signal, now_s=now_s)
        standing, action = step.standing, step.action
        if before.phase in (S, F):
            assert isinstance(action, Ignore)
        if isinstance(action, Connect | Greet):
            assert action.resume == standing.has_session
        if isinstance(action, BackOff):
            assert backoff.delay_s(action.attempt, draw=0.5) >= 0
        assert (standing.served_at_s is not None) == (standing.phase is Y) or standing.phase in (
            S,
            F,
        )


@pytest.mark.parametrize(
    ("standing", "action"),
    [
        pytest.param(Standing(), LogIn(), id="from the start"),
        pytest.param(STANDINGS[C], Connect(resume=False, own_address=False), id="logged in"),
        pytest.param(
            replace(STANDINGS[C], has_session=True),
            Connect(resume=True, own_address=True),
            id="with a session of an earlier process",
        ),
    ],
)
def test_a_machine_begins_where_it_stands(standing: Standing, action: object) -> None:
    """Login first, then a connection; a session that was handed over is resumed."""
    assert begin(standing) == action


@pytest.mark.parametrize(
    ("signal", "keeps"),
    [
        pytest.param(ReconnectAsked(), True, id="op 7"),
        pytest.param(SessionInvalid(resumable=True), True, id="op 9 true"),
        pytest.param(SessionInvalid(resumable=False), False, id="op 9 false"),
        pytest.param(Closed(code=None), True, id="dropped"),
        pytest.param(Closed(code=1000), True, id="1000 from Discord"),
        pytest.param(Closed(code=1001), True, id="1001 from Discord"),
        pytest.param(Closed(code=1000, by_us=True), False, id="1000 from us"),
        pytest.param(Closed(code=1001, by_us=True), False, id="1001 from us"),
        pytest.param(Closed(code=4000, by_us=True), True, id="4000 from us"),
        *(
            pytest.param(Closed(code=code), True, id=str(code))
            for code in (4000, 4001, 4002, 4005, 4006, 4008, 4999)
        ),
        *(pytest.param(Closed(code=code), False, id=str(code)) for code in (4003, 4007, 4009)),
        pytest.param(TimedOut(waiting_for="acks"), True, id="no acks"),
        pytest.param(TimedOut(waiting_for="events"), True, id="silence"),
        pytest.param(PayloadBroken(reason="bad_stream"), True, id="bad stream"),
        pytest.param(NetworkFailed(reason="reset"), True, id="reset"),
    ],
)
def test_a_session_is_resumed_unless_it_is_over(signal: Signal, keeps: bool) -> None:
    """What ended the connection decides between RESUME and IDENTIFY."""
    lost = decide(STANDINGS[Y], signal, now_s=NOW_S)
    again = decide(lost.standing, DelayOver(), now_s=NOW_S)

    assert again.action == Connect(resume=keeps, own_address=keeps)


@pytest.mark.parametrize("code", sorted(close_codes.FATAL))
@pytest.mark.parametrize("phase", [C, I, R, Y])
def test_a_fatal_close_says_what_mends_it(phase: Phase, code: int) -> None:
    """No reconnect after a wrong token, shard, version or intent."""
    step = decide(STANDINGS[phase], Closed(code=code), now_s=NOW_S)

    assert isinstance(step.action, Fail)
    assert step.action.kind == close_codes.FATAL[code].kind
    assert len(step.action.advice) > 30
    assert not step.standing.has_session


def test_the_kinds_of_failure_are_known_words() -> None:
    """The watchdog and the runbook name them."""
    kinds = {code: fatal.kind for code, fatal in close_codes.FATAL.items()}

    assert kinds == {
        4004: "invalid_token",
        4010: "invalid_shard",
        4011: "sharding_required",
        4012: "invalid_api_version",
        4013: "invalid_intents",
        4014: "missing_intent",
    }


def test_a_resume_that_is_never_answered_is_not_tried_again() -> None:
    """After the time limit for RESUMED comes IDENTIFY."""
    lost = decide(STANDINGS[R], TimedOut(waiting_for="resumed"), now_s=NOW_S)
    again = decide(lost.standing, DelayOver(), now_s=NOW_S)

    assert again.action == Connect(resume=False, own_address=False)


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(NetworkFailed(reason="refused"), id="refused"),
        pytest.param(TimedOut(waiting_for="hello"), id="silent"),
        pytest.param(Closed(code=4000), id="closed"),
    ],
)
def test_a_dead_resume_address_is_tried_twice(failure: Signal) -> None:
    """Then the gateway's general address takes the RESUME, for as long as it fails."""
    standing, own = STANDINGS[B], []
    for _ in range(OWN_TRIES + 3):
        step = decide(standing, DelayOver(), now_s=NOW_S)
        assert isinstance(step.action, Connect)
        assert step.action.resume
        own.append(step.action.own_address)
        standing = decide(step.standing, failure, now_s=NOW_S).standing

    assert own == [True] * OWN_TRIES + [False] * 3


def test_a_served_connection_makes_the_own_address_trusted_again() -> None:
    """READY and RESUMED forget what failed before."""
    tired = replace(STANDINGS[R], own_failures=2, refusals=3)
    served = decide(tired, Resumed(), now_s=NOW_S).standing

    assert (served.own_failures, served.refusals) == (0, 0)


def test_a_session_that_is_refused_by_closing_is_given_up() -> None:
    """A RESUME that is answered by a close five times is followed by IDENTIFY."""
    standing, resumes = STANDINGS[R], []
    for _ in range(MAX_REFUSALS + 1):
        lost = decide(standing, Closed(code=4000), now_s=NOW_S)
        again = decide(lost.standing, DelayOver(), now_s=NOW_S)
        assert isinstance(again.action, Connect)
        resumes.append(again.action.resume)
        standing = decide(again.standing, Hello(), now_s=NOW_S).standing

    assert resumes == [True] * (MAX_REFUSALS - 1) + [False] * 2


def test_a_network_that_is_down_never_costs_the_session() -> None:
    """However long nothing can be reached, RESUME is what is tried."""
    standing = STANDINGS[Y]
    for _ in range(50):
        standing = decide(standing, NetworkFailed(reason="dns"), now_s=NOW_S).standing
        step = decide(standing, DelayOver(), now_s=NOW_S)
        standing = step.standing

    assert step.action == Connect(resume=True, own_address=False)


def attempt_after(standing: Standing, signal: Signal) -> int:
    """Answer which attempt the wait after *signal* is for."""
    action = decide(standing, signal, now_s=NOW_S).action
    assert isinstance(action, BackOff)
    return action.attempt


def test_a_healthy_connection_comes_back_at_once() -> None:
    """The first reconnect after a drop or op 7 waits half a second at most."""
    healthy = replace(STANDINGS[Y], attempt=6)

    assert attempt_after(healthy, ReconnectAsked()) == 0
    assert attempt_after(healthy, Closed(code=None)) == 0


@pytest.mark.parametrize(
    "signal",
    [
        pytest.param(SessionInvalid(resumable=True), id="op 9 true"),
        pytest.param(SessionInvalid(resumable=False), id="op 9 false"),
        pytest.param(Closed(code=4008), id="rate limited"),
    ],
)
def test_discord_is_given_a_second_where_it_asks_for_one(signal: Signal) -> None:
    """Neither op 9 nor a rate limit is answered at once."""
    assert attempt_after(STANDINGS[Y], signal) == 1


def test_a_connection_that_did_not_last_is_not_forgiven() -> None:
    """Dropped again within ten seconds, the wait goes on growing."""
    short = replace(STANDINGS[Y], attempt=3, served_at_s=NOW_S - backoff.STABLE_AFTER_S + 1)

    assert attempt_after(short, ReconnectAsked()) == 3


def test_login_waits_out_what_discord_asks_for() -> None:
    """`Retry-After` goes into the wait, and login comes next."""
    step = decide(Standing(), Limited(retry_after_s=3600.0), now_s=NOW_S)
    again = decide(step.standing, DelayOver(), now_s=NOW_S)

    assert isinstance(step.action, BackOff)
    assert step.action.at_least_s == 3600.0
    assert again.action == LogIn()


def storm(signals: list[Signal], *, seconds: float, draw: float) -> int:
    """Answer how often is connected in *seconds* when *signals* follow on every connect."""
    standing, now_s, connects = STANDINGS[C], 0.0, 0
    while True:
        connects += 1
        for signal in signals:
            step = decide(standing, signal, now_s=now_s)
            standing = step.standing
        assert isinstance(step.action, BackOff)
        now_s += backoff.delay_s(step.action.attempt, draw=draw)
        if now_s > seconds:
            return connects
        standing = decide(standing, DelayOver(), now_s=now_s).standing


@pytest.mark.parametrize("draw", [0.0, 0.5, 0.999999])
@pytest.mark.parametrize(
    "signals",
    [
        pytest.param([NetworkFailed(reason="refused")], id="refused"),
        pytest.param([Closed(code=4000)], id="closed before HELLO"),
        pytest.param([Hello(), Closed(code=1001)], id="closed after HELLO"),
        pytest.param([Hello(), Closed(code=None)], id="dropped after HELLO"),
        pytest.param([Hello(), SessionInvalid(resumable=False)], id="op 9 for ever"),
        pytest.param([Hello(), ReconnectAsked()], id="op 7 for ever"),
        pytest.param([Hello(), Ready(), ReconnectAsked()], id="op 7 after READY"),
        pytest.param([Hello(), Ready(), Closed(code=4000)], id="closed after READY"),
        pytest.param([Hello(), PayloadBroken(reason="bad_stream")], id="nonsense"),
    ],
)
def test_no_kind_of_close_becomes_a_storm(signals: list[Signal], draw: float) -> None:
    """At most ten connects in the first minute, whatever the gateway does."""
    assert storm(signals, seconds=60.0, draw=draw) <= 10
