"""A plugin that notes each import of its process, with the time: `imports-PID.txt`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

from discord.ext import commands


class Noting(MetaPathFinder):
    """Finds nothing, and is asked first."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        """Note *name*."""
        with open(f"imports-{os.getpid()}.txt", "a", encoding="utf-8") as file:
            file.write(f"{time.monotonic()} {name}\n")


sys.meta_path.insert(0, Noting())


async def setup(bot: commands.Bot) -> None:
    """Entry point of the extension; all is done."""
