"""The counting bot with a fault for each way in which a handler breaks a bot: `break WORD`.

It breaks soon after the message is handled, so that the process breaks and not the message, which
would be handled again by the next one.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping

import discord

from bench.counting_bot import CountingBot
from bench.hang import HANGS_AFTER_S
from tests import faults

FAULTS: Mapping[str, Callable[[], object]] = {
    "block": lambda: faults.block_loop(600),
    "nap": lambda: faults.block_loop(0.8),
    "spin": faults.spin,
    "interpreter": faults.hold_gil,
    "exit": lambda: os._exit(1),
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "files": lambda: faults.leak_files(50),
    "threads": lambda: faults.leak_threads(5),
}


class StormBot(CountingBot):
    """A client that is broken by those who talk to it."""

    async def on_message(self, message: discord.Message) -> None:
        """Answer a number, or break."""
        word, _, rest = message.content.partition(" ")
        fault, _, said_s = rest.partition(" ")
        if word != "break" or message.author.bot:
            await super().on_message(message)
        elif time.monotonic() - float(said_s) < 1.0:  # one that a dead process left is over
            self.loop.call_later(HANGS_AFTER_S, FAULTS[fault])


def bot() -> discord.Client:
    """Answer the bot."""
    return StormBot()
