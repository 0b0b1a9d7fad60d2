"""Which configuration a journal belongs to: one of another is not continued. Pure."""

from __future__ import annotations

import hashlib

import discord

SCHEMA = 1  # of the journal's file and of what its rows mean


def fingerprint(*, token: str, intents: int, api_url: str) -> str:
    """Answer 64 hex digits that change with the token, the intents, discord.py and the schema.

    Discord's token has too many random digits to be found from its hash by trying.

    Args:
        intents: `discord.Intents.value`; the cache of other intents is another cache.
        api_url: Where Discord is: a simulator's session means nothing to Discord.
    """
    parts = (f"journal {SCHEMA}", discord.__version__, str(intents), api_url, token)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
