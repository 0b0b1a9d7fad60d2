"""What people may write into settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.guilds.model import (
    MAX_THRESHOLDS,
    THRESHOLD_ACTIONS,
    WarnThreshold,
    thresholds_document,
    thresholds_of,
)
from bot.plugins.settings import entry
from bot.plugins.settings.entry import EntryError
from bot.plugins.settings.granting import Chooser, RoleFacts, problem

ZONES = ("Europe/Berlin", "America/New_York", "UTC", "America/Indiana/Knox", "US/Knox")
DURATIONS = {"kick": st.none(), "timeout": st.integers(1, 28 * 86_400)}
THRESHOLDS = st.sampled_from(THRESHOLD_ACTIONS).flatmap(
    lambda action: st.builds(
        WarnThreshold,
        count=st.integers(1, 100),
        action=st.just(action),
        duration_s=DURATIONS.get(action, st.none() | st.integers(1, 10**8)),
    )
)


@pytest.mark.parametrize("text", ["?", "!!", " $ ", "novera!", "¿", "n-"])
def test_a_prefix_is_short_and_no_word(text: str) -> None:
    """Spaces around it are not part of it."""
    assert entry.prefix(text) == text.strip()


@pytest.mark.parametrize(
    "text", ["", "a", "1", "toolong!!", "a b!", "/", "@!", "#!", "<!", "`", "!\u200b", "!9"]
)
def test_a_prefix_that_would_get_in_the_way_is_refused(text: str) -> None:
    """Ordinary talk must not become a command, and a command must be typeable."""
    with pytest.raises(EntryError):
        entry.prefix(text)


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        pytest.param("Europe/Berlin", "Europe/Berlin", id="as it is"),
        pytest.param(" europe/berlin ", "Europe/Berlin", id="small letters"),
        pytest.param("new york", "America/New_York", id="city"),
        pytest.param("utc", "UTC", id="utc"),
    ],
)
def test_a_time_zone_is_known_by_its_name_or_city(text: str, zone: str) -> None:
    """However it is written."""
    assert entry.timezone(text, ZONES) == zone


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("Europe/Berln", "Did you mean `Europe/Berlin`", id="near"),
        pytest.param("berlinn", "Did you mean `Europe/Berlin`", id="near city"),
        pytest.param("knox", "`America/Indiana/Knox`, `US/Knox`", id="two"),
        pytest.param("!?", "looks like `Europe/Berlin`", id="nothing"),
    ],
)
def test_a_time_zone_that_is_none_gets_suggestions(text: str, told: str) -> None:
    """Those that may be meant."""
    with pytest.raises(EntryError) as caught:
        entry.timezone(text, ZONES)

    assert told in str(caught.value)


def test_thresholds_are_lines() -> None:
    """In any order, by `;` too."""
    assert entry.thresholds("5 kick; 3: timeout 1h\n\n7 Ban 30d") == (
        WarnThreshold(count=3, action="timeout", duration_s=3600),
        WarnThreshold(count=5, action="kick"),
        WarnThreshold(count=7, action="ban", duration_s=30 * 86_400),
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("three kick", id="word"),
        pytest.param("3 punish", id="unknown act"),
        pytest.param("3 timeout", id="no duration"),
        pytest.param("3 timeout 29d", id="longer than Discord allows"),
        pytest.param("3 kick 1h", id="kick with duration"),
        pytest.param("3 ban soon", id="no duration either"),
        pytest.param("3 ban 10", id="without unit"),
        pytest.param("0 ban", id="none"),
        pytest.param("101 ban", id="too many"),
        pytest.param("3 ban\n3 kick", id="twice"),
        pytest.param("3 ban 0.2s", id="less than a second"),
        pytest.param("\n".join(f"{n} ban" for n in range(1, MAX_THRESHOLDS + 2)), id="lines"),
    ],
)
def test_thresholds_that_mean_nothing_are_refused(text: str) -> None:
    """The whole text is, so that nobody relies on a part."""
    with pytest.raises(EntryError):
        entry.thresholds(text)


@given(st.lists(THRESHOLDS, max_size=MAX_THRESHOLDS, unique_by=lambda each: each.count))
def test_what_is_shown_can_be_written_again(chosen: list[WarnThreshold]) -> None:
    """The form holds the text of what is set; the database gives it back too."""
    ordered = tuple(sorted(chosen, key=lambda each: each.count))

    assert entry.thresholds(entry.written(ordered)) == ordered
    assert thresholds_of(thresholds_document(ordered)) == ordered


@given(st.text(max_size=80))
def test_whatever_is_written_is_understood_or_refused(text: str) -> None:
    """Nothing else comes out of it, and no answer is too long to be shown."""
    told = []
    for read in (entry.prefix, entry.thresholds, lambda written: entry.timezone(written, ZONES)):
        try:
            read(text)
        except EntryError as error:
            told.append(str(error))

    assert all(len(each) < 300 for each in told)


PLAIN = RoleFacts(position=2, held_back=False)


@pytest.mark.parametrize(
    ("role", "chooser", "told"),
    [
        pytest.param(PLAIN, (False, True, 5), None, id="allowed"),
        pytest.param(PLAIN, (False, False, 5), "may manage roles", id="no right"),
        pytest.param(PLAIN, (False, True, 2), "your own highest", id="as high as oneself"),
        pytest.param(PLAIN, (True, False, 0), None, id="owner"),
        pytest.param(
            RoleFacts(position=9, held_back=False), (True, True, 5), "my highest", id="above me"
        ),
        pytest.param(
            RoleFacts(position=1, held_back=True), (True, True, 5), "Discord manages", id="bot's"
        ),
    ],
)
def test_the_autorole_is_one_that_the_chooser_may_give(
    role: RoleFacts, chooser: tuple[bool, bool, int], told: str | None
) -> None:
    """Or else managing the server would be a way to any role."""
    is_owner, may, top = chooser
    who = Chooser(is_owner=is_owner, may_manage_roles=may, top_position=top)

    answer = problem(role, who, bot_top_position=9)

    assert answer is None if told is None else told in str(answer)
