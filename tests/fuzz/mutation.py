"""Valid things with a few changes: JSON trees, and plain bytes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

from tests.fuzz.choices import Choices
from tests.fuzz.surface import Input


def nested(depth: int, inner: object = 0) -> object:
    """Answer lists within lists."""
    for _ in range(depth):
        inner = [inner]
    return inner


# What parsers stumble over: limits of numbers, texts that are no words, wrong shapes, and size.
HOSTILE: tuple[object, ...] = (
    *(None, True, False, 0, -1, 1, 7, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64),
    *(-(2**63), -(2**64), 10**30, 10**400, 0.0, -0.0, 0.5, 1e308, -1e308, 5e-324, 1e15, -1e15),
    *(float("nan"), float("inf"), float("-inf")),
    *("", " ", "x", "0", "-1", "1", "1e999", "nan", "9" * 30, "9" * 5000, "a" * 20_000, "null"),
    *("\0", "\ud800", "\udc00\ud800", "\u202e", "\U0001f600" * 400, "\r\n", "../../x", "<b>&amp;"),
    *("\u0663\u0664", "\u00b2", "%s%n", "{0.__class__}", "2026-13-45T99:99:99Z", "1970-01-01"),
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59-23:59"),
    *([], {}, [[]], [None], {"": 0}, {"id": None}, [{}], ["x"] * 2000, nested(9), nested(400)),
    *({str(key): key for key in range(1500)}, [0, 0], [float("nan"), 1e308], [1, 2, 3]),
)
WORDS = ("", "id", "type", "schema", "d", "s", "t", "op", "__class__", "name", "\0", "\ud800")
TOKENS = (b"\0", b"\xff", b"\r\n", b"\n", b"\n\n", b" ", b"0", b"-1", b"9" * 40, b"{", b"[" * 3000)
MAX_BYTES = 2 * 1024 * 1024
_NODES_DEEP, _NODES_WIDE = 12, 200


def value(choices: Choices) -> Any:
    """Answer a value to put where it does not belong."""
    match choices.number(6):
        case 4:
            return choices.whole()
        case 5:
            return choices.real()
    return _copy(choices.pick(HOSTILE))


def edited(document: Any, choices: Choices, *, most: int = 4) -> Any:
    """Answer *document*, which is changed as well, after up to *most* changes."""
    root = [document]
    for _ in range(choices.number(most + 1)):
        _edit(root, choices)
    return root[0] if root else None


def _edit(root: list[Any], choices: Choices) -> None:
    nodes = _nodes(root)
    holder, key = choices.pick(nodes)
    match choices.number(16):
        case 8 | 9 if holder is not root:
            del holder[key]
        case 10:
            holder[key] = [holder[key]]
        case 11:
            holder[key] = {"id": holder[key]}
        case 12 if isinstance(holder, dict):
            holder[choices.pick(WORDS)] = value(choices)
        case 13:
            other, place = choices.pick(nodes)
            holder[key] = _copy(other[place])
        case 14 if isinstance(holder, list) and holder is not root:
            holder.extend(_copy(holder[key]) for _ in range(3))
        case 15 if isinstance(holder[key], str):
            holder[key] += str(value(choices))[:100]
        case _:
            holder[key] = value(choices)


def _nodes(root: list[Any]) -> list[tuple[Any, Any]]:
    """Answer container and key of every node; not far down, nor all of a long list."""
    found: list[tuple[Any, Any]] = []
    level: list[Any] = [root]
    for _ in range(_NODES_DEEP):
        below: list[Any] = []
        for holder in level:
            keys = list(holder) if isinstance(holder, dict) else range(len(holder))
            for key in keys[:_NODES_WIDE]:
                found.append((holder, key))
                if holder[key] and isinstance(holder[key], (dict, list)):
                    below.append(holder[key])
        level = below[:_NODES_WIDE]
    return found


def _copy(thing: Any) -> Any:
    """Answer *thing* anew where a later change could reach into it."""
    return json.loads(json.dumps(thing)) if isinstance(thing, (dict, list)) else thing


def byte_edited(
    raw: bytes, choices: Choices, tokens: Sequence[bytes] = TOKENS, *, most: int = 3
) -> bytes:
    """Answer *raw* after up to *most* changes."""
    for _ in range(choices.number(most + 1)):
        at = int(choices.share() * (len(raw) + 1))
        end = at + 1 + choices.number(1 + len(raw) // 4)
        token = choices.pick(tokens) if choices.number(3) else choices.pick(TOKENS)
        match choices.number(10):
            case 0 | 1:
                raw = raw[:at] + token + raw[at:]
            case 2 | 3:
                raw = raw[:at] + token + raw[end:]
            case 4:
                raw = raw[:at]
            case 5:
                raw = raw[:at] + raw[end:]
            case 6:
                raw = raw[:end] + raw[at:end] * 2 + raw[end:]
            case 7:
                raw = raw[:at] + token * 50 + raw[at:]
            case 8:
                raw = raw[:at] + choices.some_bytes(6) + raw[at:]
            case _ if at < len(raw):
                raw = raw[:at] + bytes([raw[at] ^ (1 << choices.number(8))]) + raw[at + 1 :]
    return raw[:MAX_BYTES]


def json_text(
    bases: Sequence[bytes], choices: Choices, tokens: Sequence[bytes] = (b'"', b"}", b"1e999")
) -> bytes:
    """Answer one of the JSON texts *bases*: its tree changed, and now and then the text too.

    It may hold what strict parsers refuse: NaN, numbers of any length, half surrogates.
    """
    document = edited(json.loads(choices.pick(bases)), choices)
    raw = json.dumps(document).encode()
    return byte_edited(raw, choices, tokens, most=2) if choices.one_in(4) else raw


def in_parts(raw: bytes, choices: Choices, *, most: int = 4) -> Input:
    """Answer *raw* cut into parts, as a network does."""
    places = sorted(int(choices.share() * len(raw)) for _ in range(choices.number(most)))
    marks = [0, *places, len(raw)]
    return tuple(raw[a:b] for a, b in itertools.pairwise(marks))
