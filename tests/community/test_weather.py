"""The weather, from a service on this machine that does well, and one that does not."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.plugins.weather.cog import MAX_BYTES
from tests.community.stage import Stage, serving, simulated
from tests.integration.serving import until

TOLD = {"location": {"name": "Berlin"}, "now": [{"t": 7.5, "words": "Rain @everyone"}]}
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Service:
    """A weather service; it counts its questions and answers as it is told.

    Attributes:
        status: Of its answers.
        instead: Answers in its place.
        asked: Places that it was asked for.
    """

    def __init__(self) -> None:
        self.status = 200
        self.instead: Answer | None = None
        self.asked: list[str] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Tell the weather everywhere."""
        self.asked.append(request.query["q"])
        if self.instead is not None:
            return await self.instead(request)
        return web.json_response(TOLD, status=self.status)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """It listens on loopback, which the bot calls only where it may."""
    made = Service()
    app = web.Application()
    app.router.add_get("/now", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/now?q={{place}}&key=s3cret"
    yield made
    await runner.cleanup()


@pytest.fixture
async def stage(
    service: Service,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Stage]:
    """The bot with the weather plugin and the settings of the test."""
    values: dict[str, Any] = {
        "weather_url": SecretStr(service.url),
        "weather_fields": ("place=location.name", "summary=now.0.words", "temperature_c=now.0.t"),
        "outbound_networks": ("127.0.0.0/8",),
    }
    values |= getattr(request, "param", {})
    async with (
        simulated(tmp_path) as made,
        serving(made, monkeypatch, ("weather",), **values) as served,
    ):
        yield served


async def test_the_weather_is_asked_once_for_all(stage: Stage, service: Service) -> None:
    """By slash and by text; whoever asks for the same place soon reads the same answer."""
    first = await stage.slash("weather", {"place": "Berlin & around"}, user="alice")
    again = await stage.say("!weather  berlin  & AROUND", user="bob")

    assert "Weather: Berlin" in first
    assert "Rain @everyone" in first
    assert "7.5 °C" in first
    assert again == first
    assert service.asked == ["Berlin & around"]


async def test_a_service_that_fails_is_left_alone(stage: Stage, service: Service) -> None:
    """The user is told, not where it is; after some failures nothing is sent to it any more."""
    service.status = 503
    told = [await stage.say(f"!weather town{n}", user=u) for n in range(3) for u in ("mod", "bob")]
    asked = len(service.asked)
    last = await stage.say("!weather elsewhere", user="alice")

    assert all("service" in each and "127.0.0.1" not in each for each in told)
    assert "keeps failing. Please try again in" in last
    assert len(service.asked) == asked


async def test_a_place_that_is_none_is_not_asked_for(stage: Stage, service: Service) -> None:
    """It is refused in words."""
    assert await stage.say("!weather ???", user="alice") == "That is no name of a place."
    assert service.asked == []


async def test_nobody_asks_without_end(stage: Stage, service: Service) -> None:
    """Five questions in a minute are enough for one user."""
    for number in range(5):
        await stage.say(f"!weather town{number}", user="alice")
    told = await stage.say("!weather another", user="alice")

    assert told.startswith("Please try again in")
    assert len(service.asked) == 5


@pytest.mark.parametrize("stage", [{"outbound_networks": ()}], indirect=True)
async def test_this_machine_is_not_asked_unless_it_may_be(stage: Stage, service: Service) -> None:
    """A service in the own network has to be allowed by name."""
    told = await stage.say("!weather Berlin", user="alice")

    assert told.startswith("The address of the service I should ask is not allowed.")
    assert service.asked == []


@pytest.mark.parametrize("stage", [{"weather_url": SecretStr("")}], indirect=True)
async def test_without_a_service_there_is_no_command(stage: Stage) -> None:
    """The plugin loads and offers nothing."""
    assert stage.bot.get_command("weather") is None
    assert stage.bot.tree.get_command("weather") is None


async def test_who_asks_at_once_asks_once(stage: Stage, service: Service) -> None:
    """Several users want the same while the service is slow; all of them get it."""
    go_on = asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        await go_on.wait()
        return web.json_response(TOLD)

    service.instead = slow
    asking = [
        asyncio.ensure_future(stage.slash("weather", {"place": "Berlin"}, user=user))
        for user in ("alice", "bob", "mod")
    ]
    await until(lambda: bool(service.asked))
    await asyncio.sleep(0.1)
    go_on.set()

    assert all("7.5 °C" in text for text in await asyncio.gather(*asking))
    assert service.asked == ["Berlin"]


def _packed(_: web.Request) -> web.Response:
    """A few kilobytes that are 50 MB."""
    body = gzip.compress(b" " * 50_000_000)
    return web.Response(body=body, headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize(
    ("response", "told"),
    [
        pytest.param(lambda _: web.Response(text="<html>"), "told nothing", id="html"),
        pytest.param(lambda _: web.Response(body=b"[" * 60_000), "told nothing", id="deep"),
        pytest.param(lambda _: web.Response(body=b'{"x":' + b"9" * 9000 + b"}"), "told nothing",
                     id="long number"),
        pytest.param(lambda _: web.Response(body=b" " * (MAX_BYTES + 1)), "more than", id="long"),
        pytest.param(_packed, "more than", id="packed"),
        pytest.param(
            lambda _: web.Response(status=302, headers={"Location": "http://169.254.169.254/"}),
            "not allowed", id="to a cloud's metadata",
        ),
        pytest.param(
            lambda r: web.Response(status=302, headers={"Location": str(r.url)}), "service",
            id="in circles",
        ),
        pytest.param(
            lambda _: web.Response(status=302, headers={"Location": "file:///etc/passwd"}),
            "service", id="to a file",
        ),
    ],
)  # fmt: skip
async def test_a_hostile_service_is_told_of_and_harms_nothing(
    stage: Stage, service: Service, response: Callable[[web.Request], web.Response], told: str
) -> None:
    """The user reads what is wrong in words, and the next question is answered."""

    async def instead(request: web.Request) -> web.StreamResponse:
        return response(request)

    service.instead = instead
    text = await stage.say("!weather Berlin", user="alice")
    service.instead = None

    assert told in text
    assert "s3cret" not in text
    assert "127.0.0.1" not in text
    assert "7.5 °C" in await stage.say("!weather Berlin", user="bob")


async def test_words_of_a_stranger_are_text(stage: Stage, service: Service) -> None:
    """They hide no link, turn nothing round, and format nothing."""

    async def instead(_: web.Request) -> web.StreamResponse:
        words = "**Sun** [more](https://evil.example) \u202eniar\x00"
        return web.json_response({"now": [{"words": words}]})

    service.instead = instead
    text = await stage.say("!weather Berlin", user="alice")

    assert "\\*\\*Sun\\*\\* \\[more](https://evil.example) niar" in text
    assert "\u202e" not in text
