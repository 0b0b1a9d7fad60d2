"""Nonces that come out the same when an event is handled again by another process. Pure.

Discord answers the second message of the same author and nonce, within a few minutes, with the
first one. So each message sent while an event is handled gets a nonce that is a hash of where it
stands: the event, the task within the event, the channel, and the number of the send.

Where a task stands is told by the way from the event to it: at each step what the task runs, and
how many of its siblings that run the same were made before it. Siblings are counted by what they
run, since HTTP clients make tasks of their own whenever no connection is open yet.
"""

from __future__ import annotations

import base64
import hashlib

NONCE_CHARACTERS = 24  # Discord takes 25
_NONCE_BYTES = NONCE_CHARACTERS * 3 // 4
_PLACE_BYTES = 16
# discord.py makes up a number of 64 bits where none was given: 1 in 10⁶ has less than 14 digits.
_MADE_UP_DIGITS = range(14, 21)


def event_place(shard_id: int, session_id: str, sequence: int) -> bytes:
    """Answer the place of an event, 16 bytes; it does not tell the session id."""
    return _hash(f"{shard_id} {sequence} {session_id}".encode(), _PLACE_BYTES)


def task_place(parent: bytes, name: str, index: int) -> bytes:
    """Answer the place of the *index*-th task running *name* that the task at *parent* made."""
    return _hash(b"%b %d %b" % (parent, index, name.encode()), _PLACE_BYTES)


def nonce(place: bytes, channel_id: int, number: int) -> str:
    """Answer the nonce of the *number*-th message to a channel that the task at *place* sends."""
    digest = _hash(b"%b %d %d" % (place, channel_id, number), _NONCE_BYTES)
    return base64.urlsafe_b64encode(digest).decode()


def is_made_up(given: object) -> bool:
    """Answer whether *given*, a message's nonce, is one that discord.py made up.

    It can't tell them from a long number of a caller's own, which is taken for made up as well.
    """
    text = str(given)
    return text.isascii() and text.isdecimal() and len(text) in _MADE_UP_DIGITS


def _hash(material: bytes, size: int) -> bytes:
    return hashlib.blake2b(material, digest_size=size).digest()
