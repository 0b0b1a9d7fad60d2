"""What a start must not import: it would be ready later for everybody, for the sake of some."""

from __future__ import annotations

import subprocess
import sys

from bot.settings import BotSettings
from tests.sources import ROOT

LATER = ("sqlalchemy", "alembic", "aiosqlite", "psycopg", "dateparser", "regex")


def test_plugins_leave_heavy_imports_for_later() -> None:
    """SQLAlchemy and its like are imported after READY, or by what needs them."""
    plugins = BotSettings.model_fields["plugins"].default
    modules = ("bot.client", "bot.services", *plugins)
    program = (
        "import importlib, sys\n"
        f"[importlib.import_module(name) for name in {modules!r}]\n"
        f"print(*(name for name in {LATER!r} if name in sys.modules))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert ran.stdout.split() == []
