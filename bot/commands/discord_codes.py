"""What Discord's error codes mean to the one who asked. Pure.

Only what people can mend is here; any other refusal is a fault of ours and is logged with its
traceback. Source: discord.com/developers/docs/topics/opcodes-and-status-codes#json
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

UNKNOWN_CHANNEL: Final = 10003
UNKNOWN_MEMBER: Final = 10007
UNKNOWN_MESSAGE: Final = 10008
UNKNOWN_USER: Final = 10013
UNKNOWN_BAN: Final = 10026
DM_CLOSED: Final = 50007
MISSING_PERMISSIONS: Final = 50013
SYSTEM_MESSAGE: Final = 50021  # one that nobody can delete
ARCHIVED: Final = 50083

WORDS: Mapping[int, str] = {
    10003: "That channel is gone.",
    10006: "That invite is not valid, or it has expired.",
    10007: "That user is not a member of this server.",
    10008: "That message is gone.",
    10011: "That role is gone.",
    10013: "Discord knows no such user.",
    10014: "That emoji is gone.",
    10015: "That webhook is gone.",
    10026: "That user is not banned.",
    20016: "The slowmode of this channel does not let me do that yet.",
    30003: "This channel has as many pinned messages as Discord allows.",
    30005: "This server has as many roles as Discord allows.",
    30007: "This channel has as many webhooks as Discord allows. Delete one first.",
    30010: "That message has as many reactions as Discord allows.",
    30013: "This server has as many channels as Discord allows.",
    30033: "That thread has as many members as Discord allows.",
    30035: "This server has as many bans of people who are not members as Discord allows. Lift some"
    " of them first.",
    40005: "That file is larger than Discord allows here.",
    50001: "I can't get at that. I may need **View Channel** there; `/status` lists what I lack.",
    50007: "Discord does not let me write to that user: their direct messages are closed.",
    50013: "Discord does not let me do that: I lack a permission, or my role is too low."
    " `/status` lists what I lack.",
    50024: "That can't be done in a channel of this kind.",
    50034: "Discord deletes messages in bulk for 14 days only.",
    50074: "Discord needs that channel for this server's community features.",
    50083: "That thread is archived. Open it first.",
    60003: "This server asks its moderators for two-factor authentication, my owner included.",
    160004: "That message has a thread already.",
    160005: "That thread is locked.",
    160006: "This server has as many open threads as Discord allows.",
    200000: "This server's AutoMod does not let me write that.",
    200001: "This server's AutoMod does not let me use that title.",
}
