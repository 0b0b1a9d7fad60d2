"""How often the kernel killed for want of memory: the cgroup's counter, or the system's."""

from __future__ import annotations

import re
from pathlib import Path

from watchdog.heartbeat import cgroup

_COUNT = re.compile(rb"^oom_kill (\d{1,18})$", re.MULTILINE)


def read_count(root: Path = Path("/")) -> int | None:
    """Answer the narrowest counter that can be read, None where there is none.

    cgroup v2 `memory.events`, cgroup v1 `memory.oom_control`, else `/proc/vmstat`.
    """
    counters = cgroup.files(
        "memory", unified="memory.events", legacy="memory.oom_control", root=root
    )
    for path in (*counters, root / "proc/vmstat"):
        try:
            found = _COUNT.search(path.read_bytes())
        except OSError:
            continue
        if found:
            return int(found[1])
    return None
