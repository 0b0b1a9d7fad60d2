"""Cases as pages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.moderation.cards import line_of
from bot.moderation.case import Case
from bot.views.page import Page

PER_PAGE = 8


def pages(cases: Sequence[Case], *, title: str, now: datetime) -> list[Page]:
    """Answer *cases* on pages, at least one."""
    lines = [line_of(case, now) for case in cases]
    if not lines:
        return [Page(title=title, text="There are none.")]
    parts = [lines[at : at + PER_PAGE] for at in range(0, len(lines), PER_PAGE)]
    return [Page(title=title, text="\n".join(part)) for part in parts]
