"""Everything that may happen, in random order, with a clock that jumps."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.storm.rules import Storm

QUICK = settings(
    max_examples=8,
    stateful_step_count=25,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_a_random_storm() -> None:
    """Never two leaders, never a wrong signal, never beyond a budget, and it serves at the end."""
    run_state_machine_as_test(Storm, settings=QUICK)
