"""Pages of the general plugin: help within Discord's limits, search, status in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock.skew import Skew
from bot.pipeline.figures import HandlerFigures, PipelineFigures
from bot.plugins.general import catalogue, preflight, search, status
from bot.plugins.general.catalogue import Entry, Option
from bot.plugins.general.preflight import Feature, Standing
from bot.views import page as limits
from bot.views.page import Page, fitted
from watchdog.heartbeat import schema
from watchdog.heartbeat.schema import Storage

WORDS = st.text(max_size=400)
OPTIONS = st.builds(
    Option,
    name=WORDS,
    text=WORDS,
    required=st.booleans(),
    choices=st.lists(WORDS, max_size=9).map(tuple),
)
ENTRY = st.builds(
    Entry,
    group=st.text(max_size=300),
    name=WORDS,
    usage=WORDS,
    slash=WORDS,
    text=WORDS,
    options=st.lists(OPTIONS, max_size=25).map(tuple),
    aliases=st.lists(WORDS, max_size=5).map(tuple),
    needs=st.lists(WORDS, max_size=5).map(tuple),
    bot_needs=st.lists(WORDS, max_size=5).map(tuple),
    lacking=st.lists(WORDS, max_size=5).map(tuple),
    examples=st.lists(WORDS, max_size=5).map(tuple),
)
ENTRIES = st.lists(ENTRY, max_size=30)


def fits(page: Page) -> bool:
    """Answer whether Discord would take *page*."""
    return (
        0 < len(page.title) <= limits.MAX_TITLE
        and len(page.text) <= limits.MAX_TEXT
        and len(page.fields) <= limits.MAX_FIELDS
        and page.size() <= limits.MAX_TOTAL
        and all(0 < len(field.name) <= limits.MAX_NAME for field in page.fields)
        and all(0 < len(field.value) <= limits.MAX_VALUE for field in page.fields)
    )


@given(ENTRIES)
def test_help_always_fits_discords_limits(entries: list[Entry]) -> None:
    """However many commands and however long their words are; nothing needs to be cut later."""
    made = [
        *catalogue.pages(entries, title="What I can do"),
        *catalogue.overview(entries, prefix="!"),
    ]

    assert all(fits(page) and fitted(page) == page for page in made)


@given(ENTRY, ENTRIES)
def test_details_always_fit_discords_limits(entry: Entry, parts: list[Entry]) -> None:
    """A command with 25 options that are all explained is one."""
    made = catalogue.details(entry, parts)

    assert all(fits(page) and fitted(page) == page for page in made)


@given(st.lists(st.integers(min_value=0, max_value=40), min_size=1, max_size=60))
def test_help_loses_no_command(numbers: list[int]) -> None:
    """Every usage is on some page, and every name in the overview."""
    entries = [
        Entry(group=f"g{n % 7}", name=f"c{i}", usage=f"!command-{i}-of", text="x" * n)
        for i, n in enumerate(numbers)
    ]

    def words(pages: list[Page]) -> str:
        return "".join(field.value for page in pages for field in page.fields)

    told = words(catalogue.pages(entries, title="What I can do"))
    named = words(catalogue.overview(entries, prefix="!"))

    assert all(f"!command-{i}-of" in told for i in range(len(numbers)))
    assert all(f"`c{i}`" in named for i in range(len(numbers)))


def test_help_without_commands_says_so() -> None:
    """An empty page would look like a fault."""
    (page,) = catalogue.pages([], title="What I can do")
    (first,) = catalogue.overview([], prefix="!")

    assert page.text == first.text == "Nothing that you may use here."


BAN = Entry(
    group="Moderation",
    name="ban",
    text="Ban somebody, by id too.",
    usage="!ban <user> [reason]",
    slash="/ban user: [reason:]",
    aliases=("hammer",),
    options=(
        Option(name="user", text="Whom.", required=True),
        Option(name="days", text="Of messages to delete.", required=False, choices=("1", "7")),
    ),
    needs=("ban_members",),
    bot_needs=("ban_members",),
    lacking=("ban_members",),
    examples=("!ban @spammer invites",),
)
COMMANDS = [
    BAN,
    Entry(group="General", name="ping", usage="!ping [text]", text="Pong."),
    Entry(group="General", name="status", usage="!status", text="How I am."),
    Entry(
        group="Roles", name="role", usage="!role", text="Roles of a member.", parts=("role add",)
    ),
    Entry(group="Roles", name="role add", usage="!role add <member>", text="Give a role."),
]


def test_commands_are_grouped_and_sorted() -> None:
    """Plugins by name, and commands by name within."""
    (page,) = catalogue.pages(reversed(COMMANDS), title="What I can do")

    assert [field.name for field in page.fields] == ["General", "Moderation", "Roles"]
    assert page.fields[0].value == "`!ping [text]`\nPong.\n`!status`\nHow I am."


def test_the_overview_leaves_subcommands_to_their_group() -> None:
    """A hundred names would not be read."""
    (page,) = catalogue.overview(COMMANDS, prefix="?")

    assert [field.value for field in page.fields] == ["`ping` `status`", "`ban`", "`role`"]
    assert "`?help`" in page.text


def test_details_tell_all_about_a_command() -> None:
    """Both ways to write it, options, permissions, examples."""
    (page,) = catalogue.details(BAN)

    assert {field.name: field.value for field in page.fields} == {
        "How to write it": "`!ban <user> [reason]`\n`/ban user: [reason:]`",
        "Options": "`user` — Whom.\n`days` (optional) — Of messages to delete. One of 1 or 7.",
        "Examples": "`!ban @spammer invites`",
        "Also called": "`hammer`",
        "You need": "**Ban Members**",
        "I need": "**Ban Members**",
        "⚠️ I lack here": "**Ban Members**",
    }


def test_details_show_subcommands() -> None:
    """Those that were handed over, with their usage."""
    (page,) = catalogue.details(COMMANDS[3], [COMMANDS[4]])

    assert shown(page)["Subcommands"] == "`!role add <member>`\nGive a role."


@pytest.mark.parametrize(
    ("query", "name"),
    [
        pytest.param("ban", "ban", id="name"),
        pytest.param("BAN", "ban", id="capitals"),
        pytest.param("hammer", "ban", id="alias"),
        pytest.param("role   add", "role add", id="subcommand"),
    ],
)
def test_a_command_is_found_by_its_name(query: str, name: str) -> None:
    """As it would be when it is run."""
    found = search.named(COMMANDS, query)

    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param("stat", ["status"], id="beginning"),
        pytest.param("pnig", ["ping"], id="swapped"),
        pytest.param("statsu", ["status"], id="swapped-end"),
        pytest.param("messages", [], id="not-in-what-options-say"),
        pytest.param("somebody", ["ban"], id="description"),
        pytest.param("role", ["role", "role add"], id="the-best-first"),
        pytest.param("give role", ["role add"], id="all-words"),
        pytest.param("days", ["ban"], id="option"),
        pytest.param("xyzzy", [], id="nothing"),
        pytest.param("!?", [], id="no-word"),
    ],
)
def test_search_finds_names_and_descriptions(query: str, names: list[str]) -> None:
    """In spite of a typing error."""
    assert [entry.name for entry in search.find(COMMANDS, query)] == names


@pytest.mark.parametrize(
    ("one", "other", "errors"),
    [
        pytest.param("ban", "ban", 0, id="same"),
        pytest.param("ban", "bna", 1, id="swapped"),
        pytest.param("remind", "remnd", 1, id="missing"),
        pytest.param("remind", "reminnd", 1, id="doubled"),
        pytest.param("remind", "rwmind", 1, id="wrong"),
        pytest.param("purge", "urgep", 2, id="two"),
        pytest.param("purge", "slowmode", 3, id="beyond-the-limit"),
    ],
)
def test_typing_errors_are_counted(one: str, other: str, errors: int) -> None:
    """Both ways round."""
    assert search.distance(one, other, limit=2) == errors
    assert search.distance(other, one, limit=2) == errors


@given(st.text(max_size=12), st.text(max_size=12), st.integers(0, 4))
def test_the_distance_is_one(one: str, other: str, limit: int) -> None:
    """Symmetric, 0 for the same alone, never over what it has to answer."""
    found = search.distance(one, other, limit=limit)

    assert found == search.distance(other, one, limit=limit) <= limit + 1
    assert (found == 0) == (one == other)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        pytest.param("remnid", ["remind"], id="near"),
        pytest.param("statis", ["status"], id="wrong-letter"),
        pytest.param("pin", [], id="too-short-to-guess"),
        pytest.param("hello", [], id="another-word"),
        pytest.param("x" * 5000, [], id="hostile"),
    ],
)
def test_only_a_near_miss_is_guessed(word: str, meant: list[str]) -> None:
    """Short words and other bots' commands are left alone."""
    assert search.near(["ping", "remind", "status", "help"], word) == meant


ALL = frozenset({"ban_members", "manage_roles", "send_messages"})
FEATURES = [
    Feature(name="`ban`", needs=("ban_members",)),
    Feature(name="`softban`", needs=("ban_members", "send_messages")),
    Feature(name="Welcome messages", needs=("send_messages",), intents=("members",)),
]


def standing(
    held: frozenset[str] = ALL,
    denied_here: frozenset[str] = frozenset(),
    intents: frozenset[str] = frozenset({"members"}),
    above: int = 0,
) -> Standing:
    """Answer a bot that lacks nothing, but for what is said."""
    return Standing(
        held=held,
        denied_here=denied_here,
        intents=intents,
        top_role="Novera",
        roles_above=above,
        roles=4,
    )


def test_a_bot_that_has_everything_hears_so() -> None:
    """In one line."""
    page = preflight.describe(FEATURES, standing())

    assert page.text == "🟢 I have all that my 3 features need here."
    assert page.fields == ()


@pytest.mark.parametrize(
    ("lacking", "told"),
    [
        pytest.param(
            standing(held=frozenset({"send_messages"})),
            "**Ban Members**: `ban`, `softban`",
            id="permission",
        ),
        pytest.param(
            standing(denied_here=frozenset({"send_messages"})),
            "**Send Messages**: `softban`, Welcome messages",
            id="channel",
        ),
        pytest.param(standing(intents=frozenset()), "**Members**: Welcome messages", id="intent"),
        pytest.param(standing(above=4), "All of 4 other roles are above", id="lowest-role"),
        pytest.param(standing(above=3), "3 of 4 other roles are above", id="low-role"),
    ],
)
def test_the_preflight_names_features_by_what_they_lack(lacking: Standing, told: str) -> None:
    """Each lack has a field of its own."""
    page = preflight.describe(FEATURES, lacking)

    assert len(page.fields) == 1
    assert told in page.fields[0].value


def test_a_few_roles_above_the_bot_are_as_it_should_be() -> None:
    """Administrators are out of its reach."""
    assert preflight.describe(FEATURES, standing(above=2)).fields == ()


@given(
    st.lists(
        st.builds(Feature, name=st.text(max_size=99), needs=st.tuples(st.text(max_size=40))),
        max_size=99,
    )
)
def test_the_preflight_fits_discords_limits(features: list[Feature]) -> None:
    """However many features lack however much."""
    page = preflight.describe(features, standing(frozenset(), intents=frozenset(), above=4))

    assert fits(page)


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

    assert fits(fitted(page))


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


def inside(
    *,
    skew: Skew | None = None,
    problem: str | None = None,
    backup_problem: str | None = None,
    handlers: tuple[HandlerFigures, ...] = (),
) -> Page:
    """Answer the page about messages, database and clock."""
    return status.inside(
        PipelineFigures(messages=9, under_way=1, p50_ms=0.2, p99_ms=14.0, handlers=handlers),
        Storage(
            kind="sqlite",
            state="degraded" if problem else "ready",
            state_age_s=60.0,
            retried=2,
            failed=1,
            problem=problem,
            backup_problem=backup_problem,
        ),
        skew,
    )


def test_status_tells_of_messages_and_database() -> None:
    """The figures of the pipeline and the state of the database are on a page."""
    handler = HandlerFigures(
        stage="automod",
        name="automod",
        count=9,
        stopped=2,
        failures=1,
        timeouts=0,
        p50_ms=0.1,
        p99_ms=3.0,
    )
    fields = shown(inside(handlers=(handler,), problem="disk full"))

    assert fields["Messages"] == "9 seen, 1 under way\np50 0.2 ms, p99 14 ms"
    assert fields["Database"].splitlines() == [
        "SQLite: 🔴 does not answer",
        "since 1 min 0 s",
        "2 retried, 1 failed",
        "disk full",
    ]
    assert fields["Stages of a message"] == (
        "`automod` automod: 9, 2 stopped, ⚠️ 1 failed, 0 too slow; p99 3.0 ms"
    )


def test_status_tells_of_a_backup_that_failed() -> None:
    """The database itself is well."""
    told = shown(inside(backup_problem="the disk is full"))["Database"]

    assert told.startswith("SQLite: 🟢 ready\n")
    assert told.endswith("⚠️ The last backup failed: the disk is full")


@pytest.mark.parametrize(
    ("skew", "told"),
    [
        pytest.param(None, "not compared", id="unknown"),
        pytest.param((-0.1, 0.3), "🟢 within 0.3 s", id="right"),
        pytest.param((8.0, 8.4), "⚠️ 8.2 s ahead of Discord's", id="ahead"),
        pytest.param((-61.0, -60.0), "⚠️ 60.5 s behind Discord's", id="behind"),
    ],
)
def test_status_tells_of_a_clock_that_is_off(skew: tuple[float, float] | None, told: str) -> None:
    """Over five seconds, with what to do."""
    found = None if skew is None else Skew(lowest_s=skew[0], highest_s=skew[1], agreeing=5)

    assert told in shown(inside(skew=found))["Clock"]


@given(st.lists(st.text(max_size=99), max_size=40), st.text(max_size=3000))
def test_the_page_of_figures_fits_discords_limits(names: list[str], problem: str) -> None:
    """Plugins name their handlers as they like."""
    handlers = tuple(
        HandlerFigures(
            stage="listeners",
            name=name,
            count=1,
            stopped=0,
            failures=1,
            timeouts=1,
            p50_ms=1,
            p99_ms=1,
        )
        for name in names
    )

    assert fits(inside(handlers=handlers, problem=problem))
