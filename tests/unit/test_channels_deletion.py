"""How messages are deleted within Discord's limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.plugins.channels import purge_question
from bot.plugins.channels.deletion import (
    BULK_AGE_MS,
    EPOCH_MS,
    MAX_BULK,
    MAX_OLD,
    choose,
    is_old,
    made_at_ms,
    next_step,
)
from bot.plugins.channels.purge_question import Findings, Outcome, question, report

NOW_MS = EPOCH_MS + 10 * BULK_AGE_MS


def id_of(age_ms: int, number: int = 0) -> int:
    """Answer the id of a message that is so old."""
    return ((NOW_MS - age_ms - EPOCH_MS) << 22) + number


AGES = st.integers(0, 2 * BULK_AGE_MS) | st.integers(BULK_AGE_MS - 2, BULK_AGE_MS + 2)
IDS = st.lists(st.builds(id_of, AGES, st.integers(0, 9)), max_size=250)


def test_a_message_knows_its_age() -> None:
    """Discord's ids hold the time."""
    assert made_at_ms(id_of(1234)) == NOW_MS - 1234
    assert is_old(id_of(BULK_AGE_MS), now_ms=NOW_MS)
    assert not is_old(id_of(BULK_AGE_MS - 1), now_ms=NOW_MS)


@given(IDS)
def test_every_message_is_chosen_or_left(ids: list[int]) -> None:
    """None is forgotten, none is added, none is there twice; the newest come first."""
    choice = choose(ids, now_ms=NOW_MS)

    assert set(choice.ids) <= set(ids)
    assert len(choice.ids) + choice.left == len(set(ids))
    assert list(choice.ids) == sorted(set(choice.ids), reverse=True)
    assert choice.old == sum(is_old(each, now_ms=NOW_MS) for each in choice.ids) <= MAX_OLD


@given(IDS, st.integers(0, BULK_AGE_MS))
def test_steps_keep_the_limits_and_come_to_an_end(ids: list[int], slow_ms: int) -> None:
    """However long it takes, each call is one that Discord takes, and all are made once."""
    done: list[int] = []
    remaining, now_ms = list(choose(ids, now_ms=NOW_MS).ids), NOW_MS
    chosen = list(remaining)
    while (step := next_step(remaining, now_ms=now_ms)) is not None:
        assert list(step.ids) == remaining[: len(step.ids)]
        if step.is_bulk:
            assert 2 <= len(step.ids) <= MAX_BULK
            assert not any(is_old(each, now_ms=now_ms) for each in step.ids)
        done += step.ids
        remaining = remaining[len(step.ids) :]
        now_ms += slow_ms // 10

    assert done == chosen


def test_recent_messages_go_together() -> None:
    """250 messages are three calls."""
    remaining = [id_of(index * 1000) for index in range(250)]
    sizes = []
    while (step := next_step(remaining, now_ms=NOW_MS)) is not None:
        sizes.append(len(step.ids))
        remaining = remaining[len(step.ids) :]

    assert sizes == [100, 100, 50]


def test_what_made_a_call_fail_goes_singly() -> None:
    """So that one bad message costs itself alone."""
    step = next_step([3, 2, 1], now_ms=0, singly=True)

    assert step is not None
    assert step.ids == (3,)
    assert not step.is_bulk


def findings(ids: list[int], **changes: object) -> Findings:
    """Answer findings about messages."""
    facts: dict[str, object] = {
        "choice": choose(ids, now_ms=NOW_MS),
        "asked_for": "from <@7>",
        "pinned": 0,
        "looked_at": len(ids),
        "reached_end": True,
    }
    return Findings(**{**facts, **changes})  # type: ignore[arg-type]


def test_a_question_has_numbers() -> None:
    """How many, of whom, and what is left out and why."""
    old = [id_of(BULK_AGE_MS + index * 1000) for index in range(MAX_OLD + 5)]
    found = findings([id_of(1), *old], pinned=2, reached_end=False, looked_at=2000)

    assert question(found).split("\n") == [
        "Delete **101 messages** from <@7>?",
        "100 of them are older than 14 days and must go singly: about 201 s in all.",
        "5 messages more of that age will be left; run it again for them.",
        "Pinned ones stay: 2.",
        "I looked at the newest 2,000 messages only.",
    ]


def test_a_plain_question_is_short() -> None:
    """Nothing is said of what is not the case."""
    assert question(findings([id_of(1)])) == "Delete **1 message** from <@7>?"


def test_nothing_to_delete_is_explained() -> None:
    """With what was looked for."""
    text = purge_question.nothing(findings([], looked_at=12, pinned=1))

    assert text == (
        "There is nothing to delete: of 12 messages none fits from <@7>.\nPinned ones stay: 1."
    )


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        pytest.param(Outcome(deleted=3), "Deleted 3 of 3 messages.", id="all"),
        pytest.param(
            Outcome(deleted=1, gone=1, kept=1),
            "Deleted 1 of 3 messages. 1 were gone already. 1 can't be deleted, says Discord.",
            id="some",
        ),
    ],
)
def test_a_report_says_what_became_of_them(outcome: Outcome, text: str) -> None:
    """Of each of them."""
    assert report(outcome, 3) == text
