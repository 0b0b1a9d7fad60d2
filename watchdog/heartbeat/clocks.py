"""How far the wall clock is ahead of the monotonic one, kept beside Unix times on disk. Pure.

Times that must hold over processes and boots are Unix times. A wall clock that is set anew in
between, by NTP or by hand, shows within one boot, and the times can be moved by as much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Both clocks at one moment."""

    ahead_s: float
    boot_id: str

    @classmethod
    def of(cls, *, monotonic_s: float, unix_s: float, boot_id: str) -> Reading:
        """Answer the reading of a moment."""
        return cls(ahead_s=unix_s - monotonic_s, boot_id=boot_id)

    def keys(self) -> dict[str, Any]:
        """Answer what is written beside Unix times."""
        return {"ahead_s": self.ahead_s, "boot_id": self.boot_id}

    def set_since(self, document: Mapping[str, Any]) -> float:
        """Answer how many seconds ahead the wall clock was set since *document* was written.

        Zero over a reboot, and for a document that does not say.
        """
        ahead_s = document.get("ahead_s")
        if document.get("boot_id") != self.boot_id or type(ahead_s) not in (int, float):
            return 0.0
        set_s = self.ahead_s - float(ahead_s)  # type: ignore[arg-type] # a number, see above
        return set_s if math.isfinite(set_s) else 0.0
