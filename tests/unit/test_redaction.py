"""No secret stands in what is written, however it got there."""

from __future__ import annotations

import io
import json
import logging
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.heartbeat import records
from watchdog.heartbeat.redaction import STRUCK, RedactingStream, Secrets, guard_streams

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.a-token-of-a-bot-that-nobody-has"
WEBHOOK = "https://discord.com/api/webhooks/1234567890/a-webhooks-token_that-is-secret?wait=true"
DATABASE = (
    "postgresql://novera:p%40ss%2Fw%C3%B6rd%21%21@db.example/a_database_with_a_name?sslmode=on"
)

# A secret that is a piece of what stands in its place can't be told from it.
secret_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=40).filter(
    lambda text: text not in STRUCK
)


@dataclass
class Holder:
    """Something that shows its secret in its repr."""

    secret: str


def strings(value: Any) -> Iterator[str]:
    """Answer each text in a JSON document, keys too."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
    elif isinstance(value, str):
        yield value


def ways(secret: str) -> dict[str, Any]:
    """Answer a field for each way in which a secret comes into a log line."""
    return {
        "plain": secret,
        "within": f"before {secret} after",
        "nested": {"a": [{"b": (secret, {secret: 1})}]},
        "shown": repr(secret),
        "object": Holder(secret),
        "foreign": Foreign(secret),
        "quoted": quote(secret, safe=""),
        "address": f"https://x.example/{quote(secret)}?a={quote_plus(secret)}",
        "document": json.dumps({"token": secret}),
        "document_in_document": orjson.dumps({"body": json.dumps([secret])}).decode(),
        "long": "x" * records.MAX_FIELD + secret + "x" * (records.MAX_FIELD - len(secret) // 2),
    }


class Foreign:
    """An object that orjson does not know."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __str__(self) -> str:
        return f"<Foreign {self._secret!r}>"


def raised(secret: str) -> str:
    """Answer the traceback of an exception with a secret in it and in what caused it."""
    try:
        try:
            raise KeyError(secret)
        except KeyError as error:
            raise ValueError(f"no {secret}") from error
    except ValueError:
        return traceback.format_exc()


@given(secret=secret_texts)
def test_no_line_holds_a_secret(secret: str) -> None:
    """Whatever characters it has, wherever it hides, encoded or not; and the line stays JSON."""
    secrets = Secrets()
    secrets.add(secret)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "SECRETS", secrets)
        event = {"event": f"said.{secret}", "exception": raised(secret), **ways(secret)}
        line = records.render(None, "info", event)

    forms = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    forms |= {repr(secret)[1:-1], json.dumps(secret)[1:-1]}
    for text in strings(orjson.loads(line)):
        assert [form for form in forms if form in text] == []


@given(secret=secret_texts, value=st.integers() | st.floats() | st.booleans() | st.none())
def test_what_is_no_secret_stays(secret: str, value: object) -> None:
    """A document without secrets is not changed, not even in its spelling."""
    secrets = Secrets()
    secrets.add(secret)
    text = orjson.dumps({"a": [value if not isinstance(value, int) else value % 9]}).decode()

    assert secrets.redact_json(text) == text


@pytest.mark.parametrize("number", ["12345678", "1234567.8"])
def test_a_secret_that_is_a_number_leaves_json(number: str) -> None:
    """Struck out in the text of the line, it would leave something that nobody can read."""
    secrets = Secrets()
    secrets.add(number)
    line = secrets.redact_json(f'{{"pid":{number},"ok":true}}')

    assert orjson.loads(line) == {"pid": STRUCK, "ok": True}


@pytest.mark.parametrize(
    "part",
    [
        WEBHOOK,
        "/api/webhooks/1234567890/a-webhooks-token_that-is-secret",
        "a-webhooks-token_that-is-secret",
        quote(WEBHOOK, safe=""),
    ],
)
def test_parts_of_an_address_are_secrets_too(part: str) -> None:
    """An error of a library names the path alone, or its end."""
    secrets = Secrets()
    secrets.add_url(WEBHOOK)

    assert "a-webhooks-token" not in secrets.redact(f"POST {part} failed")


@pytest.mark.parametrize(
    "part", [DATABASE, "p%40ss%2Fw%C3%B6rd%21%21", "p@ss/wörd!!", "novera:p@ss/wörd!!"]
)
def test_a_databases_password_is_a_secret_by_itself(part: str) -> None:
    """As it is written and as it is meant; the database's name is none."""
    secrets = Secrets()
    secrets.add_url(DATABASE, path_is_secret=False)
    text = secrets.redact(f"login with {part} to a_database_with_a_name")

    assert "ss" not in text.partition("to a_")[0]
    assert text.endswith("to a_database_with_a_name")


def test_a_key_in_a_query_is_a_secret() -> None:
    """Push monitors have theirs there."""
    secrets = Secrets()
    secrets.add_url("https://push.example/ping?key=0123456789abcdef&up=1")

    assert "0123456789abcdef" not in secrets.redact("key 0123456789abcdef")
    assert secrets.redact("/ping up=1") == "/ping up=1"


def test_an_address_that_is_none_is_a_secret_as_a_whole() -> None:
    """Whoever mistypes it has it logged nowhere either."""
    secrets = Secrets()
    secrets.add_url("https://[broken/secret-word")

    assert secrets.redact("to https://[broken/secret-word") == f"to {STRUCK}"


@pytest.mark.parametrize(
    "address",
    [
        "https://discord.com/api/v10/interactions/123/aW50ZXJhY3Rpb246MTIz-token_x/callback",
        "https://discord.com/api/v10/webhooks/123/aW50ZXJhY3Rpb246MTIz-token_x/messages/@original",
        "/webhooks/123/aW50ZXJhY3Rpb246MTIz-token_x?wait=true",
    ],
)
def test_tokens_in_discords_addresses_are_struck_out_unseen(address: str) -> None:
    """discord.py logs the address with a rate limit; it was told to nobody before."""
    text = Secrets().redact(f"We are being rate limited. POST {address} responded with 429.")

    assert "aW50ZXJhY3Rpb246" not in text
    assert "responded with 429." in text


def test_a_secret_that_is_no_text_is_taken() -> None:
    """Bytes of the environment that are not UTF-8 come as half a pair."""
    secrets = Secrets()
    secrets.add("half a \udcff pair")

    assert secrets.redact("a half a \udcff pair") == f"a {STRUCK}"
    assert secrets.redact("a half a ? pair") == f"a {STRUCK}"


def test_a_stream_passes_on_all_but_the_secrets() -> None:
    """Prints, tracebacks and warnings alike; what is written counts as written."""
    secrets, behind = Secrets(), io.StringIO()
    secrets.add(TOKEN)
    stream = RedactingStream(behind, secrets)
    print("token", TOKEN, file=stream)
    written = stream.write(f"{TOKEN}\n")
    traceback.print_exception(ValueError(f"401 for {TOKEN}"), file=stream)
    logging.StreamHandler(stream).handle(logging.makeLogRecord({"msg": "GET %s", "args": (TOKEN,)}))
    stream.flush()

    assert written == len(TOKEN) + 1
    assert TOKEN not in behind.getvalue()
    assert behind.getvalue().count(STRUCK) == 4


def test_a_process_guards_what_it_prints_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice in front of each other would be of no use."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", None)  # a daemon without one
    guard_streams()
    first = sys.stdout
    guard_streams()

    assert isinstance(first, RedactingStream)
    assert sys.stdout is first
