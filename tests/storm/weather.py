"""The faults of a storm over the real system: what each does, and how it ends."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from simulator.control import ControlClient
from tests import faults
from tests.faults.heartbeat import CONTENTS
from tests.system.installation import Installation
from tests.system.roles import leader, spare
from watchdog.heartbeat import identity

PLAIN_FILES = ("symlink", "fifo", "huge")
OWN_FAULTS = ("block", "nap", "spin", "interpreter", "exit", "crash", "files", "threads")
RUBBISH = ("malformed_event", "unknown_event", "unknown_op", "huge_event", "not_json", "bad_zlib")


@dataclass
class Field:
    """Where the storm blows.

    Attributes:
        bystander: A process of nobody's, whose pid is put into heartbeats.
        lasting: What goes on until a moment, and ends then.
    """

    installation: Installation
    bystander: subprocess.Popen[bytes]
    chance: random.Random
    lasting: list[tuple[float, contextlib.ExitStack]] = field(default_factory=list)

    @property
    def simulator(self) -> ControlClient:
        """Discord."""
        return self.installation.simulator

    @property
    def gateway(self) -> faults.Gateway:
        """Discord's gateway."""
        return faults.Gateway(self.simulator)

    def pid(self, who: str) -> int | None:
        """Answer the pid of the leader, spare, watchdog or supervisord."""
        if who in ("leader", "spare"):
            beat = (leader if who == "leader" else spare)(self.installation)
            return beat.pid if beat is not None else None
        ends = {"watchdog": "-m watchdog", "supervisord": "-m supervisor.supervisord"}[who]
        for line in self.installation.commands():
            if ends in line and "sh" not in line.partition(":")[2].split()[0]:
                return int(line.partition(":")[0])
        return None

    def keep(self, context: contextlib.AbstractContextManager[object], seconds: float) -> None:
        """Let something last."""
        stack = contextlib.ExitStack()
        stack.enter_context(context)
        self.lasting.append((time.monotonic() + seconds, stack))

    def settle(self, *, all_of_it: bool = False) -> None:
        """End what has lasted long enough."""
        now_s = time.monotonic()
        for item in list(self.lasting):
            if all_of_it or now_s >= item[0]:
                self.lasting.remove(item)
                with contextlib.suppress(ProcessLookupError):
                    item[1].close()


Fault = Callable[[Field], object]


def _signalled(who: str, number: signal.Signals) -> Fault:
    def fault(here: Field) -> str | None:
        pid = here.pid(who)
        if pid is None:
            return "nobody there"
        with contextlib.suppress(ProcessLookupError):
            faults.kill(pid, number)
        return None

    return fault


def _frozen(who: str, seconds: float) -> Fault:
    def fault(here: Field) -> str | None:
        pid = here.pid(who)
        if pid is None:
            return "nobody there"
        with contextlib.suppress(ProcessLookupError):
            here.keep(faults.freeze(pid), seconds)
        return None

    return fault


def _everything_sleeps(here: Field) -> None:
    """Stop all of ours for a while, as a paused machine does."""
    pids = map(here.pid, ("supervisord", "watchdog", "leader", "spare"))
    found = [pid for pid in pids if pid is not None]
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(3.0)
    for pid in reversed(found):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _breaks_itself(here: Field) -> str:
    word = here.chance.choice(OWN_FAULTS)
    here.simulator.say(f"break {word} {time.monotonic()}")
    return word


def _beat_is_spoilt(here: Field) -> str:
    how = here.chance.choice([*CONTENTS, *PLAIN_FILES])
    name = here.chance.choice(["heartbeat.json", "heartbeat-spare.json"])
    faults.corrupt(here.installation.state / name, how)
    return f"{name}: {how}"


def _beat_names_a_bystander(here: Field) -> None:
    who = identity.read(here.bystander.pid)
    if who is not None:
        with contextlib.suppress(FileNotFoundError):
            path = here.installation.state / "heartbeat.json"
            faults.lie(path, pid=who.pid, process_started=who.started)


def _rubbish(here: Field) -> str:
    kind = here.chance.choice(RUBBISH)
    with contextlib.suppress(LookupError):
        here.gateway.send_rubbish(kind)  # type: ignore[arg-type] # one of them
    return kind


def _once(act: Callable[[faults.Gateway], None]) -> Fault:
    def fault(here: Field) -> str | None:
        try:
            act(here.gateway)
        except LookupError:
            return "nobody there"
        return None

    return fault


def _lasts(
    make: Callable[[faults.Gateway], contextlib.AbstractContextManager[None]], seconds: float
) -> Fault:
    return lambda here: here.keep(make(here.gateway), seconds)


def _rest(name: str, **parameters: float) -> Fault:
    def fault(here: Field) -> None:
        here.simulator.fault(name, **parameters)

    return fault


def _ordered(*words: str) -> Fault:
    def fault(here: Field) -> str:
        here.settle(all_of_it=True)  # a frozen supervisord lets its operator wait
        return here.installation.supervisorctl(*words).strip()

    return fault


# By name: how likely beside the others, and what it does.
FAULTS: Mapping[str, tuple[int, Fault]] = {
    "SIGKILL to the leader": (4, _signalled("leader", signal.SIGKILL)),
    "SIGTERM to the leader": (2, _signalled("leader", signal.SIGTERM)),
    "SIGKILL to the spare": (2, _signalled("spare", signal.SIGKILL)),
    "the leader is frozen for good": (2, _signalled("leader", signal.SIGSTOP)),
    "the leader is frozen for 1 s": (2, _frozen("leader", 1.0)),
    "the spare is frozen for good": (1, _signalled("spare", signal.SIGSTOP)),
    "a handler breaks the bot": (6, _breaks_itself),
    "all are asleep for 3 s": (1, _everything_sleeps),
    "the watchdog is killed": (2, _signalled("watchdog", signal.SIGKILL)),
    "the watchdog is frozen for 4 s": (1, _frozen("watchdog", 4.0)),
    "supervisord is frozen for 4 s": (1, _frozen("supervisord", 4.0)),
    "TCP is reset": (2, _once(lambda gateway: gateway.drop_tcp())),
    "closed with 4000": (2, _once(lambda gateway: gateway.close(4000))),
    "closed with 4008": (1, _once(lambda gateway: gateway.close(4008))),
    "op 7": (1, _once(lambda gateway: gateway.ask_to_reconnect())),
    "op 9, resumable": (1, _once(lambda gateway: gateway.invalidate(resumable=True))),
    "rubbish from the gateway": (2, _rubbish),
    "the gateway is silent for 3 s": (1, _lasts(lambda gateway: gateway.silence(), 3.0)),
    "no ACKs for 3 s": (1, _lasts(lambda gateway: gateway.no_acks(), 3.0)),
    "connections are refused for 3 s": (1, _lasts(lambda gateway: gateway.refuse(), 3.0)),
    "the gateway is slow for 3 s": (1, _lasts(lambda gateway: gateway.slow(0.2), 3.0)),
    "closed after HELLO, twice": (
        1,
        _lasts(lambda gateway: gateway.hang_up_after_hello(4000, times=2), 3.0),
    ),
    "REST answers 502 for 1 s": (1, _rest("fail_rest", status=502, for_s=1.0)),
    "REST answers 429 for 1 s": (1, _rest("global_429", retry_after_s=0.5, for_s=1.0)),
    "a heartbeat is spoilt": (3, _beat_is_spoilt),
    "a heartbeat names a bystander": (2, _beat_names_a_bystander),
    "supervisorctl restart bot": (1, _ordered("restart", "bot")),
    "supervisorctl restart spare": (1, _ordered("restart", "spare")),
}
# They end the session, and each of them costs a login: as many as the budget has room for.
RATIONED: Mapping[str, Fault] = {
    "op 9, not resumable": _once(lambda gateway: gateway.invalidate(resumable=False)),
    "closed with 4009": _once(lambda gateway: gateway.close(4009)),
    "sessions expire": _once(lambda gateway: gateway.close(4007)),
}
