"""Pages that fit, and what to do about presses without a handler."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views.page import MAX_TEXT, MAX_TOTAL, Field, Page, fitted, listed, plain
from bot.views.staleness import Treatment, treatment

fields = st.builds(Field, name=st.text(max_size=300), value=st.text(max_size=1500))


@given(st.text(max_size=300), st.text(max_size=5000), st.lists(fields, max_size=30))
def test_a_fitted_page_is_within_discords_limits(
    title: str, text: str, blocks: list[Field]
) -> None:
    """Whatever it held."""
    page = fitted(Page(title=title, text=text, fields=tuple(blocks)))

    assert page.size() + len("999/999") <= MAX_TOTAL
    assert len(page.text) <= MAX_TEXT
    assert len(page.fields) <= 25
    assert all(each.name and each.value for each in page.fields)
    assert len(plain(page)) <= 2000


@given(st.lists(st.text(min_size=1, max_size=200), max_size=60))
def test_listed_lines_are_all_there_in_order(lines: list[str]) -> None:
    """On pages that fit, none of them empty."""
    pages = listed(lines, title="T", empty="none")

    assert "\n".join(page.text for page in pages) == ("\n".join(lines) or "none")
    assert all(len(page.text) <= MAX_TEXT for page in pages)


@pytest.mark.parametrize(
    ("age_s", "redelivered", "expected"),
    [
        pytest.param(1.5, False, Treatment.EXPLAIN, id="fresh"),
        pytest.param(-20.0, False, Treatment.EXPLAIN, id="our clock is behind"),
        pytest.param(30.0, False, Treatment.EXPLAIN, id="our clock is ahead"),
        pytest.param(600.0, False, Treatment.IGNORE, id="old"),
        pytest.param(2.0, True, Treatment.EXPLAIN, id="replayed at once"),
        pytest.param(20.0, True, Treatment.INTERRUPTED, id="replayed late"),
        pytest.param(901.0, True, Treatment.IGNORE, id="replayed after its token died"),
    ],
)
def test_only_who_still_waits_is_answered(
    age_s: float, redelivered: bool, expected: Treatment
) -> None:
    """Discord waits 3 s for a first answer, and 15 min for more."""
    assert treatment(age_s=age_s, redelivered=redelivered) is expected
