"""Which failures are worth another try, and how long to wait for it. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from bot.outbound.errors import ConnectionFailedError, ResponseStatusError

# Methods whose second sending changes nothing (RFC 9110, section 9.2.2).
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
# Statuses that another try may mend; of the 5xx not 501, which stays.
RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"


def retry_after_s(header: str | None, *, now: datetime) -> float | None:
    """Answer the seconds that a Retry-After *header* asks for, None without a readable one.

    Args:
        header: Seconds or an HTTP date (RFC 9110, section 10.2.3).
        now: Aware wall-clock time, which a date is compared with.
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            at = datetime.strptime(header, _HTTP_DATE).replace(tzinfo=UTC)
        except ValueError:
            return None
        seconds = (at - now).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def decide(error: Exception, *, idempotent: bool, left_s: float) -> bool | float:
    """Answer whether to try again after *error*: no, yes with a backoff, or after so many seconds.

    Args:
        idempotent: A second sending does no harm.
        left_s: Seconds of the call's total time that are left; a longer wait is not begun.
    """
    if not idempotent or left_s <= 0:
        return False
    if isinstance(error, ConnectionFailedError):
        return True
    if isinstance(error, ResponseStatusError) and error.status in RETRIED_STATUSES:
        if error.retry_after_s is None:
            return True
        return error.retry_after_s if error.retry_after_s < left_s else False
    return False


def counts_as_down(error: Exception) -> bool:
    """Answer whether *error* says that the host itself is unwell, for its circuit breaker."""
    if isinstance(error, ResponseStatusError):
        return error.status >= 500
    return isinstance(error, ConnectionFailedError | TimeoutError)
