"""What is known of an interaction's first answer."""

from __future__ import annotations

from typing import Any

import pytest

from bot.commands import late
from bot.commands.exchange import LOADING, Exchange, still_deferred


@pytest.mark.parametrize(
    ("sent", "deferred"),
    [
        pytest.param({"flags": 0}, None, id="answered"),
        pytest.param({}, None, id="without flags"),
        pytest.param({"flags": late.EPHEMERAL}, None, id="answered privately"),
        pytest.param({"flags": LOADING}, False, id="is thinking"),
        pytest.param({"flags": LOADING | late.EPHEMERAL}, True, id="is thinking privately"),
    ],
)
def test_an_answer_that_is_still_awaited_is_recognised(
    sent: dict[str, Any], deferred: bool | None
) -> None:
    """By Discord's flag; who sees it stays as it is."""
    found = still_deferred(sent)

    assert (found and found.private) is deferred
    assert found is None or found.callback == late.DEFERRED_MESSAGE


def test_a_receipt_is_what_discord_would_have_said() -> None:
    """discord.py takes the message from it, if there is one."""
    exchange = Exchange(id=1, kind=2, token="t", application_id=3)
    sent = {"id": "4"}

    assert exchange.receipt(sent, late.MESSAGE) == {
        "interaction": {"id": "1", "type": 2, "response_message_id": "4"},
        "resource": {"type": late.MESSAGE, "message": sent},
    }
    assert exchange.receipt(None, late.DEFERRED_MESSAGE) == {
        "interaction": {"id": "1", "type": 2, "response_message_loading": True}
    }
