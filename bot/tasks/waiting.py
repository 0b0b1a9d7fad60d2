"""The line of jobs that wait: by priority, first come first served within one."""

from __future__ import annotations

import heapq

from bot.tasks.job import AnyJob


class WaitingLine:
    """Jobs in the order in which they are to be begun; those that were cancelled are passed over.

    A cancelled job stays in the heap until it comes to the front, or until such entries are the
    majority; memory is therefore bounded by twice the number of jobs that wait.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, AnyJob]] = []
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def push(self, job: AnyJob) -> None:
        """Put *job* in line."""
        job.move("queued")
        self._waiting += 1
        heapq.heappush(self._heap, (job.priority, job.id, job))

    def pop(self) -> AnyJob | None:
        """Take the job that is next; None when nobody waits."""
        while self._heap:
            job = heapq.heappop(self._heap)[2]
            if job.status == "queued":
                self._waiting -= 1
                job.move("running")
                return job
        return None

    def left(self, job: AnyJob) -> None:
        """*job* leaves the line; its status must say so before anything else is done here."""
        self._waiting -= 1
        if len(self._heap) > 2 * self._waiting + 16:
            self._heap = [entry for entry in self._heap if entry[2] is not job and _waits(entry[2])]
            heapq.heapify(self._heap)


def _waits(job: AnyJob) -> bool:
    return job.status == "queued"
