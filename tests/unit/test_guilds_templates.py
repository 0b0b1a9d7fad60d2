"""Templates of welcome and leave messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.guilds import templates
from bot.guilds.templates import MAX_LENGTH, MAX_MESSAGE, PLACEHOLDERS, TemplateError

VALUES = {"user": "Ann", "mention": "<@1>", "server": "Here", "count": 7}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        pytest.param("Hi {mention}!", "Hi <@1>!", id="one"),
        pytest.param("{user}, {server}, {count}", "Ann, Here, 7", id="all"),
        pytest.param("{{user}} {user}", "{user} Ann", id="braces"),
        pytest.param("plain", "plain", id="none"),
        pytest.param("{{{user}}}", "{Ann}", id="in braces"),
    ],
)
def test_placeholders_are_replaced(template: str, text: str) -> None:
    """Doubled braces are braces."""
    templates.check(template)

    assert templates.render(template, VALUES) == text


@pytest.mark.parametrize(
    ("template", "told"),
    [
        pytest.param("", "empty", id="empty"),
        pytest.param(" \n ", "empty", id="blank"),
        pytest.param("x" * (MAX_LENGTH + 1), f"at most {MAX_LENGTH}", id="long"),
        pytest.param("Hi {name}", "`{name}` at character 4", id="unknown"),
        pytest.param("Hi {", "character 4 has no partner", id="open"),
        pytest.param("Hi }", "character 4 has no partner", id="closed"),
        pytest.param("{}", "`{}` at character 1", id="nameless"),
        pytest.param("{user.id}", "`{user.id}`", id="attribute"),
        pytest.param("{ user }", "`{ user }`", id="spaces"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(template: str, told: str) -> None:
    """When the text is set, not when the first member comes."""
    with pytest.raises(TemplateError) as caught:
        templates.check(template)

    assert told in str(caught.value)


def test_what_a_value_holds_is_no_template() -> None:
    """A user may be called {server}."""
    assert templates.render("{user}", {**VALUES, "user": "{server}"}) == "{server}"


@given(st.text("{}user nametio", max_size=60), st.text(max_size=40))
def test_what_passes_can_be_rendered(template: str, name: str) -> None:
    """Any template is refused or rendered, within Discord's limit, with no placeholder left."""
    try:
        templates.check(template)
    except TemplateError:
        return
    plain = template.replace("{{", "").replace("}}", "")

    text = templates.render(template, dict.fromkeys(PLACEHOLDERS, name))

    assert len(text) <= MAX_MESSAGE
    assert ("{" in plain and not name) or len(text) >= len(name) * plain.count("{user}")
