"""Cases as pages. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.moderation.cards import line_of
from bot.moderation.case import Case
from bot.views.page import Page

PER_PAGE = 8


def pages(
    cases: Sequence[Case], *, title: str, active: Collection[int] | None = None
) -> list[Page]:
    """Answer *cases* on pages, at least one.

    Args:
        active: Ids of those that count now; the others are marked.
    """
    lines = [_line(case, active) for case in cases]
    if not lines:
        return [Page(title=title, text="There are none.")]
    parts = [lines[at : at + PER_PAGE] for at in range(0, len(lines), PER_PAGE)]
    return [Page(title=title, text="\n".join(part)) for part in parts]


def _line(case: Case, active: Collection[int] | None) -> str:
    line = line_of(case)
    counts = active is None or case.id in active
    return line if counts else f"{line}\n-# does not count any more"
