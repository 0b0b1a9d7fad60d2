"""What was said in a thread, as a text file. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

# Discord takes 10 MiB without boosts; https://discord.com/developers/docs/reference#uploading-files
MAX_BYTES = 8 * 1024 * 1024
LEFT_OUT = "[… the older part is left out: the file would be too large …]\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message.

    Attributes:
        attachments: Links, which Discord lets expire.
    """

    at: datetime
    author: str
    author_id: int
    content: str
    attachments: tuple[str, ...] = ()
    embeds: tuple[str, ...] = ()
    edited: bool = False


def entry(said: Said) -> str:
    """Answer one message as lines; no author can write what looks like another's message."""
    edited = " (edited)" if said.edited else ""
    lines = [f"[{said.at:%Y-%m-%d %H:%M:%S} UTC] {_line(said.author)} ({said.author_id}){edited}"]
    for block in (said.content, *said.embeds):
        lines += [f"    {line}" for line in block.splitlines()]
    lines += [f"    attachment: {_line(link)}" for link in said.attachments]
    return "\n".join(lines)


def render(title: str, messages: Iterable[Said], *, max_bytes: int = MAX_BYTES) -> bytes:
    """Answer the file, its older part left out where it would be too large."""
    head = f"{_line(title)}\n\n".encode()
    body = "".join(f"{entry(said)}\n" for said in messages).encode("utf-8", "replace")
    room = max_bytes - len(head)
    if len(body) > room:
        body = body[len(body) - room + len(LEFT_OUT.encode()) :]
        # From the next message on: a torn one would be nobody's.
        start = body.find(b"\n[")
        body = LEFT_OUT.encode() + (body[start + 1 :] if start >= 0 else b"")
    return head + body


def _line(text: str) -> str:
    return " ".join(text.split())
