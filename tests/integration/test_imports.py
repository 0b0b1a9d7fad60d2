"""Imports beside a loop that serves."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.imports import import_beside

SOURCES = {
    "import_good": (
        "import gc, threading\nenabled, thread = gc.isenabled(), threading.get_ident()\n"
    ),
    "import_bad": "raise LookupError('no moon')\n",
    "import_exit": "import sys\nsys.exit(3)\n",
}


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules of every kind, forgotten afterwards."""
    for name, source in SOURCES.items():
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in SOURCES:
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("modules")
async def test_what_can_not_be_imported_is_named_and_stops_nothing() -> None:
    """Not even one that ends the process: the loop of a spare goes on."""
    failed = await import_beside(["import_bad", "import_exit", "not_there", "import_good"])

    assert failed == ("import_bad", "import_exit", "not_there")
    assert sys.modules["import_good"].thread != threading.get_ident()


@pytest.mark.usefixtures("modules")
async def test_nothing_is_collected_meanwhile() -> None:
    """Each collection would look at all that was imported, and hold the loop for that long."""
    before = gc.get_freeze_count()
    await import_beside(["import_good"])

    assert sys.modules["import_good"].enabled is False
    assert gc.isenabled()
    assert gc.get_freeze_count() > before
