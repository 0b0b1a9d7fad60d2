"""HTTP to the control API, synchronous, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from simulator.errors import ControlError

_TIMEOUT_S = 10.0


class Transport:
    """One kept-alive connection to a simulator. Not shared by threads.

    After the first answer it uses the control port, which no fault closes.
    """

    def __init__(self, url: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "ws") or not parts.hostname:
            raise ValueError(f"not an address of a simulator: {url!r}")
        self._host, self._port = parts.hostname, parts.port or 80
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None
        self._addresses: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ------------------------------------------------------------- addresses

    @property
    def addresses(self) -> Mapping[str, str]:
        """url, api_url, gateway_url and control_url of the simulator."""
        if not self._addresses:
            index = self._request("GET", "", None)
            self._addresses = {key: value for key, value in index.items() if key != "verbs"}
            control = urlsplit(self._addresses["control_url"])
            self.close()
            self._host, self._port = control.hostname or self._host, control.port or self._port
        return self._addresses

    @property
    def api_url(self) -> str:
        """REST base of the simulator."""
        return self.addresses["api_url"]

    @property
    def gateway_url(self) -> str:
        """What `GET /gateway/bot` answers there."""
        return self.addresses["gateway_url"]

    def wait_until_up(self, timeout_s: float = 10.0) -> None:
        """Wait until the simulator answers; raises TimeoutError."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                _ = self.addresses
                return
            except OSError as error:
                if time.monotonic() >= deadline_s:
                    raise TimeoutError("the simulator does not answer") from error
                time.sleep(0.02)

    def call(self, verb: str, /, **given: Any) -> Any:
        """Call any verb; raises ControlError with the simulator's explanation."""
        _ = self.addresses
        wait_s = max(float(given.get("wait_s") or 0), float(given.get("timeout_s") or 0))
        return self._request("POST", f"/{verb}", given, wait_s=wait_s)

    def _request(
        self, method: str, path: str, given: Mapping[str, Any] | None, *, wait_s: float = 0.0
    ) -> Any:
        body = None if given is None else json.dumps(given)
        for attempt in (1, 2):
            connection = self._connected(wait_s)
            try:
                connection.request(
                    method, f"/control{path}", body, {"Content-Type": "application/json"}
                )
                response = connection.getresponse()
                raw = response.read()
                break
            except (ConnectionError, http.client.BadStatusLine):
                # The server closed a connection that was idle: once more on a new one.
                was_fresh = connection is not self._connection or attempt == 2
                self.close()
                if was_fresh:
                    raise
            except BaseException:
                self.close()
                raise
        answer = json.loads(raw)
        if response.status != 200:
            message = answer.get("error") if isinstance(answer, dict) else None
            raise ControlError(path.strip("/") or "control", response.status, str(message))
        return answer

    def _connected(self, wait_s: float) -> http.client.HTTPConnection:
        timeout_s = self._timeout_s + wait_s
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        elif self._connection.sock is not None:
            self._connection.sock.settimeout(timeout_s)
        self._connection.timeout = timeout_s
        return self._connection
