"""Where the kernel keeps what it allows and counts for this process's control group, v2 or v1."""

from __future__ import annotations

from pathlib import Path


def files(controller: str, *, unified: str, legacy: str, root: Path = Path("/")) -> list[Path]:
    """Answer the files that may hold a value of this process's group; none need be there.

    Args:
        controller: Such as `memory`.
        unified: The file's name in cgroup v2.
        legacy: The same in v1, in the folder of *controller*.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    groups, paths = root / "sys/fs/cgroup", []
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, inner = rest.partition(":")
        name = inner.lstrip("/")
        if ".." in name.split("/"):
            continue
        if number == "0" and not controllers:
            paths.append(groups / name / unified)
        elif controller in controllers.split(","):
            paths.append(groups / controller / name / legacy)
    return paths
