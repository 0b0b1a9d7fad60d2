"""What a test of a fault says of it: number, fault, right answer, and how long it may take. Pure.

`python -m bench.faults` runs the tests so marked and writes docs/faults.md from them; the quick
tests keep the table and the tests the same.
"""

from __future__ import annotations

import pytest

# The numbers of the catalogue, by part; a number without a test says why in UNTESTED.
PARTS: dict[str, range] = {
    "The bot dies or hangs": range(1, 19),
    "Discord misbehaves": range(20, 34),
    "The heartbeat file": range(40, 50),
    "Time": range(50, 53),
    "Policy": range(60, 67),
    "Watchdog, supervisord, shell": range(70, 83),
}
# number: (fault, why no test can show it here)
UNTESTED: dict[int, tuple[str, str]] = {}
# What a machine that does something else besides may add to a time before a test fails.
BUSY_S = 15.0


def fault(
    number: int, name: str, *, answer: str, within_s: float | None = None
) -> pytest.MarkDecorator:
    """Mark the test of one fault; it is named `test_fault_NN_…`, NN the number.

    Args:
        number: The fault's number in the catalogue.
        name: What goes wrong, in a few words.
        answer: What Novera does about it, as the test asserts it.
        within_s: How long that may take, in seconds, with the settings of the tests (HUNG_AFTER_S
            and FROZEN_AFTER_S are 2); None where a time says nothing. The test hands the time it
            measured to the fixture `measured`.
    """
    return pytest.mark.fault(number, name, answer=answer, within_s=within_s)
