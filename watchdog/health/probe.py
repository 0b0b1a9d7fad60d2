"""Look at the bot once: supervisord's word, the kernel's, and the heartbeat."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from watchdog.errors import SupervisordError
from watchdog.health.observation import BeatSight, ProcessSight, ProgramSight, Sight
from watchdog.health.verdict import Role
from watchdog.heartbeat import file, identity
from watchdog.heartbeat.file import HeartbeatFileError
from watchdog.heartbeat.identity import Identity
from watchdog.heartbeat.schema import Heartbeat, HeartbeatError, decode
from watchdog.process.handle import ProcessHandle
from watchdog.process.kernel import KERNEL, Kernel
from watchdog.supervisord.program import Program

ASK_EVERY_S = 2.0  # while all is well; a death is seen through the pidfd meanwhile
ASK_LEAST_S = 0.2  # between two questions, unless something is to be done right after
LATE = 1.2  # beats; from then on it is of interest what the threads do
ASK_SILENT_S = 5.0  # after a call that was not answered

log = structlog.get_logger(__name__)


class Probe:
    """Gather what one poll sees; *handle* is the process that supervisord names.

    Attributes:
        is_named: It has named it; until it answers, a beat is all there is to go by.

    Args:
        beats: Where a process of each role beats. Which one ours has is known by its beat alone.
        role: What the process is taken for while supervisord is silent and nobody has met it.
    """

    def __init__(
        self,
        program: Program,
        beats: Mapping[Role, Path],
        *,
        role: Role = "leader",
        waited_s: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = time.monotonic,
        kernel: Kernel = KERNEL,
    ) -> None:
        self.handle: ProcessHandle | None = None
        self.program: ProgramSight | None = None
        self.is_named = self._was_heard = False
        self._source, self._beats, self._role = program, beats, role
        self._clock, self._waited_s, self._kernel = clock, waited_s, kernel
        self._trouble: str | None = None
        self._looked_at_s: float | None = None
        self._waited_before_s = 0.0
        self._asked_at_s = float("-inf")
        self._believed: Heartbeat | None = None
        self._raw: dict[Role, bytes] = {}

    def look(self, *, ask: bool, state_writable: bool = True) -> Sight:
        """Answer what is seen now; *ask* supervisord although its word is not old yet."""
        now_s, waited_s = self._clock(), self._waited_s()
        gap_s = 0.0
        if self._looked_at_s is not None:
            gap_s = now_s - self._looked_at_s - (waited_s - self._waited_before_s)
        self._looked_at_s, self._waited_before_s = now_s, waited_s
        if self._is_due(now_s, ask=ask):
            self.ask()
        if self.handle is not None and not self.is_named and self.handle.ended():
            self.release()  # whose end that was is for supervisord to say
        if self.handle is None and self.program is None and not self._was_heard:
            self._adopt_by_beat()
        process = self._process()
        beat = self._beat(self.handle.identity if self.handle else None)
        if (
            process is not None
            and beat.beat is not None
            and beat.age_s > LATE * beat.beat.interval_s
        ):
            process = self._kernel.see_threads(process)
        return Sight(
            gap_s=max(0.0, gap_s),
            program=self.program,
            program_trouble=self._trouble,
            process=process,
            beat=beat,
            state_writable=state_writable,
        )

    def ask(self) -> ProgramSight | None:
        """Ask supervisord now, and hold on to the process that it names; None: no answer."""
        try:
            program = self._source.look()
        except SupervisordError as error:
            self.fail(error)
            return None
        self.hear(program)
        return program

    def fail(self, error: SupervisordError) -> None:
        """Note that supervisord did not answer."""
        if self._trouble != error.reason:
            log.warning("supervisord.silent", method=error.method, reason=error.reason)
        self.program, self._trouble = None, error.reason
        self._asked_at_s = self._clock()

    def is_silent(self) -> bool:
        """Answer whether supervisord was silent so lately that to ask would only cost time."""
        return self._trouble is not None and not self._is_due(self._clock(), ask=True)

    def hear(self, program: ProgramSight) -> None:
        """Note what supervisord said, and hold on to the process that it names."""
        if self._trouble is not None:
            log.info("supervisord.answered")
        self.program, self._trouble = program, None
        self._asked_at_s = self._clock()
        self._was_heard = True
        runs = program.pid > 1 and program.state in ("STARTING", "RUNNING", "STOPPING")
        if self.handle is not None:
            if runs and self.handle.identity.pid == program.pid:
                self.is_named = True
                return
            if self.is_named and (not runs or self.handle.ended()):
                return  # an end is for the keeper to see first
            log.warning("process.replaced", pid=self.handle.identity.pid, by=program.pid)
            self.release()
        if runs:
            self._hold(program.pid)
            self.is_named = True

    def release(self) -> None:
        """Let go of a process that has ended."""
        if self.handle is not None:
            self.handle.close()
        self.handle, self._believed, self.is_named = None, None, False

    def beat_of(self, who: Identity | None) -> Heartbeat | None:
        """Answer the last beat of *who*; of any process of this boot if None.

        For the last word of a process that has ended.
        """
        found = []
        for role, path in self._beats.items():
            try:
                beat = decode(file.read(path))
            except (HeartbeatError, OSError):
                continue
            if beat.role == role and beat.boot_id == identity.boot_id():
                found.append(beat)
        if who is None:
            return next((beat for beat in found if beat.role == self._role), None)
        own = [beat for beat in found if beat.is_of(who.pid, who.started)]
        return max(own, key=_moment, default=self._believed)

    def _is_due(self, now_s: float, *, ask: bool) -> bool:
        since_s = now_s - self._asked_at_s
        if self._trouble is not None:
            return since_s >= ASK_SILENT_S
        return since_s >= (ASK_LEAST_S if ask else ASK_EVERY_S)

    def _hold(self, pid: int) -> None:
        self.handle = self._kernel.open(pid)
        self._believed = None
        self._raw.clear()

    def _adopt_by_beat(self) -> None:
        """Find the bot by its beat before supervisord has ever answered.

        To be watched, and no more: it may be the other program's, or a stranger.
        """
        beat = self.beat_of(None)
        if beat is None or beat.pid <= 1:
            return
        who = self._kernel.identify(beat.pid)
        if who is not None and beat.is_of(who.pid, who.started):
            self._hold(beat.pid)

    def _process(self) -> ProcessSight | None:
        if self.handle is None or self.handle.ended():
            return None
        process = self._kernel.see(self.handle.identity.pid)
        if process is None or process.identity != self.handle.identity:
            return None
        return process

    def _beat(self, who: Identity | None) -> BeatSight:
        """Answer the beat of *who*, the last one believed if the file can't be read now."""
        if who is None:
            return BeatSight()
        troubles: dict[Role, HeartbeatError | OSError] = {}
        new = []
        for role, path in self._beats.items():
            try:
                beat = self._read(role, path)
            except (HeartbeatError, OSError) as error:
                troubles[role] = error
                continue
            if beat is not None and beat.role == role and beat.is_of(who.pid, who.started):
                new.append(beat)
        self._believed = max(new, key=_moment, default=self._believed)
        believed, found = self._believed, None
        if believed is not None:
            found = troubles.get(believed.role)
        elif len(troubles) == len(self._beats):
            found = troubles["leader"]
        age_s = 0.0 if believed is None else max(0.0, self._clock() - believed.monotonic_s)
        unsafe = found if isinstance(found, HeartbeatFileError) else None
        distrusted = unsafe is not None and unsafe.reason.startswith(("owned", "writable"))
        return BeatSight(
            beat=believed,
            age_s=age_s,
            trouble=_trouble(found, known=believed is not None),
            distrusted=distrusted,
            strange=unsafe is not None and not distrusted,
        )

    def _read(self, role: Role, path: Path) -> Heartbeat | None:
        """Answer the beat in *path*, None when it is the one that was there at the last look.

        Raises:
            HeartbeatError: it can't be believed.
            OSError: it can't be read.
        """
        self._check_folder(path.parent)
        raw = file.read(path)
        if raw == self._raw.get(role):
            return None
        beat = decode(raw)
        self._raw[role] = raw
        return beat if beat.boot_id == identity.boot_id() else None

    @staticmethod
    def _check_folder(folder: Path) -> None:
        status = os.stat(folder)
        if status.st_mode & stat.S_IWOTH:
            raise HeartbeatFileError("writable by everybody: its folder")
        if status.st_uid != os.geteuid():
            raise HeartbeatFileError("owned by another user: its folder")


def _trouble(error: Exception | None, *, known: bool) -> str | None:
    """Answer in short why there is no beat to believe; None when it is only not there yet."""
    match error:
        case None:
            return None
        case FileNotFoundError():
            return "the file is gone" if known else None
        case HeartbeatError():
            return error.reason
        case OSError():
            return error.strerror or "unreadable"
    return str(error)


def _moment(beat: Heartbeat) -> float:
    return beat.monotonic_s
