"""What a tag may be called and hold, and who may change it. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

MAX_NAME = 50
MAX_CONTENT = 2000
MAX_TAGS = 500  # of a server; lists show them all
MAX_OWN = 100  # of one member there
_INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Cn"}
_VARIANTS = dict.fromkeys(range(0xFE00, 0xFE10))  # whether a heart is red or black
_BLANK = frozenset("\u034f\u115f\u1160\u2800\u3164")  # letters and marks that show nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class TagInfo:
    """A tag, as it is kept."""

    id: int
    name: str
    content: str
    owner_id: int
    uses: int
    created_at: datetime
    updated_at: datetime | None = None


class TagRuleError(ValueError):
    """A name or text can't be used; says why."""


def key_of(name: str) -> str:
    """Answer *name* as names are compared: alike to the eye is alike."""
    # Folding may undo the normal form: `ŉ` becomes two characters, of which one is composed.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.translate(_VARIANTS).split())


def checked_name(name: str, *, taken: Collection[str]) -> str:
    """Answer *name* as it is shown.

    Args:
        taken: Names of subcommands, which a tag of that name could not be called beside.

    Raises:
        TagRuleError: it is no name for a tag.
    """
    shown = " ".join(name.split())
    if not key_of(shown):
        raise TagRuleError("A tag needs a name.")
    # What is compared counts as well: some characters become many.
    length = max(len(shown), len(key_of(shown)))
    if length > MAX_NAME:
        raise TagRuleError(f"A tag's name has at most {MAX_NAME} characters; this has {length}.")
    if any(each in _BLANK or unicodedata.category(each) in _INVISIBLE for each in key_of(shown)):
        raise TagRuleError("A tag's name can't hold invisible characters.")
    if any(character in "`@#<>" for character in key_of(shown)):
        raise TagRuleError("A tag's name can't hold any of `@`, `#`, `<`, `>` and backticks.")
    if key_of(shown).split()[0] in taken:
        raise TagRuleError(f"A tag's name can't begin with `{shown.split()[0]}`: it is a command.")
    return shown


def checked_content(content: str) -> str:
    """Answer the text of a tag.

    Raises:
        TagRuleError: it is empty or too long for a message.
    """
    if not content.strip():
        raise TagRuleError("A tag needs a text.")
    if len(content) > MAX_CONTENT:
        raise TagRuleError(
            f"A tag's text has at most {MAX_CONTENT} characters; this has {len(content)}."
        )
    return content


def check_room(*, here: int, own: int) -> None:
    """Look whether a member may write one more tag.

    Args:
        here: Tags of the server.
        own: Those of the member.

    Raises:
        TagRuleError: they may not.
    """
    if here >= MAX_TAGS:
        raise TagRuleError(f"This server has {MAX_TAGS} tags, the most that I keep.")
    if own >= MAX_OWN:
        raise TagRuleError(f"You have {MAX_OWN} tags here, the most that I keep. Delete one first.")


def may_change(tag: TagInfo, *, user_id: int, manages_messages: bool) -> bool:
    """Answer whether a member may change or delete a tag."""
    return tag.owner_id == user_id or manages_messages


def like_pattern(text: str) -> str:
    """Answer the pattern of SQL's LIKE for names that hold *text*; the escape is a backslash."""
    literal = key_of(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literal}%"
