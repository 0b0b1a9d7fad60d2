"""What the log channel is told, each thing as one embed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.plugins.audit.differences import Change, shown

MAX_TEXT = 1500  # characters of one entry
MAX_CONTENT = 600  # of a message's old or new text
GOOD, BAD, CHANGED = 0x3BA55D, 0xED4245, 0xFAA61A
LEFT, BANNED = "Member left", "Member banned"
# What of Discord's audit log may have brought an entry about.
ACTS = frozenset(
    {"kick", "ban", "unban", "member_update", "member_role_update", "automod_timeout_member"}
    | {"message_delete", "message_bulk_delete"}
    | {"overwrite_create", "overwrite_update", "overwrite_delete"}
    | {f"{kind}_{what}" for kind in ("role", "channel") for what in ("create", "update", "delete")}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change.

    Attributes:
        acts: Names of the acts in Discord's audit log that may have brought it about.
        target_id: Whom or what that act is done to.
        places: The channel it happened in, and what that lies in; empty for the guild itself.
        at_s: Monotonic time of its event.
        at_ms: The same for people: milliseconds since 1970.
    """

    title: str
    text: str
    colour: int
    at_s: float
    at_ms: int
    target_id: int
    acts: tuple[str, ...] = ()
    places: tuple[int, ...] = ()

    def size(self) -> int:
        """Answer the characters that Discord counts."""
        return len(self.title) + len(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When an event came, by both clocks; as in `Entry`."""

    at_s: float
    at_ms: int


def person(user_id: int, name: str) -> str:
    """Answer how a user is named: by a mention, which pings nobody in an embed, name and id."""
    return f"<@{user_id}> {shown(name)} ({user_id})"


def joined(moment: Moment, user_id: int, name: str, *, created_at_s: int) -> Entry:
    """Answer the entry for a new member."""
    text = f"{person(user_id, name)}\nAccount made <t:{created_at_s}:R>."
    return _entry(moment, "Member joined", text, GOOD, user_id)


def left(moment: Moment, user_id: int, name: str, *, roles: Sequence[str] = ()) -> Entry:
    """Answer the entry for a member who is there no more; who banned them is told of the ban."""
    text = person(user_id, name)
    if roles:
        text += f"\nRoles: {', '.join(shown(role) for role in roles)}"
    return _entry(moment, LEFT, text, BAD, user_id, ("kick", "ban"))


def banned(moment: Moment, user_id: int, name: str) -> Entry:
    """Answer the entry for a ban."""
    return _entry(moment, BANNED, person(user_id, name), BAD, user_id, ("ban",))


def unbanned(moment: Moment, user_id: int, name: str) -> Entry:
    """Answer the entry for a ban that was lifted."""
    return _entry(moment, "Ban lifted", person(user_id, name), GOOD, user_id, ("unban",))


def member_changed(
    moment: Moment, user_id: int, name: str, changes: Sequence[Change]
) -> Entry | None:
    """Answer the entry for a changed member, None when nothing changed."""
    if not changes:
        return None
    text = "\n".join((person(user_id, name), *(change.line() for change in changes)))
    acts = ("member_update", "member_role_update", "automod_timeout_member")
    return _entry(moment, "Member changed", text, CHANGED, user_id, acts)


def place_made(moment: Moment, kind: str, target_id: int, name: str) -> Entry:
    """Answer the entry for a new role or channel; *kind* is one of these words."""
    acts = (f"{kind}_create",)
    return _entry(moment, f"{kind.capitalize()} created", shown(name), GOOD, target_id, acts)


def place_gone(moment: Moment, kind: str, target_id: int, name: str) -> Entry:
    """Answer the entry for a role or channel that was deleted."""
    acts = (f"{kind}_delete",)
    return _entry(moment, f"{kind.capitalize()} deleted", shown(name), BAD, target_id, acts)


def place_changed(
    moment: Moment, kind: str, target_id: int, name: str, changes: Sequence[Change]
) -> Entry | None:
    """Answer the entry for a changed role or channel, None when nothing changed."""
    if not changes:
        return None
    text = "\n".join((shown(name), *(change.line() for change in changes)))
    acts: tuple[str, ...] = (f"{kind}_update",)
    if kind == "channel":
        acts += ("overwrite_create", "overwrite_update", "overwrite_delete")
    return _entry(moment, f"{kind.capitalize()} changed", text, CHANGED, target_id, acts)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFacts:
    """A message; *author* is how its author is named, empty when nobody knows them."""

    id: int
    places: tuple[int, ...]
    author_id: int = 0
    author: str = ""
    content: str | None = None
    attachments: int = 0

    def where(self) -> str:
        """Answer who wrote it, and where."""
        return f"{self.author or 'Somebody'} in <#{self.places[0]}>"


def message_edited(moment: Moment, before: MessageFacts, after: str, *, link: str) -> Entry:
    """Answer the entry for an edit; the old text is known of recent messages only."""
    was = "*not known any more*" if before.content is None else fenced(before.content)
    text = f"{before.where()}, [message]({link})\nBefore: {was}\nAfter: {fenced(after)}"
    return _entry(moment, "Message edited", text, CHANGED, before.author_id, (), before.places)


def message_deleted(moment: Moment, gone: MessageFacts) -> Entry:
    """Answer the entry for a deleted message."""
    text = gone.where()
    if gone.attachments:
        text += f", with {gone.attachments} file{'s' if gone.attachments > 1 else ''}"
    text += "\n*Its text is not known any more.*" if gone.content is None else ""
    text += f"\n{fenced(gone.content)}" if gone.content else ""
    acts = ("message_delete",) if gone.author_id else ()
    return _entry(moment, "Message deleted", text, BAD, gone.author_id, acts, gone.places)


def messages_purged(moment: Moment, places: tuple[int, ...], *, count: int) -> Entry:
    """Answer the entry for many messages deleted at once."""
    text = f"{count} messages in <#{places[0]}>"
    acts = ("message_bulk_delete",)
    return _entry(moment, "Messages deleted", text, BAD, places[0], acts, places)


def fenced(text: str) -> str:
    """Answer *text* cut, in a block of code: nothing in it is formatted, linked or mentioned."""
    flat = text.replace("```", "'''").replace("\x00", "")
    if len(flat) > MAX_CONTENT:
        flat = f"{flat[: MAX_CONTENT - 1]}…"
    # A backtick at the end would become part of the fence.
    flat = f"{flat}\n" if flat.endswith("`") else flat
    return f"```\n{flat}```" if flat.strip() else "*nothing*"


def _entry(
    moment: Moment,
    title: str,
    text: str,
    colour: int,
    target_id: int,
    acts: tuple[str, ...] = (),
    places: tuple[int, ...] = (),
) -> Entry:
    return Entry(
        title=title,
        text=text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…",
        colour=colour,
        at_s=moment.at_s,
        at_ms=moment.at_ms,
        target_id=target_id,
        acts=acts,
        places=places,
    )
