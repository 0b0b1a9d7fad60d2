"""Routes of Discord that SimCord leaves to its host, and those it answers differently."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any

import simcord.http.client  # noqa: F401 - registers SimCord's routes
from simcord.backend import errors, serializers
from simcord.http.router import dispatch

from simulator.gateway.hub import Hub
from simulator.gateway.protocol import application_flags
from simulator.rest.bodies import Upload
from simulator.world import World

_NONCE_WINDOW_S = 300.0
_NONCE_KEPT = 100_000
_NONCE_CHARACTERS = 25
_APPLICATION = ("/oauth2/applications/@me", "/applications/@me")


class Routes:
    """Answers a request that the guard let through."""

    def __init__(self, world: World, hub: Hub) -> None:
        self.gateway_url = ""
        self._world, self._hub = world, hub
        # Of the bot, the one author who posts here: channel and message id, and until when.
        self._nonces: OrderedDict[str, tuple[int, int, float]] = OrderedDict()

    def answer(
        self,
        method: str,
        path: str,
        *,
        json: Any,
        params: dict[str, str],
        files: list[Upload],
        reason: str | None,
    ) -> Any:
        """Answer the JSON of the response, None for 204.

        Raises:
            BackendError: Discord would refuse; carries status and code.
        """
        if method == "GET":
            own = self._own(path)
            if own is not None:
                return own
        if method == "POST" and path.startswith("/channels/") and path.endswith("/messages"):
            return self._send(path, json, files, reason)
        body = self._dispatch(method, path, json, params, files, reason)
        if path.endswith("/callback") and path.startswith("/interactions/"):
            return body if params.get("with_response") in ("1", "true", "True") else None
        return body

    def _dispatch(
        self, method: str, path: str, json: Any, params: Any, files: Any, reason: str | None
    ) -> Any:
        approved = self._hub.portal.approved_now()
        return dispatch(
            self._world.backend,
            method,
            path,
            json=json,
            params=params,
            files=files,
            reason=reason,
            message_content_access="message_content" in approved,
        )

    def _own(self, path: str) -> Any:
        if path == "/gateway":
            return {"url": self.gateway_url}
        if path == "/gateway/bot":
            return {
                "url": self.gateway_url,
                "shards": self._hub.settings.shards,
                "session_start_limit": self._session_start_limit(),
            }
        if path in _APPLICATION:
            backend = self._world.backend
            info = dispatch(backend, "GET", _APPLICATION[0])
            info["owner"] = serializers.user_payload(self._world.owner)
            info["flags"] = application_flags(self._hub.portal.approved_now())
            info["approximate_guild_count"] = len(backend.guilds)
            return info
        return None

    def _session_start_limit(self) -> dict[str, Any]:
        limit = self._hub.starts.as_json()
        fault = self._hub.faults.peek("identifies_spent")
        if fault is not None:
            limit["remaining"] = 0
            left_s = fault.since_s + fault.number("reset_after_s") - time.monotonic()
            limit["reset_after"] = max(0, round(left_s * 1000))
        return limit

    # ------------------------------------------------------------- messages

    def _send(self, path: str, json: Any, files: list[Upload], reason: str | None) -> Any:
        """Send a message; an enforced nonce answers the first one again for 5 minutes."""
        nonce = json.get("nonce") if isinstance(json, dict) else None
        if nonce is None:
            return self._dispatch("POST", path, json, {}, files, reason)
        if isinstance(nonce, bool) or not isinstance(nonce, (str, int)):
            raise errors.invalid_form_body("nonce must be a string or an integer")
        if len(str(nonce)) > _NONCE_CHARACTERS:
            raise errors.invalid_form_body(f"nonce: must be {_NONCE_CHARACTERS} or fewer in length")
        if json.get("enforce_nonce"):
            first = self._first_with(str(nonce))
            if first is not None:
                return {**first, "nonce": nonce}
        message = self._dispatch("POST", path, json, {}, files, reason)
        until_s = time.monotonic() + _NONCE_WINDOW_S
        self._nonces[str(nonce)] = (int(message["channel_id"]), int(message["id"]), until_s)
        self._nonces.move_to_end(str(nonce))
        while len(self._nonces) > _NONCE_KEPT:
            self._nonces.popitem(last=False)
        return {**message, "nonce": nonce}

    def _first_with(self, nonce: str) -> dict[str, Any] | None:
        """Answer the message that had *nonce*, in whatever channel; Discord looks at its author.

        Raises:
            BackendError: it was deleted since; Discord does not send it again.
        """
        channel_id, message_id, until_s = self._nonces.get(nonce, (0, 0, 0.0))
        if time.monotonic() >= until_s:
            return None
        message = self._world.backend.messages.get(channel_id, {}).get(message_id)
        if message is None:
            raise errors.unknown_message()
        return dict(serializers.message_payload(self._world.backend, message))
