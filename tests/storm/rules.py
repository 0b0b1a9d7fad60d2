"""The storm: what may happen in any order, and what must hold after each step and at the end."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.gateway.signals import Closed, ReconnectAsked, SessionInvalid, Signal
from tests.storm.bots import FAILED, RESTART, STOPPED, BotProcess, forged
from tests.storm.machine import Process
from tests.storm.mail import LIMITS
from tests.storm.scene import staged
from watchdog.heartbeat import schema

SETTLED_S = 60.0
SERVES_WITHIN_S = 900.0  # the longest wait of all: a login falls out of the budget's ten minutes
QUIET_S = 20.0

programs = st.sampled_from(["bot", "spare"])
troubles = st.sampled_from(
    [
        Closed(),
        Closed(code=4000),
        Closed(code=4008),
        Closed(code=4009),
        ReconnectAsked(),
        SessionInvalid(resumable=True),
        SessionInvalid(resumable=False),
    ]
)


class Storm(RuleBasedStateMachine):
    """One service, and everything that may happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = contextlib.ExitStack()
        self.scene = self._stack.enter_context(staged())

    @initialize(seconds=st.sampled_from([0.0, 1.0, 10.0]))
    def begin(self, seconds: float) -> None:
        """Trouble may come while everything starts."""
        self.scene.run(seconds)

    def aim(self, program: str, act: Callable[[BotProcess], object]) -> None:
        """Do something to the process of *program*, if there is one."""
        process = self.scene.process(program)
        if process is not None:
            act(process)

    # Time

    @rule(seconds=st.sampled_from([0.3, 1.0, 3.0, 10.0]))
    def a_while_goes_by(self, seconds: float) -> None:
        """Before the next trouble."""
        self.scene.run(seconds)

    @rule(seconds=st.sampled_from([40.0, 70.0, 130.0]))
    def minutes_go_by(self, seconds: float) -> None:
        """Budgets are forgiven, windows pass."""
        self.scene.run(seconds)

    @rule(seconds=st.sampled_from([2.0, 10.0, 600.0]))
    def the_machine_sleeps(self, seconds: float) -> None:
        """A paused virtual machine."""
        self.scene.machine.pause(seconds)

    @rule(seconds=st.sampled_from([-7200.0, -60.0, 1.0, 3600.0, 90_000.0]))
    def the_clock_is_set(self, seconds: float) -> None:
        """NTP, DST, somebody's hand."""
        self.scene.machine.unix_s += seconds

    # Processes

    @rule(program=programs, number=st.sampled_from([signal.SIGKILL, signal.SIGTERM]))
    def a_bot_is_killed(self, program: str, number: signal.Signals) -> None:
        """By anybody."""
        self.aim(program, lambda process: process.take(number))

    @rule(program=programs, go_on=st.booleans())
    def a_bot_is_frozen(self, program: str, go_on: bool) -> None:
        """SIGSTOP; perhaps SIGCONT before anybody has done anything."""
        self.aim(program, lambda process: process.take(signal.SIGSTOP))
        if go_on:
            self.scene.run(2.0)
            self.aim(program, lambda process: process.take(signal.SIGCONT))

    @rule(program=programs, how=st.sampled_from(["block", "interpreter"]))
    def a_bot_hangs(self, program: str, how: str) -> None:
        """The loop alone, or the interpreter."""
        self.aim(program, lambda process: setattr(process, "hang", how))

    @rule(program=programs)
    def a_bot_crashes(self, program: str) -> None:
        """Exit 1."""
        self.aim(program, lambda process: process.end(FAILED))

    @rule(program=programs, attribute=st.sampled_from(["mute", "heavy"]))
    def a_bot_ails(self, program: str, attribute: str) -> None:
        """Its heartbeat's thread hangs, or it leaks."""
        self.aim(program, lambda process: setattr(process, attribute, True))

    @rule(program=programs)
    def a_bot_waits_for_a_disk(self, program: str) -> None:
        """No signal acts for 7 s."""
        self.aim(program, lambda process: setattr(process, "disk_s", 7.0))

    @rule(program=programs, seconds=st.sampled_from([5.0, 30.0]))
    def a_bot_is_debugged(self, program: str, seconds: float) -> None:
        """It stands still, and is nobody's business."""
        process = self.scene.process(program)
        if process is not None:
            process.tracer_pid = 4242
            self.scene.run(seconds)
            process.tracer_pid = 0

    @rule()
    def new_code_is_broken(self) -> None:
        """Every start crashes from now on."""
        self.scene.broken = True

    @precondition(lambda self: self.scene.broken)
    @rule()
    def the_code_is_mended(self) -> None:
        """No start does."""
        self.scene.broken = False

    # The bot's own ways to end

    @rule(wait_s=st.sampled_from([5.0, 100.0]))
    def a_dependency_is_away(self, wait_s: float) -> None:
        """Exit 75."""
        leader = self.scene.leader()
        if leader is not None:
            leader.postpone(wait_s)

    @rule()
    def somebody_says_restart(self) -> None:
        """Exit 26."""
        leader = self.scene.leader()
        if leader is not None and leader.serves:
            leader.ask_to_end(RESTART)

    @rule()
    def somebody_says_shutdown(self) -> None:
        """Exit 0: stopped stays stopped."""
        leader = self.scene.leader()
        if leader is not None and leader.serves and leader.ask_to_end(STOPPED):
            self.scene.wanted = False
            self.scene.run(2.0)

    # Discord

    @rule(trouble=troubles)
    def the_connection_has_trouble(self, trouble: Signal) -> None:
        """Once."""
        self.scene.discord.trouble(trouble)

    @rule(what=st.sampled_from(["reachable", "answers_identify", "resumes"]))
    def discord_refuses(self, what: str) -> None:
        """Until it is well again."""
        setattr(self.scene.discord, what, False)

    @rule(
        what=st.sampled_from(
            [("silent", True), ("limited_s", 90.0), ("closes", 4000), ("remaining", 0)]
        )
    )
    def discord_is_strange(self, what: tuple[str, object]) -> None:
        """Until it is well again."""
        setattr(self.scene.discord, *what)

    @rule()
    def discord_is_well(self) -> None:
        """As one hopes."""
        self.scene.discord.heal()

    @rule()
    def the_token_is_revoked(self) -> None:
        """4004, 401; exit 78."""
        self.scene.discord.token += "x"
        self.scene.discord.trouble(Closed(code=4004))

    @rule()
    def the_token_is_mended(self) -> None:
        """In `.env`."""
        self.scene.write_token(self.scene.discord.token)

    @rule()
    def the_connection_dies_unnoticed(self) -> None:
        """Nothing comes, and the bot does not know."""
        leader = self.scene.leader()
        if leader is not None and leader.serves and leader.line is not None:
            leader.line.deaf = True

    # Operators

    @rule(word=st.sampled_from(["stop", "start", "restart"]), program=programs)
    def an_operator_orders(self, word: str, program: str) -> None:
        """`supervisorctl`."""
        self.scene.order(word, program)

    # Watchdog, supervisord, disk

    @rule()
    def the_watchdog_is_killed(self) -> None:
        """Between two ticks."""
        self.scene.kill_watchdog()

    @rule(calls=st.integers(0, 12))
    def the_watchdog_dies_at_work(self, calls: int) -> None:
        """In the middle of a tick, between two of its calls to the outside."""
        self.scene.machine.doom = calls
        self.scene.run(1.0)
        self.scene.machine.doom = None

    @rule(seconds=st.sampled_from([3.0, 60.0]))
    def the_watchdog_is_frozen(self, seconds: float) -> None:
        """SIGSTOP, SIGCONT."""
        self.scene.stop_watchdog(seconds)

    @rule(seconds=st.sampled_from([1.0, 15.0]))
    def supervisord_is_frozen(self, seconds: float) -> None:
        """It answers no call, and reaps nobody."""
        self.scene.supervisord.take(signal.SIGSTOP)
        self.scene.run(seconds)
        self.scene.supervisord.take(signal.SIGCONT)

    @rule()
    def supervisord_is_killed(self) -> None:
        """Everything starts anew."""
        self.scene.kill_supervisord()
        self.scene.run(3.0)

    @rule(seconds=st.sampled_from([3.0, 30.0]))
    def the_disk_is_full(self, seconds: float) -> None:
        """No beat can be written."""
        self.scene.shelf.is_full = True
        self.scene.run(seconds)
        self.scene.shelf.is_full = False

    @rule(down=st.booleans())
    def the_webhook_changes(self, down: bool) -> None:
        """500, or well."""
        self.scene.mail.down = down

    # Strangers

    @rule(role=st.sampled_from(["leader", "spare"]))
    def a_stranger_gets_the_pid_of_a_beat(self, role: schema.Role) -> None:
        """Pids are used again."""
        path = self.scene.folder / "state" / schema.BEAT_FILES[role]
        beat = _decoded(path) if path.exists() else None
        if beat is not None and beat.pid not in self.scene.machine.processes:
            Process(self.scene.machine, "stranger", parent_pid=1, pid=beat.pid)

    @rule(role=st.sampled_from(["leader", "spare"]), raw=st.sampled_from([b"", b"{", b"\xff" * 9]))
    def a_beat_is_garbage(self, role: schema.Role, raw: bytes) -> None:
        """Until the next one is written."""
        (self.scene.folder / "state" / schema.BEAT_FILES[role]).write_bytes(raw)

    @rule(
        role=st.sampled_from(["leader", "spare"]),
        kind=st.sampled_from(["stranger", "watchdog", "supervisord"]),
    )
    def a_beat_names_somebody_else(self, role: schema.Role, kind: str) -> None:
        """Pid and start time of a process that must not be signalled."""
        scene, machine = self.scene, self.scene.machine
        who = {
            "stranger": Process(machine, "stranger", parent_pid=1),
            "watchdog": scene.watchdog,
            "supervisord": scene.supervisord,
        }[kind]
        if who is None:
            return
        beat = forged(who, role=role)
        (self.scene.folder / "state" / schema.BEAT_FILES[role]).write_bytes(schema.encode(beat))

    # What must hold

    @invariant()
    def nothing_is_wrong(self) -> None:
        """Two leaders, signals to strangers, budgets: see `audit`, `machine`, `discord`, `mail`."""
        assert self.scene.machine.wrongs == []

    def teardown(self) -> None:
        """After the last fault: it serves, or says why not."""
        with self._stack:
            self.calm()

    def calm(self) -> None:
        """End all troubles, and see what becomes of it."""
        scene = self.scene
        scene.machine.doom, scene.broken, scene.mail.down = None, False, False
        scene.discord.heal()
        self.nothing_is_wrong()
        if not scene.wanted:
            scene.run(SETTLED_S)
            self.nothing_is_wrong()
            assert scene.leader() is None, "stopped stays stopped"
            assert scene.verdict in ("stopped", "held"), scene.guardian.service
            assert scene.verdict == "held" or scene.guardian.casebook.open is None
            scene.order("restart" if scene.process("bot") else "start", "bot")
        self.serve_again()
        self.nothing_is_wrong()
        scene.run(0.0 if scene.mail.is_empty else LIMITS.cap_s)
        assert scene.mail.is_empty

    def serve_again(self) -> None:
        """Serve within time, and close the incident; what was given up says so, and waits."""
        scene, asked, well_s = self.scene, False, 0.0
        until_s = scene.machine.now_s + SERVES_WITHIN_S
        while well_s < QUIET_S:
            assert scene.machine.now_s < until_s, f"does not serve: {scene.guardian.service}"
            scene.run(1.0)
            closed = scene.guardian.casebook.open is None
            well = scene.serves and closed and scene.verdict in ("healthy", "degraded")
            well_s = well_s + 1.0 if well else 0.0
            if not scene.serves and not asked and scene.verdict in ("held", "failed"):
                scene.write_token(scene.discord.token)
                scene.order("restart" if scene.process("bot") else "start", "bot")
                asked = True


def _decoded(path: Path) -> schema.Heartbeat | None:
    try:
        return schema.decode(path.read_bytes())
    except schema.HeartbeatError:
        return None
