"""A bot process that is made up: it beats, waits for the lead, serves, breaks, and ends."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from bot.gateway.transitions import Phase
from bot.stood_down import SLACK_S
from tests.storm.discord import Discord, Line, Shelf
from tests.storm.machine import Machine, Process
from watchdog.heartbeat import identity, retry, schema

LEADS_AFTER_S, IMPORT_S, WARM_S = 0.1, 0.4, 0.7
GIVES_WAY_S = 5.0  # the program `spare` lets the program `bot` lead first
END_S, STOP_WITHIN_S = 0.3, 8.0
INTERVAL_S = 1.0
LIGHT_BYTES, HEAVY_BYTES = 70 << 20, 4 << 30
STOPPED, FAILED, RESTART, TEMPORARY, CONFIGURATION = 0, 1, 26, 75, 78
INTERRUPTED, TERMINATED = 130, 143
HANDS_OVER = (RESTART, INTERRUPTED, TERMINATED)
FOR_GOOD = (STOPPED, CONFIGURATION)

Stage = Literal["importing", "waiting", "leading", "ending"]
Hang = Literal["", "block", "interpreter"]


class BotProcess(Process):
    """As `python -m bot`, of the program *kind*.

    Attributes:
        hang: `block`: the loop stands still; `interpreter`: everything does, and burns.
        mute: The heartbeat's thread hangs.
        leads: It has begun to; not yet, when the lock is its own and the loop stands still.
        breaks: Answers whether its code crashes when it is imported.
    """

    def __init__(
        self, machine: Machine, kind: str, shelf: Shelf, discord: Discord, *, parent_pid: int
    ) -> None:
        super().__init__(machine, kind, parent_pid=parent_pid)
        self.stage: Stage = "importing"
        self.hang: Hang = ""
        self.mute = self.leads = self.heavy = False
        self.line: Line | None = None
        self.failure: schema.Failure | None = None
        self.breaks: Callable[[], bool] = lambda: False
        self._shelf, self._discord, self._token = shelf, discord, shelf.token()
        self._code: int | None = None
        self._asked_at_s = self._beat_at_s = 0.0
        self._pulse = self._sequence = 0

    @property
    def serves(self) -> bool:
        """Whether somebody who asks now would be answered."""
        return (
            self.leads
            and not (self.dead or self.stopped or self.hang or self.tracer_pid)
            and self.disk_s <= 0
            and self.line is not None
            and self.line.serves
            and not self.line.deaf
        )

    def live(self, step_s: float) -> None:
        """One step of everything that it does."""
        super().live(step_s)
        self.busy = self.hang == "interpreter"
        if self.dead or self.stopped or self.disk_s > 0 or self.tracer_pid:
            return
        if self.busy:
            self.cpu_s += step_s
            return
        if self.hang:
            self._take_the_lock()  # a thread waits for it
        else:
            self._turn()
        if self._code is not None and self._is_over():
            return
        if self.stage != "importing" and self.machine.now_s - self._beat_at_s >= INTERVAL_S:
            self._beat()

    def act_on(self, number: signal.Signals) -> None:
        """End in time, whatever the loop does."""
        if self.busy or number not in (signal.SIGTERM, signal.SIGINT):
            return
        if number is signal.SIGINT and self.kind == "bot":
            self._stand_down()
        self.ask_to_end(INTERRUPTED if number is signal.SIGINT else TERMINATED)

    def ask_to_end(self, code: int) -> bool:
        """End with *code*, soon; answers whether this is the wish that counts: the first one."""
        if self._code is not None:
            return False
        self._code, self._asked_at_s = code, self.machine.now_s
        if self.stage == "importing":
            self.end(code)
        return True

    def postpone(self, wait_s: float) -> None:
        """End, to be started again in *wait_s*: something that it needs is not there."""
        if self.serves and self._code is None:
            entry = retry.Retry(retry_at_s=self.machine.unix_s + wait_s, reason="dependency")
            raw = retry.encode(entry, self._shelf.reading(self.machine))
            self._shelf.retry_path.write_bytes(raw)
            self.ask_to_end(TEMPORARY)

    def end(self, status: int, *, by: str = "") -> None:
        """Be dead."""
        if not by and self.leads and status in FOR_GOOD and self.machine.leader is self:
            self._stand_down()
        super().end(status, by=by)
        if self.line is not None:
            self.line.hang_up()

    def _turn(self) -> None:
        self._pulse += 1
        if self._code is not None:
            self._wind_down()
        elif self.stage == "importing":
            self._start()
        elif self.stage == "waiting":
            self._take_the_lock()
            if self.machine.leader is self:
                self._begin_to_lead()
        elif self.line is not None:
            before = self.line.standing.phase
            self.line.live()
            if self.line.failure is not None:
                self.failure = self.line.failure
                self.ask_to_end(CONFIGURATION)
            if before is not self.line.standing.phase and self.line.standing.phase is Phase.READY:
                self._beat()

    def _start(self) -> None:
        if self.age_s >= LEADS_AFTER_S and self.kind == "bot":
            if self.machine.leader is None:
                self.machine.leader = self
            self._clear_stood_down()
            if self.machine.leader is self and self._is_stood_down():
                self.machine.leader = None
        if self.age_s < IMPORT_S:
            return
        if self.breaks():
            self.end(FAILED)
            return
        self.stage = "waiting"
        if self.machine.leader is self:
            self._begin_to_lead()

    def _take_the_lock(self) -> None:
        patient = self.kind == "bot" or self.age_s >= GIVES_WAY_S
        waits = self.stage == "waiting" and patient and not self._is_stood_down()
        if waits and self.machine.leader is None:
            self.machine.leader = self

    def _begin_to_lead(self) -> None:
        self.stage, self.leads = "leading", True
        self.line = Line(self._discord, self._shelf, token=self._token)
        self._beat()
        self._path("spare").unlink(missing_ok=True)

    def _wind_down(self) -> None:
        self.stage = "ending"
        if self.line is not None:
            self.line.hang_up()
        hands_over = self._code in HANDS_OVER and not self._is_stood_down()
        if self.leads and hands_over and self.machine.leader is self:
            self.leads, self.machine.leader = False, None

    def _is_over(self) -> bool:
        """End when that is due; answers whether it is dead."""
        code, waited_s = self._code, self.machine.now_s - self._asked_at_s
        if code is None or waited_s < (STOP_WITHIN_S if self.hang else END_S):
            return False
        if not self.hang and not self.mute:
            self._beat()
        self.end(code)
        return True

    def _stand_down(self) -> None:
        if not self._shelf.is_full:
            (self._shelf.folder / "state/stood-down.json").write_text("{}")
            self._shelf.stood_down_s = self.machine.unix_s

    def _clear_stood_down(self) -> None:
        """Take back what was left before this process was ordered, as `stood_down.clear` does."""
        left_s, now_s = self._shelf.stood_down_s, self.machine.unix_s
        if left_s < now_s - self.age_s + SLACK_S or left_s > now_s + SLACK_S:
            (self._shelf.folder / "state/stood-down.json").unlink(missing_ok=True)

    def _is_stood_down(self) -> bool:
        return (self._shelf.folder / "state/stood-down.json").exists()

    def _path(self, role: schema.Role) -> Path:
        return self._shelf.folder / "state" / schema.BEAT_FILES[role]

    def _state(self) -> schema.State:
        if self._code is not None:
            return "failed" if self.failure is not None else "stopping"
        if self.line is not None:
            return self.line.state()
        return "ready" if self.age_s >= WARM_S else "starting"

    def _beat(self) -> None:
        if self.mute or self._shelf.is_full:
            return
        self._sequence += 1
        self._beat_at_s = self.machine.now_s
        role: schema.Role = "leader" if self.leads else "spare"
        beat = schema.Heartbeat(
            boot_id=identity.boot_id(),
            pid=self.pid,
            process_started=self.identity.started,
            instance=str(self.pid),
            sequence=self._sequence,
            written_at="2026-01-01T00:00:00.000Z",
            monotonic_s=self.machine.now_s,
            interval_s=INTERVAL_S,
            state=self._state(),
            role=role,
            loop=schema.Loop(pulse=self._pulse),
            gateway=self.line.gateway() if self.line is not None else schema.Gateway(),
            process=schema.Process(rss_bytes=HEAVY_BYTES if self.heavy else LIGHT_BYTES),
            failure=self.failure,
        )
        self._path(role).write_bytes(schema.encode(beat))


def forged(process: Process, *, role: schema.Role = "leader") -> schema.Heartbeat:
    """Answer a beat that names *process*, whatever that is."""
    return schema.Heartbeat(
        boot_id=identity.boot_id(),
        pid=process.pid,
        process_started=process.identity.started,
        instance="forged",
        sequence=1,
        written_at="2026-01-01T00:00:00.000Z",
        monotonic_s=process.machine.now_s,
        interval_s=1.0,
        state="ready",
        role=role,
    )
