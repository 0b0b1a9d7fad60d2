"""Answers that come after a deferral."""

from __future__ import annotations

import pytest

from bot.commands import late
from bot.commands.late import Deferral, Way

PUBLIC = Deferral(callback=late.DEFERRED_MESSAGE, private=False)
PRIVATE = Deferral(callback=late.DEFERRED_MESSAGE, private=True)
UPDATE = Deferral(callback=late.DEFERRED_UPDATE)


@pytest.mark.parametrize(
    ("deferred", "callback", "private", "expected"),
    [
        pytest.param(PUBLIC, late.MESSAGE, False, Way.EDIT, id="public-then-public"),
        pytest.param(PUBLIC, late.MESSAGE, True, Way.REPLACE, id="public-then-private"),
        pytest.param(PRIVATE, late.MESSAGE, True, Way.EDIT, id="private-then-private"),
        pytest.param(PRIVATE, late.MESSAGE, False, Way.REPLACE, id="private-then-public"),
        pytest.param(PUBLIC, late.DEFERRED_MESSAGE, False, Way.AGREE, id="defers-alike"),
        pytest.param(PUBLIC, late.DEFERRED_MESSAGE, True, Way.AGREE_DIFFERENTLY, id="defers-apart"),
        pytest.param(PUBLIC, late.DEFERRED_UPDATE, False, Way.AGREE, id="form-defers-update"),
        pytest.param(PUBLIC, late.UPDATE, False, Way.EDIT, id="form-edits"),
        pytest.param(PUBLIC, late.MODAL, False, Way.REFUSE, id="command-opens-form"),
        pytest.param(UPDATE, late.UPDATE, False, Way.EDIT, id="component-edits"),
        pytest.param(UPDATE, late.MESSAGE, False, Way.FOLLOW_UP, id="component-speaks"),
        pytest.param(UPDATE, late.MESSAGE, True, Way.FOLLOW_UP, id="component-whispers"),
        pytest.param(UPDATE, late.DEFERRED_UPDATE, False, Way.AGREE, id="component-defers-alike"),
        pytest.param(
            UPDATE, late.DEFERRED_MESSAGE, True, Way.AGREE_DIFFERENTLY, id="component-thinks"
        ),
        pytest.param(UPDATE, late.MODAL, False, Way.REFUSE, id="component-opens-form"),
    ],
)
def test_a_late_answer_takes_the_way_that_keeps_its_meaning(
    deferred: Deferral, callback: int, private: bool, expected: Way
) -> None:
    """What was deferred and what is said decide together."""
    assert late.way(deferred, callback, private=private) is expected


@pytest.mark.parametrize("callback", [late.MESSAGE, late.DEFERRED_MESSAGE])
def test_nothing_private_enters_a_public_message(callback: int) -> None:
    """Whatever the handler does first, a private answer is never an edit of a public message."""
    way = late.way(PUBLIC, callback, private=True)

    assert way in (Way.REPLACE, Way.AGREE_DIFFERENTLY)


@pytest.mark.parametrize(
    ("kind", "on_message", "private", "expected"),
    [
        pytest.param(late.COMMAND_INTERACTION, False, False, PUBLIC, id="command"),
        pytest.param(late.COMMAND_INTERACTION, False, True, PRIVATE, id="private-command"),
        pytest.param(late.COMPONENT_INTERACTION, True, False, UPDATE, id="component"),
        pytest.param(late.MODAL_INTERACTION, True, False, UPDATE, id="form-of-a-component"),
        pytest.param(late.MODAL_INTERACTION, False, False, PRIVATE, id="form-of-a-command"),
    ],
)
def test_how_to_defer_depends_on_what_the_user_did(
    kind: int, on_message: bool, private: bool, expected: Deferral
) -> None:
    """A message with components stays as it is; a command shows that the bot thinks."""
    assert late.deferral(kind, on_message=on_message, private=private) == expected


@pytest.mark.parametrize(
    ("flags", "private", "expected"),
    [
        pytest.param(0, True, 64, id="set"),
        pytest.param(64 | 4, False, 4, id="cleared"),
        pytest.param(4, True, 68, id="others-kept"),
    ],
)
def test_privacy_changes_one_flag_only(flags: int, private: bool, expected: int) -> None:
    """Silent messages and suppressed embeds stay so."""
    assert late.with_privacy(flags, private) == expected
