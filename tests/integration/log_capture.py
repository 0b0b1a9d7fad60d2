"""What modules log, whatever another test has made of structlog's settings before."""

from __future__ import annotations

from collections.abc import MutableMapping
from types import ModuleType
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture


def captured(
    monkeypatch: pytest.MonkeyPatch, *modules: ModuleType
) -> list[MutableMapping[str, Any]]:
    """Answer the list that everything *modules* log is put into, until the test ends."""
    capture = LogCapture()
    logger = structlog.wrap_logger(
        None,
        processors=[capture],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        cache_logger_on_first_use=False,
    )
    for module in modules:
        monkeypatch.setattr(module, "log", logger)
    return capture.entries
