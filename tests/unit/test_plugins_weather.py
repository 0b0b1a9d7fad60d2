"""The weather plugin's rules: addresses, answers of a stranger, the cache."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.outbound.weather_source import checked_url, paths_of, source_of
from bot.plugins.weather.cache import Cache
from bot.plugins.weather.page import page
from bot.plugins.weather.report import MAX_PLACE, Report, place_of, read
from bot.views.page import fitted

URL = "https://weather.example/now?q={place}&key=s3cret"
FLAT = source_of(URL, ())
NESTED = source_of(
    URL,
    (
        "place=location.name",
        "summary=weather.0.description",
        "temperature_c=main.temp",
        "wind_kmh=wind.speed",
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


def report_of(document: Any, source: Any = FLAT) -> Report | None:
    """Answer what is read from *document*."""
    return read(json.dumps(document).encode(), source)


@given(st.text(min_size=1, max_size=MAX_PLACE).filter(lambda text: text.isprintable()))
def test_a_place_stays_where_the_template_has_it(place: str) -> None:
    """Whatever is written there: neither host nor path nor another parameter changes."""
    parts = urlsplit(FLAT.url_for(place))

    assert (parts.hostname, parts.path, parts.fragment) == ("weather.example", "/now", "")
    assert parse_qs(parts.query, keep_blank_values=True) == {"q": [place], "key": ["s3cret"]}


def test_a_place_in_the_path_can_not_climb() -> None:
    """Slashes and dots are quoted, or stand in one segment."""
    source = source_of("https://weather.example/now/{place}/today", ())

    assert urlsplit(source.url_for("../../admin?x#y")).path == "/now/..%2F..%2Fadmin%3Fx%23y/today"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        pytest.param("ftp://a.example/{place}", "http://", id="scheme"),
        pytest.param("https:///{place}", "http://", id="no-host"),
        pytest.param("https://[a.example/{place}", "http://", id="bracket"),
        pytest.param("https://a.example:port/{place}", "http://", id="port"),
        pytest.param("https://a.example/now", "{place}", id="no-place"),
        pytest.param("https://a.example/now#{place}", "{place}", id="place-behind"),
        pytest.param("https://{place}.example/{place}", "path or query", id="place-in-host"),
    ],
)
def test_an_address_that_can_not_be_asked_is_explained(url: str, why: str) -> None:
    """And nothing of it is told."""
    with pytest.raises(ValueError, match=why) as raised:
        checked_url(url)

    assert "example" not in str(raised.value)


@pytest.mark.parametrize("field", ["moon=phase", "summary", "summary=", "summary=.", "=x"])
def test_a_field_that_says_no_place_is_explained(field: str) -> None:
    """With the names there are."""
    with pytest.raises(ValueError, match=r"=current\.temp_c.*place, summary"):
        paths_of((field,))


def test_the_documented_shape_is_read() -> None:
    """All of it."""
    found = report_of(
        {
            "place": "Berlin",
            "summary": "Light\nrain",
            "temperature_c": 7.5,
            "feels_like_c": "5",
            "humidity_percent": 93,
            "wind_kmh": 14.4,
            "observed_at": "12:00",
        }
    )

    assert found == Report(
        place="Berlin",
        summary="Light rain",
        temperature_c=7.5,
        feels_like_c=5.0,
        humidity_percent=93.0,
        wind_kmh=14.4,
        observed_at="12:00",
    )


def test_another_shape_is_read_by_its_paths() -> None:
    """Into objects by name, into lists by number; what is not there is not told."""
    found = report_of(
        {
            "location": {"name": "Berlin"},
            "weather": [{"description": "fog"}],
            "main": {"temp": -2},
            "wind": [],
        },
        NESTED,
    )

    assert found == Report(place="Berlin", summary="fog", temperature_c=-2.0)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>", id="html"),
        pytest.param(b'{"place": "Berlin"}', id="place-alone"),
        pytest.param(b'{"temperature_c": NaN}', id="not-a-number"),
        pytest.param(b'{"temperature_c": true}', id="truth"),
        pytest.param(b'{"temperature_c": 1e300}', id="too-hot"),
        pytest.param(b'{"summary": {"a": 1}}', id="no-words"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"\xff\xfe", id="not-text"),
    ],
)
def test_an_answer_that_tells_nothing_is_none(body: bytes) -> None:
    """A stranger may answer anything."""
    assert read(body, FLAT) is None


@given(JSON, st.sampled_from([FLAT, NESTED]))
def test_whatever_a_stranger_answers_is_read_or_not(document: Any, source: Any) -> None:
    """Nothing is raised, and what is shown fits a page."""
    found = report_of(document, source)

    if found is not None:
        made = page(found, place="x", age_s=0.0, host="h")
        assert fitted(made) == made


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("Berlin", "Berlin", id="name"),
        pytest.param("  New   York ", "New York", id="spaces"),
        pytest.param("Ürümqi", "Ürümqi", id="letters"),
    ],
)
def test_a_place_is_tidied(text: str, place: str) -> None:
    """So that the cache knows it again."""
    assert place_of(text) == place


@pytest.mark.parametrize("text", ["", " ", "?!", "x" * 81, "a\u202eb", "\x00a"])
def test_what_is_no_place_is_refused(text: str) -> None:
    """The service is not asked."""
    with pytest.raises(ValueError, match="place"):
        place_of(text)


def test_what_is_old_is_asked_again() -> None:
    """After *ttl_s* seconds, not before."""
    cache: Cache[str] = Cache(size=9, ttl_s=600)
    cache.put("berlin", "rain", now_s=0.0)
    young, old = cache.get("berlin", now_s=599.0), cache.get("berlin", now_s=600.0)

    assert young is not None
    assert young.value == "rain"
    assert old is None


def test_the_cache_does_not_grow() -> None:
    """Who asks for a thousand places pushes out the oldest."""
    cache: Cache[int] = Cache(size=10, ttl_s=600)
    for number in range(1000):
        cache.put(f"{number}", number, now_s=0.0)

    assert sum(cache.get(f"{number}", now_s=1.0) is not None for number in range(1000)) == 10
    assert cache.get("999", now_s=1.0) is not None


def test_an_old_word_says_how_old() -> None:
    """The page names its source."""
    made = page(Report(temperature_c=7.5), place="Berlin", age_s=180.0, host="weather.example")

    assert made.title == "Weather: Berlin"
    assert [field.value for field in made.fields] == [
        "7.5 °C",
        "By weather.example, asked 3 min ago",
    ]
