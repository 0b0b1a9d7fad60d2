"""What the watchdog sees, made up: the shortest way to say one poll."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from watchdog.health.limits import Limits
from watchdog.health.liveness import Judgement, Observation, Standing, judge
from watchdog.health.observation import BeatSight, ProcessSight, ProgramSight, Sight
from watchdog.health.progress import Progress, advance
from watchdog.heartbeat import schema
from watchdog.heartbeat.identity import Identity

WHO = Identity(pid=4242, started=100.0)
LIMITS = Limits()
NOTHING = Standing()
RUNNING = ProgramSight(state="RUNNING", pid=WHO.pid)
HEALTHY = schema.Heartbeat(
    boot_id="boot",
    pid=WHO.pid,
    process_started=WHO.started,
    instance="first",
    sequence=0,
    written_at="2026-01-01T00:00:00.000Z",
    monotonic_s=100.0,
    interval_s=1.0,
    state="ready",
)


class Watch:
    """Polls in a row; beats once a second, two polls a beat, unless told otherwise."""

    def __init__(self, *, limits: Limits = LIMITS, standing: Standing = NOTHING) -> None:
        self.limits, self.standing = limits, standing
        self.progress = Progress()
        self.beat: schema.Heartbeat | None = HEALTHY
        self.polls = 0
        self.judgement = Judgement(verdict="unknown", reason="")

    def poll(
        self,
        *,
        gap_s: float = 0.5,
        turning: bool = True,
        beating: bool = True,
        process: dict[str, Any] | None = None,
        program: ProgramSight | None = RUNNING,
        **beat: Any,
    ) -> Judgement:
        """Poll once: *turning* the pulse moves, *beating* a new beat comes every second poll."""
        self.polls += 1
        if self.beat is not None and beating and self.polls % 2:
            pulse = self.beat.loop.pulse + (10 if turning else 0)
            loop = replace(self.beat.loop, pulse=pulse)
            self.beat = replace(self.beat, sequence=self.beat.sequence + 1, loop=loop)
        shown = None if self.beat is None else replace(self.beat, **beat.pop("changes", {}))
        seen = ProcessSight(identity=WHO, **(process or {}))
        sight = Sight(
            gap_s=gap_s,
            program=program,
            program_trouble=None if program else "timeout",
            process=seen,
            beat=BeatSight(
                beat=shown,
                trouble=beat.pop("trouble", None),
                distrusted=beat.pop("distrusted", False),
                strange=beat.pop("strange", False),
            ),
            **beat,
        )
        self.progress = advance(self.progress, sight, self.limits)
        observation = Observation(sight=sight, progress=self.progress, standing=self.standing)
        self.judgement = judge(observation, self.limits)
        return self.judgement

    def polls_until(self, verdict: str, *, most: int = 400, **poll: Any) -> int:
        """Poll until *verdict*; answer after how many polls, or fail after *most*."""
        for number in range(1, most + 1):
            if self.poll(**poll).verdict == verdict:
                return number
        raise AssertionError(f"not {verdict} within {most} polls: {self.judgement}")

    def verdicts(self, polls: int, **poll: Any) -> set[str]:
        """Answer the verdicts of *polls* more polls."""
        return {self.poll(**poll).verdict for _ in range(polls)}
