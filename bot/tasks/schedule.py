"""When to run again: on a grid that does not drift, and after failures ever later. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait after failures in a row; times in seconds."""

    base_s: float = 1.0
    cap_s: float = 60.0
    jitter: float = 0.2

    def delay_s(self, failures: int, *, draw: float) -> float:
        """Answer the wait after so many failures in a row, nothing after none.

        Args:
            failures: Failures in a row, the last one included.
            draw: Random number in [0, 1) that the caller drew for the jitter.

        Raises:
            ValueError: *draw* is outside [0, 1).
        """
        if not 0 <= draw < 1:
            raise ValueError(f"draw must be in [0, 1), got {draw}")
        if failures <= 0:
            return 0.0
        delay_s = min(self.cap_s, self.base_s * 2.0 ** min(failures - 1, 30))
        return delay_s * (1 - self.jitter * draw)


def next_due_s(*, start_s: float, interval_s: float, now_s: float, not_before_s: float) -> float:
    """Answer the first point of the grid after *now_s* and not before *not_before_s*.

    The grid is *start_s* and every *interval_s* after it, so that a late run does not delay those
    that follow, and runs that were missed are skipped, not made up for.
    """
    behind = math.floor((now_s - start_s) / interval_s) + 1
    wanted = math.ceil((not_before_s - start_s) / interval_s)
    due_s = start_s + max(behind, wanted, 0) * interval_s
    # Rounding may put the product a hair before the moment that it must not precede.
    return due_s if due_s > now_s else due_s + interval_s
