"""The connection's state machine: what follows from what, as one table. Pure.

`TABLE` has a rule for every phase and every signal. The caller carries out the action, and hands
what comes of it back to `decide`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from bot.gateway import close_codes
from bot.gateway.actions import (
    Action,
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
from bot.gateway.backoff import STABLE_AFTER_S
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

OWN_TRIES = 2  # at the address that READY named, before the gateway's general one
MAX_REFUSALS = 5  # closes in a row in answer to RESUME, before the session is given up


class Phase(Enum):
    """Where a connection stands; `FAILED` and `STOPPED` are never left."""

    LOGIN = "login"
    CONNECTING = "connecting"
    IDENTIFYING = "identifying"
    RESUMING = "resuming"
    READY = "ready"
    BACKING_OFF = "backing_off"
    HOLDING = "holding"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All that a decision needs to remember.

    Attributes:
        logged_in: The token was accepted; what waits goes on with a connection then.
        has_session: There is a session to resume.
        attempt: Of the next wait (`backoff.delay_s`); 0 while all is well.
        own_failures: Failures in a row at the session's own address.
        refusals: Closes in a row in answer to RESUME.
        served_at_s: Monotonic time of READY or RESUMED, None while not serving.
    """

    phase: Phase = Phase.LOGIN
    logged_in: bool = False
    has_session: bool = False
    attempt: int = 0
    own_failures: int = 0
    refusals: int = 0
    served_at_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The answer to a signal."""

    standing: Standing
    action: Action


Rule = Callable[[Standing, Any, float], Step]


def begin(standing: Standing) -> Action:
    """Answer the first action of a machine that starts as *standing*."""
    return _next_try(standing).action


def decide(standing: Standing, signal: Signal, *, now_s: float) -> Step:
    """Answer what *signal* leads to.

    Args:
        standing: What the last step answered.
        signal: What happened.
        now_s: Monotonic time in seconds, for how long the connection served.
    """
    return TABLE[standing.phase][type(signal)](standing, signal, now_s)


def _ignore(standing: Standing, _signal: Signal, _now_s: float) -> Step:
    return Step(standing=standing, action=Ignore())


def _stop(standing: Standing, _signal: Signal, _now_s: float) -> Step:
    return Step(standing=replace(standing, phase=Phase.STOPPED), action=Stop())


def _fail(standing: Standing, kind: str, advice: str) -> Step:
    failed = replace(standing, phase=Phase.FAILED, has_session=False)
    return Step(standing=failed, action=Fail(kind=kind, advice=advice))


def _refuse_token(standing: Standing, _signal: Signal, _now_s: float) -> Step:
    return _fail(standing, close_codes.TOKEN_KIND, close_codes.TOKEN_ADVICE)


def _next_try(standing: Standing) -> Step:
    if not standing.logged_in:
        return Step(standing=replace(standing, phase=Phase.LOGIN), action=LogIn())
    own = standing.has_session and standing.own_failures < OWN_TRIES
    return Step(
        standing=replace(standing, phase=Phase.CONNECTING),
        action=Connect(resume=standing.has_session, own_address=own),
    )


def _after_delay(standing: Standing, _signal: DelayOver, _now_s: float) -> Step:
    return _next_try(standing)


def _logged_in(standing: Standing, _signal: LoggedIn, _now_s: float) -> Step:
    return _next_try(replace(standing, logged_in=True, attempt=0))


def _greet(standing: Standing, _signal: Hello, _now_s: float) -> Step:
    phase = Phase.RESUMING if standing.has_session else Phase.IDENTIFYING
    return Step(standing=replace(standing, phase=phase), action=Greet(resume=standing.has_session))


def _serve(standing: Standing, _signal: Ready | Resumed, now_s: float) -> Step:
    serving = replace(
        standing,
        phase=Phase.READY,
        has_session=True,
        own_failures=0,
        refusals=0,
        served_at_s=now_s,
    )
    return Step(standing=serving, action=Serve())


def _hold(standing: Standing, signal: BudgetSpent, _now_s: float) -> Step:
    held = replace(standing, phase=Phase.HOLDING)
    return Step(standing=held, action=Hold(until_s=signal.until_s, reason=signal.reason))


def _back_off(
    standing: Standing,
    reason: str,
    now_s: float,
    *,
    keeps_session: bool = True,
    patient: bool = False,
    at_least_s: float = 0.0,
) -> Step:
    """Wait; shortly if the connection was well, unless *patient* asks for a full second."""
    served_at_s = standing.served_at_s
    stable = served_at_s is not None and now_s - served_at_s >= STABLE_AFTER_S
    attempt = 0 if stable else standing.attempt
    if attempt == 0 and (served_at_s is None or patient):
        attempt = 1
    at_own = standing.has_session and served_at_s is None and standing.own_failures < OWN_TRIES
    has_session = standing.has_session and keeps_session
    waiting = replace(
        standing,
        phase=Phase.BACKING_OFF,
        attempt=attempt + 1,
        has_session=has_session,
        own_failures=standing.own_failures + at_own if has_session else 0,
        refusals=standing.refusals if has_session else 0,
        served_at_s=None,
    )
    action = BackOff(attempt=attempt, reason=reason, at_least_s=at_least_s)
    return Step(standing=waiting, action=action)


def _limited(standing: Standing, signal: Limited, now_s: float) -> Step:
    return _back_off(standing, signal.reason, now_s, at_least_s=signal.retry_after_s)


def _failed_network(standing: Standing, signal: NetworkFailed, now_s: float) -> Step:
    return _back_off(standing, signal.reason, now_s)


def _timed_out(standing: Standing, signal: TimedOut, now_s: float) -> Step:
    # A RESUME that is never answered would never be answered the next time either.
    keeps = standing.phase is not Phase.RESUMING
    reason = f"no_{signal.waiting_for}"
    return _back_off(standing, reason, now_s, keeps_session=keeps)


def _broken(standing: Standing, signal: PayloadBroken, now_s: float) -> Step:
    return _back_off(standing, signal.reason, now_s)


def _asked_to_reconnect(standing: Standing, _signal: ReconnectAsked, now_s: float) -> Step:
    return _back_off(standing, "reconnect_asked", now_s)


def _session_invalid(standing: Standing, signal: SessionInvalid, now_s: float) -> Step:
    # Discord asks for a wait of one to five seconds here.
    return _back_off(
        standing, "session_invalid", now_s, keeps_session=signal.resumable, patient=True
    )


def _closed(standing: Standing, signal: Closed, now_s: float) -> Step:
    fatal = None if signal.by_us or signal.code is None else close_codes.FATAL.get(signal.code)
    if fatal is not None:
        return _fail(standing, fatal.kind, fatal.advice)
    refusals = standing.refusals + (standing.phase is Phase.RESUMING)
    keeps = close_codes.keeps_session(signal.code, by_us=signal.by_us)
    return _back_off(
        replace(standing, refusals=refusals),
        "dropped" if signal.code is None else f"closed_{signal.code}",
        now_s,
        keeps_session=keeps and refusals < MAX_REFUSALS,
        patient=signal.code == close_codes.RATE_LIMITED,
    )


SIGNALS: tuple[type[Signal], ...] = (
    LoggedIn,
    Hello,
    Ready,
    Resumed,
    SessionInvalid,
    ReconnectAsked,
    Closed,
    NetworkFailed,
    TimedOut,
    PayloadBroken,
    Limited,
    Unauthorized,
    BudgetSpent,
    DelayOver,
    StopAsked,
)

Rules = Mapping[type[Signal], Rule]
# Signals that can come late, from a connection that is no more, mean nothing: they are ignored.
_NOTHING: Rules = dict.fromkeys(SIGNALS, _ignore)
_LOSS: Rules = {
    NetworkFailed: _failed_network,
    TimedOut: _timed_out,
    PayloadBroken: _broken,
    StopAsked: _stop,
}
_REST: Rules = {Limited: _limited, Unauthorized: _refuse_token}
_GATEWAY: Rules = {
    SessionInvalid: _session_invalid,
    ReconnectAsked: _asked_to_reconnect,
    Closed: _closed,
}
_WAITING: Rules = {**_NOTHING, DelayOver: _after_delay, StopAsked: _stop}
TABLE: Mapping[Phase, Rules] = {
    Phase.LOGIN: {**_NOTHING, **_LOSS, **_REST, LoggedIn: _logged_in},
    Phase.CONNECTING: {
        **_NOTHING,
        **_LOSS,
        **_REST,
        **_GATEWAY,
        Hello: _greet,
        BudgetSpent: _hold,
    },
    Phase.IDENTIFYING: {**_NOTHING, **_LOSS, **_GATEWAY, Ready: _serve, BudgetSpent: _hold},
    Phase.RESUMING: {**_NOTHING, **_LOSS, **_GATEWAY, Ready: _serve, Resumed: _serve},
    Phase.READY: {**_NOTHING, **_LOSS, **_GATEWAY},
    Phase.BACKING_OFF: _WAITING,
    Phase.HOLDING: _WAITING,
    Phase.STOPPED: _NOTHING,
    Phase.FAILED: _NOTHING,
}
