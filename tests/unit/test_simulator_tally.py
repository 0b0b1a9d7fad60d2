"""What a tally says of numbered messages and their answers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from simulator.tally import Tally


def tally_of(said_at_s: Sequence[float], answers: Sequence[tuple[str, float]]) -> Tally:
    """Answer a tally of messages 1, 2, … and of what the bot said when."""
    tally = Tally()
    for at_s in said_at_s:
        tally.said(at_s=at_s)
    for content, at_s in answers:
        tally.heard(content, at_s=at_s)
    return tally


def test_lost_and_twice_are_counted_and_named() -> None:
    """A number without an answer is lost, one with two is answered twice."""
    tally = tally_of([0, 1, 2], [("got 1", 0.1), ("got 3", 2.1), ("got 3", 2.2)])

    report = tally.report()

    assert (report["sent"], report["answered"]) == (3, 2)
    assert (report["lost"], report["lost_numbers"]) == (1, [2])
    assert (report["twice"], report["twice_numbers"]) == (1, [3])
    assert not tally.complete


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("pong 1", id="another word"),
        pytest.param("got", id="no number"),
        pytest.param("got one", id="no digits"),
        pytest.param("got \N{SUPERSCRIPT TWO}", id="digits of another kind"),
    ],
)
def test_what_is_no_answer_counts_for_nothing(content: str) -> None:
    """A bot may say other things meanwhile."""
    tally = tally_of([0], [(content, 1)])

    assert tally.report()["answered"] == 0


@pytest.mark.parametrize(
    ("answers", "silence_s"),
    [
        pytest.param([("got 1", 1), ("got 2", 1.5), ("got 3", 2.5)], 1.0, id="between answers"),
        pytest.param([("got 1", 1.5), ("got 2", 1.6), ("got 3", 2.1)], 1.5, id="at the beginning"),
        pytest.param([("got 1", 0.1), ("got 2", 1.1)], 1.0, id="between, the last one lost"),
        pytest.param([("got 1", 0.1)], 1.9, id="never again"),
        pytest.param([("got 1", 0.1), ("got 2", 1.1), ("got 3", 4.1)], 3.0, id="after the last"),
        pytest.param([], 2.0, id="not one answer"),
    ],
)
def test_silence_is_the_longest_time_without_an_answer(
    answers: Sequence[tuple[str, float]], silence_s: float
) -> None:
    """From the first message to the last message or answer."""
    tally = tally_of([0, 1, 2], answers)

    assert tally.report()["silence_s"] == pytest.approx(silence_s)


def test_waits_go_from_a_message_to_its_first_answer() -> None:
    """The second answer to a message changes nothing."""
    tally = tally_of([0, 1, 2], [("got 1", 0.5), ("got 2", 1.1), ("got 2", 9), ("got 3", 2.2)])

    report = tally.report()

    assert report["wait_p50_s"] == pytest.approx(0.2)
    assert report["wait_max_s"] == pytest.approx(0.5)


def test_a_tally_of_nothing_is_complete() -> None:
    """No message, no silence, no waits."""
    report = Tally().report()

    assert Tally().complete
    assert (report["silence_s"], report["wait_max_s"]) == (0.0, None)
