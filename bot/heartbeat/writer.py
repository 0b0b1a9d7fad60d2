"""The heartbeat's thread: gather, compose, write, once every interval, whatever else breaks."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from bot.clock.wall import utc_now
from bot.heartbeat.beatfile import BeatFile
from bot.heartbeat.gatherer import Gatherer, Occasionally
from bot.heartbeat.life import Life
from bot.heartbeat.process import ProcessFacts
from bot.heartbeat.pulse import LoopPulse
from bot.heartbeat.sampler import Origin, Parts, compose, next_on_grid
from bot.heartbeat.sources import Sources
from watchdog.heartbeat import identity
from watchdog.heartbeat.schema import Failure, Heartbeat, Process, Role, State, encode

log = structlog.get_logger(__name__)


STALLED_AFTER_S = 3.0  # at least; a shorter silence of the thread is a slow machine
MAX_ABANDONED = 8  # threads that hang in a source for good; each keeps that source from being asked


class HeartbeatWriter:
    """Write the beat every *interval_s* seconds from a thread of its own.

    The loop's pulse calls `revive`: should the thread die or hang in a source, another takes over
    that does not ask this source, for good or as long as it hangs. One that hangs in a write is
    left alone: the disk would stop the next one too.

    Attributes:
        last: The newest beat, written or not; None before the first.
        failed_writes: Beats that could not be written.
        revivals: Threads that had to be replaced.
    """

    def __init__(
        self,
        path: Path,
        *,
        interval_s: float,
        sources: Sources,
        pulse: LoopPulse,
        slow_s: float = 0.5,
        role: Role = "leader",
        instance: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        stack_of: Callable[[int], str | None] | None = None,
        process: Callable[[], Process] | None = None,
        write: Callable[[Path, bytes], None] | None = None,
    ) -> None:
        self.last: Heartbeat | None = None
        self.failed_writes = self.revivals = 0
        self._origin = _origin(instance or str(uuid.uuid4()), interval_s)
        self._path, self._file = path, BeatFile(write=write)
        self._role, self._interval_s, self._pulse = role, interval_s, pulse
        self._clock, self._now = clock, now
        self._gatherer = Gatherer(
            sources,
            pulse=pulse,
            slow_s=slow_s,
            process=ProcessFacts(clock=clock).snapshot if process is None else process,
            stack_of=stack_of or _format_stack(),
            clock=clock,
        )
        self._occasionally = Occasionally(clock)
        self._sequence = 0
        self._life, self._abandoned, self._deadly = Life(), list[Life](), frozenset[str]()
        self._hand_over = threading.Lock()  # guards which life may write
        self._seen_steps = self._still_pulses = 0

    @property
    def instance(self) -> str:
        """A word of this life of the process alone."""
        return self._origin.instance

    @property
    def failed_sources(self) -> int:
        """How often a source raised or answered something else than its part."""
        return self._gatherer.failures

    def start(self) -> None:
        """Start the thread, and have the loop's pulse watch over it."""
        self._start_life()
        self._pulse.add_watcher(self.revive)

    def stop(self, *, timeout_s: float = 1.0) -> bool:
        """End the thread; answer whether it ended within *timeout_s* seconds."""
        self._pulse.remove_watcher(self.revive)
        life = self._life
        life.end()
        if life.thread is not None:
            life.thread.join(timeout_s)
        if life.is_alive():
            return False
        self._file.close()
        return True

    def redirect(self, path: Path, *, role: Role) -> None:
        """Write to *path* as *role* from the next beat on: a spare that has become the leader."""
        with self._hand_over:
            self._path, self._role = path, role
        self.hurry()

    def hurry(self) -> None:
        """Write the next beat now: somebody waits for what it says."""
        self._life.awake.set()

    def write_final(
        self, state: State, failure: Failure | None = None, *, timeout_s: float = 1.0
    ) -> bool:
        """End the thread and write the last beat; answer whether it is on disk.

        A disk that does not answer holds the caller for twice *timeout_s* at most.
        """
        if not self.stop(timeout_s=timeout_s):
            return False
        written = threading.Event()

        def last_beat() -> None:
            if self.beat(state=state, failure=failure):
                written.set()
            self._file.close()

        thread = threading.Thread(target=last_beat, name="heartbeat-final", daemon=True)
        thread.start()
        thread.join(timeout_s)
        return written.is_set()

    def beat(self, *, state: State | None = None, failure: Failure | None = None) -> bool:
        """Gather, compose and write one beat; answer whether it is on disk.

        Args:
            state: In place of what the source of the state says.
            failure: In place of what the source of the failure says.
        """
        return self._beat(self._life, state=state, failure=failure)

    def revive(self) -> None:
        """Replace the thread if it died or hangs; called by the loop at every pulse.

        Pulses are counted, clocks are not subtracted: a process that was frozen finds no stall.
        """
        life = self._life
        if life.over.is_set():
            return
        if life.steps != self._seen_steps or life.doing == "writing":
            self._seen_steps, self._still_pulses = life.steps, 0
            if life.is_alive():
                return
        self._still_pulses += 1
        limit_s = self._interval_s if not life.is_alive() else self._stall_limit_s()
        if self._still_pulses * self._pulse.interval_s >= limit_s:
            self._still_pulses = 0
            self._replace(life)

    def _stall_limit_s(self) -> float:
        return max(STALLED_AFTER_S, 3 * self._interval_s)

    def _replace(self, life: Life) -> None:
        self._abandoned = [one for one in self._abandoned if one.is_alive()]
        if len(self._abandoned) >= MAX_ABANDONED or not self._hand_over.acquire(blocking=False):
            return
        try:
            if life.doing == "writing" and life.is_alive():
                return
            life.end()
            cause = f"stuck in {life.doing}"
            if life.is_alive():
                self._abandoned.append(life)
            else:
                cause = f"died in {life.doing}"
                self._deadly |= {life.doing}
            self._life = Life()
        finally:
            self._hand_over.release()
        self.revivals += 1
        log.warning("heartbeat.revived", cause=cause, revivals=self.revivals)
        self._start_life()

    def _start_life(self) -> None:
        life = self._life
        thread = threading.Thread(target=self._run, args=(life,), name="heartbeat", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread to be had; the pulse tries again
            if self._occasionally.may_say("start"):
                log.warning("heartbeat.start_failed", exc_info=True)
            return
        life.thread = thread

    def _run(self, life: Life) -> None:
        life.does("writing")  # a disk that hangs stops the next thread too
        self._file.prepare(self._path)
        started_s = self._clock()
        while not life.over.is_set():
            self._beat(life)
            now_s = self._clock()
            next_s = next_on_grid(started_s, interval_s=self._interval_s, now_s=now_s)
            life.rest(next_s - now_s)

    def _beat(
        self, life: Life, *, state: State | None = None, failure: Failure | None = None
    ) -> bool:
        stuck = frozenset(one.doing for one in self._abandoned if one.is_alive())
        parts = self._gatherer.gather(skipped=stuck | self._deadly, asking=life.does)
        if state is not None:
            parts["state"] = state
        if failure is not None:
            parts["failure"] = failure
        with self._hand_over:
            if life is not self._life:  # given up while it hung in a source: another one writes
                return False
            life.does("writing")
            self._sequence += 1
            path, role = self._path, self._role
        try:
            raw = self._encode(parts, role)
            return raw is not None and self._write(path, raw)
        finally:
            life.does("resting")

    def _encode(self, parts: dict[str, Any], role: Role) -> bytes | None:
        """Answer the beat's bytes; when a part can't be told, those of the parts made here."""
        try:
            return self._compose(parts, role)
        except (TypeError, ValueError) as error:
            self._failed("heartbeat.encoding_failed", error)
        bare: dict[str, Any] = {
            name: parts[name] for name in ("state", "loop", "process") if name in parts
        }
        try:
            return self._compose(bare, role)
        except (TypeError, ValueError):
            return None

    def _compose(self, parts: dict[str, Any], role: Role) -> bytes:
        beat = compose(
            self._origin,
            Parts(**parts),
            role=role,
            sequence=self._sequence,
            written_at=self._now(),
            monotonic_s=self._clock(),
        )
        raw = encode(beat)
        self.last = beat
        return raw

    def _write(self, path: Path, raw: bytes) -> bool:
        try:
            self._file.replace(path, raw)
        except OSError as error:
            self.failed_writes += 1
            self._failed("heartbeat.write_failed", error)
            return False
        return True

    def _failed(self, event: str, error: Exception) -> None:
        if self._occasionally.may_say(event):
            log.warning(event, error=str(error), failed_writes=self.failed_writes)


def _origin(instance: str, interval_s: float) -> Origin:
    own = identity.own()
    return Origin(
        boot_id=identity.boot_id(),
        pid=own.pid,
        process_started=own.started,
        instance=instance,
        interval_s=interval_s,
    )


def _format_stack() -> Callable[[int], str | None]:
    # Imported now, not when it is needed: the loop may be blocked inside an import then.
    from bot.tasks.stacks import format_stack

    return format_stack
