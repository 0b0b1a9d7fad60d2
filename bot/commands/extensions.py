"""Plugins: discord.py extensions, each loaded on its own so that a broken one harms no other."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import structlog
from discord.ext import commands

from bot.tasks.timeouts import with_timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger(__name__)

LOAD_TIMEOUT_S = 30.0  # a setup() that waits for ever must not keep the bot from starting


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
        """Load every configured plugin; what is broken is reported and skipped."""
        for name in self.configured:
            try:
                await self.load(name)
            except PluginError:
                continue  # noted in `failed` and logged with its traceback

    async def load(self, name: str) -> str:
        """Load one plugin and answer its full name.

        Raises:
            PluginError: it is broken, unknown or loaded already.
        """
        name = self.resolve(name)
        present = sys.modules.get(name)
        if present is not None and not hasattr(present, "setup"):
            # discord.py would import it a second time, then strike it from sys.modules.
            raise PluginError(name, "it has no function setup(bot)")
        await self._attempt("plugin.loaded", name, self._bot.load_extension)
        return name

    async def unload(self, name: str) -> str:
        """Unload one plugin and answer its full name.

        Raises:
            PluginError: it is not loaded.
        """
        name = self.resolve(name)
        await self._attempt("plugin.unloaded", name, self._bot.unload_extension)
        return name

    async def reload(self, name: str) -> str:
        """Load one plugin's code anew and answer its full name; a failure keeps the old one.

        Raises:
            PluginError: the new code is broken; the old code goes on serving.
        """
        name = self.resolve(name)
        loaded = name in self._bot.extensions
        change = self._bot.reload_extension if loaded else self._bot.load_extension
        await self._attempt("plugin.reloaded", name, change)
        return name

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
        except (Exception, SystemExit) as error:
            reason = _reason(error)
            if name not in self._bot.extensions:
                if not isinstance(error, commands.ExtensionError):
                    await self._clear(name)
                self.failed[name] = reason
            log.error("plugin.failed", plugin=name, reason=reason, exc_info=error)
            raise PluginError(name, reason) from error
        self.failed.pop(name, None)
        log.info(event, plugin=name)

    async def _clear(self, name: str) -> None:
        """Remove what a plugin left that was stopped half-way, by its deadline or by sys.exit."""
        bot = self._bot
        for title, cog in tuple(bot.cogs.items()):
            if _belongs(cog.__module__, name):
                await bot.remove_cog(title)
        for command in tuple(bot.commands):
            if _belongs(command.module, name):
                bot.remove_command(command.name)
        for app_command in tuple(bot.tree.get_commands()):
            if _belongs(app_command.module, name):
                bot.tree.remove_command(app_command.name)
        for module in tuple(sys.modules):
            if _belongs(module, name):
                del sys.modules[module]


def _belongs(module: str | None, plugin: str) -> bool:
    return module is not None and (module == plugin or module.startswith(f"{plugin}."))


def _reason(error: BaseException) -> str:
    """One line for the owner; discord.py's wrapper would repeat the name of the plugin."""
    if isinstance(error, commands.ExtensionFailed):
        error = error.original
    match error:
        case commands.ExtensionNotFound():
            return "there is no such module"
        case commands.NoEntryPointError():
            return "it has no function setup(bot)"
        case TimeoutError():
            return f"its setup took longer than {LOAD_TIMEOUT_S:.0f} s"
        case SystemExit():
            return "it tried to end the process while it was loaded"
    return f"{type(error).__name__}: {error}"[:300].replace("\n", " ")
