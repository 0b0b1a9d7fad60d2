"""Which discord.py bot runs: ours, or the one that `BOT_FACTORY=module:callable` names."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from typing import TYPE_CHECKING

from bot.errors import PermanentError

if TYPE_CHECKING:
    import discord

    from bot.settings import BotSettings


class FactoryError(PermanentError):
    """`BOT_FACTORY` does not lead to a discord.py client."""

    def __init__(self, advice: str) -> None:
        super().__init__("bot_factory", f"BOT_FACTORY: {advice}")


def make(settings: BotSettings) -> discord.Client:
    """Answer the client to run; nothing of it is started.

    Raises:
        FactoryError: the module, the callable or what it answers is not what it should be.
    """
    if not settings.bot_factory:
        from bot.client import build

        return build(settings)
    return _foreign(settings.bot_factory)


def _foreign(factory: str) -> discord.Client:
    import discord

    module_name, _, attribute = factory.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # the module is there; what it needs is not
        raise FactoryError(f"there is no module named {error.name}") from error
    except RuntimeError as error:
        if "running event loop" not in str(error):
            raise
        raise FactoryError(
            f"{module_name} starts a bot when it is imported; put that line under "
            'if __name__ == "__main__": and let the callable answer the bot instead'
        ) from error
    target: object = module
    for name in attribute.split("."):
        target = getattr(target, name, None)
    if target is None:
        raise FactoryError(f"{module_name} has no {attribute}")
    made = target if isinstance(target, discord.Client) else _call(target, factory)
    if not isinstance(made, discord.Client):
        raise FactoryError(f"{factory} answered {type(made).__name__}, not a discord.Client")
    return made


def _call(target: object, factory: str) -> object:
    if not callable(target):
        raise FactoryError(f"{factory} is neither a discord.Client nor callable")
    made = target()
    if inspect.iscoroutine(made):
        made.close()
        raise FactoryError(f"{factory} is async; it must be a plain function that answers the bot")
    return made
