"""The fault kit's gateway: what lasts ends with its block, what happens once hits somebody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

import pytest
from discord.ext import commands

from simulator.control import ControlClient
from simulator.server import Simulator
from tests.faults import Gateway

Lasting = Callable[[Gateway], AbstractContextManager[None]]


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        pytest.param("silent_gateway", lambda gateway: gateway.silence("new"), id="silence"),
        pytest.param("no_acks", lambda gateway: gateway.no_acks(), id="no ACKs"),
        pytest.param("refuse", lambda gateway: gateway.refuse("gateway"), id="refuse"),
        pytest.param("slow_gateway", lambda gateway: gateway.slow(0.1), id="slow"),
        pytest.param(
            "close_after_hello", lambda gateway: gateway.hang_up_after_hello(), id="hang up"
        ),
        pytest.param("no_ready", lambda gateway: gateway.no_ready(), id="no READY"),
        pytest.param("no_resumed", lambda gateway: gateway.no_resumed(), id="no RESUMED"),
    ],
)
async def test_what_lasts_ends_with_its_block(
    simulator: Simulator, name: str, begin: Lasting
) -> None:
    """Even when the test fails in it."""

    def active(client: ControlClient) -> list[str]:
        return [fault["name"] for fault in client.stats()["faults"]]

    def work() -> tuple[list[str], list[str]]:
        with ControlClient(simulator.addresses["url"]) as client:
            during: list[str] = []
            with suppress(ZeroDivisionError), begin(Gateway(client)):
                during = active(client)
                raise ZeroDivisionError
            return during, active(client)

    assert await asyncio.to_thread(work) == ([name], [])


async def test_what_happens_once_happens_to_a_connection(
    simulator: Simulator, bot: commands.Bot
) -> None:
    """A fault that reaches nobody would prove nothing, so it is an error."""

    def work() -> int:
        with ControlClient(simulator.addresses["url"]) as client:
            gateway = Gateway(client)
            index = client.stats()["gateway"]["log_index"]
            with pytest.raises(LookupError):
                gateway.drop_tcp(shard=7)
            gateway.drop_tcp()
            client.wait_for_gateway("resumed", after=index)
            return gateway.count("resumed")

    assert bot.is_ready()
    assert await asyncio.to_thread(work) == 1
