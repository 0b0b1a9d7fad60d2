"""What an external service answers to a call of the bot's own, redirects included."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from collections.abc import Iterator

from bot.outbound.addresses import networks
from bot.outbound.client import OutboundClient
from bot.outbound.errors import OutboundError, ResponseStatusError
from tests.fuzz import webhook
from tests.fuzz.choices import built
from tests.fuzz.stand_in import Script, answering
from tests.fuzz.surface import Check, Input, Surface

CALL_S = 0.3
MAX_BODY_BYTES = 100_000


async def call(client: OutboundClient, url: str) -> None:
    """Make one call: an answer, or the client's own error."""
    response, refusal = None, None
    try:
        response = await client.request(
            "GET", url, timeout_s=CALL_S, max_bytes=MAX_BODY_BYTES, retries=0, redirects=1
        )
    except OutboundError as error:
        refusal = error
    assert "secret" not in str(refusal)
    if isinstance(refusal, ResponseStatusError):
        response = refusal.response
        assert refusal.retry_after_s is None or math.isfinite(refusal.retry_after_s)
    if response is not None:
        assert len(response.body) <= MAX_BODY_BYTES
        response.text()
        with contextlib.suppress(ValueError):  # as it says: the body is not JSON
            response.json()


@contextlib.contextmanager
def opened() -> Iterator[Check]:
    """Run a stand-in, and a client for each input: a breaker would keep the next one out."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/secret?secret=1"
    script = Script()

    async def once() -> None:
        async with OutboundClient(reachable=networks(["127.0.0.0/8"])) as client:
            await call(client, url)

    with answering(listener, script), asyncio.Runner() as runner:

        def check(given: Input) -> None:
            script.parts = given
            runner.run(once())

        yield check


SURFACE = Surface(name="outbound", inputs=built(webhook.make, size=64), opened=opened)
