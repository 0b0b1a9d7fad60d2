"""How often the kernel killed for want of memory: the cgroup's counter, or the system's."""

from __future__ import annotations

import re
from pathlib import Path

_COUNT = re.compile(rb"^oom_kill (\d{1,18})$", re.MULTILINE)


def read_count(root: Path = Path("/")) -> int | None:
    """Answer the narrowest counter that can be read, None where there is none.

    cgroup v2 `memory.events`, cgroup v1 `memory.oom_control`, else `/proc/vmstat`.
    """
    for path in (*_of_cgroup(root), root / "proc/vmstat"):
        try:
            found = _COUNT.search(path.read_bytes())
        except OSError:
            continue
        if found:
            return int(found[1])
    return None


def _of_cgroup(root: Path) -> list[Path]:
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    paths = []
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, inner = rest.partition(":")
        name = inner.lstrip("/")
        if ".." in name.split("/"):
            continue
        if number == "0" and not controllers:
            paths.append(root / "sys/fs/cgroup" / name / "memory.events")
        elif "memory" in controllers.split(","):
            paths.append(root / "sys/fs/cgroup/memory" / name / "memory.oom_control")
    return paths
