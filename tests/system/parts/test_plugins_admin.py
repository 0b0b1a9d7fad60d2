"""The admin plugin, used by the owner and tried by others."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
from discord import Client
from structlog.testing import capture_logs

from bot.client import Novera, build
from bot.errors import ExitCode
from tests.integration.serving import Served, serving, until

ORDINARY = '''
import discord
from discord.ext import commands


class Moons(commands.Cog):
    """An extension as people write them."""

    @commands.command()
    async def moon(self, ctx):
        await ctx.send("{answer}")

    @discord.app_commands.command(description="Tell the tides.")
    async def tides(self, interaction: discord.Interaction):
        await interaction.response.send_message("high")


async def setup(bot):
    await bot.add_cog(Moons(bot))
'''.replace("Moons(bot)", "Moons()")

BROKEN = {
    "broken_import": "import a_module_that_is_not_there\n",
    "broken_syntax": "def setup(bot:\n",
    "broken_entry": "x = 1\n",
    "broken_setup": "async def setup(bot):\n    raise ValueError('no moon')\n",
    "broken_exit": "import sys\nsys.exit(3)\n",
    "broken_name": (
        "from discord.ext import commands\n"
        "@commands.command()\nasync def ping(ctx): ...\n"
        "async def setup(bot):\n    bot.add_command(ping)\n"
    ),
    "broken_slow": (
        "import asyncio\nfrom discord.ext import commands\n"
        "class Half(commands.Cog):\n    @commands.command()\n    async def half(self, ctx): ...\n"
        "async def setup(bot):\n    await bot.add_cog(Half())\n    await asyncio.sleep(60)\n"
    ),
    "broken_wait": "async def setup(bot):\n    raise TimeoutError('the moon did not answer')\n",
    "broken_task": (
        "import asyncio\nasync def setup(bot):\n"
        "    task = asyncio.ensure_future(asyncio.sleep(9))\n    task.cancel()\n    await task\n"
    ),
    "broken_many": (
        "from discord import app_commands\nasync def setup(bot):\n    for number in range(101):\n"
        "        @bot.tree.command(name=f'moon{number}', description='A moon.')\n"
        "        async def moon(interaction): ...\n"
    ),
    "broken_twin": (
        "from discord import app_commands\n"
        "@app_commands.command(description='Another.')\nasync def ping(interaction): ...\n"
        "async def setup(bot):\n    bot.tree.add_command(ping)\n"
    ),
}


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Answer a folder on the import path; what is imported from it is forgotten afterwards."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "moons.py").write_text(ORDINARY.format(answer="full"), encoding="utf-8")
    for name, source in BROKEN.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield folder
    for name in ("moons", *BROKEN):
        sys.modules.pop(name, None)


@pytest.fixture
async def served(
    tmp_path: Path, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served[Novera]]:
    """Answer our own bot, ready and its commands registered."""
    async with serving(build, tmp_path, monkeypatch) as running:
        await until(lambda: (tmp_path / "commands.hash").exists())
        yield running


async def owner_says(served: Served[Novera], words: str) -> str:
    """Answer what the bot replies to the owner."""
    said = await served.driver.say(words, user="owner", wait_s=15)
    return str(said["reply"]["content"])


@pytest.mark.parametrize(
    ("command", "code", "reason", "farewell"),
    [
        pytest.param("restart", ExitCode.RESTART, "restart_command", "Restarting.", id="restart"),
        pytest.param(
            "shutdown", ExitCode.STOPPED, "shutdown_command", "Shutting down.", id="shutdown"
        ),
    ],
)
async def test_the_owner_ends_the_process(
    served: Served[Novera], command: str, code: ExitCode, reason: str, farewell: str
) -> None:
    """It is said first and asked for then, by text and by slash command alike."""
    told = await owner_says(served, f"!{command}")
    shown = await served.driver.slash(command, user="owner", wait_s=10)
    await until(lambda: len(served.stops) == 2)

    assert told == farewell
    assert shown["response"]["content"] == farewell
    assert served.stops == [(code, reason), (code, reason)]


async def test_the_process_ends_although_discord_takes_no_words(
    served: Served[Novera],
) -> None:
    """A Discord in trouble does not keep the bot from being restarted."""
    await served.driver.fault("fail_rest", {"status": 403, "path": "*/messages"})
    await served.driver.say("!restart", user="owner")
    await until(lambda: bool(served.stops), timeout_s=20)

    assert served.stops == [(ExitCode.RESTART, "restart_command")]


@pytest.mark.parametrize(
    "command", ["plugins", "load x", "unload x", "reload x", "sync", "restart", "shutdown"]
)
async def test_nobody_else_uses_the_owners_commands(served: Served[Novera], command: str) -> None:
    """Alice is told so, and nothing happens."""
    said = await served.driver.say(f"!{command}", wait_s=10)

    assert said["reply"]["content"] == "Only the owner of this bot may do that."
    assert served.stops == []


async def test_an_ordinary_extension_is_loaded_used_and_unloaded(
    served: Served[Novera],
) -> None:
    """Its commands come and go, as text and as slash commands."""
    loaded = await owner_says(served, "!load moons")
    await until_registered(served, "tides", there=True)
    said = await served.driver.say("!moon", wait_s=10)
    shown = await served.driver.slash("tides", wait_s=10)
    unloaded = await owner_says(served, "!unload moons")
    await until_registered(served, "tides", there=False)

    assert (loaded, unloaded) == ("`moons` loaded.", "`moons` unloaded.")
    assert said["reply"]["content"] == "full"
    assert shown["response"]["content"] == "high"
    assert served.client.get_command("moon") is None


async def until_registered(served: Served[Novera], name: str, *, there: bool) -> None:
    """Wait until Discord knows a slash command, or knows it no longer."""
    held = served.simulator.world.backend.commands
    await until(lambda: (name in {each["name"] for each in held[None].values()}) == there)


async def test_a_reload_takes_the_new_code(served: Served[Novera], modules: Path) -> None:
    """The file was changed meanwhile."""
    await owner_says(served, "!load moons")
    (modules / "moons.py").write_text(ORDINARY.format(answer="new"), encoding="utf-8")
    told = await owner_says(served, "!reload moons")
    said = await served.driver.say("!moon", wait_s=10)

    assert told == "`moons` reloaded."
    assert said["reply"]["content"] == "new"


async def test_a_reload_of_broken_code_keeps_the_old(served: Served[Novera], modules: Path) -> None:
    """The owner reads what is wrong, and the plugin serves on."""
    await owner_says(served, "!load moons")
    (modules / "moons.py").write_text("def setup(bot:\n", encoding="utf-8")
    told = await owner_says(served, "!reload moons")
    said = await served.driver.say("!moon", wait_s=10)

    assert told.startswith("Could not reload `moons`: SyntaxError")
    assert said["reply"]["content"] == "full"
    assert "moons" not in served.client.plugins.failed


@pytest.mark.parametrize(
    "stop",
    [
        pytest.param("import asyncio\nawait asyncio.sleep(60)", id="deadline"),
        pytest.param("import sys\nsys.exit(3)", id="exit"),
    ],
)
async def test_a_reload_that_is_stopped_keeps_the_old(
    served: Served[Novera], modules: Path, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    """discord.py goes back after an error only, and this is none."""
    monkeypatch.setattr("bot.commands.extensions.LOAD_TIMEOUT_S", 0.5)
    await owner_says(served, "!load moons")
    body = "\n".join(f"    {line}" for line in stop.splitlines())
    (modules / "moons.py").write_text(f"async def setup(bot):\n{body}\n", encoding="utf-8")
    told = await owner_says(served, "!reload moons")
    said = await served.driver.say("!moon", wait_s=10)
    shown = await served.driver.slash("tides", wait_s=10)

    assert told.startswith("Could not reload `moons`: it ")
    assert (said["reply"]["content"], shown["response"]["content"]) == ("full", "high")
    assert served.client.plugins.failed == {}


async def test_a_command_that_is_cancelled_leaves_no_half_of_a_plugin(
    served: Served[Novera],
) -> None:
    """The deadline of the command comes before that of the plugin."""
    loading = asyncio.ensure_future(served.client.plugins.load("broken_slow"))
    await until(lambda: served.client.get_command("half") is not None)
    loading.cancel()
    await asyncio.wait({loading})

    assert loading.cancelled()
    assert served.client.get_command("half") is None
    assert "broken_slow" in served.client.plugins.failed


async def test_two_who_reload_at_once_do_not_take_it_from_each_other(
    served: Served[Novera], modules: Path
) -> None:
    """One comes after the other."""
    slow = ORDINARY.format(answer="full").replace(
        "    await bot.add_cog", "    await asyncio.sleep(0.05)\n    await bot.add_cog"
    )
    (modules / "moons.py").write_text(f"import asyncio\n{slow}", encoding="utf-8")
    held = served.client.plugins
    await held.load("moons")
    await asyncio.gather(held.reload("moons"), held.reload("moons"))
    said = await served.driver.say("!moon", wait_s=10)

    assert said["reply"]["content"] == "full"


async def test_what_was_imported_of_a_broken_plugin_is_imported_anew(
    served: Served[Novera], modules: Path
) -> None:
    """The owner mends two files of it; both count."""
    package = modules / "broken_package"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from broken_package.cog import setup\nimport broken_package.rules\n"
    )
    (package / "cog.py").write_text(ORDINARY.format(answer="old"))
    (package / "rules.py").write_text("def rule(:\n")
    refused = await owner_says(served, "!load broken_package")
    (package / "cog.py").write_text(ORDINARY.format(answer="mended"))
    (package / "rules.py").write_text("")
    await owner_says(served, "!load broken_package")
    said = await served.driver.say("!moon", wait_s=10)
    await served.client.plugins.unload("broken_package")

    assert "SyntaxError" in refused
    assert said["reply"]["content"] == "mended"


async def test_our_plugins_are_imported_while_discord_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a thread, and executed once; those of others are left to the loop."""
    for module in tuple(sys.modules):
        if module.startswith("bot.plugins.tags"):
            monkeypatch.delitem(sys.modules, module)
    login = Client.login
    seen: list[bool] = []

    async def slow(client: Client, token: str) -> None:
        await until(lambda: "bot.plugins.tags.cog" in sys.modules)
        seen.append("moons" in sys.modules)
        await login(client, token)

    monkeypatch.setattr(Client, "login", slow)
    plugins = ("bot.plugins.tags", "moons")
    async with serving(build, tmp_path, monkeypatch, plugins=plugins) as served:
        failed = dict(served.client.plugins.failed)
        loaded = served.client.extensions["bot.plugins.tags"]
        imported = sys.modules["bot.plugins.tags"]

    assert seen == [False]
    assert failed == {"moons": "there is no such module"}
    assert loaded is imported


async def test_what_a_spare_imported_is_not_executed_again(
    tmp_path: Path, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A metric or a table that is made twice in a process is an error."""
    metric = "import prometheus_client\nmoons = prometheus_client.Counter('moons', 'Seen.')\n"
    (modules / "moons.py").write_text(metric + ORDINARY.format(answer="full"))
    imported = importlib.import_module("moons")
    async with serving(build, tmp_path, monkeypatch, plugins=("moons",)) as served:
        said = await served.driver.say("!moon", wait_s=10)
        loaded = served.client.extensions["moons"]

    prometheus_client.REGISTRY.unregister(imported.moons)
    assert said["reply"]["content"] == "full"
    assert loaded is imported
    assert isinstance(getattr(loaded.__spec__, "loader", None), SourceFileLoader)


async def test_our_own_plugins_are_reloaded_by_their_short_names(
    served: Served[Novera],
) -> None:
    """The general plugin is a package; all of it is loaded anew."""
    told = await owner_says(served, "!reload general")
    said = await served.driver.say("!ping again", wait_s=10)
    admin = await owner_says(served, "!reload admin")

    assert told == "`bot.plugins.general` reloaded."
    assert said["reply"]["content"] == "pong again"
    assert admin == "`bot.plugins.admin` reloaded."


async def test_the_admin_plugin_does_not_unload_itself(served: Served[Novera]) -> None:
    """Nobody could load anything again."""
    told = await owner_says(served, "!unload admin")

    assert told.startswith("I keep this one")
    assert served.client.get_command("load") is not None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param("!load nowhere", "Could not load `nowhere`: there is no such module", id="no"),
        pytest.param(
            "!load general",
            "Could not load `bot.plugins.general`: it is loaded already",
            id="twice",
        ),
        pytest.param("!unload moons", "Could not unload `moons`: it is not loaded", id="not-there"),
        pytest.param(
            "!load json", "Could not load `json`: it has no function setup(bot)", id="std"
        ),
        pytest.param("!load", "`plugin` is missing. Usage: `!load <plugin>`", id="no-name"),
    ],
)
async def test_what_can_not_be_loaded_is_explained(
    served: Served[Novera], words: str, told: str
) -> None:
    """One line for the owner."""
    assert await owner_says(served, words) == told


async def test_sync_registers_everything_anew(served: Served[Novera]) -> None:
    """Also when nothing changed."""
    before = await registrations(served)
    told = await owner_says(served, "!sync")

    assert told == "Slash commands registered globally."
    assert await registrations(served) == before + 1


async def registrations(served: Served[Novera]) -> int:
    """Answer how often all global commands were sent."""
    return len(await served.driver.rest_log(method="PUT", path="*/commands"))


async def test_plugins_lists_what_is_loaded(served: Served[Novera]) -> None:
    """In the order in which they were loaded."""
    told = await owner_says(served, "!plugins")

    assert told == "🟢 `bot.plugins.general`\n🟢 `bot.plugins.admin`"


async def test_broken_plugins_are_reported_and_skipped(
    tmp_path: Path, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fails in its own way; the bot serves on, and says which failed and why."""
    monkeypatch.setattr("bot.commands.extensions.LOAD_TIMEOUT_S", 0.5)
    names = ("bot.plugins.general", *BROKEN, "nowhere", "json", "bot.plugins.admin", "moons")
    with capture_logs() as logs:
        async with serving(build, tmp_path, monkeypatch, plugins=names) as served:
            said = await served.driver.say("!moon", wait_s=10)
            half = served.client.get_command("half")
            told = await owner_says(served, "!plugins")
            failed = dict(served.client.plugins.failed)

    assert said["reply"]["content"] == "full"
    assert half is None
    assert failed == {
        "broken_import": "ModuleNotFoundError: No module named 'a_module_that_is_not_there'",
        "broken_syntax": failed["broken_syntax"],
        "broken_entry": "it has no function setup(bot)",
        "broken_setup": "ValueError: no moon",
        "broken_exit": "it tried to end the process while it was loaded",
        "broken_name": "there is a text command named ping already",
        "broken_slow": "it took longer than 0 s",
        "broken_wait": "TimeoutError: the moon did not answer",
        "broken_task": "it was stopped before it was loaded",
        "broken_many": "with it there are more than the 100 commands that Discord takes",
        "broken_twin": "there is a slash command named ping already",
        "nowhere": "there is no such module",
        "json": "it has no function setup(bot)",
    }
    assert all(f"🔴 `{name}`" in told for name in failed)
    reported = {entry["plugin"] for entry in logs if entry["event"] == "plugin.failed"}
    assert reported | {"json"} == set(failed)
    assert all(e.get("exc_info") for e in logs if e["event"] == "plugin.failed")
