"""Secrets are struck out of all that is written: log lines, alerts, and what is printed."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO
from urllib.parse import quote, quote_plus, unquote, urlsplit

import orjson

STRUCK = "[redacted]"
MIN_LENGTH = 8  # a shorter word stands in too many lines to be struck out of them
MIN_PATH = 16  # a shorter path is a word that logs may hold, not a secret
MAX_DEPTH = 64
# What Discord's addresses hold: tokens of webhooks, and of interactions for 15 minutes. discord.py
# logs such an address with each rate limit.
_IN_ADDRESSES = re.compile(r"(/(?:webhooks|interactions)/\d+/)[\w.~%-]{16,}")


class Secrets:
    """Replace every secret it was told in what is written, in each form it may take there."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()  # replaced as a whole: threads read it meanwhile

    def add(self, secret: str) -> None:
        """Never write *secret* from now on; words shorter than 8 characters are not secrets."""
        if len(secret) >= MIN_LENGTH:
            # The longest first: a part of a secret is no longer found where the whole one was.
            forms = {*self._secrets, *_forms(secret)}
            self._secrets = tuple(sorted(forms, key=lambda form: (-len(form), form)))

    def add_url(self, url: str, *, path_is_secret: bool = True) -> None:
        """Never write *url*, nor what in it is a secret by itself: password, path, query."""
        self.add(url)
        try:
            parts = urlsplit(url)
        except ValueError:
            return
        userinfo = parts.netloc.rpartition("@")[0]
        for part in (userinfo, userinfo.partition(":")[2]):
            self.add(part)
            self.add(unquote(part))
        if path_is_secret:
            query = f"?{parts.query}" if parts.query else ""
            for part in (parts.path + query, parts.path, parts.path.rpartition("/")[2]):
                if len(part) >= MIN_PATH:
                    self.add(part)
            for pair in parts.query.split("&"):
                self.add(unquote(pair.partition("=")[2]))

    def redact(self, text: str) -> str:
        """Answer *text* without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, STRUCK)
        return _IN_ADDRESSES.sub(rf"\1{STRUCK}", text)

    def redact_json(self, text: str) -> str:
        """Answer the JSON document *text* without secrets; it stays JSON, whatever a secret is."""
        if self.redact(text) == text:
            return text
        document = self._cleaned(orjson.loads(text), MAX_DEPTH)
        return orjson.dumps(document).decode()

    def _cleaned(self, value: Any, depth: int) -> Any:
        if depth == 0:
            return STRUCK
        if isinstance(value, dict):
            items = value.items()
            return {self.redact(key): self._cleaned(each, depth - 1) for key, each in items}
        if isinstance(value, list):
            return [self._cleaned(each, depth - 1) for each in value]
        if isinstance(value, str):
            return self.redact(value)
        # A number may be a secret too; nothing else may: null, true and false are too short.
        return STRUCK if self.redact(str(value)) != str(value) else value


SECRETS = Secrets()


def _forms(secret: str) -> Iterator[str]:
    """Answer *secret* as it looks in text, in an address, in a `repr`, and in JSON of all these."""
    text = secret.encode(errors="replace").decode()
    plain = {secret, text, repr(text)[1:-1], quote(text), quote(text, safe=""), quote_plus(text)}
    for form in plain:
        in_json = {json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1]}
        yield from (form, *in_json)
        yield from (json.dumps(once, ensure_ascii=False)[1:-1] for once in in_json)


class RedactingStream(io.TextIOBase):
    """A text stream in front of another one, which gets all that is written but the secrets."""

    def __init__(self, stream: TextIO, secrets: Secrets) -> None:
        self._stream, self._secrets = stream, secrets

    @property
    def encoding(self) -> str:  # type: ignore[override] # typeshed has a plain attribute there
        """That of the stream behind."""
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override] # as above
        """That of the stream behind."""
        return self._stream.errors

    @property
    def buffer(self) -> Any:
        """The bytes of the stream behind; what is written there is not looked at."""
        return self._stream.buffer

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """As the stream behind."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor of the stream behind."""
        return self._stream.fileno()

    def write(self, text: str, /) -> int:
        """Write *text* without secrets; answers the length of *text*, as is expected."""
        self._stream.write(self._secrets.redact(text))
        return len(text)

    def flush(self) -> None:
        """Flush the stream behind."""
        self._stream.flush()


def guard_streams() -> None:
    """Keep secrets out of what this process prints from now on, the last traceback included."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, RedactingStream):
            setattr(sys, name, RedactingStream(stream, SECRETS))
