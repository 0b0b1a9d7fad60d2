"""The gateway's compressed stream, inflated within a bound.

discord.py sets no limit: a few kilobytes can inflate to gigabytes. Sixteen MiB is several times
the largest GUILD_CREATE; a longer payload is read to its end, so that the stream stays readable,
and thrown away.
"""

from __future__ import annotations

import sys
import zlib
from typing import Protocol

from bot.errors import BotError

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_HEAD_BYTES = 4096
_STEP_BYTES = 1024 * 1024
_FLUSHED = b"\x00\x00\xff\xff"


class StreamBrokenError(BotError):
    """What came can't be inflated; nothing after it can."""


class MessageTooLongError(BotError):
    """One message is longer than allowed; *head* is how it begins, the rest is gone."""

    def __init__(self, head: bytes) -> None:
        self.head = head
        super().__init__(f"a message longer than {MAX_MESSAGE_BYTES} bytes")


class Inflater(Protocol):
    """Turns frames into text; None while a message is not complete."""

    COMPRESSION_TYPE: str

    def decompress(self, data: bytes, /) -> str | None:
        """Answer the message that *data* completes."""


class ZlibInflater:
    """The stream named ``zlib-stream``: one context for the whole connection."""

    COMPRESSION_TYPE: str = "zlib-stream"

    def __init__(self, *, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._context = zlib.decompressobj()
        self._buffer = bytearray()

    def decompress(self, data: bytes, /) -> str | None:
        """Answer the message that *data* completes, None when more must come.

        Raises:
            StreamBrokenError: not zlib, not UTF-8, or endless.
            MessageTooLongError: the message was skipped; the stream goes on.
        """
        self._buffer += data
        if not data.endswith(_FLUSHED):
            if len(self._buffer) > self._max_bytes:
                raise StreamBrokenError("a message that does not end")
            return None
        packed, self._buffer = bytes(self._buffer), bytearray()
        try:
            raw = self._inflate(packed)
            return raw.decode("utf-8")
        except (zlib.error, UnicodeDecodeError) as error:
            raise StreamBrokenError(type(error).__name__) from error

    def _inflate(self, packed: bytes) -> bytes:
        step = min(self._max_bytes + 1, _STEP_BYTES)
        pieces = [self._context.decompress(packed, step)]
        size = len(pieces[0])
        while rest := self._context.unconsumed_tail:
            piece = self._context.decompress(rest, step)
            size += len(piece)
            if size <= self._max_bytes:
                pieces.append(piece)
        if size > self._max_bytes:
            raise MessageTooLongError(pieces[0][:_HEAD_BYTES])
        return b"".join(pieces)


class CheckedInflater:
    """Another stream of discord.py's (zstd on newer Pythons), bounded after the fact."""

    def __init__(self, inner: Inflater, *, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._inner, self._max_bytes = inner, max_bytes
        self.COMPRESSION_TYPE = inner.COMPRESSION_TYPE

    def decompress(self, data: bytes, /) -> str | None:
        """Answer the message that *data* completes; raises as `ZlibInflater` does."""
        try:
            text = self._inner.decompress(data)
        except _stream_errors() as error:
            raise StreamBrokenError(type(error).__name__) from error
        if text is not None and len(text) > self._max_bytes:
            raise MessageTooLongError(text[:_HEAD_BYTES].encode())
        return text


def _stream_errors() -> tuple[type[Exception], ...]:
    modules = (sys.modules.get(name) for name in ("compression.zstd", "zstandard"))
    return (UnicodeDecodeError, zlib.error, *(m.ZstdError for m in modules if m is not None))


def bounded(inner: Inflater) -> Inflater:
    """Answer a bounded stand-in for the context that discord.py chose."""
    if inner.COMPRESSION_TYPE == "zlib-stream":
        return ZlibInflater()
    return CheckedInflater(inner)
