"""Plugins: discord.py extensions, each loaded on its own so that a broken one harms no other."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

import structlog
from discord import app_commands
from discord.ext import commands

from bot.commands.imported import as_imported
from bot.tasks.timeouts import with_timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import ModuleType

log = structlog.get_logger(__name__)

LOAD_TIMEOUT_S = 30.0  # a setup() that waits for ever must not keep the bot from starting
CLEAR_TIMEOUT_S = 5.0
NO_ENTRY = "it has no function setup(bot)"


class PluginError(Exception):
    """A plugin could not be loaded, unloaded or reloaded; *reason* is one line for the owner."""

    def __init__(self, plugin: str, reason: str) -> None:
        self.plugin, self.reason = plugin, reason
        super().__init__(f"{plugin}: {reason}")


class Extensions:
    """Loads and unloads the plugins of one bot, and remembers which ones failed, and why.

    Attributes:
        failed: Reason by plugin, of those that should be loaded and are not.
    """

    def __init__(self, bot: commands.Bot, configured: Iterable[str]) -> None:
        self._bot = bot
        self.configured = tuple(dict.fromkeys(configured))
        self.failed: dict[str, str] = {}
        # Two changes of one plugin at a time would take away each other's commands.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of the plugins that serve now, in the order they were loaded."""
        return tuple(self._bot.extensions)

    def resolve(self, name: str) -> str:
        """Answer the full name of a plugin: ``general`` stands for ``bot.plugins.general``."""
        known = dict.fromkeys((*self.loaded, *self.failed, *self.configured))
        if name in known or "." in name:
            return name
        matches = [full for full in known if full.rpartition(".")[2] == name]
        return matches[0] if len(matches) == 1 else name

    async def load_configured(self) -> None:
        """Load every configured plugin; what is broken is reported and skipped.

        What a spare has imported is taken as it is: a module is executed once in a process.
        """
        for name in self.configured:
            try:
                await self._load("plugin.loaded", name, sys.modules.get(name))
            except PluginError:
                continue  # noted in `failed` and logged with its traceback

    async def load(self, name: str) -> str:
        """Load one plugin and answer its full name.

        Raises:
            PluginError: it is broken, unknown or loaded already.
        """
        name = self.resolve(name)
        async with self._turns[name]:
            await self._load("plugin.loaded", name)
        return name

    async def unload(self, name: str) -> str:
        """Unload one plugin and answer its full name.

        Raises:
            PluginError: it is not loaded.
        """
        name = self.resolve(name)
        async with self._turns[name]:
            await self._attempt("plugin.unloaded", name, self._bot.unload_extension)
        return name

    async def reload(self, name: str) -> str:
        """Load one plugin's code anew and answer its full name; a failure keeps the old one.

        Raises:
            PluginError: the new code is broken; the old code goes on serving.
        """
        name = self.resolve(name)
        async with self._turns[name]:
            if name in self._bot.extensions:
                await self._reload(name)
            else:
                await self._load("plugin.reloaded", name)
        return name

    async def _load(self, event: str, name: str, imported: ModuleType | None = None) -> None:
        present = sys.modules.get(name)
        if present is not None and not hasattr(present, "setup"):
            # discord.py would import it a second time, then strike it from sys.modules.
            self.failed[name] = NO_ENTRY
            raise PluginError(name, NO_ENTRY)
        with as_imported(imported):
            await self._attempt(event, name, self._bot.load_extension)

    async def _reload(self, name: str) -> None:
        old = {module: sys.modules[module] for module in _modules_of(name)}
        try:
            await self._attempt("plugin.reloaded", name, self._bot.reload_extension)
        finally:
            if name not in self._bot.extensions:
                # discord.py brings the old code back after an error, but not when the new code
                # was stopped, by its deadline or by sys.exit.
                sys.modules.update(old)
                await self._load("plugin.kept", name, old[name])

    async def _attempt(
        self, event: str, name: str, change: Callable[[str], Awaitable[None]]
    ) -> None:
        """Carry out *change*; this is the border that a broken plugin does not cross."""
        try:
            await with_timeout(change(name), LOAD_TIMEOUT_S)
        except commands.ExtensionAlreadyLoaded as error:
            raise PluginError(name, "it is loaded already") from error
        except commands.ExtensionNotLoaded as error:
            raise PluginError(name, "it is not loaded") from error
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            reason = _reason(error)
            if name not in self._bot.extensions:
                await self._clear(name)
                self.failed[name] = reason
            log.error("plugin.failed", plugin=name, reason=reason, exc_info=error)
            if _is_ours(error):
                raise
            raise PluginError(name, reason) from error
        self.failed.pop(name, None)
        log.info(event, plugin=name)

    async def _clear(self, name: str) -> None:
        """Remove what a plugin left that was stopped half-way, and what was imported of it."""
        try:
            await with_timeout(self._bot._remove_module_references(name), CLEAR_TIMEOUT_S)
        except TimeoutError:
            log.warning("plugin.not_cleared", plugin=name, timeout_s=CLEAR_TIMEOUT_S)
        for module in _modules_of(name):
            del sys.modules[module]


def _modules_of(plugin: str) -> tuple[str, ...]:
    return tuple(name for name in sys.modules if name == plugin or name.startswith(f"{plugin}."))


def _is_ours(error: BaseException) -> bool:
    """Whether we are cancelled, as a command at its deadline, and not a task of the plugin."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def _reason(error: BaseException) -> str:
    """One line for the owner; discord.py's wrapper would repeat the name of the plugin."""
    match error:
        case commands.ExtensionNotFound():
            return "there is no such module"
        case commands.NoEntryPointError():
            return NO_ENTRY
        case TimeoutError():
            return f"it took longer than {LOAD_TIMEOUT_S:.0f} s"
        case SystemExit():
            return "it tried to end the process while it was loaded"
        case asyncio.CancelledError():
            return "it was stopped before it was loaded"
    if isinstance(error, commands.ExtensionFailed):
        error = error.original
    match error:
        case commands.CommandRegistrationError():
            return f"there is a text command named {error.name} already"
        case app_commands.CommandAlreadyRegistered():
            return f"there is a slash command named {error.name} already"
        case app_commands.CommandLimitReached():
            return f"with it there are more than the {error.limit} commands that Discord takes"
    return f"{type(error).__name__}: {error}"[:300].replace("\n", " ")
