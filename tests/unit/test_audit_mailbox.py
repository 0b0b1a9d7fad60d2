"""What the log channel is told, by whom it was done, and how much of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.plugins.audit import entries
from bot.plugins.audit.attribution import MAX_ACTS, Act, Acts, attributed
from bot.plugins.audit.differences import Change
from bot.plugins.audit.entries import Entry, MessageFacts, Moment, fenced
from bot.plugins.audit.mailbox import MAX_CHARACTERS, MAX_WAITING, Mailbox, notice

BOT, MOD, ALICE, PLACE = 1, 2, 3, 50


def moment(at_s: float = 100.0) -> Moment:
    return Moment(at_s=at_s, at_ms=0)


def act(name: str, *, actor: int = MOD, target: int = ALICE, at_s: float = 100.0) -> Act:
    return Act(name=name, target_id=target, actor_id=actor, reason="spam", at_s=at_s)


def banned(at_s: float = 100.0) -> Entry:
    return entries.banned(moment(at_s), ALICE, "alice")


def joined(entry: Entry, acts: Sequence[Act]) -> Entry | None:
    known = Acts()
    for each in acts:
        known.note(each)
    return attributed(entry, known.nearest(entry), bot_id=BOT)


def test_who_did_it_is_told() -> None:
    """The audit log's act and the event are one thing."""
    told = joined(banned(), [act("ban", at_s=101.0)])

    assert told is not None
    assert told.text.endswith("By <@2>: `spam`")


def test_what_the_bot_did_is_not_told_twice() -> None:
    """A case tells of it."""
    assert joined(banned(), [act("ban", actor=BOT)]) is None


def test_without_the_audit_log_nobody_is_named() -> None:
    """The permission to see it may be missing; the change is told all the same."""
    assert joined(banned(), []) == banned()


def test_an_act_on_another_or_of_another_time_is_not_meant() -> None:
    """Neither another's ban nor that of a minute ago."""
    others = [act("ban", target=9), act("ban", at_s=40.0), act("kick")]

    assert joined(banned(), others) == banned()


def test_the_nearest_act_counts() -> None:
    """The bot gave a role, a moderator another three seconds later."""
    changes = (Change(what="Roles", before="nothing", after="+`x`"),)
    entry = entries.member_changed(moment(103.0), ALICE, "alice", changes)
    acts = [
        act("member_role_update", actor=BOT, at_s=100.0),
        act("member_role_update", actor=MOD, at_s=103.2),
    ]

    assert entry is not None
    told = joined(entry, acts)
    assert told is not None
    assert "By <@2>" in told.text


def test_who_is_banned_does_not_leave_as_well() -> None:
    """One ban is one entry."""
    gone = entries.left(moment(), ALICE, "alice")

    assert joined(gone, [act("ban")]) is None


def test_who_is_kicked_did_not_leave() -> None:
    """Discord sends the same event for both."""
    told = joined(entries.left(moment(), ALICE, "alice"), [act("kick")])

    assert told is not None
    assert told.title == "Member kicked"


def test_a_member_who_changed_themselves_is_named_once() -> None:
    """A new nickname of one's own."""
    changes = (Change(what="Nickname", before="none", after="`al`"),)
    entry = entries.member_changed(moment(), ALICE, "alice", changes)

    assert entry is not None
    assert joined(entry, [act("member_update", actor=ALICE)]) == entry


def test_acts_are_forgotten() -> None:
    """By their number and by their age."""
    acts = Acts()
    for number in range(MAX_ACTS + 10):
        acts.note(act("ban", target=number))
    assert len(acts) == MAX_ACTS

    acts.note(act("ban", at_s=1000.0))

    assert len(acts) == 1
    assert acts.nearest(banned(100.0)) is None


def test_an_entry_waits_for_the_audit_log() -> None:
    """It is taken when it is old enough."""
    box = Mailbox()
    box.put(banned(100.0))

    assert not box.take(now_s=101.0, bot_id=BOT, left_out=())
    assert len(box.take(now_s=102.0, bot_id=BOT, left_out=()).entries) == 1
    assert len(box) == 0


def test_an_act_that_comes_late_is_waited_for() -> None:
    """As long as patience lasts, with what came after it; what needs no act does not wait."""
    box = Mailbox()

    def taken(now_s: float) -> list[str]:
        batch = box.take(now_s=now_s, bot_id=BOT, left_out=(), patience_s=5.0)
        return [entry.text.partition("\n")[2] for entry in batch.entries]

    box.put(entries.joined(moment(99.0), ALICE, "alice", created_at_s=0))
    box.put(banned(100.0))
    box.put(entries.unbanned(moment(101.0), ALICE, "alice"))
    assert taken(103.0) == ["Account made <t:0:R>."]
    box.note(act("ban", at_s=103.5))
    assert taken(104.0) == ["By <@2>: `spam`"]
    assert taken(105.9) == []
    assert taken(106.0) == [""]


def test_who_is_banned_does_not_leave_as_well_when_the_audit_log_is_not_seen() -> None:
    """The ban itself says so, whichever comes first; who left before that did leave."""
    box = Mailbox()
    box.put(entries.left(moment(50.0), ALICE, "alice"))
    box.put(entries.left(moment(100.0), ALICE, "alice"))
    box.put(banned(100.1))

    batch = box.take(now_s=200.0, bot_id=BOT, left_out=())

    assert [entry.title for entry in batch.entries] == ["Member left", "Member banned"]


def test_who_deleted_a_message_elsewhere_is_not_meant() -> None:
    """An author deletes one of theirs while a moderator deletes another in another channel."""
    gone = MessageFacts(id=1, places=(60, PLACE), author_id=ALICE, author="alice", content="x")
    entry = entries.message_deleted(moment(), gone)
    here, there = (replace(act("message_delete"), place_id=place) for place in (PLACE, 77))

    assert joined(entry, [there]) == entry
    assert joined(entry, [there, here]) != entry


def test_ten_at_a_time() -> None:
    """A message holds ten embeds."""
    box = Mailbox()
    for _ in range(25):
        box.put(banned())

    sizes = [len(box.take(now_s=200, bot_id=BOT, left_out=()).entries) for _ in range(4)]

    assert sizes == [10, 10, 5, 0]


@given(st.lists(st.text(max_size=3000), max_size=30))
def test_every_message_is_one_that_discord_accepts(contents: list[str]) -> None:
    """Whatever was deleted: at most 10 embeds and 6000 characters, and nothing is lost."""
    box = Mailbox()
    for content in contents:
        gone = MessageFacts(id=1, places=(PLACE,), author_id=ALICE, author="alice", content=content)
        box.put(entries.message_deleted(moment(), gone))

    told = 0
    while len(box):
        batch = box.take(now_s=200, bot_id=BOT, left_out=())
        told += len(batch.entries)
        assert 1 <= len(batch.entries) <= 10
        assert sum(entry.size() for entry in batch.entries) <= MAX_CHARACTERS

    assert told == len(contents)


def test_what_finds_no_room_is_counted_and_said() -> None:
    """The newest are left out, and the next message says how many."""
    box = Mailbox()
    for _ in range(MAX_WAITING + 7):
        box.put(banned())

    batch = box.take(now_s=200, bot_id=BOT, left_out=())

    assert batch.lost == 7
    assert notice(batch.lost) == "-# 7 more changes came too fast to be shown here."
    assert box.take(now_s=200, bot_id=BOT, left_out=()).lost == 0


def test_channels_can_be_left_out_with_their_threads() -> None:
    """What happens in the log channel would otherwise tell of itself for ever."""
    box = Mailbox()
    thread = MessageFacts(id=1, places=(60, PLACE))
    box.put(entries.message_deleted(moment(), thread))

    assert not box.take(now_s=200, bot_id=BOT, left_out={PLACE})
    assert len(box) == 0


@given(st.text(max_size=2000))
def test_a_fence_can_not_be_left(text: str) -> None:
    """Between the first and the last fence there is none."""
    block = fenced(text)

    assert block == "*nothing*" or (
        block.startswith("```\n") and block.endswith("```") and "```" not in block[3:-3]
    )


def test_a_fence_holds_mentions_and_links() -> None:
    """They are text there."""
    assert fenced("@everyone <@3> ```x`") == "```\n@everyone <@3> '''x`\n```"
