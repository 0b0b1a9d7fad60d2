"""A short storm of a fixed seed over the real system; `python -m bench.storm` blows for minutes."""

from __future__ import annotations

import pytest

from tests.storm import live
from tests.system.conftest import Make
from tests.system.roles import wait_leader, wait_spare

SEED, BLOWS_S = 5, 14.0


@pytest.mark.slow
@pytest.mark.alone
def test_a_storm_breaks_no_invariant(make_installation: Make) -> None:
    """One leader, no stranger signalled, no budget overdrawn, and at the end it answers."""
    installation = make_installation(**live.SETTINGS)
    installation.start_simulator()
    installation.start_supervisord()
    wait_leader(installation)
    wait_spare(installation)
    storm = live.Storm(installation, seed=SEED, say=print)

    storm.run(BLOWS_S)

    assert storm.wrongs == []
    assert storm.done >= 2
