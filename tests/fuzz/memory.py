"""How much memory this process took at its peak, over what it had when somebody began to look."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """The peak since this was made; on Linux the kernel's own mark is set back first."""

    def __init__(self) -> None:
        if _CLEAR.exists():
            _CLEAR.write_text("5")  # proc(5): resets the peak resident set size
        self._began_bytes = _peak_bytes()

    def growth_bytes(self) -> int:
        """Answer how far the peak is above the beginning."""
        return max(0, _peak_bytes() - self._began_bytes)


def _peak_bytes() -> int:
    if _STATUS.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
