"""Believe a document only as far as its types and bounds allow. Pure."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal

MAX_DEPTH = 8
MAX_ENTRIES = 1024  # keys of one object or items of one list
MAX_TEXT = 16 * 1024  # characters of one string

Decoder = Callable[[Any, str], Any]


class HeartbeatError(ValueError):
    """A beat that can't be believed; *reason* is short and holds nothing of the beat's content."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"heartbeat refused: {reason}")


def check_bounds(value: object, depth: int = MAX_DEPTH) -> None:
    """Raise HeartbeatError where *value* is nested deeper, or longer, than any beat is."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise HeartbeatError("a string is too long")
        return
    if not isinstance(value, (dict, list)):
        return
    if depth == 0:
        raise HeartbeatError("nested too deep")
    if len(value) > MAX_ENTRIES:
        raise HeartbeatError("too many entries")
    for item in value.values() if isinstance(value, dict) else value:
        check_bounds(item, depth - 1)


def decoder_for(annotation: Any) -> Decoder:
    """Answer a function of a JSON value and its name that answers what *annotation* says.

    It raises HeartbeatError where the value is something else. Known are: scalars, `X | None`,
    Literal of words, `tuple[X, ...]`, `Mapping[str, X]` and dataclasses of these.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return _words(arguments)
    if origin in (types.UnionType, typing.Union):
        (inner,) = (decoder_for(a) for a in arguments if a is not type(None))
        return lambda value, at: None if value is None else inner(value, at)
    if origin is tuple:
        return _items(decoder_for(arguments[0]))
    if origin is Mapping:
        return _entries(decoder_for(arguments[1]))
    if is_dataclass(annotation) and isinstance(annotation, type):
        return _fields(annotation)
    return _scalar(annotation)


def _scalar(kind: type) -> Decoder:
    def decode(value: Any, at: str) -> Any:
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is not kind:
            raise HeartbeatError(f"{at} is not {kind.__name__}")
        return value

    return decode


def _words(known: tuple[Any, ...]) -> Decoder:
    def decode(value: Any, at: str) -> Any:
        if not isinstance(value, str) or value not in known:
            raise HeartbeatError(f"{at} is not one of the known words")
        return value

    return decode


def _items(item: Decoder) -> Decoder:
    def decode(value: Any, at: str) -> Any:
        if not isinstance(value, list):
            raise HeartbeatError(f"{at} is not a list")
        return tuple(item(entry, at) for entry in value)

    return decode


def _entries(entry_of: Decoder) -> Decoder:
    def decode(value: Any, at: str) -> Any:
        if not isinstance(value, dict):
            raise HeartbeatError(f"{at} is not an object")
        return {key: entry_of(entry, at) for key, entry in value.items()}

    return decode


def _fields(cls: type) -> Decoder:
    hints = typing.get_type_hints(cls)
    decoders = {f.name: decoder_for(hints[f.name]) for f in fields(cls)}

    def decode(value: Any, at: str) -> Any:
        if not isinstance(value, dict):
            raise HeartbeatError(f"{at} is not an object")
        known = {
            name: decoder(value[name], f"{at}.{name}")
            for name, decoder in decoders.items()
            if name in value
        }
        try:
            return cls(**known)
        except TypeError as error:
            raise HeartbeatError(f"{at} lacks a key") from error

    return decode
