"""What the operating system says of this process, by reads that cost microseconds."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from bot.heartbeat.sampler import cpu_percent
from watchdog.heartbeat import cgroup
from watchdog.heartbeat.schema import Process

COUNT_EVERY_S = 5.0  # threads and descriptors: listing those takes longer the more there are


class ProcessFacts:
    """Read memory, CPU, descriptors and threads; a read that fails keeps the last answer."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._has_proc = os.path.exists("/proc/self/statm")
        self._thread_ceilings = _thread_ceilings()
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._read_at_s, self._used_s = clock(), _cpu_seconds()
        self._counted_at_s = float("-inf")
        self._rss_bytes = self._files = self._threads = self._threads_limit = 0
        self._percent = 0.0

    def snapshot(self) -> Process:
        """Answer the facts of now; called from one thread only."""
        now_s, used_s = self._clock(), _cpu_seconds()
        percent = cpu_percent(used_s=used_s - self._used_s, elapsed_s=now_s - self._read_at_s)
        if percent is not None:
            self._percent, self._read_at_s, self._used_s = percent, now_s, used_s
        limit = _soft_limit("RLIMIT_NOFILE")
        counts = now_s - self._counted_at_s >= COUNT_EVERY_S
        if counts:
            self._counted_at_s = now_s
            limits = (*self._thread_ceilings, _soft_limit("RLIMIT_NPROC"))
            self._threads_limit = min(filter(None, limits), default=0)
        try:
            if self._has_proc:
                self._read_proc(counts)
            else:
                self._read_psutil(counts)
        except OSError:
            # Out of descriptors, even this read fails: then all of them are open.
            self._files = limit if _is_exhausted() else self._files
        return Process(
            rss_bytes=self._rss_bytes,
            cpu_percent=self._percent,
            open_files=self._files,
            open_files_limit=limit,
            threads=self._threads,
            threads_limit=self._threads_limit,
        )

    def _read_proc(self, counts: bool) -> None:
        # proc(5): statm is "size resident …" in pages, field 20 of stat the number of threads.
        self._rss_bytes = int(_read("/proc/self/statm").split()[1]) * self._page_bytes
        if counts:
            self._threads = int(_read("/proc/self/stat").rpartition(b")")[2].split()[17])
            self._files = len(os.listdir("/proc/self/fd")) - 1  # one is the listing itself

    def _read_psutil(self, counts: bool) -> None:
        import psutil

        process = psutil.Process()
        self._rss_bytes = process.memory_info().rss
        if counts:
            self._files, self._threads = process.num_fds(), process.num_threads()


def _read(path: str) -> bytes:
    """Answer a file of /proc, with a third of the calls that `open` makes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system


def _soft_limit(name: str) -> int:
    """Answer this process's limit *name*, 0 without one."""
    import resource

    soft, _ = resource.getrlimit(getattr(resource, name))
    return 0 if soft == resource.RLIM_INFINITY else soft


def _thread_ceilings() -> tuple[int, ...]:
    """Answer how many threads this process's control group, and the kernel, have room for."""
    found = []
    groups = cgroup.files("pids", unified="pids.max", legacy="pids.max")
    for path in (*groups, Path("/proc/sys/kernel/threads-max")):
        with contextlib.suppress(OSError, ValueError):  # not there, or `max`
            found.append(int(_read(str(path))))
    return tuple(found)


def _is_exhausted() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return True
    return False
