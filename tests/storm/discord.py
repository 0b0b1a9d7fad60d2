"""A Discord that is made up, and a connection to it: the real transitions, carried out by hand."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

from bot.gateway import backoff, facts, identify_budget
from bot.gateway.actions import Action, BackOff, Connect, Fail, Greet, Hold, Ignore, LogIn, Serve
from bot.gateway.identify_budget import Limits, free_at_s
from bot.gateway.signals import (
    BudgetSpent,
    Closed,
    DelayOver,
    Hello,
    Limited,
    LoggedIn,
    NetworkFailed,
    Ready,
    Resumed,
    SessionInvalid,
    Signal,
    TimedOut,
    Unauthorized,
)
from bot.gateway.transitions import Phase, Standing, begin, decide
from tests.fakes import FakeDraw
from tests.storm.machine import Machine
from watchdog.heartbeat import identity, retry, schema
from watchdog.heartbeat.clocks import Reading

BUDGET = Limits(max_10_min=4)
TIMEOUT_S = 15.0
ACKS_S = 40.0  # two gateway heartbeats that nobody acknowledged
WINDOW_S = 600.0
RECHECK_S = 900.0


@dataclass
class Discord:
    """What Discord is like at the moment, and what it has counted.

    Attributes:
        limited_s: What a login is told to wait, 0 for none.
        closes: Code with which every connection is closed after HELLO.
        identified_at_s: Monotonic times of all IDENTIFYs.
        lines: Connections that serve, with their session.
    """

    machine: Machine
    token: str = "first"
    reachable: bool = True
    silent: bool = False
    answers_identify: bool = True
    resumes: bool = True
    limited_s: float = 0.0
    closes: int | None = None
    remaining: int = 1000
    identified_at_s: list[float] = field(default_factory=list)
    lines: dict[Line, int] = field(default_factory=dict)
    sessions: set[int] = field(default_factory=set)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def heal(self) -> None:
        """Be as one hopes; the token stays what it is."""
        self.reachable = self.answers_identify = self.resumes = True
        self.silent, self.limited_s, self.closes, self.remaining = False, 0.0, None, 1000

    def identify(self, line: Line) -> Signal | None:
        """Begin a session, and count it."""
        now_s = self.machine.now_s
        self.identified_at_s.append(now_s)
        count = sum(now_s - at_s < WINDOW_S for at_s in self.identified_at_s)
        if count > BUDGET.max_10_min:
            self.machine.wrong(f"{count} IDENTIFYs in ten minutes")
        if not self.answers_identify:
            return None
        session = next(self._numbers)
        self.sessions.add(session)
        line.shelf.session = self.lines[line] = session
        self._look()
        return Ready()

    def resume(self, line: Line) -> Signal:
        """Continue a session."""
        session = line.shelf.session
        if session is None or not self.resumes or session not in self.sessions:
            return SessionInvalid(resumable=False)
        self.lines[line] = session
        self._look()
        return Resumed()

    def _look(self) -> None:
        if len(self.lines) > 1:
            self.machine.wrong("two connections serve at a time")

    def trouble(self, signal: Signal) -> None:
        """Let something happen to every connection that serves."""
        for line in self.lines:
            line.heard = signal
        if isinstance(signal, SessionInvalid) and not signal.resumable:
            self.sessions.clear()


@dataclass
class Shelf:
    """What lies in `state/` of the bot's: session, logins, what to wait for, and `.env`.

    Attributes:
        is_full: Nothing can be written there.
        stood_down_s: When it was left that nobody is to lead, Unix time as it was then.
    """

    folder: Path
    session: int | None = None
    is_full: bool = False
    stood_down_s: float = 0.0

    @property
    def identify_path(self) -> Path:
        """Where logins are counted."""
        return self.folder / "state/identify.json"

    @property
    def retry_path(self) -> Path:
        """Where it says when the next login may be tried."""
        return self.folder / "state/retry.json"

    @staticmethod
    def reading(machine: Machine) -> Reading:
        """How the two clocks stand to each other, which is kept with Unix times."""
        return Reading.of(
            monotonic_s=machine.now_s, unix_s=machine.unix_s, boot_id=identity.boot_id()
        )

    def token(self) -> str:
        """The token in `.env`."""
        return (self.folder / ".env").read_text()


class Line:
    """One process' connection. `live` carries out what `decide` answers.

    Attributes:
        failure: Why the process is to end with 78.
        deaf: The connection is dead and the process does not notice.
    """

    def __init__(self, discord: Discord, shelf: Shelf, *, token: str) -> None:
        self.discord, self.shelf, self.machine = discord, shelf, discord.machine
        self.standing = Standing(has_session=shelf.session is not None)
        self.failure: schema.Failure | None = None
        self.heard: Signal | None = None
        self.deaf, self.event_at_s = False, self.machine.now_s
        self._token, self._draw = token, FakeDraw(0.0, 0.5, 0.9)
        self._action: Action = begin(self.standing)
        self._began_s = self.machine.now_s
        self._until_unix_s = self._told_to_wait_until()

    @property
    def serves(self) -> bool:
        """Whether events come."""
        return self.standing.phase is Phase.READY

    def state(self) -> schema.State:
        """What the beat says."""
        waits = isinstance(self._action, LogIn) and self._is_told_to_wait()
        phase = self.standing.phase
        return facts.state(
            [] if phase is Phase.LOGIN else [phase],
            Phase.LOGIN,
            stopped=False,
            waits=waits,
            ready=self.serves,
        )

    def gateway(self) -> schema.Gateway:
        """The beat's part of it."""
        silent_s = self.machine.now_s - self.event_at_s
        return schema.Gateway(
            connected=self.serves, last_event_age_s=silent_s, last_ack_age_s=silent_s
        )

    def hang_up(self) -> None:
        """Be connected no more."""
        self.discord.lines.pop(self, None)

    def live(self) -> None:
        """Do what is to be done now."""
        if self.deaf:
            return
        while self.failure is None:
            signal = self._carry_out()
            if signal is None:
                return
            step = decide(self.standing, signal, now_s=self.machine.now_s)
            self.standing = step.standing
            if not isinstance(step.action, Ignore):
                self._begin(step.action)

    def _begin(self, action: Action) -> None:
        machine = self.machine
        self._action, self._began_s = action, machine.now_s
        if isinstance(action, BackOff | Hold | Fail):
            self.hang_up()
            self.heard = None
            if not self.standing.has_session:
                self.shelf.session = None
        match action:
            case Serve():
                self.event_at_s = machine.now_s
            case BackOff():
                wait_s = max(backoff.delay_s(action.attempt, draw=self._draw()), action.at_least_s)
                if action.at_least_s > 0:
                    entry = retry.Retry(retry_at_s=machine.unix_s + wait_s, reason=action.reason)
                    self.shelf.retry_path.write_bytes(
                        retry.encode(entry, self.shelf.reading(machine))
                    )
                self._until_s, self._until_unix_s = machine.now_s + wait_s, machine.unix_s + wait_s
            case Hold():
                wait_s = max(0.0, action.until_s - machine.unix_s)
                if action.reason == "session_start_limit":
                    wait_s = min(wait_s, RECHECK_S)
                self._until_s, self._until_unix_s = machine.now_s + wait_s, machine.unix_s + wait_s
            case Fail():
                self.failure = schema.Failure(
                    kind=action.kind, message=action.advice, permanent=True
                )

    def _carry_out(self) -> Signal | None:
        """Answer what comes of the action, None while nothing does."""
        match self._action:
            case LogIn():
                return None if self._is_told_to_wait() else self._log_in()
            case Connect():
                return self._connect(resume=self._action.resume)
            case Greet():
                return self._greet(resume=self._action.resume)
            case Serve():
                return self._serve()
            case BackOff() | Hold():
                over = self.machine.now_s >= self._until_s
                return DelayOver() if over or self.machine.unix_s >= self._until_unix_s else None
        return None

    def _told_to_wait_until(self) -> float:
        """Read once what an earlier process was told, as `Waits.honour_disk` does."""
        path, machine = self.shelf.retry_path, self.machine
        raw = path.read_bytes() if path.exists() else b""
        entry = retry.decode(raw, now_s=machine.unix_s, reading=self.shelf.reading(machine))
        wait_s = 0.0 if entry is None else entry.retry_at_s - machine.unix_s
        self._until_s = machine.now_s + wait_s
        return machine.unix_s + wait_s

    def _is_told_to_wait(self) -> bool:
        return self.machine.now_s < self._until_s and self.machine.unix_s < self._until_unix_s

    def _log_in(self) -> Signal:
        discord = self.discord
        if not discord.reachable:
            return NetworkFailed(reason="refused")
        if discord.limited_s:
            return Limited(retry_after_s=discord.limited_s)
        if self._token != discord.token:
            return Unauthorized()
        self.shelf.retry_path.unlink(missing_ok=True)
        return LoggedIn()

    def _connect(self, *, resume: bool) -> Signal | None:
        if not self.discord.reachable:
            return NetworkFailed(reason="refused")
        if not resume and (spent := self._spent()):
            return spent
        if self.discord.silent:
            return self._timed_out("hello")
        step = decide(self.standing, Hello(), now_s=self.machine.now_s)
        self.standing = step.standing
        self._begin(step.action)
        if not resume:
            self._record()
            answer = self.discord.identify(self) if self._is_let_in() else None
        else:
            answer = self.discord.resume(self) if self._is_let_in() else None
        return self._closed() or answer

    def _is_let_in(self) -> bool:
        return self.discord.closes is None and self._token == self.discord.token

    def _closed(self) -> Signal | None:
        if self.discord.closes is not None:
            return Closed(code=self.discord.closes)
        return None if self._token == self.discord.token else Closed(code=4004)

    def _greet(self, *, resume: bool) -> Signal | None:
        return self._timed_out("resumed" if resume else "ready")

    def _timed_out(self, what: str) -> Signal | None:
        if self.machine.now_s - self._began_s < TIMEOUT_S:
            return None
        return TimedOut(waiting_for=what)  # type: ignore[arg-type] # one of its words

    def _serve(self) -> Signal | None:
        heard, self.heard = self.heard, None
        if heard is not None:
            return heard
        if not self.discord.reachable:
            return Closed()
        if self.discord.silent:
            silent_s = self.machine.now_s - self.event_at_s
            return TimedOut(waiting_for="acks") if silent_s >= ACKS_S else None
        self.event_at_s = self.machine.now_s
        return None

    def _history(self) -> tuple[float, ...]:
        path, now_s = self.shelf.identify_path, self.machine.unix_s
        if not path.exists():
            return ()
        raw, reading = path.read_bytes(), self.shelf.reading(self.machine)
        return identify_budget.decode(raw, limits=BUDGET, now_s=now_s, reading=reading)

    def _spent(self) -> BudgetSpent | None:
        if self.discord.remaining <= 0:
            until_s = self.machine.unix_s + 60.0
            return BudgetSpent(until_s=until_s, reason="session_start_limit")
        until = free_at_s(BUDGET, self._history(), now_s=self.machine.unix_s)
        return None if until is None else BudgetSpent(until_s=until, reason="identify_budget")

    def _record(self) -> None:
        now_s = self.machine.unix_s
        history = identify_budget.prune((*self._history(), now_s), now_s=now_s)
        self.shelf.identify_path.write_bytes(
            identify_budget.encode(history, self.shelf.reading(self.machine))
        )
