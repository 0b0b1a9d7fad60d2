"""What the user is told when a command fails. Pure.

Errors are recognised by the name of their class, nearest ancestor first, so that the classes of
`discord.ext.commands` and of `discord.app_commands`, which bear equal names, need one entry each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bot.commands import wording
from bot.commands.discord_codes import WORDS

Fault = Literal["user", "bot", "nobody"]

MAX_TEXT = 300  # characters of one explanation
MAX_REFUSAL = 1800  # of one that a command wrote itself
SOMETHING_WENT_WRONG = "Something went wrong here. It has been noted."
NOT_ALLOWED = "You may not use this here."
OUTDATED = "Discord showed an older version of this command. Please try again in a minute."
LATER = "Please try again in a moment."
BUSY = f"I have too much to do right now. {LATER}"
STOPPING = "I am about to restart. Please try again in a minute."
# 10062: the interaction is unknown by now; 40060: it has been answered already. Nobody can be told.
QUIET_CODES = frozenset({10062, 40060})
_WRAPPERS = {"CommandInvokeError", "ConversionError", "ExtensionFailed", "HybridCommandError"}
# A transformer that raised one of these said what is wrong with the value.
_EXPLAINING = {"discord.app_commands.errors", "discord.ext.commands.errors"}
_KNOWN_MODULES = ("discord.", "bot.commands.", "bot.storage.", "bot.tasks.", "bot.outbound.")
_CHECK_DEFAULTS = ("The check functions", "The global check")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A short text for the user, and whose mistake it was.

    Attributes:
        text: What to say; empty when there is nothing to say, or nobody to say it to.
        fault: ``bot`` is logged with its traceback and shown with an error id, ``user`` is
            explained only, ``nobody`` is not spoken of.
    """

    text: str
    fault: Fault

    def shown(self, error_id: str) -> str:
        """Answer the text to send; the id only where the log holds more."""
        return f"{self.text} Error id: `{error_id}`" if self.fault == "bot" else self.text


NOTHING = Reply(text="", fault="nobody")
UNEXPLAINED = Reply(text=SOMETHING_WENT_WRONG, fault="bot")


def explain(error: BaseException, *, usage: str = "") -> Reply:
    """Answer what to say about *error*.

    Args:
        error: Of discord.py or of a handler's own code; wrappers are taken off.
        usage: How the command is written, for prefix commands; told with errors of input.
    """
    error = unwrap(error)
    for cls in type(error).__mro__:
        # A plugin's class may bear the name of one of discord.py's and have none of its attributes.
        ours = cls.__module__.startswith(_KNOWN_MODULES) or cls is TimeoutError
        reply = _REPLIES.get(cls.__name__) if ours else None
        if reply is not None:
            return _finish(reply(error), error, usage)
    return UNEXPLAINED


def unwrap(error: BaseException) -> BaseException:
    """Answer what went wrong inside the wrappers that discord.py puts around an error."""
    for _ in range(8):  # wrappers nest three deep at most; a cycle must not hang the report
        names = {cls.__name__ for cls in type(error).__mro__}
        inner: object = None
        if names & _WRAPPERS:
            inner = getattr(error, "original", None)
        elif "TransformerError" in names and type(error.__cause__).__module__ in _EXPLAINING:
            inner = error.__cause__
        if not isinstance(inner, BaseException):
            return error
        error = inner
    return error


def timed_out(limit_s: float) -> Reply:
    """Answer what to say when a handler ran into its deadline."""
    return Reply(text=f"That took longer than {duration(limit_s)} and was stopped.", fault="bot")


def duration(seconds: float) -> str:
    """Answer *seconds* in words, rounded up: ``4 s``, ``2 min 5 s``, ``1 h 3 min``."""
    total = max(1, math.ceil(seconds))
    if total < 60:
        return f"{total} s"
    minutes, rest_s = divmod(total, 60)
    if minutes < 60:
        return f"{minutes} min {rest_s} s" if rest_s else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def _finish(reply: Reply, error: BaseException, usage: str) -> Reply:
    names = {cls.__name__ for cls in type(error).__mro__}
    refused = "Refused" in names  # by the command, which understood what was written
    limit = MAX_REFUSAL if refused else MAX_TEXT
    text = reply.text if len(reply.text) <= limit else f"{reply.text[: limit - 1]}…"
    if usage and "UserInputError" in names and not refused and reply.fault == "user":
        text = f"{text} Usage: `{usage}`"
    return Reply(text=text, fault=reply.fault)


def _user(text: str) -> Callable[[Any], Reply]:
    return lambda error: Reply(text=text, fault="user")


def _bot(text: str) -> Callable[[Any], Reply]:
    return lambda error: Reply(text=text, fault="bot")


def _telling(describe: Callable[[Any], str]) -> Callable[[Any], Reply]:
    return lambda error: Reply(text=describe(error), fault="user")


def _lacking(describe: Callable[[Any], str]) -> Callable[[Any], Reply]:
    """The bot lacks something that only the server's people can give: explained, not a crash."""
    return lambda error: Reply(text=describe(error), fault="user")


def _checked(error: Any) -> str:
    """A plugin's own words, where it gave some; discord.py's name its functions."""
    text = str(error)
    return NOT_ALLOWED if not text or text.startswith(_CHECK_DEFAULTS) else text


def _any_check(error: Any) -> Reply:
    for inner in getattr(error, "errors", ()):
        return explain(inner)
    return Reply(text=NOT_ALLOWED, fault="user")


def _not_found(error: Any) -> Reply:
    return Reply(text=OUTDATED, fault="user") if hasattr(error, "parents") else NOTHING


def _http(error: Any) -> Reply:
    code = getattr(error, "code", 0)
    if code in QUIET_CODES:
        return NOTHING
    if code in WORDS:
        return Reply(text=WORDS[code], fault="user")
    if getattr(error, "status", 0) == 429:
        return Reply(text="Discord asks me to slow down. Please try again soon.", fault="bot")
    return Reply(text=f"Discord refused that. {SOMETHING_WENT_WRONG}", fault="bot")


def _forbidden(error: Any) -> Reply:
    if getattr(error, "code", 0) in WORDS:
        return _http(error)
    return Reply(text="Discord does not let me do that.", fault="bot")


def _outbound_status(error: Any) -> Reply:
    """The other side's word on what was asked; a key that it refuses is ours to mend."""
    status = getattr(error, "status", 0)
    if status in (404, 422):
        return Reply(text="The service I asked knows nothing about that.", fault="user")
    if status == 429:
        return Reply(text="The service I ask wants fewer questions. Try later.", fault="user")
    return Reply(text="The service I asked refused to answer.", fault="bot")


def _plugin(words: str) -> Callable[[Any], Reply]:
    return lambda error: Reply(
        text=f"The plugin `{getattr(error, 'name', '?')}` {words}.", fault="user"
    )


_REPLIES: dict[str, Callable[[Any], Reply]] = {
    # What the user may not do, or not now
    "CheckFailure": _telling(_checked),
    "CheckAnyFailure": _any_check,
    "CommandOnCooldown": _telling(lambda e: f"Please try again in {duration(e.retry_after)}."),
    "DisabledCommand": _user("This command is switched off at the moment."),
    "MaxConcurrencyReached": _telling(wording.uses),
    "MissingAnyRole": _telling(lambda e: f"You need the role {wording.roles(e)} for this."),
    "MissingPermissions": _telling(lambda e: f"You need {wording.permissions(e)} for this."),
    "MissingRole": _telling(lambda e: f"You need the role {wording.roles(e)} for this."),
    "NoPrivateMessage": _user("This works on a server only, not in direct messages."),
    "NotOwner": _user("Only the owner of this bot may do that."),
    "NSFWChannelRequired": _user("This works in age-restricted channels only."),
    "PrivateMessageOnly": _user("This works in direct messages only."),
    # What the bot may not do
    "BotMissingAnyRole": _lacking(lambda e: f"I need the role {wording.roles(e)} for this."),
    "BotMissingPermissions": _lacking(lambda e: f"I need {wording.permissions(e)} for this."),
    "BotMissingRole": _lacking(lambda e: f"I need the role {wording.roles(e)} for this."),
    "Forbidden": _forbidden,
    # What the user wrote
    "ArgumentParsingError": _user("A quotation mark is out of place."),
    "BadArgument": _telling(lambda e: wording.converted(e) or "That can't be used here."),
    "BadBoolArgument": _user("Please answer yes or no there."),
    "BadColourArgument": _user("That is not a colour. Write it like `#ff8800`."),
    "BadFlagArgument": _telling(lambda e: f"The value of `{wording.name(e)}` can't be used."),
    "BadInviteArgument": _user("That invite is not valid, or it has expired."),
    "BadLiteralArgument": _telling(
        lambda e: (
            f"`{wording.name(e)}` must be {wording.listed((f'`{v}`' for v in e.literals), 'or')}."
        )
    ),
    "BadTimestampArgument": _user("That is not a timestamp."),
    "BadUnionArgument": _telling(lambda e: f"What you gave as `{wording.name(e)}` can't be used."),
    "ChannelNotFound": _user("I can't find that channel."),
    "ChannelNotReadable": _user("I can't read messages in that channel."),
    "EmojiNotFound": _user("I can't find that emoji."),
    "FlagError": _user("These options can't be used together."),
    "GuildNotFound": _user("I can't find that server."),
    "GuildStickerNotFound": _user("I can't find that sticker."),
    "MemberNotFound": _user("I can't find that member."),
    "MessageNotFound": _user("I can't find that message."),
    "MissingFlagArgument": _telling(lambda e: f"`{wording.name(e)}` needs a value."),
    "MissingRequiredArgument": _telling(lambda e: f"`{wording.name(e)}` is missing."),
    "MissingRequiredAttachment": _telling(lambda e: f"A file for `{wording.name(e)}` is missing."),
    "MissingRequiredFlag": _telling(lambda e: f"`{wording.name(e)}` is missing."),
    "ObjectNotFound": _user("That is neither an id nor a mention."),
    "PartialEmojiConversionFailure": _user("That is not an emoji."),
    "RangeError": _telling(wording.limits),
    "RoleNotFound": _user("I can't find that role."),
    "ScheduledEventNotFound": _user("I can't find that event."),
    "SoundboardSoundNotFound": _user("I can't find that sound."),
    "ThreadNotFound": _user("I can't find that thread."),
    "TooManyArguments": _user("That is more than this command takes."),
    "TooManyFlags": _telling(lambda e: f"`{wording.name(e)}` was given too often."),
    "TransformerError": _user("A value you gave can't be used."),
    "UserInputError": _telling(lambda e: str(e) or "That can't be used here."),
    "UserNotFound": _user("I can't find that user."),
    # Discord and its picture of our commands
    "CommandNotFound": _not_found,
    "CommandSignatureMismatch": _user(OUTDATED),
    "DiscordServerError": _bot("Discord has trouble at the moment. Please try again soon."),
    "HTTPException": _http,
    "RateLimited": _bot("Discord asks me to slow down. Please try again soon."),
    "TooLateForModalError": _user("That took too long to open. Please try again."),
    # Our own parts
    "BridgeClosedError": _user(STOPPING),
    "BridgeFullError": _bot(BUSY),
    "ClaimError": _bot(f"My database does not answer: I did not begin that. {LATER}"),
    "QueueClosedError": _user(STOPPING),
    "QueueFullError": _bot(BUSY),
    "Refused": _telling(lambda e: str(e) or NOT_ALLOWED),
    "StorageError": _bot(f"My database does not answer. {LATER}"),
    # Other services
    "AddressRefusedError": _bot("The address of the service I should ask is not allowed."),
    "CircuitOpenError": _telling(
        lambda e: (
            "The service I ask for this keeps failing. Please try again in"
            f" {duration(e.retry_after_s)}."
        )
    ),
    "OutboundError": _bot(f"The service I ask for this can't be reached. {LATER}"),
    "OutboundTimeoutError": _user(f"The service I ask for this took too long. {LATER}"),
    "ResponseStatusError": _outbound_status,
    "ResponseTooLargeError": _bot("The service I asked answered more than I can take."),
    "TimeoutError": _bot("Something this needs took too long. Please try again."),
    # Plugins and registration, seen by the owner only
    "CommandAlreadyRegistered": _bot("A command of that name exists already."),
    "CommandLimitReached": _bot("Discord allows no more commands."),
    "CommandRegistrationError": _bot("A command of that name exists already."),
    "CommandSyncFailure": _bot("Discord refused the description of a command."),
    "MissingApplicationID": _bot("The bot is not logged in yet."),
    "TranslationError": _bot("The translation of a command failed."),
    "ExtensionAlreadyLoaded": _plugin("is loaded already"),
    "ExtensionNotFound": _plugin("does not exist"),
    "ExtensionNotLoaded": _plugin("is not loaded"),
    "NoEntryPointError": _plugin("has no setup function"),
}
