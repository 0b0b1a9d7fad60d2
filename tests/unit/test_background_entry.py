"""What becomes of a background job in another process, who may end it, and how it is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.background import progress
from bot.background.entry import (
    STATUSES,
    Entry,
    Place,
    Status,
    fate,
    instance_name,
    may_cancel,
    owner_of,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OURS, OTHERS, STRANGERS = "7:new", "7:old", "8:old"
JOB = Entry(
    id=4,
    kind="purge",
    title="Purge",
    place=Place(guild_id=1, channel_id=2, user_id=3, origin=5),
    message_id=6,
    priority=10,
    args={},
    checkpoint={},
    status="queued",
    done=0,
    total=None,
    note=None,
    error=None,
    instance=OTHERS,
    created_at=NOW,
    started_at=None,
    finished_at=None,
)


def job(**changes: Any) -> Entry:
    """Answer a queued job of another process, with changes."""
    return replace(JOB, **changes)


@pytest.mark.parametrize(
    ("entry", "resumable", "expected"),
    [
        pytest.param(job(), True, "resume", id="queued"),
        pytest.param(job(), False, "resume", id="queued, nothing of it was begun"),
        pytest.param(job(status="running", started_at=NOW), True, "resume", id="running"),
        pytest.param(
            job(status="running", started_at=NOW), False, "interrupt", id="running, not resumable"
        ),
        pytest.param(job(), None, "wait", id="no plugin knows it"),
        pytest.param(job(status="cancelled"), True, "settle", id="cancelled, nobody was told"),
        pytest.param(job(status="done", finished_at=NOW), True, "leave", id="settled"),
        pytest.param(job(instance=OURS, status="running"), True, "leave", id="our own"),
        pytest.param(job(instance=STRANGERS), True, "leave", id="of another bot"),
    ],
)
def test_what_a_new_process_does_with_a_job(
    entry: Entry, resumable: bool | None, expected: str
) -> None:
    """Everything of an earlier process is resumed, reported or waits; nothing else is touched."""
    assert fate(entry, instance=OURS, resumable=resumable) == expected


@given(
    status=st.sampled_from(STATUSES),
    began=st.booleans(),
    settled=st.booleans(),
    resumable=st.sampled_from([True, False, None]),
)
def test_no_job_is_begun_twice_by_one_process(
    status: Status, began: bool, settled: bool, resumable: bool | None
) -> None:
    """Whatever its state, a process leaves its own jobs to those who work on them."""
    entry = job(
        status=status,
        started_at=NOW if began else None,
        finished_at=NOW if settled else None,
        instance=OURS,
    )

    assert fate(entry, instance=OURS, resumable=resumable) == "leave"


def test_a_process_is_named_after_its_bot() -> None:
    """Two bots that share a database do not take over each other's jobs."""
    assert owner_of(instance_name(7, "a")) == owner_of(instance_name(7, "b")) == "7"
    assert owner_of(instance_name(8, "a")) == "8"


@pytest.mark.parametrize(
    ("user_id", "guild_id", "manages", "allowed"),
    [
        pytest.param(3, 1, False, True, id="who asked for it"),
        pytest.param(3, None, False, True, id="who asked for it, elsewhere"),
        pytest.param(9, 1, True, True, id="a manager"),
        pytest.param(9, 1, False, False, id="somebody"),
        pytest.param(9, 77, True, False, id="a manager of another server"),
        pytest.param(9, None, True, False, id="somebody in direct messages"),
    ],
)
def test_who_may_cancel(user_id: int, guild_id: int | None, manages: bool, allowed: bool) -> None:
    """The submitter and the managers of the job's server, and nobody else."""
    verdict = may_cancel(job(), user_id=user_id, guild_id=guild_id, manages_guild=manages)

    assert verdict is allowed


def test_progress_is_shown_as_a_bar() -> None:
    """Half of it is half a bar."""
    text = progress.describe(job(status="running", done=5, total=10, note="The old ones now."))

    assert "`██████░░░░░░` 50 %, 5 of 10" in text
    assert "The old ones now." in text


def test_a_job_that_was_stopped_says_how_far_it_came() -> None:
    """Who cancels a purge wants to know what is gone."""
    text = progress.describe(job(status="cancelled", done=5, total=10))

    assert text == "🛑 **Purge**: cancelled (job 4)\nIt came to 5 of 10."


@given(
    status=st.sampled_from(STATUSES),
    done=st.integers(0, 10**6),
    total=st.none() | st.integers(0, 10**6),
    note=st.none() | st.text(max_size=5000),
)
def test_a_job_always_fits_into_a_message(
    status: Status, done: int, total: int | None, note: str | None
) -> None:
    """Whatever its code says, Discord takes it."""
    entry = job(status=status, done=done, total=total, note=note, error=note)

    assert 0 < len(progress.describe(entry)) <= 2000
    assert str(entry.id) in progress.line(entry)
