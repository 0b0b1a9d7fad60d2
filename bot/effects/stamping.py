"""Puts a nonce into a REST call that posts a message. Pure.

A call is what `discord.http.HTTPClient.request` takes: ``json=``, or ``form=`` with the same JSON
as its first part when files come along.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from bot.effects.derivation import is_made_up

METHOD, PATH = "POST", "/channels/{channel_id}/messages"
_JSON_PART = "payload_json"


def stamped(
    call: Mapping[str, Any], *, derived: str | None, make_up: Callable[[], str]
) -> dict[str, Any] | None:
    """Answer *call* with a nonce that Discord enforces; None for a call that holds no message.

    Args:
        derived: What takes the place of a nonce that discord.py made up; None keeps that.
        make_up: Answers a nonce for a message that has none.
    """
    payload, form = call.get("json"), call.get("form")
    if isinstance(payload, Mapping):
        return {**call, "json": _enforced(payload, derived, make_up)}
    if not form or form[0].get("name") != _JSON_PART:
        return None
    head, *files = form
    payload = _enforced(orjson.loads(head["value"]), derived, make_up)
    return {**call, "form": [{**head, "value": orjson.dumps(payload).decode()}, *files]}


def _enforced(
    payload: Mapping[str, Any], derived: str | None, make_up: Callable[[], str]
) -> dict[str, Any]:
    nonce = payload.get("nonce")
    if nonce is None:
        nonce = derived or make_up()
    elif derived is not None and is_made_up(nonce):
        nonce = derived
    return {**payload, "nonce": nonce, "enforce_nonce": True}
