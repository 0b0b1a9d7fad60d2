"""Locks as changes of overwrites, and their exact return."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.plugins.channels.channel_lock import afters, befores, changes_of, touched_text
from bot.plugins.channels.overwrites import (
    MEMBER,
    OWN,
    ROLE,
    SPEAKING,
    Change,
    Kind,
    Overwrite,
    lock_changes,
    returns,
)

EVERYONE, STAFF, FANS, BOT = 1, 2, 3, 9
UNKNOWN_BIT = 1 << 60  # a permission that no version of discord.py knows
BITS = st.sampled_from([SPEAKING, SPEAKING | UNKNOWN_BIT, 1, 1024, UNKNOWN_BIT, 0, 2048])


@st.composite
def overwrites(draw: st.DrawFn) -> list[Overwrite]:
    """Answer overwrites of a channel; none allows what it denies."""
    made = []
    kinds: list[tuple[Kind, int]] = [(ROLE, EVERYONE), (ROLE, STAFF), (ROLE, FANS), (MEMBER, BOT)]
    for kind, target in draw(st.lists(st.sampled_from(kinds), unique=True)):
        allow = draw(BITS) | draw(BITS)
        made.append(Overwrite(target_id=target, kind=kind, allow=allow, deny=draw(BITS) & ~allow))
    return made


def locked(existing: list[Overwrite], changes: tuple[Change, ...]) -> list[Overwrite]:
    """Answer the overwrites of a channel once it is locked."""
    held = {(each.kind, each.target_id): each for each in existing}
    held |= {(each.after.kind, each.after.target_id): each.after for each in changes}
    return list(held.values())


def opened(current: list[Overwrite], changes: tuple[Change, ...]) -> list[Overwrite]:
    """Answer the overwrites of a channel once it is open again."""
    held = {(each.kind, each.target_id): each for each in current}
    for each in returns(changes, current):
        if each.after is None:
            held.pop((each.kind, each.target_id), None)
        elif each.is_needed:
            held[(each.kind, each.target_id)] = each.after
    return list(held.values())


def ordered(each: Overwrite) -> tuple[int, int]:
    """Answer what to sort overwrites by."""
    return each.kind, each.target_id


def plan(existing: list[Overwrite]) -> tuple[Change, ...]:
    """Answer the changes of a lock in the world of these tests."""
    return lock_changes(existing, everyone_id=EVERYONE, staff={STAFF: SPEAKING | 1024}, bot_id=BOT)


@given(overwrites())
def test_a_lock_silences_all_but_the_staff(existing: list[Overwrite]) -> None:
    """Nobody is allowed to speak but who is told to be staff, members by name, and the bot."""
    after = {each.target_id: each for each in locked(existing, plan(existing))}

    assert after[EVERYONE].deny & SPEAKING == SPEAKING
    assert FANS not in after or not after[FANS].allow & SPEAKING
    assert after[BOT].allow & OWN == OWN
    before = {each.target_id: each for each in existing}
    denied = (before[STAFF].deny if STAFF in before else 0) | (
        before[EVERYONE].deny if EVERYONE in before else 0
    )
    held = before[STAFF].allow if STAFF in before else 0
    voice = after[STAFF].allow if STAFF in after else 0
    assert voice & SPEAKING == (held | ~denied) & SPEAKING
    assert voice & ~SPEAKING == held & ~SPEAKING
    assert all(not each.allow & each.deny for each in after.values())


@given(overwrites())
def test_a_channel_opens_exactly_as_it_was(existing: list[Overwrite]) -> None:
    """Also what was not there is not there again, and unknown permissions are kept."""
    changes = plan(existing)
    now = locked(existing, changes)

    assert sorted(opened(now, changes), key=ordered) == sorted(existing, key=ordered)
    assert not any(each.touched for each in returns(changes, now))


@given(overwrites(), st.data())
def test_opening_half_a_lock_restores_it_too(
    existing: list[Overwrite], data: st.DataObject
) -> None:
    """A process may die between any two of its calls."""
    changes = plan(existing)
    made = changes[: data.draw(st.integers(0, len(changes)))]

    assert sorted(opened(locked(existing, made), changes), key=ordered) == sorted(
        existing, key=ordered
    )


@given(overwrites(), st.data())
def test_opening_can_be_repeated(existing: list[Overwrite], data: st.DataObject) -> None:
    """Whatever is there, doing it a second time changes nothing."""
    changes = plan(existing)
    once = opened(data.draw(overwrites()), changes)

    assert sorted(opened(once, changes), key=ordered) == sorted(once, key=ordered)


@given(overwrites(), st.sampled_from([1, 1024, 2048, UNKNOWN_BIT]))
def test_what_others_changed_meanwhile_is_kept_and_told(
    existing: list[Overwrite], bit: int
) -> None:
    """A permission that somebody allowed while it was locked is not lost; the rest goes back."""
    changes = plan(existing)
    now = {(each.kind, each.target_id): each for each in locked(existing, changes)}
    was = now[(ROLE, EVERYONE)]
    if was.allow & bit or not any(each.after.target_id == EVERYONE for each in changes):
        return
    now[(ROLE, EVERYONE)] = replace(was, allow=was.allow | bit, deny=was.deny & ~bit)
    after = {each.target_id: each for each in opened(list(now.values()), changes)}
    before = {each.target_id: each for each in existing}.get(EVERYONE)
    if before is not None and replace(was, allow=was.allow | bit, deny=was.deny & ~bit) == before:
        return

    assert after[EVERYONE].allow & bit
    others = SPEAKING & ~bit
    assert after[EVERYONE].deny & others == (before.deny if before is not None else 0) & others
    assert [each.target_id for each in returns(changes, list(now.values())) if each.touched] == [
        EVERYONE
    ]


def test_what_somebody_took_away_is_not_brought_back() -> None:
    """An overwrite that was removed meanwhile stays removed, and that is told."""
    existing = [Overwrite(target_id=FANS, kind=ROLE, allow=SPEAKING, deny=0)]
    changes = plan(existing)
    now = [each for each in locked(existing, changes) if each.target_id != FANS]
    back = {each.target_id: each for each in returns(changes, now)}

    assert back[FANS].touched
    assert not back[FANS].is_needed
    assert touched_text(returns(changes, now)) == (
        "The permissions of <@&3> were changed while it was locked. Those changes are kept;"
        " please look whether they are what you want."
    )


def test_the_bot_is_allowed_before_everybody_is_denied() -> None:
    """And the other way when it opens: it never locks itself out."""
    changes = plan([])

    assert [each.after.target_id for each in changes] == [BOT, STAFF, EVERYONE]
    assert [each.target_id for each in returns(changes, locked([], changes))] == [
        EVERYONE,
        STAFF,
        BOT,
    ]


def test_a_locked_channel_is_not_locked_again() -> None:
    """Where nobody could speak before there is nothing to change."""
    silent = [Overwrite(target_id=EVERYONE, kind=ROLE, allow=0, deny=SPEAKING)]

    assert lock_changes(silent, everyone_id=EVERYONE) == ()


@given(overwrites())
def test_a_lock_survives_the_database(existing: list[Overwrite]) -> None:
    """What was there, what was not, and bits beyond 2⁵³."""
    changes = plan(existing)

    assert changes_of(befores(changes), afters(changes)) == changes
