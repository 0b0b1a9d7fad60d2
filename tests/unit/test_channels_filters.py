"""Which messages a purge is about, how it names messages, and how it asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.plugins.channels import message_links
from bot.plugins.channels.filters import Facts, Filters, chosen, describe, fits

PLAIN = Facts(id=100, author_id=1, is_bot=False, content="Buy NOW at https://shop.example")
ANY = Filters()


@pytest.mark.parametrize(
    ("filters", "message", "expected"),
    [
        pytest.param(ANY, {}, True, id="nothing asked for"),
        pytest.param(Filters(user_id=1), {}, True, id="of the user"),
        pytest.param(Filters(user_id=2), {}, False, id="of another user"),
        pytest.param(Filters(bots=True), {}, False, id="bots, by a human"),
        pytest.param(Filters(bots=True), {"is_bot": True}, True, id="bots, by a bot"),
        pytest.param(Filters(contains="buy now"), {}, True, id="words, whatever their case"),
        pytest.param(Filters(contains="straße"), {"content": "STRASSE"}, True, id="casefolded"),
        pytest.param(Filters(contains="sell"), {}, False, id="other words"),
        pytest.param(Filters(links=True), {}, True, id="a link"),
        pytest.param(Filters(links=True), {"content": "see discord.gg/abc"}, True, id="an invite"),
        pytest.param(Filters(links=True), {"content": "https:// is no link"}, False, id="no link"),
        pytest.param(Filters(attachments=True), {}, False, id="no file"),
        pytest.param(Filters(attachments=True), {"attachments": 1}, True, id="a file"),
        pytest.param(Filters(after_id=100), {}, False, id="after itself"),
        pytest.param(Filters(after_id=99), {}, True, id="after an older one"),
        pytest.param(Filters(until_id=100), {}, True, id="until itself"),
        pytest.param(Filters(until_id=99), {}, False, id="until an older one"),
        pytest.param(ANY, {"is_pinned": True}, False, id="pinned"),
        pytest.param(Filters(with_pinned=True), {"is_pinned": True}, True, id="pinned, too"),
    ],
)
def test_a_filter_holds_or_not(filters: Filters, message: dict[str, Any], expected: bool) -> None:
    """Each filter asks one thing."""
    assert fits(filters, replace(PLAIN, **message)) is expected


FACTS = st.builds(
    Facts,
    id=st.integers(1, 200),
    author_id=st.integers(1, 3),
    is_bot=st.booleans(),
    content=st.text(alphabet="ab :/htps.x", max_size=20),
    attachments=st.integers(0, 2),
    is_pinned=st.booleans(),
)
FILTERS = st.builds(
    Filters,
    user_id=st.none() | st.integers(1, 3),
    bots=st.booleans(),
    contains=st.none() | st.text(alphabet="ab", min_size=1, max_size=2),
    links=st.booleans(),
    attachments=st.booleans(),
    after_id=st.none() | st.integers(1, 200),
    until_id=st.none() | st.integers(1, 200),
    with_pinned=st.booleans(),
)


@given(filters=FILTERS, messages=st.lists(FACTS))
def test_a_further_filter_never_adds_a_message(filters: Filters, messages: list[Facts]) -> None:
    """Whatever is asked for in addition, the messages are among those from before."""
    all_of_them = chosen(filters, messages)

    for further in ({"bots": True}, {"links": True}, {"attachments": True}, {"user_id": 1}):
        if further == {"user_id": 1} and filters.user_id is not None:
            continue
        fewer = chosen(replace(filters, **further), messages)
        assert [each for each in all_of_them if each in fewer] == fewer


@given(filters=FILTERS, messages=st.lists(FACTS))
def test_what_is_pinned_is_kept_unless_asked_for(filters: Filters, messages: list[Facts]) -> None:
    """No combination of other filters deletes a pinned message."""
    kept = replace(filters, with_pinned=False)

    assert not any(message.is_pinned for message in chosen(kept, messages))


def test_a_question_says_what_is_asked_for() -> None:
    """In the moderator's words, which can't leave their quotation."""
    filters = Filters(user_id=7, contains="a`b\n**c**", links=True)

    assert describe(filters, "^x+$") == (
        "from <@7>, with `a'b **c**`, that match `^x+$`, with links"
    )
    assert describe(ANY, None) == ""


@pytest.mark.parametrize(
    ("text", "channel_id", "message_id"),
    [
        pytest.param("123456789012345678", None, 123456789012345678, id="id"),
        pytest.param(
            "111111111111111111-222222222222222222",
            111111111111111111,
            222222222222222222,
            id="shift-copied",
        ),
        pytest.param(
            " <https://discord.com/channels/1111111111111111/2222222222222222/3333333333333333> ",
            2222222222222222,
            3333333333333333,
            id="link in angle brackets",
        ),
        pytest.param(
            "https://ptb.discordapp.com/channels/@me/2222222222222222/3333333333333333",
            2222222222222222,
            3333333333333333,
            id="old link",
        ),
    ],
)
def test_a_message_is_named_by_id_or_link(
    text: str, channel_id: int | None, message_id: int
) -> None:
    """Everything that Discord copies."""
    named = message_links.parse(text)

    assert named is not None
    assert (named.channel_id, named.message_id) == (channel_id, message_id)


@pytest.mark.parametrize(
    "text", ["", "12", "yesterday", "https://example.com/channels/1/2/3", "9" * 20, "٣" * 18]
)
def test_other_words_name_no_message(text: str) -> None:
    """Numbers that are no ids, ids that are too large, other sites, other digits."""
    assert message_links.parse(text) is None


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    """It answers a message or None."""
    named = message_links.parse(text)

    assert named is None or 0 < named.message_id < 2**63
