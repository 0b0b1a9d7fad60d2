"""The bot with the plugins that a test names, and a community around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.community.stage import Stage, serving, simulated


@pytest.fixture
async def stage(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
) -> AsyncIterator[Stage]:
    """The bot serves with the plugins of `@pytest.mark.plugins(…)`; its settings as keywords."""
    mark = request.node.get_closest_marker("plugins")
    plugins = mark.args if mark is not None else ()
    values = mark.kwargs if mark is not None else {}
    async with (
        simulated(tmp_path) as made,
        serving(made, monkeypatch, plugins, database_url=database_url, **values) as served,
    ):
        yield served
