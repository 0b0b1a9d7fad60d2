"""Events of a gateway as inputs begin with them: those that change a cache, and the others."""

from __future__ import annotations

from typing import Any

import orjson

from tests.integration.test_journal_compaction import recorded

_NOTED = recorded(5, 60, members=3)
_DATA = [(name, orjson.loads(raw)["d"]) for _, _, name, raw in _NOTED]
AFTER_READY = [(name, data) for name, data in _DATA[1:4] if name == "GUILD_CREATE"]
_GUILD = AFTER_READY[0][1]
_GUILD_ID, _CHANNEL = _GUILD["id"], _GUILD["channels"][0]["id"] if _GUILD["channels"] else "6"
_USER = {"id": "77", "username": "alice", "discriminator": "0", "avatar": None, "global_name": "A"}
_MEMBER = {"user": _USER, "roles": [], "joined_at": "2026-05-04T11:50:00+00:00", "flags": 0}
_IN_CHANNEL = {"guild_id": _GUILD_ID, "channel_id": _CHANNEL}
_MESSAGE: dict[str, Any] = {
    **_IN_CHANNEL,
    "id": "100",
    "type": 0,
    "content": "hi",
    "author": _USER,
    "member": {key: value for key, value in _MEMBER.items() if key != "user"},
    "timestamp": "2026-05-04T11:50:00+00:00",
    "edited_timestamp": None,
    "tts": False,
    "mention_everyone": False,
    "mentions": [],
    "mention_roles": [],
    "attachments": [],
    "embeds": [{"title": "t", "type": "rich", "fields": [{"name": "a", "value": "b"}]}],
    "components": [{"type": 1, "components": [{"type": 2, "style": 1, "custom_id": "a"}]}],
    "pinned": False,
    "flags": 0,
}
_INTERACTION = {
    **_IN_CHANNEL,
    "id": "200",
    "application_id": "8",
    "type": 2,
    "token": "interaction-token",
    "version": 1,
    "locale": "en-US",
    "member": {**_MEMBER, "permissions": "0"},
    "channel": {"id": _CHANNEL, "type": 0, "name": "general", "permissions": "0"},
    "entitlements": [],
    "authorizing_integration_owners": {"0": _GUILD_ID},
    "data": {
        "id": "1",
        "name": "ping",
        "type": 1,
        "options": [{"name": "a", "type": 3, "value": "b"}],
    },
}
_OTHERS: list[tuple[str, Any]] = [
    ("MESSAGE_CREATE", _MESSAGE),
    ("MESSAGE_UPDATE", _MESSAGE | {"content": "edited"}),
    ("MESSAGE_DELETE", {**_IN_CHANNEL, "id": "100"}),
    ("MESSAGE_DELETE_BULK", {**_IN_CHANNEL, "ids": ["100", "101"]}),
    (
        "MESSAGE_REACTION_ADD",
        {
            **_IN_CHANNEL,
            "message_id": "100",
            "user_id": "77",
            "emoji": {"id": None, "name": "x"},
            "type": 0,
        },
    ),
    (
        "MESSAGE_POLL_VOTE_ADD",
        {**_IN_CHANNEL, "message_id": "100", "user_id": "77", "answer_id": 1},
    ),
    ("INTERACTION_CREATE", _INTERACTION),
    (
        "INTERACTION_CREATE",
        _INTERACTION
        | {"type": 3, "data": {"custom_id": "a", "component_type": 2}, "message": _MESSAGE},
    ),
    (
        "INTERACTION_CREATE",
        _INTERACTION | {"type": 5, "data": {"custom_id": "a", "components": []}},
    ),
    ("TYPING_START", {**_IN_CHANNEL, "user_id": "77", "timestamp": 1, "member": _MEMBER}),
    (
        "PRESENCE_UPDATE",
        {
            "guild_id": _GUILD_ID,
            "user": {"id": "77"},
            "status": "idle",
            "activities": [],
            "client_status": {},
        },
    ),
    (
        "GUILD_AUDIT_LOG_ENTRY_CREATE",
        {
            "guild_id": _GUILD_ID,
            "id": "5",
            "action_type": 1,
            "user_id": "77",
            "target_id": None,
            "changes": [],
        },
    ),
    (
        "INVITE_CREATE",
        {
            **_IN_CHANNEL,
            "code": "a",
            "inviter": _USER,
            "max_age": 0,
            "uses": 0,
            "created_at": "2026-05-04T11:50:00+00:00",
            "temporary": False,
            "max_uses": 0,
        },
    ),
    (
        "AUTO_MODERATION_ACTION_EXECUTION",
        {
            **_IN_CHANNEL,
            "action": {"type": 1},
            "rule_id": "1",
            "rule_trigger_type": 1,
            "user_id": "77",
            "content": "a",
        },
    ),
    ("WEBHOOKS_UPDATE", _IN_CHANNEL),
    ("VOICE_SERVER_UPDATE", {"guild_id": _GUILD_ID, "token": "t", "endpoint": None}),
    (
        "ENTITLEMENT_CREATE",
        {"id": "1", "sku_id": "2", "application_id": "8", "type": 8, "deleted": False},
    ),
    ("GUILD_BAN_ADD", {"guild_id": _GUILD_ID, "user": _USER}),
    ("GUILD_INTEGRATIONS_UPDATE", {"guild_id": _GUILD_ID}),
    ("NO_SUCH_EVENT", {"a": 1}),
]
_PLAIN: list[dict[str, Any]] = [
    {"op": op, "d": data, "s": None, "t": None}
    for op, data in ((1, None), (7, None), (9, False), (9, True), (11, None), (0, None), (99, {}))
]
PAYLOADS = tuple(
    orjson.dumps({"op": 0, "t": name, "s": 1000 + number, "d": data})
    for number, (name, data) in enumerate([*_DATA[1:], *_OTHERS, *_OTHERS])
) + tuple(map(orjson.dumps, _PLAIN))
