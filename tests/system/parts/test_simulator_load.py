"""The simulator's own load: numbered messages at an even pace, and what became of them."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from simulator.errors import RefusedError
from simulator.server import Simulator
from simulator.testing import running


class Counting(discord.Client):
    """Answers each number; some not at all, some twice."""

    def __init__(self, *, deaf_to: frozenset[int] = frozenset(), stutters: int = 0) -> None:
        super().__init__(intents=discord.Intents.all(), guild_ready_timeout=0.1)
        self.deaf_to, self.stutters = deaf_to, stutters

    async def on_message(self, message: discord.Message) -> None:
        """Answer `n NUMBER`."""
        word, _, number = message.content.partition(" ")
        if word == "n" and int(number) not in self.deaf_to:
            for _ in range(2 if int(number) == self.stutters else 1):
                await message.channel.send(f"got {number}")


def counts(tally: dict[str, Any]) -> dict[str, int]:
    """Answer the counts of a tally."""
    return {name: tally[name] for name in ("sent", "answered", "lost", "twice")}


async def test_every_message_of_a_load_is_counted(simulator: Simulator) -> None:
    """Two loads are one row of numbers; the tally waits until all are answered."""
    async with running(Counting(), simulator):
        await simulator.driver.load(rate_per_s=200, messages=20)
        await simulator.driver.load(rate_per_s=400, messages=20)

        tally = await simulator.driver.tally(timeout_s=20)

    assert counts(tally) == {"sent": 40, "answered": 40, "lost": 0, "twice": 0}
    assert tally["left"] == 0


async def test_what_is_lost_or_answered_twice_is_named(simulator: Simulator) -> None:
    """The simulator's own record says it, not the bot."""
    async with running(Counting(deaf_to=frozenset({3, 9}), stutters=5), simulator):
        await simulator.driver.load(rate_per_s=500, messages=10)

        tally = await simulator.driver.tally(timeout_s=1)

    assert counts(tally) == {"sent": 10, "answered": 8, "lost": 2, "twice": 1}
    assert (tally["lost_numbers"], tally["twice_numbers"]) == ([3, 9], [5])


async def test_a_load_keeps_its_pace(simulator: Simulator) -> None:
    """Messages are spread evenly over the time, whoever listens."""
    await simulator.driver.load(rate_per_s=100, messages=50)

    early = await simulator.driver.tally(timeout_s=0.2)
    late = await simulator.driver.tally(timeout_s=1)

    assert 5 <= early["sent"] <= 45
    assert (late["sent"], late["lost"]) == (50, 50)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"rate_per_s": 0.0}, id="no pace"),
        pytest.param({"rate_per_s": 1e6}, id="too fast"),
        pytest.param({"messages": -1}, id="fewer than none"),
    ],
)
async def test_a_load_out_of_range_is_refused(simulator: Simulator, given: dict[str, Any]) -> None:
    """And there is no tally without a load."""
    with pytest.raises(RefusedError, match="must be in"):
        await simulator.driver.load(**given)
    with pytest.raises(RefusedError, match="no load yet"):
        await simulator.driver.tally()
