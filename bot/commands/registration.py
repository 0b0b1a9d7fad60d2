"""Whether Discord's picture of the commands is out of date. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

SCHEMA = 1
GLOBAL = "global"
_MAX_SCOPES = 10_000


def fingerprint(payloads: Iterable[Mapping[str, Any]]) -> str:
    """Answer a hash of the commands as Discord is told them; their order does not matter."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    lines = sorted(orjson.dumps(payload, option=options) for payload in payloads)
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def outdated(
    known: Mapping[str, str], current: Mapping[str, str], *, force: bool = False
) -> tuple[str, ...]:
    """Answer the scopes to register anew: those that changed, and those that lost all commands.

    Args:
        known: Hash by scope (`GLOBAL` or a server's id), as Discord was last told.
        current: The same, as the bot holds them; a server without commands is left out.
        force: All scopes, also those that did not change.
    """
    changed = [scope for scope, digest in current.items() if force or known.get(scope) != digest]
    emptied = [scope for scope in known if scope not in current]
    return tuple(changed + emptied)


def encode(known: Mapping[str, str], *, application: int, api_url: str) -> bytes:
    """Answer *known* for the disk, bound to one application on one Discord."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "application": str(application),
            "api_url": api_url,
            "scopes": dict(known),
        }
    )


def decode(raw: bytes, *, application: int, api_url: str) -> dict[str, str]:
    """Answer what was registered; empty when *raw* is damaged or tells of another application."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    ours = {"schema": SCHEMA, "application": str(application), "api_url": api_url}
    if not isinstance(document, dict) or any(document.get(k) != v for k, v in ours.items()):
        return {}
    scopes = document.get("scopes")
    if not isinstance(scopes, dict) or len(scopes) > _MAX_SCOPES:
        return {}
    return {scope: digest for scope, digest in scopes.items() if isinstance(digest, str)}
