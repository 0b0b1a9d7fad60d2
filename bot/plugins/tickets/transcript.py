"""What was said in a thread, as a text file. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

# Discord takes 10 MiB without boosts; https://discord.com/developers/docs/reference#uploading-files
MAX_BYTES = 8 * 1024 * 1024
LEFT_OUT = "[… the older part is left out: the file would be too large …]\n"
MAX_QUOTED = 80
# What commands a terminal, and what turns text around where it is shown, past its own end.
_ACTING = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message.

    Attributes:
        answers: What it is a reply to; empty when it is none.
        attachments: Links, which Discord lets expire.
        extras: What else it holds: embeds, stickers, polls, what was forwarded.
    """

    at: datetime
    author: str
    author_id: int
    content: str
    answers: str = ""
    attachments: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    edited: bool = False


def entry(said: Said) -> str:
    """Answer one message as lines; no author can write what looks like another's message."""
    edited = " (edited)" if said.edited else ""
    lines = [f"[{said.at:%Y-%m-%d %H:%M:%S} UTC] {_line(said.author)} ({said.author_id}){edited}"]
    if said.answers:
        lines.append(f"    in reply to {_line(said.answers)}")
    for block in (said.content, *said.extras):
        lines += [f"    {_plain(line)}" for line in block.splitlines()]
    lines += [f"    attachment: {_line(link)}" for link in said.attachments]
    return "\n".join(lines)


def quoted(author: str, content: str) -> str:
    """Answer how a message is named where another one answers it."""
    line = _line(content)
    return f"{author}: {line[:MAX_QUOTED]}…" if len(line) > MAX_QUOTED else f"{author}: {line}"


def render(
    title: str, messages: Iterable[Said], *, whole: bool = True, max_bytes: int = MAX_BYTES
) -> bytes:
    """Answer the file, its older part left out where it would be too large.

    Args:
        whole: False when there are older messages than these.
    """
    head = f"{_line(title)}\n\n".encode("utf-8", "replace")
    body = "".join(f"{entry(said)}\n" for said in messages).encode("utf-8", "replace")
    mark = LEFT_OUT.encode()
    room = max_bytes - len(head)
    if len(body) > room - (0 if whole else len(mark)):
        body = body[len(body) - room + len(mark) :]
        # From the next message on: a torn one would be nobody's.
        start = body.find(b"\n[")
        body = mark + (body[start + 1 :] if start >= 0 else b"")
    elif not whole:
        body = mark + body
    return head + body


def _line(text: str) -> str:
    return _plain(" ".join(text.split()))


def _plain(text: str) -> str:
    """Text that does nothing to who reads it."""
    return _ACTING.sub("\ufffd", text)
