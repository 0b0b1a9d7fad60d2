"""Every fault the simulator can cause, as a table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Value = str | int | float | bool | list[str]
Where = Literal["gateway", "rest", "both", "portal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a fault: its default (None: must be given) and what is allowed."""

    default: Value | None = None
    required: bool = False
    kind: type = float
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of fault. A standing one lasts until cleared, an instant one happens once."""

    summary: str
    where: Where
    standing: bool = True
    parameters: Mapping[str, Parameter]


def _number(default: float | None, low: float, high: float, *, kind: type = float) -> Parameter:
    return Parameter(default=default, kind=kind, low=low, high=high)


_TIMES = Parameter(kind=int, low=1, high=1_000_000)
_FOR_S = Parameter(kind=float, low=0.001, high=86_400)
_CONNECTIONS = Parameter(default="all", kind=str, choices=("all", "existing", "new"))
_PATH = Parameter(default="*", kind=str)
_METHOD = Parameter(default="*", kind=str)
_CLOSE_CODE = _number(None, 1000, 4999, kind=int)
_RETRY_S = _number(1.0, 0, 86_400)
_SHARD = Parameter(kind=int, low=0, high=10_000)


def _gateway(summary: str, **parameters: Parameter) -> Fault:
    common = {"times": _TIMES, "for_s": _FOR_S, "connections": _CONNECTIONS}
    return Fault(summary=summary, where="gateway", parameters={**common, **parameters})


def _rest(summary: str, **parameters: Parameter) -> Fault:
    common = {"times": _TIMES, "for_s": _FOR_S, "path": _PATH, "method": _METHOD}
    return Fault(summary=summary, where="rest", parameters={**common, **parameters})


def _instant(summary: str, **parameters: Parameter) -> Fault:
    return Fault(
        summary=summary,
        where="gateway",
        standing=False,
        parameters={"shard": _SHARD, **parameters},
    )


FAULTS: Mapping[str, Fault] = {
    # Standing faults of the gateway.
    "silent_gateway": _gateway("TCP stays open and nothing is sent, not even HELLO, until cleared"),
    "no_acks": _gateway("heartbeats are not acknowledged while events go on"),
    "close_after_hello": _gateway("closed at once after HELLO", code=_CLOSE_CODE),
    "close_after_identify": _gateway("closed instead of READY", code=_number(4000, 1000, 4999)),
    "no_ready": _gateway("IDENTIFY is taken and READY never comes"),
    "no_resumed": _gateway("RESUME is taken and never answered"),
    "refuse_resume": _gateway("every RESUME is answered with op 9 false"),
    "dead_resume_url": _gateway("READY names a resume_gateway_url where nobody listens"),
    "delayed_guilds": _gateway(
        "GUILD_CREATE comes late; delay_s 0 is never", delay_s=_number(5.0, 0, 3600)
    ),
    "slow_gateway": _gateway("every payload waits", delay_s=_number(0.5, 0.001, 600)),
    # Standing faults of REST. `path` is a pattern such as */messages.
    "slow_rest": _rest("answers wait", delay_s=_number(1.0, 0.001, 3600)),
    "fail_rest": _rest(
        "answers are errors",
        status=_number(500, 400, 599, kind=int),
        code=_number(0, 0, 1_000_000, kind=int),
    ),
    "drop_rest": _rest(
        "connections are reset instead of answered; when=after executes the request first",
        when=Parameter(default="before", kind=str, choices=("before", "after")),
    ),
    "global_429": _rest("429, global", retry_after_s=_RETRY_S),
    "route_429": _rest("429 of one route", retry_after_s=_RETRY_S),
    "login_429": _rest("429 on GET /users/@me", retry_after_s=_number(3600.0, 0, 86_400)),
    "cloudflare_ban": _rest(
        "429 with a page of HTML, without Via", retry_after_s=_number(3600.0, 0, 86_400)
    ),
    "wrong_date": _rest(
        "the Date header of answers is off by offset_s",
        offset_s=_number(60.0, -10 * 365 * 86_400, 10 * 365 * 86_400),
    ),
    "bucket_limit": _rest(
        "a rate limit that is really kept, per route",
        limit=_number(5, 1, 100_000, kind=int),
        window_s=_number(5.0, 0.01, 3600),
    ),
    # Both sides.
    "refuse": Fault(
        summary="connections are refused (the port is closed) or reset on their first request",
        where="both",
        parameters={
            "for_s": _FOR_S,
            "scope": Parameter(default="all", kind=str, choices=("all", "rest", "gateway")),
            "how": Parameter(default="close", kind=str, choices=("close", "reset")),
        },
    ),
    "wrong_token": Fault(
        summary="the token is not accepted: 401 on REST, 4004 on the gateway",
        where="both",
        parameters={"times": _TIMES, "for_s": _FOR_S},
    ),
    "missing_intent": Fault(
        summary="privileged intents are switched off in the portal: 4014",
        where="portal",
        parameters={
            "for_s": _FOR_S,
            "intents": Parameter(default=["message_content"], kind=list),
        },
    ),
    "identifies_spent": Fault(
        summary="session_start_limit.remaining is 0",
        where="portal",
        parameters={"for_s": _FOR_S, "reset_after_s": _number(3600.0, 0, 86_400)},
    ),
    # Instant faults: they happen to the connections that exist now.
    "drop_tcp": _instant("connections are reset (RST); sessions can be resumed"),
    "close": _instant("connections are closed", code=_number(4000, 1000, 4999, kind=int)),
    "reconnect": _instant("op 7"),
    "invalid_session": _instant("op 9", resumable=Parameter(default=False, kind=bool)),
    "ask_heartbeat": _instant("op 1 from Discord's side"),
    "expire_sessions": _instant("sessions can no longer be resumed; connections stay"),
    "malformed_event": _instant(
        "an event without the fields it must have",
        event=Parameter(default="MESSAGE_CREATE", kind=str),
    ),
    "unknown_event": _instant("an event no library knows"),
    "unknown_op": _instant("an opcode no library knows"),
    "huge_event": _instant("an event of this size", size_bytes=_number(1 << 20, 1, 1 << 26)),
    "not_json": _instant("a payload that is no JSON"),
    "bad_zlib": _instant("bytes that zlib cannot inflate"),
    "guild_outage": _instant("guilds become unavailable", for_s=_number(1.0, 0, 3600)),
}


class BadFaultError(ValueError):
    """The fault does not exist, or not with this parameter."""


def check(name: str, given: Mapping[str, object]) -> dict[str, Value]:
    """Answer the parameters of fault *name*, defaults filled in; absent ones stay out.

    Raises:
        BadFaultError: names the fault or the parameter, and what is allowed.
    """
    fault = FAULTS.get(name)
    if fault is None:
        raise BadFaultError(f"no fault is named {name!r}; there are: {', '.join(FAULTS)}")
    unknown = sorted(set(given) - set(fault.parameters))
    if unknown:
        known = ", ".join(fault.parameters) or "none"
        raise BadFaultError(f"{name} has no parameter {unknown[0]!r}; it has: {known}")
    answer: dict[str, Value] = {}
    for key, parameter in fault.parameters.items():
        if given.get(key) is not None:
            answer[key] = _checked(f"{name}.{key}", parameter, given[key])
        elif parameter.default is not None:
            answer[key] = parameter.default
    return answer


def _checked(label: str, parameter: Parameter, value: object) -> Value:
    if parameter.kind is bool and isinstance(value, bool):
        return value
    if parameter.kind is list and isinstance(value, list):
        return [str(item) for item in value]
    if parameter.kind is str and isinstance(value, str):
        if parameter.choices and value not in parameter.choices:
            raise BadFaultError(f"{label} must be one of {', '.join(parameter.choices)}")
        return value
    if parameter.kind in (int, float) and isinstance(value, (int, float)):
        whole = parameter.kind is int
        if not isinstance(value, bool) and not (whole and value != int(value)):
            low, high = parameter.low, parameter.high
            if (low is None or value >= low) and (high is None or value <= high):
                return int(value) if whole else float(value)
            raise BadFaultError(f"{label} must be in {low}..{high}, got {value}")
    raise BadFaultError(f"{label} must be a {parameter.kind.__name__}, got {value!r}")
