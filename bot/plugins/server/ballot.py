"""What a poll may be; Discord's own limits, told before Discord refuses. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

# https://discord.com/developers/docs/resources/poll#poll-create-request-object
MAX_QUESTION = 300
MIN_ANSWERS, MAX_ANSWERS = 2, 10  # one answer would be accepted, and be no choice
MAX_ANSWER = 55
MAX_HOURS = 32 * 24
_SEPARATORS = re.compile(r"[|\n]")


class BallotError(ValueError):
    """The poll can't be held; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """A poll that Discord accepts."""

    question: str
    answers: tuple[str, ...]
    hours: int
    multiple: bool


def ballot(question: str, answers: str, *, hours: int, multiple: bool) -> Ballot:
    """Answer the poll.

    Args:
        answers: With a bar or a line break between them.

    Raises:
        BallotError: a limit is exceeded.
    """
    asked = " ".join(question.split())
    parts = (" ".join(part.split()) for part in _SEPARATORS.split(answers))
    choices = tuple(part for part in parts if part)
    if not 1 <= len(asked) <= MAX_QUESTION:
        raise BallotError(f"A question has 1 to {MAX_QUESTION} characters; this has {len(asked)}.")
    if not MIN_ANSWERS <= len(choices) <= MAX_ANSWERS:
        raise BallotError(
            f"A poll has {MIN_ANSWERS} to {MAX_ANSWERS} answers, with `|` between them; "
            f"this has {len(choices)}."
        )
    for number, choice in enumerate(choices, start=1):
        if len(choice) > MAX_ANSWER:
            raise BallotError(
                f"An answer has at most {MAX_ANSWER} characters; number {number} has {len(choice)}."
            )
    if len({choice.casefold() for choice in choices}) < len(choices):
        raise BallotError("Two of the answers are the same.")
    if not 1 <= hours <= MAX_HOURS:
        raise BallotError(f"A poll lasts 1 to {MAX_HOURS} hours (32 days).")
    return Ballot(question=asked, answers=choices, hours=hours, multiple=multiple)
