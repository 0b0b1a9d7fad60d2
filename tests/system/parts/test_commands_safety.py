"""Deadlines, deferring and error replies, for a bot that knows nothing of them."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands
from discord.ext import commands
from structlog.testing import capture_logs

from bot.commands import safety
from bot.settings import BotSettings
from tests.integration.serving import Served, serving, until

FAILS = "Something went wrong here."
TOO_LONG = "That took longer than"
LIMIT_S = 1.5


class Question(discord.ui.Modal, title="Question"):
    """A form whose evaluation fails, or takes its time."""

    answer: discord.ui.TextInput[Question] = discord.ui.TextInput(label="answer")

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        await behave(str(self.answer), interaction)


class Panel(discord.ui.View):
    """A button and a select."""

    @discord.ui.button(label="fail")
    async def fail(self, interaction: discord.Interaction[Any], _: Any) -> None:
        raise KeyError("button")

    @discord.ui.button(label="hang")
    async def hang(self, interaction: discord.Interaction[Any], _: Any) -> None:
        await asyncio.sleep(60)

    @discord.ui.button(label="slow")
    async def slow(self, interaction: discord.Interaction[Any], _: Any) -> None:
        await asyncio.sleep(0.6)
        await interaction.response.edit_message(content="edited late")

    @discord.ui.button(label="say")
    async def say(self, interaction: discord.Interaction[Any], _: Any) -> None:
        await asyncio.sleep(0.6)
        await interaction.response.send_message("said late", ephemeral=True)

    @discord.ui.button(label="form")
    async def form(self, interaction: discord.Interaction[Any], _: Any) -> None:
        await interaction.response.send_modal(Question())

    @discord.ui.button(label="late form")
    async def late_form(self, interaction: discord.Interaction[Any], _: Any) -> None:
        await asyncio.sleep(0.6)
        await interaction.response.send_modal(Question())

    @discord.ui.select(options=[discord.SelectOption(label="fail")])
    async def pick(self, interaction: discord.Interaction[Any], _: Any) -> None:
        raise KeyError("select")


class OddError(app_commands.CheckFailure):
    """An error whose text can't be had."""

    def __str__(self) -> str:
        raise LookupError


async def behave(how: str, interaction: discord.Interaction[Any]) -> None:
    """Do what a handler may do, by name."""
    match how:
        case "fail":
            raise KeyError("secret words")
        case "hang":
            await asyncio.sleep(60)
        case "slow":
            await asyncio.sleep(0.6)
            await interaction.response.send_message("late answer")
        case "private":
            await asyncio.sleep(0.6)
            await interaction.response.send_message("private answer", ephemeral=True)
        case "defers":
            await asyncio.sleep(0.6)
            await interaction.response.defer()
            await interaction.followup.send("followed up")
        case "defers privately":
            await asyncio.sleep(0.6)
            await interaction.response.defer(ephemeral=True)
            await interaction.edit_original_response(content="private after all")
        case "silent":
            await asyncio.sleep(0.6)
        case "fails late":
            await asyncio.sleep(0.6)
            raise KeyError("late")
        case "defers, fails":
            await interaction.response.defer()
            raise KeyError("after a defer")
        case "oddly":
            raise OddError
        case "rich":
            await asyncio.sleep(0.6)
            await interaction.response.send_message(
                "rich answer", file=discord.File(io.BytesIO(b"a"), "a.txt"), view=Panel()
            )
        case _:
            await interaction.response.send_message("done")


def ordinary_bot(_: BotSettings) -> commands.Bot:
    """Answer a bot as people write them: no base class, no error handler, no deadline."""
    intents = discord.Intents.default()
    intents.message_content = True
    bot = commands.Bot(command_prefix="!", intents=intents)

    @bot.command()
    async def act(ctx: commands.Context[Any], how: str = "") -> None:
        match how:
            case "fail":
                raise KeyError("secret words")
            case "hang":
                await asyncio.sleep(60)
            case _:
                await ctx.send("done")

    @bot.command()
    @commands.cooldown(1, 60, commands.BucketType.user)
    async def rare(ctx: commands.Context[Any]) -> None:
        await ctx.send("this once")

    @bot.command()
    @commands.has_permissions(ban_members=True)
    async def banish(ctx: commands.Context[Any], member: str) -> None:
        await ctx.send("gone")

    @bot.command()
    async def greet(ctx: commands.Context[Any], name: str, *, words: str) -> None:
        await ctx.send("hello")

    @bot.command()
    async def panel(ctx: commands.Context[Any]) -> None:
        await ctx.send("panel", view=Panel())

    @bot.tree.command(name="do")
    async def do(interaction: discord.Interaction[Any], how: str) -> None:
        await behave(how, interaction)

    @do.autocomplete("how")
    async def complete(
        interaction: discord.Interaction[Any], current: str
    ) -> list[app_commands.Choice[str]]:
        await (behave(current, interaction) if current in ("hang", "fail") else asyncio.sleep(0))
        return []

    @bot.tree.command(name="discreet", extras={"ephemeral": True})
    async def discreet(interaction: discord.Interaction[Any], how: str) -> None:
        await behave(how, interaction)

    @bot.tree.command(name="limited")
    @app_commands.checks.cooldown(1, 60)
    async def limited(interaction: discord.Interaction[Any]) -> None:
        await interaction.response.send_message("this once")

    make_hybrid: Any = bot.hybrid_command  # mypy can't follow its type

    @make_hybrid()  # type: ignore[untyped-decorator]
    async def both(ctx: commands.Context[Any], how: str = "") -> None:
        if how == "fail":
            raise KeyError("secret words")
        if how == "slow":
            await asyncio.sleep(0.6)
        await ctx.send("done")

    async def setup_hook() -> None:
        await bot.tree.sync()

    bot.setup_hook = setup_hook  # type: ignore[method-assign]
    return bot


@pytest.fixture
async def served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served[commands.Bot]]:
    """Answer the ordinary bot, guarded: a short deadline, deferred after 0.3 s."""
    monkeypatch.setattr(safety, "DEFER_AFTER_S", 0.3)
    monkeypatch.setattr(safety, "UNANSWERED_AFTER_S", 0.3)
    async with serving(ordinary_bot, tmp_path, monkeypatch, command_timeout_s=LIMIT_S) as running:
        yield running


async def slash(served: Served[Any], command: str = "do", **options: str) -> dict[str, Any]:
    """Run a slash command as alice and answer all that she saw of it."""
    shown = await served.driver.slash(command, options=options, wait_s=10)
    return await settled(served, shown)


async def settled(served: Served[Any], shown: dict[str, Any]) -> dict[str, Any]:
    """Answer an interaction once its handler has ended and said all it will say."""
    await until(lambda: not at_work(served))
    found: dict[str, Any] = await served.driver.interaction(shown["id"])
    return found


def at_work(served: Served[Any]) -> bool:
    """Answer whether a handler runs, or something of ours speaks to its user."""
    names = served.tasks.snapshot().by_name
    ours = (names.get("error-report"), names.get("interaction-defer"))
    assert served.safety is not None
    return bool(served.safety.at_work) or any(each is not None and each.active for each in ours)


def texts(shown: dict[str, Any]) -> list[tuple[str, bool]]:
    """Answer text and privacy of each message that an interaction brought and that is left."""
    messages = [shown["response"], *shown["followups"]]
    return [(each["content"], each["ephemeral"]) for each in messages if each is not None]


# Text commands


async def test_an_error_in_a_text_command_reaches_user_and_log_under_one_id(
    served: Served[commands.Bot],
) -> None:
    """The user reads an id; the log holds it beside the traceback, and no word of the user's."""
    with capture_logs() as logs:
        said = await served.driver.say("!act fail", wait_s=10)

    failure = next(entry for entry in logs if entry["event"] == "command.failed")
    assert said["reply"]["content"].startswith(FAILS)
    assert f"`{failure['error_id']}`" in said["reply"]["content"]
    assert isinstance(failure["exc_info"], KeyError)
    assert (failure["kind"], failure["name"]) == ("text command", "act")


async def test_a_text_command_is_stopped_at_its_deadline(served: Served[commands.Bot]) -> None:
    """A command that waits for ever is cancelled; the log says where it waited."""
    with capture_logs() as logs:
        said = await served.driver.say("!act hang", wait_s=10)

    entry = next(entry for entry in logs if entry["event"] == "command.timed_out")
    assert said["reply"]["content"].startswith(TOO_LONG)
    assert f"`{entry['error_id']}`" in said["reply"]["content"]
    assert any("act" in line for line in entry["waiting_at"])
    assert served.stats.snapshot().timed_out == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param("!banish bob", "You need **Ban Members** for this.", id="permission"),
        pytest.param(
            "!greet bob",
            "`words` is missing. Usage: `!greet <name> <words>`",
            id="missing-argument",
        ),
        pytest.param(
            '!greet "bob',
            "A quotation mark is out of place. Usage: `!greet <name> <words>`",
            id="quotation-mark",
        ),
    ],
)
async def test_a_refusal_is_explained(served: Served[commands.Bot], words: str, told: str) -> None:
    """What the user may not do or did not write is told in words, without an id."""
    said = await served.driver.say(words, wait_s=10)

    assert said["reply"]["content"] == told


async def test_a_cooldown_says_when_to_try_again(served: Served[commands.Bot]) -> None:
    """The second use within a minute is refused with the time left."""
    await served.driver.say("!rare", wait_s=10)
    said = await served.driver.say("!rare", wait_s=10)

    assert said["reply"]["content"] in ("Please try again in 1 min.", "Please try again in 59 s.")
    assert served.stats.snapshot().failed == 0


async def test_an_unknown_text_command_is_not_answered(served: Served[commands.Bot]) -> None:
    """Other bots share the prefix: only the next command is answered."""
    await served.driver.say("!nothing of ours")
    said = await served.driver.say("!act", wait_s=10)
    newest = await served.driver.messages(channel="general", limit=3)

    assert said["reply"]["content"] == "done"
    assert sum(message["is_bot"] for message in newest) == 1


# Slash commands


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        pytest.param("quick", [("done", False)], id="quick"),
        pytest.param("slow", [("late answer", False)], id="late-answer"),
        pytest.param("private", [("private answer", True)], id="late-and-private"),
        pytest.param("defers", [("followed up", False)], id="defers-late-itself"),
        pytest.param("defers privately", [("private after all", True)], id="wishes-privacy-late"),
        pytest.param("silent", [("This ended without an answer.", False)], id="says-nothing"),
    ],
)
async def test_a_slow_slash_command_is_deferred_and_still_answers(
    served: Served[commands.Bot], how: str, seen: list[tuple[str, bool]]
) -> None:
    """What the handler says arrives as it was meant, whoever deferred; nothing private leaks."""
    shown = await slash(served, how=how)
    if how == "silent":
        await asyncio.sleep(0.5)
        shown = await settled(served, shown)

    assert texts(shown) == seen
    assert served.stats.snapshot().failed == 0


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        pytest.param("private", [("private answer", True)], id="as-it-said"),
        pytest.param("slow", [("late answer", False)], id="public-after-all"),
        pytest.param("fails late", [(FAILS, True)], id="fails"),
    ],
)
async def test_a_command_may_ask_to_be_deferred_privately(
    served: Served[commands.Bot], how: str, seen: list[tuple[str, bool]]
) -> None:
    """Its "thinking" is for the user alone, and so is what goes wrong."""
    shown = await slash(served, "discreet", how=how)

    assert [(text[: len(FAILS)], private) for text, private in texts(shown)] == seen


async def test_a_command_that_deferred_itself_and_failed_tells_its_user(
    served: Served[commands.Bot],
) -> None:
    """Its "thinking" ends with what went wrong."""
    shown = await slash(served, how="defers, fails")

    ((text, _),) = texts(shown)
    assert text.startswith(FAILS)


async def test_an_error_that_can_not_name_itself_is_reported_all_the_same(
    served: Served[commands.Bot],
) -> None:
    """Errors inside the report do not hide the error."""
    shown = await slash(served, how="oddly")

    ((text, _),) = texts(shown)
    assert text.startswith(FAILS)


async def test_a_failing_slash_command_tells_its_user_alone(
    served: Served[commands.Bot],
) -> None:
    """The reply is private, and bears the id of the log."""
    with capture_logs() as logs:
        shown = await slash(served, how="fail")

    failure = next(entry for entry in logs if entry["event"] == "command.failed")
    ((text, private),) = texts(shown)
    assert text.startswith(FAILS)
    assert failure["error_id"] in text
    assert private
    assert "secret words" not in str({**failure, "exc_info": None})


async def test_a_slash_command_is_stopped_at_its_deadline(
    served: Served[commands.Bot],
) -> None:
    """It was deferred meanwhile; the deferred message says what happened."""
    shown = await slash(served, how="hang")

    ((text, _),) = texts(shown)
    assert text.startswith(TOO_LONG)
    assert served.stats.snapshot().timed_out == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_broken_connection_loses_no_answer_and_sends_none_twice(
    served: Served[commands.Bot], when: str
) -> None:
    """Discord's end closed the connection, before or after it took the answer."""
    await served.driver.fault(
        "drop_rest", {"path": "*/callback", "method": "POST", "when": when, "times": 1}
    )
    shown = await slash(served, how="quick")

    assert texts(shown) == [("done", False)]
    assert served.stats.snapshot().failed == 0


async def test_a_late_answer_may_hold_files_and_views(served: Served[commands.Bot]) -> None:
    """What a message holds besides its text comes with it, and its buttons answer."""
    shown = await slash(served, how="rich")
    ((text, _),) = texts(shown)
    pressed = await served.driver.click(shown["response"]["id"], label="fail", wait_s=10)
    ((told, _),) = texts(await settled(served, pressed))

    assert text == "rich answer"
    assert [each["filename"] for each in shown["response"]["attachments"]] == ["a.txt"]
    assert told.startswith(FAILS)


async def test_an_unknown_slash_command_is_explained(served: Served[commands.Bot]) -> None:
    """Discord still shows a command that the bot no longer has."""
    served.client.tree.remove_command("do")
    shown = await slash(served, how="quick")

    ((text, _),) = texts(shown)
    assert text.startswith("Discord showed an older version")


async def test_an_autocomplete_that_takes_too_long_is_stopped(
    served: Served[commands.Bot],
) -> None:
    """Nobody looks at its choices any more; the log says where it waited."""
    with capture_logs() as logs:
        await served.driver.autocomplete("do", "how", "hang", wait_s=0)
        await until(lambda: any(entry["event"] == "command.timed_out" for entry in logs))

    entry = next(entry for entry in logs if entry["event"] == "command.timed_out")
    assert (entry["kind"], entry["name"]) == ("autocomplete", "do")
    assert served.stats.snapshot().timed_out == 0


async def test_an_autocomplete_that_fails_is_logged_once(served: Served[commands.Bot]) -> None:
    """There is no way to tell the user of it."""
    with capture_logs() as logs:
        await served.driver.autocomplete("do", "how", "fail", wait_s=0)
        await until(lambda: any(entry["event"] == "command.failed" for entry in logs))

    assert [entry["kind"] for entry in logs if entry["event"] == "command.failed"] == [
        "autocomplete"
    ]


async def test_a_slash_cooldown_says_when_to_try_again(served: Served[commands.Bot]) -> None:
    """The checks of slash commands are explained as those of text commands are."""
    await slash(served, "limited")
    shown = await slash(served, "limited")

    ((text, _),) = texts(shown)
    assert text.startswith("Please try again in")


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        pytest.param("quick", "done", id="quick"),
        pytest.param("slow", "done", id="late"),
        pytest.param("fail", FAILS, id="fails"),
    ],
)
async def test_a_hybrid_command_is_guarded_as_a_slash_command(
    served: Served[commands.Bot], how: str, seen: str
) -> None:
    """`ctx.send` answers late as well, and an error is told once."""
    shown = await slash(served, "both", how=how)

    ((text, _),) = texts(shown)
    assert text.startswith(seen)


# Components and forms


async def press(served: Served[Any], label: str) -> dict[str, Any]:
    """Press a button of a fresh panel and answer all that came of it."""
    said = await served.driver.say("!panel", wait_s=10)
    shown = await served.driver.click(said["reply"]["id"], label=label, wait_s=10)
    return await settled(served, shown)


async def test_a_failing_button_tells_its_user(served: Served[commands.Bot]) -> None:
    """discord.py would only log it."""
    ((text, private),) = texts(await press(served, "fail"))

    assert text.startswith(FAILS)
    assert private


async def test_a_button_is_stopped_at_its_deadline(served: Served[commands.Bot]) -> None:
    """The panel stays, and the user is told beside it."""
    shown = await press(served, "hang")

    assert any(text.startswith(TOO_LONG) and private for text, private in texts(shown))


async def test_a_slow_button_still_edits_its_message(served: Served[commands.Bot]) -> None:
    """A deferred update shows nothing until the handler edits."""
    said = await served.driver.say("!panel", wait_s=10)
    shown = await served.driver.click(said["reply"]["id"], label="slow", wait_s=10)
    await settled(served, shown)
    message = await served.driver.message(said["reply"]["id"])

    assert message["content"] == "edited late"


async def test_a_slow_button_still_speaks_privately(served: Served[commands.Bot]) -> None:
    """A message after a deferred update is a follow-up with its own privacy."""
    shown = await press(served, "say")

    assert ("said late", True) in texts(shown)


async def test_a_failing_select_tells_its_user(served: Served[commands.Bot]) -> None:
    """Selects are handled as buttons are."""
    said = await served.driver.say("!panel", wait_s=10)
    shown = await served.driver.select(said["reply"]["id"], ["fail"], wait_s=10)
    ((text, _),) = texts(await settled(served, shown))

    assert text.startswith(FAILS)


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        pytest.param("quick", ("done", False), id="quick"),
        pytest.param("slow", ("late answer", False), id="late"),
        pytest.param("private", ("private answer", True), id="late-and-private"),
        pytest.param("fail", (FAILS, True), id="fails"),
        pytest.param("hang", (TOO_LONG, True), id="hangs"),
    ],
)
async def test_a_form_is_guarded(
    served: Served[commands.Bot], how: str, seen: tuple[str, bool]
) -> None:
    """What becomes of a form is told to the one who filled it in."""
    opened = await press(served, "form")
    sent = await served.driver.submit_modal(opened["id"], {"answer": how}, wait_s=10)
    shown = await settled(served, sent)

    assert any(text.startswith(seen[0]) and private == seen[1] for text, private in texts(shown))


async def test_a_form_that_opens_too_late_is_explained(served: Served[commands.Bot]) -> None:
    """A deferred interaction can't open a form any more; the user is asked to try again."""
    shown = await press(served, "late form")

    assert ("That took too long to open. Please try again.", True) in texts(shown)


# Other people's error handlers


async def test_a_bots_own_error_handler_stays_in_charge(served: Served[commands.Bot]) -> None:
    """Whoever wrote `on_command_error` gets the error, and the user one answer."""
    bot = served.client

    @bot.event
    async def on_command_error(ctx: commands.Context[Any], error: Exception) -> None:
        await ctx.send("mine")

    said = await served.driver.say("!act fail", wait_s=10)
    await served.driver.say("!act", wait_s=10)
    newest = await served.driver.messages(channel="general", limit=10)

    assert said["reply"]["content"] == "mine"
    assert [each["content"] for each in newest if each["is_bot"]].count("mine") == 1
    assert not any(each["content"].startswith(FAILS) for each in newest)


async def test_a_trees_own_error_handler_stays_in_charge(served: Served[commands.Bot]) -> None:
    """So it is with `tree.error`."""

    @served.client.tree.error
    async def handle(interaction: discord.Interaction[Any], error: Exception) -> None:
        await interaction.response.send_message("mine")

    assert texts(await slash(served, how="fail")) == [("mine", False)]


async def test_records_of_discord_py_that_are_no_handlers_of_ours_are_kept(
    served: Served[commands.Bot], caplog: pytest.LogCaptureFixture
) -> None:
    """The filter takes only what a guarded handler raised."""
    logging.getLogger("discord.ui.view").error("a record of somebody else's", exc_info=KeyError())

    assert "somebody else's" in caplog.text


async def test_nothing_is_left_of_commands_that_ended(served: Served[commands.Bot]) -> None:
    """Handlers and exchanges are forgotten when they end."""
    for _ in range(5):
        await slash(served, how="quick")
        await served.driver.say("!act", wait_s=10)
    shown = await slash(served, how="quick")
    await settled(served, shown)

    assert served.safety is not None
    assert served.safety.at_work == 0
    assert served.stats.snapshot().invoked == 11
