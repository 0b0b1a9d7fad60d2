"""Buckets of REST requests and their headers."""

from __future__ import annotations

import pytest

from simulator.rest.limits import Buckets, bucket_key, refused_body, refused_headers


@pytest.mark.parametrize(
    ("one", "other", "same_name", "same_key"),
    [
        pytest.param(
            ("GET", "/channels/1/messages/2"),
            ("GET", "/channels/1/messages/3"),
            True,
            True,
            id="minor id",
        ),
        pytest.param(
            ("GET", "/channels/1/messages"),
            ("GET", "/channels/2/messages"),
            True,
            False,
            id="major id",
        ),
        pytest.param(
            ("GET", "/channels/1/messages"),
            ("POST", "/channels/1/messages"),
            False,
            False,
            id="method",
        ),
        pytest.param(
            ("POST", "/webhooks/1/token"),
            ("POST", "/webhooks/1/other"),
            True,
            False,
            id="webhook token",
        ),
        pytest.param(("GET", "/users/@me"), ("GET", "/users/5"), False, False, id="literal"),
    ],
)
def test_requests_share_a_bucket_by_route_and_major_id(
    one: tuple[str, str], other: tuple[str, str], same_name: bool, same_key: bool
) -> None:
    """Channels, guilds and webhooks are major, everything else is not."""
    (name, key), (other_name, other_key) = bucket_key(*one), bucket_key(*other)

    assert (name == other_name, key == other_key) == (same_name, same_key)


def test_a_bucket_counts_down_refuses_and_fills_again() -> None:
    """A fixed window, counted from its first request."""
    buckets = Buckets()
    seen = [buckets.take("k", limit=2, window_s=5.0, now_s=now_s) for now_s in (0.0, 1.0, 2.0, 5.0)]

    assert [each.allowed for each in seen] == [True, True, False, True]
    assert [each.remaining for each in seen] == [1, 0, 0, 1]
    assert [each.reset_after_s for each in seen] == [5.0, 4.0, 3.0, 5.0]


def test_buckets_are_forgotten_past_a_bound() -> None:
    """A million channels cost no million windows."""
    buckets = Buckets()
    for number in range(10_000):
        buckets.take(str(number), limit=1, window_s=60.0, now_s=0.0)

    assert len(buckets._windows) <= 4096


def test_headers_are_those_of_the_documentation() -> None:
    """Names and formats as Discord's."""
    verdict = Buckets().take("k", limit=5, window_s=2.0, now_s=10.0)

    assert verdict.headers("name", now_epoch_s=1000.0) == {
        "X-RateLimit-Limit": "5",
        "X-RateLimit-Remaining": "4",
        "X-RateLimit-Reset": "1002.000",
        "X-RateLimit-Reset-After": "2.000",
        "X-RateLimit-Bucket": "name",
    }


@pytest.mark.parametrize(
    ("after_s", "header"),
    [pytest.param(0.2, "1", id="part"), pytest.param(2.0, "2", id="whole"), (2.01, "3")],
)
def test_retry_after_is_rounded_up_in_the_header_and_exact_in_the_body(
    after_s: float, header: str
) -> None:
    """Whoever obeys the header never comes too early."""
    assert refused_headers(after_s, scope="user")["Retry-After"] == header
    assert refused_body(after_s, is_global=False)["retry_after"] == after_s
