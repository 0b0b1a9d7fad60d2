"""Small files that the bot finds at its start: logins, a wait, registered commands, the lock."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from bot.commands import registration
from bot.gateway import identify_budget
from bot.gateway.identify_budget import Limits
from bot.leadership import FileLeadership
from tests.fuzz.choices import Choices, built
from tests.fuzz.mutation import byte_edited, json_text
from tests.fuzz.surface import Input, Surface
from tests.fuzz.watchdog_files import in_a_folder
from watchdog.heartbeat import retry

NOW_S = 1_700_000_000.0
LOGINS = identify_budget.encode([NOW_S - 90_000, NOW_S - 500, NOW_S - 20, NOW_S + 5])
RETRY = retry.encode(retry.Retry(retry_at_s=NOW_S + 30, reason="rate_limited"))
API_URL = "https://discord.com/api/v10"
HASHES = registration.encode({"global": "ab", "5": "cd"}, application=7, api_url=API_URL)


def logins(_folder: Path, given: Input) -> None:
    """Whatever the ledger holds, a login is counted on, and none too many is allowed."""
    limits = Limits()
    history = identify_budget.decode(given[0], limits=limits, now_s=NOW_S)
    assert len(history) <= identify_budget.MAX_ENTRIES
    assert all(NOW_S - identify_budget.LONG_WINDOW_S < at_s <= NOW_S for at_s in history)
    for _ in range(limits.max_10_min):
        history = identify_budget.prune((*history, NOW_S), now_s=NOW_S)
        identify_budget.decode(identify_budget.encode(history), limits=limits, now_s=NOW_S)
    free_at_s = identify_budget.free_at_s(limits, history, now_s=NOW_S)
    assert free_at_s is not None, "logins beyond the limit"
    assert NOW_S < free_at_s <= NOW_S + identify_budget.LONG_WINDOW_S


def wait(_folder: Path, given: Input) -> None:
    """Whatever was left, the wait is a number of seconds that is not over and not for ever."""
    found = retry.decode(given[0], now_s=NOW_S)
    if found is not None:
        assert math.isfinite(found.retry_at_s)
        assert 0 < found.retry_at_s - NOW_S <= retry.MAX_WAIT_S
        assert retry.decode(retry.encode(found), now_s=NOW_S) == found


def hashes(_folder: Path, given: Input) -> None:
    """Whatever is known of the commands, it is compared with those there are, and kept again."""
    known = registration.decode(given[0], application=7, api_url=API_URL)
    scopes = registration.outdated(known, {"global": "ab"})
    assert all(isinstance(scope, str) for scope in scopes)
    registration.encode(known, application=7, api_url=API_URL)


def lock(folder: Path, given: Input) -> None:
    """Whatever the lock file holds, it names a pid or nobody, and it can be taken."""
    path = folder / "leader.lock"
    path.write_bytes(given[0])
    with FileLeadership(path) as leadership:
        holder = leadership.holder()
        assert holder == "unknown" or holder.isdecimal()
        assert leadership.try_acquire()


def make_json(raw: bytes) -> Callable[[Choices], Input]:
    """Answer what makes inputs of one JSON file."""
    return lambda choices: (json_text((raw,), choices),)


def make_lock(choices: Choices) -> Input:
    """Answer a lock file."""
    return (byte_edited(b"4242\n", choices, (b"9" * 5000, b"\xd9\xa3", b"\xb2", b"-1")),)


SURFACES = tuple(
    Surface(name=name, inputs=built(make), opened=in_a_folder(check))
    for name, make, check in (
        ("logins", make_json(LOGINS), logins),
        ("retry", make_json(RETRY), wait),
        ("command_hashes", make_json(HASHES), hashes),
        ("leader_lock", make_lock, lock),
    )
)
