"""Fixtures that all tests share."""

from __future__ import annotations

import pytest

from tests.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """Answer a monotonic clock that moves when told to."""
    return FakeClock()
