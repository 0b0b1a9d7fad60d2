"""Messages as moderators name them: by id, or by the link that Discord copies. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ID = r"[0-9]{15,20}"
_PLAIN = re.compile(rf"(?:(?P<channel>{_ID})-)?(?P<message>{_ID})")
_LINK = re.compile(
    rf"<?https?://(?:(?:ptb|canary)\.)?discord(?:app)?\.com/channels/(?:@me|{_ID})"
    rf"/(?P<channel>{_ID})/(?P<message>{_ID})/?>?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageName:
    """A message; *channel_id* is None where only its id was given."""

    message_id: int
    channel_id: int | None = None


def parse(text: str) -> MessageName | None:
    """Answer which message *text* names, None when it names none."""
    found = _PLAIN.fullmatch(text.strip()) or _LINK.fullmatch(text.strip())
    if found is None or int(found["message"]) >= 2**63:
        return None
    channel = found["channel"]
    return MessageName(
        message_id=int(found["message"]), channel_id=int(channel) if channel else None
    )
