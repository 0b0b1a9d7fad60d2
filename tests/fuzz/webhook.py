"""What a webhook, a push monitor or any other service answers, over a real socket."""

from __future__ import annotations

import contextlib
import functools
import math
import socket
from collections.abc import Iterator

import orjson

from tests.fuzz.choices import Choices, built
from tests.fuzz.mutation import byte_edited, in_parts, json_text
from tests.fuzz.stand_in import ENDLESS, STALL, Script, answering
from tests.fuzz.surface import Check, Input, Surface
from watchdog.alerts.alert import Alert
from watchdog.alerts.delivery import MAX_RETRY_AFTER_S, Delivered, TryAgain
from watchdog.alerts.fetch import fetch
from watchdog.alerts.push import PushMonitor
from watchdog.alerts.webhook import WebhookChannel

STATUSES = (204, 200, 429, 500, 301, 307, 404, 401, 403, 400, 100, 101, 304, 999, 0)
LIMITED = orjson.dumps({"message": "rate limited", "retry_after": 1.5, "global": False})
BODIES = (b"", b"{}", LIMITED, b"<html>" * 50, b"x" * 200_000, b"\0" * 100, b"[" * 5000)
WAITS = (
    *(b"3", b"0", b"-1", b"nan", b"inf", b"-inf", b"1e999", b"1e5", b"9" * 5000, b"0x10", b"1_0"),
    *(b"\xd9\xa3", b"", b" 5 ", b"5, 6", b"Wed, 21 Oct 2099 07:28:00 GMT", b"Wed, 99 Foo 0000"),
    b"\0",
)
HEADERS = (
    *(b"Location: http://127.0.0.1:1/", b"Location: //[", b"Location: file:///etc/passwd"),
    b"Location: \xff",
    *(b"Transfer-Encoding: chunked", b"Content-Encoding: gzip", b"Content-Encoding: br"),
    b"Connection: upgrade",
    *(b"Content-Length: -5", b"Content-Length: 1e9", b"Content-Length: 99999999999999999999"),
    b"a: b" * 30_000,
    *(b"Content-Length: 3\r\nContent-Length: 4", b": x", b"no colon", b" folded"),
    *(b"Set-Cookie: a=b", b"X: \0"),
    *(b"Retry-After: 7", b"Content-Type: text/html; charset=klingon", b"Content-Length: \xd9\xa3"),
)
TOKENS = (
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"0\r\n\r\n",
    b"-5\r\n",
    b"ffffffffffffffff\r\n",
    b"5\r\nhello\r\n",
    b";",
)
ALERT = Alert(kind="incident", key="a", at="2026-05-04T11:50:00.000Z", title="t", text="x")
STEP_S, TOTAL_S = 0.2, 0.4


def make(choices: Choices) -> Input:
    """Answer an HTTP answer in parts: a status, some headers, a body; then what follows."""
    status = choices.pick(STATUSES)
    body = choices.pick(BODIES)
    if choices.one_in(3):
        body = json_text((LIMITED,), choices)
    head = [b"HTTP/1.1 %d Words" % status]
    if choices.number(3):
        head.append(b"Retry-After: " + choices.pick(WAITS))
    head += [choices.pick(HEADERS) for _ in range(choices.number(3))]
    if not choices.one_in(4):
        head.append(b"Content-Length: %d" % len(body))
    raw = b"\r\n".join([*head, b"", body])
    if choices.one_in(3):
        raw = byte_edited(raw, choices, TOKENS)
    parts = in_parts(raw, choices)
    match choices.number(100):
        case 98:
            return (*parts, STALL)
        case 99:
            return (*parts, b"y" * 60_000, ENDLESS)
    return parts


@contextlib.contextmanager
def opened() -> Iterator[Check]:
    """Run a stand-in, a webhook channel and a push monitor."""
    listener = socket.create_server(("127.0.0.1", 0))
    script = Script()
    call = functools.partial(fetch, step_timeout_s=STEP_S, total_timeout_s=TOTAL_S)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/api/webhooks/1/very-secret-token"
    with answering(listener, script):
        channel = WebhookChannel(url, call=call)

        def check(given: Input) -> None:
            """Every answer is a delivery or a reason, and no wait is longer than is believed."""
            script.parts = given
            delivery = channel.deliver([ALERT], [])
            if isinstance(delivery, TryAgain) and delivery.after_s is not None:
                assert math.isfinite(delivery.after_s)
                assert 0 <= delivery.after_s <= MAX_RETRY_AFTER_S
            assert isinstance(delivery, Delivered) or "secret" not in delivery.reason
            monitor = PushMonitor(url, interval_s=60.0, call=call)
            monitor.healthy(True)
            wait_s = monitor.step()
            assert wait_s is not None
            assert 0 < wait_s <= MAX_RETRY_AFTER_S

        yield check


SURFACE = Surface(name="webhook", inputs=built(make, size=64), opened=opened)
