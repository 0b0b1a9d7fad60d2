"""Transcripts, and who works on tickets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.plugins.tickets import model
from bot.plugins.tickets.transcript import LEFT_OUT, Said, entry, quoted, render

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def said(content: str, **values: object) -> Said:
    """Answer a message of alice's."""
    return Said(at=AT, author="alice", author_id=7, content=content, **values)  # type: ignore[arg-type]


def test_a_message_is_shown_with_all_that_belongs_to_it() -> None:
    """Time, author, what it answers, words, embeds, attachments as links."""
    shown = entry(
        said(
            "one\ntwo",
            answers=quoted("bob", "where\nis it"),
            extras=("A title\nA field",),
            attachments=("https://x/y.png",),
            edited=True,
        )
    )

    assert shown == (
        "[2026-01-02 03:04:05 UTC] alice (7) (edited)\n"
        "    in reply to bob: where is it\n"
        "    one\n    two\n    A title\n    A field\n    attachment: https://x/y.png"
    )


@given(st.text())
def test_nobody_can_write_what_looks_like_another_message(content: str) -> None:
    """Only the first line of an entry stands at the margin."""
    shown = entry(said(content, answers=quoted("bob", content), extras=(content,)))
    first, *rest = shown.splitlines()

    assert first.startswith("[2026-01-02")
    assert all(line.startswith("    ") for line in rest)


@pytest.mark.parametrize("content", ["\x1b[2Jcleared", "a\u202eb", "a\x00b", "a\x85b\x0cc"])
def test_nothing_acts_on_who_reads_it(content: str) -> None:
    """Neither a terminal's commands nor what turns the text of others around."""
    shown = entry(said(content)).replace("\n", "")

    assert shown.isprintable()


@given(st.lists(st.text(max_size=50), max_size=30), st.integers(200, 2000))
def test_a_file_is_never_larger_than_allowed(contents: list[str], limit: int) -> None:
    """Its older part is left out, at the border of a message."""
    data = render("Ticket 1", [said(each) for each in contents], max_bytes=limit)

    assert len(data) <= limit
    assert data.startswith(b"Ticket 1\n\n")
    if LEFT_OUT.encode() in data:
        rest = data.split(LEFT_OUT.encode())[1]
        assert rest == b"" or rest.startswith(b"[2026")


@given(st.lists(st.text(max_size=50), max_size=9), st.integers(200, 2000))
def test_what_was_not_read_is_said_to_be_left_out(contents: list[str], limit: int) -> None:
    """Whether the rest fits or not, once."""
    data = render("Ticket 1", [said(each) for each in contents], whole=False, max_bytes=limit)

    assert len(data) <= limit
    assert data.count(LEFT_OUT.encode()) == 1


def ticket(**values: object) -> model.TicketRecord:
    """Answer a ticket."""
    facts: dict[str, object] = {
        "id": 1,
        "guild_id": 1,
        "number": 7,
        "channel_id": 1,
        "thread_id": None,
        "opener_id": 1,
        "closer_id": None,
        "origin": 1,
        "subject": "Lost\nkey",
        "text": "",
        "status": "open",
        **values,
    }
    return model.TicketRecord(**facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("subject", ["Lost\nkey", "x" * 200, " "])
def test_a_thread_is_found_by_the_beginning_of_its_name(subject: str) -> None:
    """However long the subject is."""
    name = ticket(subject=subject).thread_name()

    assert name.split(" ")[0] == "ticket-0007"
    assert len(name) <= 100
    assert "\n" not in name


def test_the_staff_is_who_has_the_role_or_manages_threads() -> None:
    """Without a role it is the latter alone."""
    assert model.is_staff(manages_threads=True, roles=(), ticket_role=None)
    assert model.is_staff(manages_threads=False, roles=(3,), ticket_role=3)
    assert not model.is_staff(manages_threads=False, roles=(3,), ticket_role=4)
    assert not model.is_staff(manages_threads=False, roles=(), ticket_role=None)
