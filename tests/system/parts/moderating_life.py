"""The real bot process, which settles what was left pending sooner than it does in earnest.

python -m tests.system.parts.moderating_life
"""

from __future__ import annotations

import sys
from datetime import timedelta

import bot.__main__
from bot.moderation import settling


def main() -> int:
    """Serve in the folder in which it runs; answers the exit code."""
    settling.FIRST_LOOK_S, settling.LOOK_EVERY_S = 2.0, 0.5
    settling.GRACE = timedelta(seconds=1)
    return bot.__main__.main(["run"])


if __name__ == "__main__":
    sys.exit(main())
