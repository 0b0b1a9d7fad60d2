"""Tests of one part that take real processes, real waits or many real connections.

They run beside each other, unlike those of a whole installation, and none measures time closely.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from discord.ext import commands

from simulator.driver import Driver
from simulator.server import Simulator
from simulator.testing import running
from tests.integration.simulator_bots import make_bot
from tests.integration.simulator_wire import Dialer


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A simulated Discord with its usual settings."""
    async with Simulator() as one:
        yield one


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client."""
    async with aiohttp.ClientSession() as one:
        yield one


@pytest.fixture
def dialer(simulator: Simulator, session: aiohttp.ClientSession) -> Dialer:
    """Opens connections to the gateway, byte by byte."""
    return Dialer(simulator, session)


@pytest.fixture
async def bot(simulator: Simulator) -> AsyncIterator[commands.Bot]:
    """A real discord.py bot that is ready."""
    async with running(make_bot(), simulator) as one:
        yield one


@pytest.fixture
def driver(simulator: Simulator, bot: commands.Bot) -> Driver:
    """What users do, and the bot answers."""
    assert bot.is_ready()
    return simulator.driver
