"""A message on its way to Discord, as discord.py hands it to its HTTP calls. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from bot.commands import late


@dataclass(slots=True, kw_only=True)
class Message:
    """JSON alone, or JSON as one part of a form beside files."""

    payload: dict[str, Any]
    multipart: list[dict[str, Any]] | None
    files: Any

    @classmethod
    def of_answer(cls, params: Any) -> tuple[Message, int]:
        """Answer the message that an interaction callback holds, and the callback's type."""
        whole = params.payload or _json_part(params.multipart)
        message = cls(
            payload=dict(whole.get("data") or {}),
            multipart=params.multipart or None,
            files=params.files,
        )
        return message, int(whole["type"])

    @classmethod
    def of_call(cls, call: dict[str, Any]) -> Message:
        """Answer the message that a webhook call holds."""
        multipart = call.get("multipart") or None
        payload = call.get("payload") or _json_part(multipart)
        return cls(payload=dict(payload), multipart=multipart, files=call.get("files"))

    @property
    def flags(self) -> int:
        return int(self.payload.get("flags") or 0)

    def make_private(self, private: bool) -> None:
        """Set or clear the ephemeral flag."""
        flags = late.with_privacy(self.flags, private)
        if flags or "flags" in self.payload:
            self.payload["flags"] = flags

    def call(self) -> dict[str, Any]:
        """Answer the arguments of a webhook call."""
        if not self.files:
            return {"payload": self.payload}
        part = {"name": "payload_json", "value": orjson.dumps(self.payload).decode()}
        others = [entry for entry in self.multipart or () if entry["name"] != "payload_json"]
        return {"multipart": [part, *others], "files": self.files}


def _json_part(multipart: list[dict[str, Any]] | None) -> dict[str, Any]:
    for entry in multipart or ():
        if entry["name"] == "payload_json":
            loaded: dict[str, Any] = orjson.loads(entry["value"])
            return loaded
    return {}
