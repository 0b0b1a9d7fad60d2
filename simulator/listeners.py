"""The ports of the simulator, which a fault can close for real and open again."""

from __future__ import annotations

import asyncio
import socket

from aiohttp import web

_BACKLOG = 512


class Listeners:
    """Listening sockets by name. A closed one stays bound, so that nobody takes its port."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._ports: dict[str, int] = {}
        self._open: dict[str, asyncio.Server] = {}
        self._held: dict[str, socket.socket] = {}
        self._web: web.Server | None = None

    async def start(self, server: web.Server, ports: dict[str, int]) -> None:
        """Bind and open every port of *ports*; 0 picks a free one."""
        self._web = server
        for name, port in ports.items():
            self._held[name] = self._bind(port)
            self._ports[name] = self._held[name].getsockname()[1]
            await self._listen(name)

    def reserve(self, name: str) -> int:
        """Bind a port where nobody will ever listen, and answer it."""
        self._held[name] = self._bind(0)
        return int(self._held[name].getsockname()[1])

    def port(self, name: str) -> int:
        """Answer the port of *name*."""
        return self._ports[name]

    async def close_only(self, names: frozenset[str]) -> None:
        """Close the ports in *names* and open all others."""
        for name in self._ports:
            if name in names and name in self._open:
                self._open.pop(name).close()
                self._held[name] = self._bind(self._ports[name])
            elif name not in names and name not in self._open:
                await self._listen(name)

    def stop(self) -> None:
        """Close everything."""
        for server in self._open.values():
            server.close()
        for held in self._held.values():
            held.close()
        self._open.clear()
        self._held.clear()

    async def _listen(self, name: str) -> None:
        assert self._web is not None  # noqa: S101 - start comes first
        held = self._held.pop(name)
        loop = asyncio.get_running_loop()
        self._open[name] = await loop.create_server(self._web, sock=held, backlog=_BACKLOG)

    def _bind(self, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        try:
            bound.bind((self._host, port))
        except OSError:
            bound.close()
            raise
        return bound
