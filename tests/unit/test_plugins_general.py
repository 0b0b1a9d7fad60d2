"""Pages of the general plugin: help within Discord's limits, status in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.plugins.general import catalogue, status
from bot.plugins.general.catalogue import Entry, Field, Page
from watchdog.heartbeat import schema

WORDS = st.text(max_size=400)
ENTRIES = st.lists(
    st.builds(Entry, group=st.text(max_size=300), name=WORDS, usage=WORDS, text=WORDS), max_size=120
)


def fits(page: Page) -> bool:
    """Answer whether Discord would take *page*."""
    return (
        0 < len(page.title) <= catalogue.MAX_TITLE
        and len(page.text) <= catalogue.MAX_TEXT
        and len(page.fields) <= catalogue.MAX_FIELDS
        and page.size() <= catalogue.MAX_TOTAL
        and all(0 < len(field.name) <= catalogue.MAX_NAME for field in page.fields)
        and all(0 < len(field.value) <= catalogue.MAX_VALUE for field in page.fields)
    )


@given(ENTRIES)
def test_help_always_fits_discords_limits(entries: list[Entry]) -> None:
    """However many commands and however long their words are."""
    made = catalogue.pages(entries, title="What I can do")

    assert made
    assert all(fits(catalogue.fitted(page)) for page in made)


@given(st.lists(st.integers(min_value=0, max_value=40), min_size=1, max_size=60))
def test_help_loses_no_command(numbers: list[int]) -> None:
    """Every usage is on some page."""
    entries = [
        Entry(group=f"g{n % 7}", name=f"c{i}", usage=f"!command-{i}-of", text="x" * n)
        for i, n in enumerate(numbers)
    ]
    made = catalogue.pages(entries, title="What I can do")
    shown = "".join(field.value for page in made for field in page.fields)

    assert all(f"!command-{i}-of" in shown for i in range(len(numbers)))


def test_help_without_commands_says_so() -> None:
    """An empty page would look like a fault."""
    (page,) = catalogue.pages([], title="What I can do")

    assert page.text == "Nothing that you may use here."


def test_commands_are_grouped_and_sorted() -> None:
    """One field a group, commands in the order of their names."""
    entries = [
        Entry(group="General", name="status", usage="!status", text="How I am."),
        Entry(group="Admin", name="sync", usage="!sync", text="Register."),
        Entry(group="General", name="ping", usage="!ping [text]", text="Pong."),
    ]
    (page,) = catalogue.pages(entries, title="What I can do")

    assert [field.name for field in page.fields] == ["Admin", "General"]
    assert page.fields[1].value == "`!ping [text]`\nPong.\n`!status`\nHow I am."


def test_a_page_that_is_too_big_is_cut() -> None:
    """Whatever a page holds, its embed is sent."""
    page = Page(
        title="t" * 300,
        text="x" * 5000,
        fields=tuple(Field(name="n" * 300, value="v" * 2000) for _ in range(30)),
    )

    assert fits(catalogue.fitted(page))


def test_a_page_as_plain_text_fits_one_message() -> None:
    """Where embeds are not allowed, the words are."""
    page = Page(title="Status", text="Ready", fields=(Field(name="Jobs", value="y" * 3000),))
    text = catalogue.plain(page)

    assert text.startswith("**Status**\nReady")
    assert len(text) == 2000


BEAT = schema.Heartbeat(
    boot_id="b",
    pid=1,
    process_started=1.0,
    instance="i",
    sequence=1,
    written_at="2026-01-01T00:00:00.000Z",
    monotonic_s=10.0,
    interval_s=1.0,
    state="ready",
    loop=schema.Loop(lag_ms_p50=0.4, lag_ms_p99=12.3),
    gateway=schema.Gateway(connected=True, latency_ms=41.2, identifies=1, resumes=3),
    process=schema.Process(rss_bytes=71_000_000, cpu_percent=0.4, open_files=18, threads=5),
    bot=schema.Bot(version="0.1.0", guilds=1, members=119),
)
TASKS = schema.Tasks(
    active=7,
    created=120,
    failed=1,
    by_name={
        "gateway": schema.TaskName(active=1),
        "job-worker": schema.TaskName(active=4),
        "reminder": schema.TaskName(failed=1),
        "gone": schema.TaskName(completed=9),
    },
)


def shown(page: Page) -> dict[str, str]:
    """Answer the fields of *page* by name."""
    return {field.name: field.value for field in page.fields}


def described(beat: schema.Heartbeat | None, failed: tuple[str, ...] = ()) -> Page:
    """Answer the page for a beat, with the rest as it mostly is."""
    return status.describe(
        beat, TASKS, schema.Commands(invoked=9), uptime_s=3725, plugins=2, failed_plugins=failed
    )


def test_status_tells_the_health_of_bot_and_tasks() -> None:
    """State, connection, lag, memory and tasks by name are on one page."""
    page = described(BEAT)
    fields = shown(page)

    assert page.text == "🟢 Ready"
    assert fields["Gateway"] == "connected, latency 41 ms\n1 logins, 3 resumes"
    assert fields["Event loop"] == "lag p50 0.4 ms\np99 12 ms"
    assert fields["Process"] == "71 MB, CPU 0.4 %\n18 files, 5 threads"
    assert fields["Up for"] == "1 h 2 min"
    assert fields["Tasks: 7 active"].splitlines() == [
        "`job-worker` 4",
        "`gateway` 1",
        "`reminder` 0, 1 failed",
        "120 made, 1 failed, 0 cancelled",
    ]


def test_status_works_before_the_first_beat() -> None:
    """Who asks early is told what is known."""
    page = described(None)

    assert page.text == "No heartbeat yet."
    assert "Gateway" not in shown(page)


def test_status_names_plugins_that_failed() -> None:
    """A broken plugin is no secret."""
    fields = shown(described(BEAT, ("moons",)))

    assert fields["Plugins"] == "2 loaded\n⚠️ failed: `moons`"


@given(
    st.dictionaries(
        st.text(max_size=64), st.builds(schema.TaskName, active=st.integers(0, 99)), max_size=64
    )
)
def test_status_fits_discords_limits(by_name: dict[str, schema.TaskName]) -> None:
    """Sixty-four long task names do not keep the page from being sent."""
    page = status.describe(
        BEAT,
        schema.Tasks(active=99, by_name=by_name),
        schema.Commands(),
        uptime_s=1,
        plugins=0,
        failed_plugins=["p" * 200] * 20,
    )

    assert fits(catalogue.fitted(page))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        pytest.param(-1, "0 s", id="never-negative"),
        pytest.param(59.9, "59 s", id="seconds"),
        pytest.param(3600, "1 h 0 min", id="hour"),
        pytest.param(90_061, "1 d 1 h", id="two-units"),
    ],
)
def test_an_age_has_two_units(seconds: float, words: str) -> None:
    """More would not be read."""
    assert status.age(seconds) == words
