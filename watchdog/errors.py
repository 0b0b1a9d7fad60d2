"""Errors of the watchdog's own; the tree grows from `WatchdogError`.

WatchdogError
├── SupervisordError             supervisord did not do what was asked
│   ├── SupervisordSilentError   no answer in time: frozen, or not there
│   └── SupervisordFaultError    it answered, with a fault code
└── SignalRefusedError           a process that must not be signalled
"""

from __future__ import annotations


class WatchdogError(Exception):
    """Every error of the watchdog's own."""


class SupervisordError(WatchdogError):
    """supervisord did not do what *method* asks for; *reason* is a short word."""

    def __init__(self, method: str, reason: str) -> None:
        self.method, self.reason = method, reason
        super().__init__(f"supervisord.{method} failed: {reason}")


class SupervisordSilentError(SupervisordError):
    """No answer within the limit, no listener, or something that is not an answer."""


FAULTS = {
    6: "shutting_down",
    10: "no_such_program",
    20: "no_file",
    21: "not_executable",
    30: "failed",
    50: "spawn_error",
    60: "already_started",
    70: "not_running",
}  # supervisor.xmlrpc.Faults


class SupervisordFaultError(SupervisordError):
    """supervisord answered with a fault; *reason* is its name."""

    def __init__(self, method: str, *, code: int) -> None:
        super().__init__(method, FAULTS.get(code, f"fault_{code}"))


class SignalRefusedError(WatchdogError):
    """The process *pid* is not one that the watchdog may signal; *reason* says why."""

    def __init__(self, pid: int, reason: str) -> None:
        self.pid, self.reason = pid, reason
        super().__init__(f"process {pid} is not signalled: {reason}")
