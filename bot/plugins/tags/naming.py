"""What a tag may be called and hold, and who may change it. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

MAX_NAME = 50
MAX_CONTENT = 2000
_INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Cn"}


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
    return " ".join(folded.split())


def checked_name(name: str, *, taken: Collection[str]) -> str:
    """Answer *name* as it is shown.

    Args:
        taken: Names of subcommands, which a tag of that name could not be called beside.

    Raises:
        TagRuleError: it is no name for a tag.
    """
    shown = " ".join(name.split())
    if not shown:
        raise TagRuleError("A tag needs a name.")
    # What is compared counts as well: some characters become many.
    length = max(len(shown), len(key_of(shown)))
    if length > MAX_NAME:
        raise TagRuleError(f"A tag's name has at most {MAX_NAME} characters; this has {length}.")
    if any(unicodedata.category(character) in _INVISIBLE for character in shown):
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


def may_change(tag: TagInfo, *, user_id: int, manages_messages: bool) -> bool:
    """Answer whether a member may change or delete a tag."""
    return tag.owner_id == user_id or manages_messages


def like_pattern(text: str) -> str:
    """Answer the pattern of SQL's LIKE for names that hold *text*; the escape is a backslash."""
    literal = key_of(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literal}%"
