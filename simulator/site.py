"""Serves the chat page and its script and style."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from simulator.driver import Driver
from simulator.errors import UnknownNameError
from simulator.page import CONTENT_SECURITY_POLICY, render

_STATIC = Path(__file__).with_name("static")
_TYPES = {"chat.css": "text/css", "chat.js": "text/javascript"}
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Site:
    """The page at `/`; `?channel=` and `?user=` choose what it shows."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        # Read once, while nobody waits for the loop.
        self._files = {name: (_STATIC / name).read_bytes() for name in _TYPES}

    def add_to(self, app: web.Application) -> None:
        """Add the page's routes."""
        app.router.add_get("/", self._page)
        app.router.add_get("/static/{name}", self._file)

    async def _page(self, request: web.Request) -> web.Response:
        world = await self._driver.world()
        guild = world["guilds"][0]
        user = request.query.get("user", "alice")
        channel = request.query.get("channel", "general")
        try:
            seen = await self._driver.wait_for_change(channel, user=user, guild=guild["id"])
        except UnknownNameError as error:
            return web.Response(status=404, text=str(error), headers=_HEADERS)
        text = render(
            guild=guild["name"],
            bot=world["bot"]["name"],
            channel=channel,
            channels=[each["name"] for each in guild["channels"] if each["type"] == 0],
            user=user,
            users=[name for name in guild["members"] if name != world["bot"]["name"]],
            messages=seen["messages"],
            online=seen["online"],
        )
        return web.Response(text=text, content_type="text/html", headers=_HEADERS)

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._files:
            raise web.HTTPNotFound
        return web.Response(
            body=self._files[name], content_type=_TYPES[name], charset="utf-8", headers=_HEADERS
        )
