"""What the user is told when a command fails. Pure.

Errors are recognised by the name of their class, nearest ancestor first, so that the classes of
`discord.ext.commands` and of `discord.app_commands`, which bear equal names, need one entry each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

Fault = Literal["user", "bot", "nobody"]

MAX_TEXT = 300  # characters of one explanation
SOMETHING_WENT_WRONG = "Something went wrong here. It has been noted."
NOT_ALLOWED = "You may not use this here."
OUTDATED = "Discord showed an older version of this command. Please try again in a minute."
# 10062: the interaction is unknown by now; 40060: it has been answered already. Nobody can be told.
QUIET_CODES = frozenset({10062, 40060})
_WRAPPERS = {"CommandInvokeError", "ConversionError", "ExtensionFailed", "HybridCommandError"}
# A transformer that raised one of these said what is wrong with the value.
_EXPLAINING = {"discord.app_commands.errors", "discord.ext.commands.errors"}
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
        ours = cls.__module__.startswith(("discord.", "bot.commands.")) or cls is TimeoutError
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
    text = reply.text if len(reply.text) <= MAX_TEXT else f"{reply.text[: MAX_TEXT - 1]}…"
    input_error = any(cls.__name__ == "UserInputError" for cls in type(error).__mro__)
    if usage and input_error and reply.fault == "user":
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


def _listed(names: Iterable[object], joint: str = "and") -> str:
    words = [str(name) for name in names]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {joint} {words[-1]}"


def _permissions(error: Any) -> str:
    names = getattr(error, "missing_permissions", ())
    labels = (name.replace("guild", "server").replace("_", " ").title() for name in names)
    return _listed(f"**{label}**" for label in labels) or "more permissions"


def _roles(error: Any) -> str:
    """Roles by name; by id they are mentions, which the message does not ring."""
    roles = getattr(error, "missing_roles", None) or [getattr(error, "missing_role", "")]
    shown = (f"<@&{role}>" if isinstance(role, int) else f"**{role}**" for role in roles)
    return _listed(shown, "or")


def _name(error: Any) -> str:
    thing = getattr(error, "param", None) or getattr(error, "flag", None)
    return str(getattr(thing, "displayed_name", None) or getattr(thing, "name", None) or "input")


def _checked(error: Any) -> str:
    """A plugin's own words, where it gave some; discord.py's name its functions."""
    text = str(error)
    return NOT_ALLOWED if not text or text.startswith(_CHECK_DEFAULTS) else text


def _any_check(error: Any) -> Reply:
    for inner in getattr(error, "errors", ()):
        return explain(inner)
    return Reply(text=NOT_ALLOWED, fault="user")


def _range(error: Any) -> str:
    lowest, highest = getattr(error, "minimum", None), getattr(error, "maximum", None)
    if lowest is None:
        return f"That must be at most {highest}."
    if highest is None:
        return f"That must be at least {lowest}."
    return f"That must be between {lowest} and {highest}."


def _busy(error: Any) -> str:
    number = getattr(error, "number", 1)
    times = "once" if number == 1 else f"{number} times"
    return f"This may run only {times} at the same time. Please try again when it has ended."


def _not_found(error: Any) -> Reply:
    return Reply(text=OUTDATED, fault="user") if hasattr(error, "parents") else NOTHING


def _http(error: Any) -> Reply:
    if getattr(error, "code", 0) in QUIET_CODES:
        return NOTHING
    if getattr(error, "status", 0) == 429:
        return Reply(text="Discord asks me to slow down. Please try again soon.", fault="bot")
    return Reply(text=f"Discord refused that. {SOMETHING_WENT_WRONG}", fault="bot")


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
    "MaxConcurrencyReached": _telling(_busy),
    "MissingAnyRole": _telling(lambda e: f"You need the role {_roles(e)} for this."),
    "MissingPermissions": _telling(lambda e: f"You need {_permissions(e)} for this."),
    "MissingRole": _telling(lambda e: f"You need the role {_roles(e)} for this."),
    "NoPrivateMessage": _user("This works on a server only, not in direct messages."),
    "NotOwner": _user("Only the owner of this bot may do that."),
    "NSFWChannelRequired": _user("This works in age-restricted channels only."),
    "PrivateMessageOnly": _user("This works in direct messages only."),
    # What the bot may not do
    "BotMissingAnyRole": _lacking(lambda e: f"I need the role {_roles(e)} for this."),
    "BotMissingPermissions": _lacking(lambda e: f"I need {_permissions(e)} for this."),
    "BotMissingRole": _lacking(lambda e: f"I need the role {_roles(e)} for this."),
    "Forbidden": _bot("Discord does not let me do that: I lack a permission here."),
    # What the user wrote
    "ArgumentParsingError": _user("A quotation mark is out of place."),
    "BadArgument": _telling(lambda e: str(e) or "That can't be used here."),
    "BadBoolArgument": _user("Please answer yes or no there."),
    "BadColourArgument": _user("That is not a colour. Write it like `#ff8800`."),
    "BadFlagArgument": _telling(lambda e: f"The value of `{_name(e)}` can't be used."),
    "BadInviteArgument": _user("That invite is not valid, or it has expired."),
    "BadLiteralArgument": _telling(
        lambda e: f"`{_name(e)}` must be {_listed((f'`{v}`' for v in e.literals), 'or')}."
    ),
    "BadTimestampArgument": _user("That is not a timestamp."),
    "BadUnionArgument": _telling(lambda e: f"What you gave as `{_name(e)}` can't be used."),
    "ChannelNotFound": _user("I can't find that channel."),
    "ChannelNotReadable": _user("I can't read messages in that channel."),
    "EmojiNotFound": _user("I can't find that emoji."),
    "FlagError": _user("These options can't be used together."),
    "GuildNotFound": _user("I can't find that server."),
    "GuildStickerNotFound": _user("I can't find that sticker."),
    "MemberNotFound": _user("I can't find that member."),
    "MessageNotFound": _user("I can't find that message."),
    "MissingFlagArgument": _telling(lambda e: f"`{_name(e)}` needs a value."),
    "MissingRequiredArgument": _telling(lambda e: f"`{_name(e)}` is missing."),
    "MissingRequiredAttachment": _telling(lambda e: f"A file for `{_name(e)}` is missing."),
    "MissingRequiredFlag": _telling(lambda e: f"`{_name(e)}` is missing."),
    "ObjectNotFound": _user("That is neither an id nor a mention."),
    "PartialEmojiConversionFailure": _user("That is not an emoji."),
    "RangeError": _telling(_range),
    "RoleNotFound": _user("I can't find that role."),
    "ScheduledEventNotFound": _user("I can't find that event."),
    "SoundboardSoundNotFound": _user("I can't find that sound."),
    "ThreadNotFound": _user("I can't find that thread."),
    "TooManyArguments": _user("That is more than this command takes."),
    "TooManyFlags": _telling(lambda e: f"`{_name(e)}` was given too often."),
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
