"""The chat page and the fields of modals."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulator.driver.modals import controls_by_name
from simulator.page import render


def _page(text: str) -> str:
    return render(
        guild=text,
        bot=text,
        channel=text,
        channels=[text],
        user=text,
        users=[text],
        messages=[{"author": text, "content": text, "is_bot": True}],
        online=True,
    )


@given(st.text(alphabet="<>&\"'/abc=;", max_size=40))
def test_no_text_changes_the_markup(text: str) -> None:
    """Whatever people are called and say, the page has the same tags and quotes."""
    plain, page = _page("x"), _page(text)

    assert page.count("<") == plain.count("<")
    assert page.count('"') == plain.count('"')


def test_fields_of_a_modal_are_found_by_label() -> None:
    """Old rows, new labels; a label that occurs twice names none."""
    modal = {
        "components": [
            {"type": 1, "components": [{"type": 4, "custom_id": "a", "label": "Name"}]},
            {"type": 18, "label": "Colour", "component": {"type": 3, "custom_id": "b"}},
            {"type": 18, "label": "Twice", "component": {"type": 4, "custom_id": "c"}},
            {"type": 18, "label": "Twice", "component": {"type": 4, "custom_id": "d"}},
            {"type": 10, "content": "text"},
        ]
    }

    assert controls_by_name(modal) == {"Name": "a", "Colour": "b"}
    assert controls_by_name({}) == {}
