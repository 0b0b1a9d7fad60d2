"""What supervisord answers over its socket, and what its log says of an end."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fuzz.choices import Choices, built
from tests.fuzz.mutation import byte_edited, in_parts
from tests.fuzz.stand_in import Script, answering
from tests.fuzz.surface import Check, Input, Surface
from watchdog.errors import SupervisordError
from watchdog.supervisord.log_lines import MAX_LINE, last_end
from watchdog.supervisord.program import Program
from watchdog.supervisord.rpc import SupervisordRpc

INFO = {
    "name": "bot",
    "group": "bot",
    "description": "pid 5, uptime 0:00:01",
    "start": 1,
    "stop": 0,
    "now": 2,
    "state": 20,
    "statename": "RUNNING",
    "spawnerr": "",
    "exitstatus": 0,
    "logfile": "",
    "pid": 5,
}
LOG = (
    b"2026-01-01 00:00:00,000 INFO spawned: 'bot' with pid 4242\n"
    b"2026-01-01 00:00:07,000 WARN exited: bot (terminated by SIGKILL; not expected)\n"
    b"2026-01-01 00:00:07,000 WARN exited: bot (terminated by SIGSEGV (core dumped); not"
    b" expected)\n"
    b"2026-01-01 00:00:08,000 INFO exited: bot (exit status 1; not expected)\n"
    b"2026-01-01 00:00:09,000 WARN stopped: bot (terminated by SIGTERM)\n"
)


def _answer(value: Any) -> bytes:
    return xmlrpc.client.dumps((value,), methodresponse=True, allow_none=True).encode()


BODIES = (
    _answer(INFO),
    _answer(INFO | {"statename": "EXITED", "exitstatus": -1}),
    _answer(True),
    _answer(77),
    _answer(LOG.decode()),
    xmlrpc.client.dumps(xmlrpc.client.Fault(60, "ALREADY_STARTED")).encode(),
)
XML = (
    *(b"<int>5</int>", b"<int></int>", b"<i8>" + b"9" * 4000 + b"</i8>", b"<boolean>x</boolean>"),
    *(b"<bigdecimal>x</bigdecimal>", b"<bigdecimal>1e999999</bigdecimal>", b"<double>nan</double>"),
    *(b"<nil/>", b"<array><data></data></array>", b"<struct></struct>", b"<base64>=</base64>"),
    *(b"<dateTime.iso8601>x</dateTime.iso8601>", b"<value>", b"</value>", b"<member>"),
    b"</member>",
    *(b"<name>pid</name>", b"<name><struct></struct></name>", b"</struct>", b"</array>", b"<data>"),
    *(b"<fault>", b"</fault>", b"<methodResponse>", b"</params>", b"<param>"),
    b"<float>1e999</float>",
    *(b"<?xml version='1.0' encoding='utf-7'?>", b"<?xml version='1.0' encoding='hex'?>", b"&a;"),
    b"]]>",
    b"<!DOCTYPE a [<!ENTITY a 'xxxxxxxx'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
    b"<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>]>",
    *(b"&d;", b"<value>" * 3000, b"<!--", b"\xff\xfe", b"<string>" + b"x" * 400_000 + b"</string>"),
)
HEADERS = (
    *(b"Content-Length: -1\r\n", b"Content-Length: 99999999999\r\n", b"Content-Length: x\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"a: b\r\n" * 200),
    b"HTTP/1.1 100\r\n\r\n",
    *(b"HTTP/1.0 500 No\r\n", b"HTTP/9.9 abc\r\n", b"x" * 70_000, b"\r\n", b"HTTP/1.1 204 No\r\n"),
    b"\0",
)
TIMEOUT_S = 0.3


def make(choices: Choices) -> Input:
    """Answer an answer in parts; its length is the right one unless that was changed as well."""
    body = byte_edited(choices.pick(BODIES), choices, XML)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % len(body)
    if choices.one_in(4):
        head = byte_edited(head, choices, HEADERS)
    return in_parts(head + body, choices)


def ask(program: Program) -> None:
    """Ask supervisord everything that the watchdog asks."""
    for question in (
        program.look,
        program.supervisord_pid,
        program.start,
        lambda: program.last_end(4242),
    ):
        with contextlib.suppress(SupervisordError):
            question()


@contextlib.contextmanager
def opened() -> Iterator[Check]:
    """Serve answers on a unix socket."""
    with tempfile.TemporaryDirectory(prefix="novera-fuzz-") as folder:
        path = Path(folder) / "supervisor.sock"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        script = Script()
        with answering(listener, script):
            program = Program(SupervisordRpc(path, timeout_s=TIMEOUT_S), "bot")

            def check(given: Input) -> None:
                script.parts = given
                ask(program)

            yield check


def make_log(choices: Choices) -> Input:
    """Answer the tail of a log."""
    lines = (
        b"exited: bot (",
        b"spawned: 'bot' with pid ",
        b"terminated by signal 99",
        b"9" * 400,
        b"(",
    )
    return (byte_edited(LOG, choices, lines, most=5),)


def check_log(given: Input) -> None:
    """An end is found or not; a line that is kept is short."""
    for pid in (None, 4242):
        found = last_end(given[0].decode("utf-8", "replace"), program="bot", pid=pid)
        assert found is None or len(found.line) <= MAX_LINE


@contextlib.contextmanager
def opened_log() -> Iterator[Check]:
    """Nothing is set up."""
    yield check_log


SURFACES = (
    Surface(name="supervisord", inputs=built(make), opened=opened),
    Surface(name="supervisord_log", inputs=built(make_log), opened=opened_log),
)
