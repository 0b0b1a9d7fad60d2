"""Raw bytes and wrong JSON at the simulator's HTTP: its control API, its page, its REST."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from simulator.server import Simulator
from tests.fuzz.background import complaints, entered
from tests.fuzz.choices import Choices, built
from tests.fuzz.http_requests import make
from tests.fuzz.mutation import json_text
from tests.fuzz.surface import Check, Input, Surface

CALLS: tuple[tuple[str, dict[str, object]], ...] = (
    (
        "say",
        {"content": "hi", "user": "alice", "channel": "general", "wait_s": 0, "reply_to": None},
    ),
    ("say", {"content": "", "files": [{"filename": "a", "content_base64": "YQ=="}]}),
    ("slash", {"command": "ping", "options": {"a": 1}, "user": "bob", "guild": None}),
    ("autocomplete", {"command": "ping", "option": "a", "text": "b", "options": {}, "wait_s": 0}),
    ("context_menu", {"command": "ping", "target": "bob", "wait_s": 0}),
    ("click", {"message": "1", "label": "Ok", "custom_id": "a"}),
    ("select", {"message": "1", "values": ["a"], "custom_id": None}),
    ("submit_modal", {"interaction": "1", "values": {"a": "b"}}),
    ("react", {"message": "1", "emoji": "x", "reacted": True}),
    ("edit", {"message": "1", "content": "b"}),
    ("delete", {"message": "1", "user": "alice"}),
    ("messages", {"channel": "general", "after": "0", "limit": 5}),
    ("message", {"message": "1"}),
    ("interaction", {"interaction": "1"}),
    ("interactions", {"limit": 3}),
    ("wait_for_message", {"channel": "general", "after": "0", "timeout_s": 0}),
    ("wait_for_change", {"channel": "general", "version": -1, "timeout_s": 0, "limit": 2}),
    ("wait_for_gateway", {"event": "ready", "after": 0, "count": 1, "timeout_s": 0}),
    ("wait_for_rest", {"method": "*", "path": "*", "timeout_s": 0}),
    ("wait_for_interaction", {"interaction": "1", "until": "answered", "timeout_s": 0}),
    ("gateway_log", {"after": 0, "event": "*", "limit": 2}),
    ("rest_log", {"after": 0, "method": "*", "path": "*", "limit": 2}),
    ("commands", {"guild": None}),
    ("stats", {}),
    ("world", {}),
    ("faults", {}),
    ("tally", {"timeout_s": 0}),
    ("load", {"rate_per_s": 20, "messages": 1, "user": "alice"}),
    ("add_guild", {"name": "g", "members": 1, "shard": 0, "shard_count": 1}),
    ("add_channel", {"name": "c", "kind": "text", "guild": None}),
    ("add_role", {"name": "r", "permissions": ["administrator"], "members": ["alice"]}),
    ("add_user", {"name": "u", "guild": None}),
    ("remove_member", {"user": "u"}),
    ("remove_guild", {"name": "g"}),
    ("portal", {"token": None, "intents": ["members"]}),
    ("session_start_limit", {"total": 9, "remaining": 8, "reset_after_s": 1, "max_concurrency": 1}),
    ("advance_clock", {"seconds": 1}),
    ("fault", {"name": "slow_rest", "parameters": {"delay_s": 0.001, "times": 1, "path": "*/x"}}),
    ("fault", {"name": "fail_rest", "parameters": {"status": 500, "code": 0, "method": "GET"}}),
    ("fault", {"name": "huge_event", "parameters": {"size_bytes": 10, "shard": 0}}),
    ("fault", {"name": "no_acks", "parameters": {"connections": "new", "for_s": 0.01}}),
    ("clear_fault", {"name": "no_acks"}),
    ("clear_faults", {}),
)
PATHS = (
    *(f"/control/{verb}".encode() for verb, _ in CALLS),
    *(b"/control", b"/", b"/?channel=general&user=bob", b"/?channel=\xff", b"/static/chat.js"),
    b"/static/..%2f",
    *(b"/gateway", b"/gateway/?v=10&encoding=json", b"/api/v10/gateway/bot", b"/api/v10/users/@me"),
    b"/api/v10/\xff",
    *(b"/control/say?content=a", b"/control/messages?limit=9e9&after=x", b"/control/%73ay"),
    b"/control/messages?limit=-1",
    *(b"/api/v10/channels/1/messages", b"/api/v10/channels/x/messages?limit=x"),
    *(b"/control/stats?a=b&a=c", b"/control/__init__"),
)
BODIES = tuple((verb.encode(), json.dumps(given).encode()) for verb, given in CALLS)
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
IDLE_S = 0.01  # without an answer: then the server waits for more, which does not come
PATIENCE_S = 5.0
PROBE = b"GET /control/clear_faults HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def build(choices: Choices) -> Input:
    """Answer a call of a verb with changed arguments, or a changed request of something else."""
    if choices.one_in(4):
        return make(choices, PATHS)
    verb, text = choices.pick(BODIES)
    body = json_text((text,), choices)
    return make(choices, (b"/control/" + verb,), body)


class Client:
    """Sends requests to the control port, which no fault closes."""

    def __init__(self, simulator: Simulator) -> None:
        self._address = ("127.0.0.1", urlsplit(simulator.control_url).port or 0)

    def exchange(self, parts: Input) -> bytes:
        """Send *parts*; answer what comes until it is whole, or until nothing more comes."""
        with socket.create_connection(self._address, timeout=PATIENCE_S) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            received = b""
            with contextlib.suppress(ConnectionError):
                for part in parts:
                    client.sendall(part)
            client.settimeout(IDLE_S)
            with contextlib.suppress(ConnectionError, TimeoutError):
                while not _is_whole(received) and (part := client.recv(65536)):
                    received += part
            return received

    def is_well(self) -> bool:
        """Answer whether a sensible request is answered."""
        with socket.create_connection(self._address, timeout=PATIENCE_S) as client:
            client.sendall(PROBE)
            return client.recv(4096).startswith(b"HTTP/1.1 400 ")


def _is_whole(received: bytes) -> bool:
    head, found, body = received.partition(b"\r\n\r\n")
    length = LENGTH.search(head + b"\r\n")
    return bool(found) and length is not None and len(body) >= int(length[1])


@contextlib.contextmanager
def opened() -> Iterator[Check]:
    """Run a simulator in a thread."""
    with complaints() as heard, entered(Simulator) as simulator:
        client = Client(simulator)

        def check(given: Input) -> None:
            """Nothing of ours raises: that would be answered with 500, and logged by aiohttp."""
            client.exchange(given)
            heard.raise_any()
            assert client.is_well(), "it does not answer any more"
            heard.raise_any()

        yield check


SURFACE = Surface(name="control_http", inputs=built(build, size=64), opened=opened, batch=1000)
