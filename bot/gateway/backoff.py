"""How long to wait before the next connection. Pure."""

from __future__ import annotations

BASE_S = 1.0
CAP_S = 60.0
QUICK_S = 0.5  # Discord asks for an immediate RESUME after op 7; the draw spreads shards
STABLE_AFTER_S = 10.0  # a connection that served this long is forgiven what went before


def delay_s(attempt: int, *, draw: float) -> float:
    """Answer the seconds to wait before *attempt*.

    Args:
        attempt: 0 for the first reconnect after a connection that was well (0 to 0.5 s), then
            1, 2, 3 … (1 to 2 s, 2 to 4 s, 4 to 8 s … 30 to 60 s).
        draw: Random number in [0, 1).

    Raises:
        ValueError: *draw* is outside [0, 1) or *attempt* is negative.
    """
    if not 0 <= draw < 1:
        raise ValueError(f"draw must be in [0, 1), got {draw}")
    if attempt < 0:
        raise ValueError(f"attempt must be 0 or more, got {attempt}")
    if attempt == 0:
        return QUICK_S * draw
    longest_s = min(CAP_S, BASE_S * 2.0 ** min(attempt, 30))
    return max(BASE_S, longest_s * (1 - draw / 2))
