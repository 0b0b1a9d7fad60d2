"""What an answer of the other side means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.alerts.delivery import (
    MAX_RETRY_AFTER_S,
    Answer,
    Closed,
    Delivered,
    Delivery,
    Refused,
    TryAgain,
    judge,
)


def answer(status: int, *, retry_after: str | None = None, body: bytes = b"") -> Answer:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return Answer(status=status, headers=headers, body=body)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(200, Delivered(), id="ok"),
        pytest.param(204, Delivered(), id="no_content"),
        pytest.param(301, TryAgain(reason="redirected"), id="moved"),
        pytest.param(307, TryAgain(reason="redirected"), id="redirect"),
        pytest.param(400, Refused(reason="http_400"), id="message_malformed"),
        pytest.param(401, Closed(reason="http_401"), id="token_wrong"),
        pytest.param(403, TryAgain(reason="http_403"), id="cloudflare"),
        pytest.param(404, Closed(reason="http_404"), id="webhook_deleted"),
        pytest.param(408, TryAgain(reason="http_408"), id="request_timeout"),
        pytest.param(410, Closed(reason="http_410"), id="gone"),
        pytest.param(413, Refused(reason="http_413"), id="too_large"),
        pytest.param(429, TryAgain(reason="rate_limited"), id="rate_limited"),
        pytest.param(500, TryAgain(reason="http_500"), id="server_error"),
        pytest.param(503, TryAgain(reason="http_503"), id="unavailable"),
        pytest.param(999, TryAgain(reason="http_999"), id="no_such_status"),
    ],
)
def test_a_status_decides_what_becomes_of_the_message(status: int, expected: Delivery) -> None:
    """Only what will never pass is given up, and only a dead address closes the channel."""
    assert judge(answer(status)) == expected


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        pytest.param("3", b"", 3.0, id="header"),
        pytest.param(None, b'{"retry_after": 1.25}', 1.25, id="json"),
        pytest.param("1", b'{"retry_after": 2.5}', 2.5, id="the_longer_of_both"),
        pytest.param(None, b"error code: 1015", None, id="cloudflare_text"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", b"", None, id="a_date"),
        pytest.param("-5", b'{"retry_after": -1}', None, id="negative"),
        pytest.param("nan", b'{"retry_after": "inf"}', None, id="not_finite"),
        pytest.param(None, b'{"retry_after": true}', None, id="a_truth_value"),
        pytest.param(None, b'{"retry_after": {"a": 1}}', None, id="an_object"),
        pytest.param(None, b"[1, 2]", None, id="a_list"),
        pytest.param("99999999", b"", MAX_RETRY_AFTER_S, id="too_long_to_be_believed"),
    ],
)
def test_the_wait_asked_for_is_read_from_header_and_body(
    header: str | None, body: bytes, expected: float | None
) -> None:
    """The longer wait counts, and nonsense counts as nothing."""
    delivery = judge(answer(429, retry_after=header, body=body))

    assert delivery == TryAgain(reason="rate_limited", after_s=expected)


@given(status=st.integers(100, 999), header=st.text(max_size=20), body=st.binary(max_size=200))
def test_any_answer_is_judged(status: int, header: str, body: bytes) -> None:
    """Whatever a webhook answers, there is a decision and never an exception."""
    delivery = judge(answer(status, retry_after=header, body=body))

    if isinstance(delivery, TryAgain) and delivery.after_s is not None:
        assert 0 <= delivery.after_s <= MAX_RETRY_AFTER_S
