"""Unit tests marked `virtual_time` run on a loop whose clock jumps (`tests.virtual_time`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tests.virtual_time import VirtualTimeLoop


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known; unknown ones are errors."""
    config.addinivalue_line("markers", "virtual_time: the event loop's clock jumps over waits")


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Answer what makes the loop of a test."""
    if item.get_closest_marker("virtual_time"):
        return {"virtual": VirtualTimeLoop}
    return {"real": asyncio.new_event_loop}
