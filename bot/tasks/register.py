"""The register of jobs: those that are not finished, the last that are, and how many there were."""

from __future__ import annotations

import collections
from typing import Any, Literal

from bot.tasks.job import AnyJob, JobId, JobRecord

HISTORY = 256  # finished jobs that are remembered


class JobRegister:
    """Every job from its submission to its end, and a record of the last `HISTORY` after it.

    Attributes:
        done: Jobs that ended well.
        failed: Jobs whose last attempt failed.
    """

    def __init__(self) -> None:
        self.done = self.failed = 0
        self._unfinished: dict[JobId, AnyJob] = {}
        self._history: collections.deque[JobRecord] = collections.deque(maxlen=HISTORY)

    def __len__(self) -> int:
        return len(self._unfinished)

    def add(self, job: AnyJob) -> None:
        """Take in a job that was submitted."""
        self._unfinished[job.id] = job

    def finish(
        self,
        job: AnyJob,
        status: Literal["done", "failed", "cancelled"],
        *,
        now_s: float,
        result: Any = None,
        error: BaseException | None = None,
    ) -> None:
        """End *job*, wake who waits for it, and remember its record."""
        job.finish(status, now_s=now_s, result=result, error=error)
        self.done += status == "done"
        self.failed += status == "failed"
        del self._unfinished[job.id]
        self._history.append(job.record(now_s))

    def unfinished(self) -> tuple[AnyJob, ...]:
        """Answer the jobs that are not finished, oldest first."""
        return tuple(self._unfinished.values())

    def get(self, job_id: JobId) -> AnyJob | None:
        """Answer a job that is not finished."""
        return self._unfinished.get(job_id)

    def find(self, job_id: JobId, *, now_s: float) -> JobRecord | None:
        """Answer how far a job came; None if it never was or is forgotten."""
        job = self._unfinished.get(job_id)
        if job is not None:
            return job.record(now_s)
        return next((record for record in self._history if record.id == job_id), None)

    def history(self) -> tuple[JobRecord, ...]:
        """Answer the finished jobs that are remembered, oldest first."""
        return tuple(self._history)
