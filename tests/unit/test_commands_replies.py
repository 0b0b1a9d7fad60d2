"""What the user reads when a command fails."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord import app_commands
from discord.app_commands import errors as app_errors
from discord.ext import commands
from discord.ext.commands import errors as text_errors

from bot.commands.answers import TooLateForModalError
from bot.commands.discord_codes import WORDS
from bot.commands.refusals import Refused
from bot.commands.replies import (
    BUSY,
    LATER,
    MAX_TEXT,
    NOT_ALLOWED,
    OUTDATED,
    SOMETHING_WENT_WRONG,
    STOPPING,
    Reply,
    duration,
    explain,
    timed_out,
)
from bot.outbound import errors as outbound
from bot.storage.claims import ClaimError
from bot.storage.errors import StorageError
from bot.tasks.bridge import BridgeClosedError, BridgeFullError
from bot.tasks.jobs import QueueClosedError, QueueFullError

PARAMETER: Any = SimpleNamespace(name="reason", displayed_name=None)
FLAG: Any = SimpleNamespace(name="days", attribute="days", max_args=1, annotation=int)
COMMAND: Any = SimpleNamespace(name="ban", qualified_name="ban")
MOON: Any = SimpleNamespace(_error_display_name="moon")
ANY: Any = SimpleNamespace()
USER, BOT, NOBODY = "user", "bot", "nobody"


def http(kind: type[discord.HTTPException], status: int, code: int) -> discord.HTTPException:
    """Answer an error as discord.py makes it from Discord's answer."""
    response: Any = SimpleNamespace(status=status, reason="", headers={})
    return kind(response, {"code": code, "message": "no"})


def caused(error: Exception, cause: Exception) -> Exception:
    """Answer *error* as if raised from *cause*."""
    error.__cause__ = cause
    return error


TEXT_ERRORS: list[Any] = [
    (text_errors.CommandError("x"), SOMETHING_WENT_WRONG, BOT),
    (text_errors.ConversionError(ANY, ValueError("x")), SOMETHING_WENT_WRONG, BOT),
    (text_errors.UserInputError("Too early."), "Too early.", USER),
    (text_errors.UserInputError(), "That can't be used here.", USER),
    (text_errors.CommandNotFound("x"), "", NOBODY),
    (text_errors.MissingRequiredArgument(PARAMETER), "`reason` is missing.", USER),
    (text_errors.MissingRequiredAttachment(PARAMETER), "A file for `reason` is missing.", USER),
    (text_errors.TooManyArguments(), "That is more than this command takes.", USER),
    (text_errors.BadArgument("Not a moon."), "Not a moon.", USER),
    (text_errors.CheckFailure(), NOT_ALLOWED, USER),
    (text_errors.CheckFailure("The check functions for command x failed."), NOT_ALLOWED, USER),
    (text_errors.CheckFailure("Only on Mondays."), "Only on Mondays.", USER),
    (
        text_errors.CheckAnyFailure([], [text_errors.NotOwner("x")]),
        "Only the owner of this bot may do that.",
        USER,
    ),
    (text_errors.CheckAnyFailure([], []), NOT_ALLOWED, USER),
    (text_errors.PrivateMessageOnly(), "This works in direct messages only.", USER),
    (
        text_errors.NoPrivateMessage(),
        "This works on a server only, not in direct messages.",
        USER,
    ),
    (text_errors.NotOwner("x"), "Only the owner of this bot may do that.", USER),
    (text_errors.ObjectNotFound("x"), "That is neither an id nor a mention.", USER),
    (text_errors.MemberNotFound("x"), "I can't find that member.", USER),
    (text_errors.GuildNotFound("x"), "I can't find that server.", USER),
    (text_errors.UserNotFound("x"), "I can't find that user.", USER),
    (text_errors.MessageNotFound("x"), "I can't find that message.", USER),
    (
        text_errors.ChannelNotReadable(SimpleNamespace(mention="#x")),  # type: ignore[arg-type]
        "I can't read messages in that channel.",
        USER,
    ),
    (text_errors.ChannelNotFound("x"), "I can't find that channel.", USER),
    (text_errors.ThreadNotFound("x"), "I can't find that thread.", USER),
    (
        text_errors.BadColourArgument("x"),
        "That is not a colour. Write it like `#ff8800`.",
        USER,
    ),
    (text_errors.RoleNotFound("x"), "I can't find that role.", USER),
    (
        text_errors.BadInviteArgument("x"),
        "That invite is not valid, or it has expired.",
        USER,
    ),
    (text_errors.EmojiNotFound("x"), "I can't find that emoji.", USER),
    (text_errors.PartialEmojiConversionFailure("x"), "That is not an emoji.", USER),
    (text_errors.GuildStickerNotFound("x"), "I can't find that sticker.", USER),
    (text_errors.ScheduledEventNotFound("x"), "I can't find that event.", USER),
    (text_errors.SoundboardSoundNotFound("x"), "I can't find that sound.", USER),
    (
        text_errors.BadArgument('Converting to "int" failed for parameter "hours".'),
        "`hours` must be a whole number.",
        USER,
    ),
    (text_errors.BadBoolArgument("x"), "Please answer yes or no there.", USER),
    (text_errors.BadTimestampArgument("x"), "That is not a timestamp.", USER),
    (text_errors.RangeError(9, 1, 5), "That must be between 1 and 5.", USER),
    (text_errors.RangeError(9, None, 5), "That must be at most 5.", USER),
    (text_errors.RangeError(0, 1, None), "That must be at least 1.", USER),
    (text_errors.RangeError("x" * 9, 1, 5), "That must be between 1 and 5 characters long.", USER),
    (
        text_errors.DisabledCommand("x"),
        "This command is switched off at the moment.",
        USER,
    ),
    (text_errors.CommandInvokeError(ValueError("x")), SOMETHING_WENT_WRONG, BOT),
    (
        text_errors.CommandInvokeError(TimeoutError()),
        "Something this needs took too long. Please try again.",
        BOT,
    ),
    (
        text_errors.CommandOnCooldown(ANY, 3.2, commands.BucketType.user),
        "Please try again in 4 s.",
        USER,
    ),
    (
        text_errors.MaxConcurrencyReached(1, commands.BucketType.user),
        "This may run only once at the same time. Please try again when it has ended.",
        USER,
    ),
    (
        text_errors.MaxConcurrencyReached(3, commands.BucketType.default),
        "This may run only 3 times at the same time. Please try again when it has ended.",
        USER,
    ),
    (text_errors.MissingRole("Crew"), "You need the role **Crew** for this.", USER),
    (text_errors.BotMissingRole(7), "I need the role <@&7> for this.", USER),
    (
        text_errors.MissingAnyRole(["Crew", 7]),
        "You need the role **Crew** or <@&7> for this.",
        USER,
    ),
    (text_errors.BotMissingAnyRole(["Crew"]), "I need the role **Crew** for this.", USER),
    (
        text_errors.NSFWChannelRequired(ANY),
        "This works in age-restricted channels only.",
        USER,
    ),
    (
        text_errors.MissingPermissions(["manage_guild", "kick_members"]),
        "You need **Manage Server** and **Kick Members** for this.",
        USER,
    ),
    (
        text_errors.BotMissingPermissions(["ban_members"]),
        "I need **Ban Members** for this.",
        USER,
    ),
    (
        text_errors.BadUnionArgument(PARAMETER, (), []),
        "What you gave as `reason` can't be used.",
        USER,
    ),
    (
        text_errors.BadLiteralArgument(PARAMETER, ("on", "off"), []),
        "`reason` must be `on` or `off`.",
        USER,
    ),
    (text_errors.ArgumentParsingError(), "A quotation mark is out of place.", USER),
    (text_errors.UnexpectedQuoteError('"'), "A quotation mark is out of place.", USER),
    (
        text_errors.InvalidEndOfQuotedStringError("x"),
        "A quotation mark is out of place.",
        USER,
    ),
    (text_errors.ExpectedClosingQuoteError('"'), "A quotation mark is out of place.", USER),
    (
        text_errors.ExtensionError(name="moons"),
        SOMETHING_WENT_WRONG,
        BOT,
    ),
    (
        text_errors.ExtensionAlreadyLoaded("moons"),
        "The plugin `moons` is loaded already.",
        USER,
    ),
    (text_errors.ExtensionNotLoaded("moons"), "The plugin `moons` is not loaded.", USER),
    (
        text_errors.NoEntryPointError("moons"),
        "The plugin `moons` has no setup function.",
        USER,
    ),
    (text_errors.ExtensionFailed("moons", KeyError("x")), SOMETHING_WENT_WRONG, BOT),
    (text_errors.ExtensionNotFound("moons"), "The plugin `moons` does not exist.", USER),
    (
        text_errors.CommandRegistrationError("ban"),
        "A command of that name exists already.",
        BOT,
    ),
    (text_errors.FlagError("x"), "These options can't be used together.", USER),
    (text_errors.TooManyFlags(FLAG, []), "`days` was given too often.", USER),
    (
        text_errors.BadFlagArgument(FLAG, "x", ValueError()),
        "The value of `days` can't be used.",
        USER,
    ),
    (text_errors.MissingRequiredFlag(FLAG), "`days` is missing.", USER),
    (text_errors.MissingFlagArgument(FLAG), "`days` needs a value.", USER),
    (
        text_errors.HybridCommandError(app_errors.NoPrivateMessage()),
        "This works on a server only, not in direct messages.",
        USER,
    ),
    (
        text_errors.HybridCommandError(app_errors.CommandInvokeError(COMMAND, KeyError("x"))),
        SOMETHING_WENT_WRONG,
        BOT,
    ),
]

APP_ERRORS: list[Any] = [
    (app_errors.AppCommandError("x"), SOMETHING_WENT_WRONG, BOT),
    (app_errors.CommandInvokeError(COMMAND, ValueError("x")), SOMETHING_WENT_WRONG, BOT),
    (
        app_errors.TransformerError("x", discord.AppCommandOptionType.string, MOON),
        "A value you gave can't be used.",
        USER,
    ),
    (
        caused(
            app_errors.TransformerError("x", discord.AppCommandOptionType.string, MOON),
            text_errors.RoleNotFound("x"),
        ),
        "I can't find that role.",
        USER,
    ),
    (
        app_errors.TranslationError(
            context=app_commands.TranslationContext(
                location=app_commands.TranslationContextLocation.other, data=None
            )
        ),
        "The translation of a command failed.",
        BOT,
    ),
    (app_errors.CheckFailure(), NOT_ALLOWED, USER),
    (
        app_errors.CommandAlreadyRegistered("ban", None),
        "A command of that name exists already.",
        BOT,
    ),
    (app_errors.CommandSignatureMismatch(COMMAND), OUTDATED, USER),
    (app_errors.CommandNotFound("ban", []), OUTDATED, USER),
    (app_errors.CommandLimitReached(None, 100), "Discord allows no more commands.", BOT),
    (
        app_errors.NoPrivateMessage(),
        "This works on a server only, not in direct messages.",
        USER,
    ),
    (app_errors.MissingRole(7), "You need the role <@&7> for this.", USER),
    (app_errors.MissingAnyRole([7, 8]), "You need the role <@&7> or <@&8> for this.", USER),
    (
        app_errors.MissingPermissions(["ban_members"]),
        "You need **Ban Members** for this.",
        USER,
    ),
    (
        app_errors.BotMissingPermissions(["ban_members"]),
        "I need **Ban Members** for this.",
        USER,
    ),
    (
        app_errors.CommandOnCooldown(app_commands.Cooldown(1, 90.0), 61.5),
        "Please try again in 1 min 2 s.",
        USER,
    ),
    (app_errors.MissingApplicationID(), "The bot is not logged in yet.", BOT),
    (
        app_errors.CommandSyncFailure(http(discord.HTTPException, 400, 50035), []),
        "Discord refused the description of a command.",
        BOT,
    ),
]

OTHERS: list[Any] = [
    (http(discord.NotFound, 404, 10062), "", NOBODY),
    (http(discord.HTTPException, 400, 40060), "", NOBODY),
    (
        http(discord.HTTPException, 400, 50035),
        f"Discord refused that. {SOMETHING_WENT_WRONG}",
        BOT,
    ),
    (http(discord.NotFound, 404, 0), f"Discord refused that. {SOMETHING_WENT_WRONG}", BOT),
    (http(discord.NotFound, 404, 10008), "That message is gone.", USER),
    (http(discord.NotFound, 404, 10013), "Discord knows no such user.", USER),
    (
        http(discord.HTTPException, 400, 30007),
        "This channel has as many webhooks as Discord allows. Delete one first.",
        USER,
    ),
    (
        http(discord.HTTPException, 429, 0),
        "Discord asks me to slow down. Please try again soon.",
        BOT,
    ),
    (
        http(discord.Forbidden, 403, 50013),
        "Discord does not let me do that: I lack a permission, or my role is too low."
        " `/status` lists what I lack.",
        USER,
    ),
    (http(discord.Forbidden, 403, 20001), "Discord does not let me do that.", BOT),
    (
        http(discord.DiscordServerError, 503, 0),
        "Discord has trouble at the moment. Please try again soon.",
        BOT,
    ),
    (discord.RateLimited(90), "Discord asks me to slow down. Please try again soon.", BOT),
    (TooLateForModalError(), "That took too long to open. Please try again.", USER),
    (KeyError("x"), SOMETHING_WENT_WRONG, BOT),
    (Refused("Your role is too low."), "Your role is too low.", USER),
    (Refused("x" * 1500), "x" * 1500, USER),
    (StorageError("sqlite", "disk full"), f"My database does not answer. {LATER}", BOT),
    (
        ClaimError("sqlite", "locked"),
        f"My database does not answer: I did not begin that. {LATER}",
        BOT,
    ),
    (QueueFullError(9), BUSY, BOT),
    (QueueClosedError(), STOPPING, USER),
    (BridgeFullError(9), BUSY, BOT),
    (BridgeClosedError(), STOPPING, USER),
]
HOST = ("GET", "https://a.example:443")
OUTBOUND: list[Any] = [
    (
        outbound.AddressRefusedError(*HOST, "not on the Internet"),
        "The address of the service I should ask is not allowed.",
        BOT,
    ),
    (
        outbound.CircuitOpenError(*HOST, retry_after_s=61),
        "The service I ask for this keeps failing. Please try again in 1 min 1 s.",
        USER,
    ),
    (
        outbound.OutboundTimeoutError(*HOST, timeout_s=8),
        f"The service I ask for this took too long. {LATER}",
        USER,
    ),
    (
        outbound.ConnectionFailedError(*HOST, kind="OSError"),
        f"The service I ask for this can't be reached. {LATER}",
        BOT,
    ),
    (
        outbound.ResponseTooLargeError(*HOST, max_bytes=9),
        "The service I asked answered more than I can take.",
        BOT,
    ),
    (
        outbound.ResponseStatusError(*HOST, status=404),
        "The service I asked knows nothing about that.",
        USER,
    ),
    (
        outbound.ResponseStatusError(*HOST, status=429),
        "The service I ask wants fewer questions. Try later.",
        USER,
    ),
    (
        outbound.ResponseStatusError(*HOST, status=401),
        "The service I asked refused to answer.",
        BOT,
    ),
]


@pytest.mark.parametrize(
    ("error", "text", "fault"),
    [
        pytest.param(*row, id=f"{type(row[0]).__module__.split('.')[-2]}.{type(row[0]).__name__}")
        for row in TEXT_ERRORS + APP_ERRORS
    ]
    + [pytest.param(*row, id=f"{type(row[0]).__name__}-{row[2]}") for row in OTHERS + OUTBOUND],
)
def test_every_error_has_its_words(error: Exception, text: str, fault: str) -> None:
    """Each class of error is explained in its own words, with its own fault."""
    reply = explain(error)

    assert (reply.text, reply.fault) == (text, fault)


@pytest.mark.parametrize(
    ("module", "table"),
    [
        pytest.param(text_errors, TEXT_ERRORS, id="text"),
        pytest.param(app_errors, APP_ERRORS, id="slash"),
    ],
)
def test_no_class_of_discord_py_is_forgotten(module: Any, table: list[Any]) -> None:
    """A new discord.py with a new error makes this test fail."""
    classes = {
        cls
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if issubclass(cls, Exception) and cls.__module__ == module.__name__
    }
    tested = {type(row[0]) for row in table}

    assert classes - tested == set()


def test_errors_of_input_show_the_usage() -> None:
    """Who forgot an argument reads how the command is written."""
    reply = explain(text_errors.MissingRequiredArgument(PARAMETER), usage="!ban <user> <reason>")

    assert reply.text == "`reason` is missing. Usage: `!ban <user> <reason>`"


def test_a_refusal_shows_no_usage() -> None:
    """Who may not use a command is not told how to write it."""
    reply = explain(text_errors.NotOwner("x"), usage="!shutdown")

    assert "Usage" not in reply.text


def test_a_refusal_of_a_command_is_shown_as_it_is() -> None:
    """It understood what was written, so the usage would not help."""
    assert explain(Refused("Not you."), usage="!ban <user>").text == "Not you."


@pytest.mark.parametrize("code", WORDS)
def test_discords_codes_are_explained_shortly(code: int) -> None:
    """Each in a sentence or two that is not cut, and by no error id."""
    reply = explain(http(discord.HTTPException, 400, code))

    assert reply == Reply(text=WORDS[code], fault="user")
    assert len(reply.text) <= MAX_TEXT


def test_no_error_of_another_service_is_forgotten() -> None:
    """A new class there needs its words here."""
    classes = {
        cls
        for _, cls in inspect.getmembers(outbound, inspect.isclass)
        if issubclass(cls, outbound.OutboundError) and cls is not outbound.OutboundError
    }

    assert classes == {type(row[0]) for row in OUTBOUND}


def test_only_the_bots_own_faults_show_an_id() -> None:
    """The id leads to a traceback in the log; where there is none it would lead nowhere."""
    broken = Reply(text="Broken.", fault="bot")
    refused = Reply(text="Refused.", fault="user")

    assert broken.shown("ab12") == "Broken. Error id: `ab12`"
    assert refused.shown("ab12") == "Refused."


def test_a_text_is_never_long() -> None:
    """An author's essay is cut."""
    reply = explain(text_errors.BadArgument("x" * 5000))

    assert len(reply.text) == MAX_TEXT


def test_a_plugins_class_with_a_known_name_is_not_taken_for_discord_pys() -> None:
    """A class that only bears the name has none of the attributes."""
    pretender = type("CommandOnCooldown", (Exception,), {"__module__": "moons"})

    assert explain(pretender()).text == SOMETHING_WENT_WRONG


def test_wrappers_that_wrap_each_other_do_not_hang() -> None:
    """A cycle of wrappers ends in the general words."""
    error = text_errors.CommandInvokeError(ValueError("x"))
    error.original = error

    assert explain(error).fault == "bot"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        pytest.param(0.0, "1 s", id="never-zero"),
        pytest.param(3.2, "4 s", id="rounded-up"),
        pytest.param(59.5, "1 min", id="to-a-minute"),
        pytest.param(125, "2 min 5 s", id="minutes"),
        pytest.param(3600, "1 h", id="hour"),
        pytest.param(3780, "1 h 3 min", id="hours"),
    ],
)
def test_spans_are_told_in_words(seconds: float, words: str) -> None:
    """A user reads no decimals."""
    assert duration(seconds) == words


def test_a_timeout_names_its_limit() -> None:
    """Who waited in vain learns how long a command may take."""
    assert timed_out(30.0).text == "That took longer than 30 s and was stopped."
