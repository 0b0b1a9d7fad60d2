"""Slash commands are registered when they changed, and never in the way of a start."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from structlog.testing import capture_logs

from bot.client import Novera, build
from bot.commands import registration, sync
from simulator.server import Simulator
from tests.integration.serving import Served, serving, serving_at, until


async def registrations(served: Served[Any]) -> int:
    """Answer how often commands were sent to Discord, whatever it answered."""
    return len(await served.driver.rest_log(method="PUT", path="*/commands"))


def idle(served: Served[Novera]) -> bool:
    """Answer whether no registration is under way."""
    task = served.tasks.snapshot().by_name.get("command-sync")
    return task is not None and task.active == 0


async def test_a_second_start_registers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash on disk says that Discord knows these commands; only the sync command insists."""
    async with Simulator() as simulator:
        async with serving_at(simulator, build, tmp_path, monkeypatch) as first:
            await until(lambda: idle(first))
            after_first = await registrations(first)
        async with serving_at(simulator, build, tmp_path, monkeypatch) as second:
            await until(lambda: idle(second))
            after_second = await registrations(second)
            forced = await second.client.command_sync.sync(force=True)
            after_force = await registrations(second)

    assert (after_first, after_second, after_force) == (1, 1, 2)
    assert forced == 1


async def test_a_start_with_other_commands_registers_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin was taken out of the settings: its slash commands go."""
    async with Simulator() as simulator:
        async with serving_at(simulator, build, tmp_path, monkeypatch) as first:
            await until(lambda: idle(first))
            before = {each["name"] for each in await first.driver.commands()}
        plugins = ("bot.plugins.general",)
        async with serving_at(simulator, build, tmp_path, monkeypatch, plugins=plugins) as second:
            await until(lambda: idle(second))
            after = {each["name"] for each in await second.driver.commands()}

    assert {"ping", "shutdown"} <= before
    assert after == {"about", "help", "ping", "status"}


async def test_commands_of_one_server_are_registered_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin may keep a command to one server; when it goes, it goes there too."""
    async with serving(build, tmp_path, monkeypatch) as served:
        await until(lambda: idle(served))
        tree, guild = served.client.tree, served.client.guilds[0]

        @tree.command(name="local", description="Here only.", guild=guild)
        async def local(interaction: discord.Interaction[Any]) -> None: ...

        added = await served.client.command_sync.sync()
        there = [each["name"] for each in await served.driver.commands(guild="Novera Test")]
        tree.remove_command("local", guild=guild)
        removed = await served.client.command_sync.sync()
        left = await served.driver.commands(guild="Novera Test")

    assert (added, there) == (1, ["local"])
    assert (removed, left) == (1, [])


async def test_a_refused_registration_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord is in trouble as the bot starts; the bot serves meanwhile."""
    monkeypatch.setattr(sync, "RETRY_BASE_S", 0.1)
    monkeypatch.setattr(sync, "SYNC_TIMEOUT_S", 0.5)

    async with serving(
        build, tmp_path, monkeypatch, before=("fail_rest", {"status": 503, "path": "*/commands"})
    ) as served:
        said = await served.driver.say("!ping meanwhile", wait_s=10)
        known_before = await served.driver.commands()
        await served.driver.clear_faults()
        await until(lambda: (tmp_path / "commands.hash").exists(), timeout_s=30)
        known_after = await served.driver.commands()

    assert said["reply"]["content"] == "pong meanwhile"
    assert known_before == []
    assert len(known_after) > 5


async def test_a_disk_that_takes_nothing_costs_one_registration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its hash the commands are sent at every start, and that is all."""
    (tmp_path / "commands.hash").mkdir()
    async with serving(build, tmp_path, monkeypatch) as served:
        await until(lambda: idle(served))
        known = await served.driver.commands()

    assert len(known) > 5


async def test_what_changes_during_a_registration_is_registered_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two plugins are loaded one right after the other."""
    async with serving(build, tmp_path, monkeypatch) as served:
        await until(lambda: idle(served))
        tree, register = served.client.tree, served.client.command_sync
        await served.driver.fault("slow_rest", {"path": "*/commands", "delay_s": 0.3})

        before = await registrations(served)
        for name in ("first", "second"):

            @tree.command(name=name, description="One of two.")
            async def added(interaction: discord.Interaction[Any]) -> None: ...

            register.start()
            await struck(served)  # the first one is on its way
        await until(lambda: idle(served))
        known = {each["name"] for each in await served.driver.commands()}
        after = await registrations(served)

    assert {"first", "second"} <= known
    assert after - before == 2


async def struck(served: Served[Any]) -> None:
    """Wait until a standing fault has struck."""
    for _ in range(500):
        if any(each["hits"] for each in (await served.driver.faults())["active"]):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never struck")


async def test_a_server_that_refuses_keeps_no_other_from_its_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot was invited there without slash commands; asking again would change nothing."""
    async with serving(build, tmp_path, monkeypatch) as served:
        await until(lambda: idle(served))
        tree, guild = served.client.tree, served.client.guilds[0]
        await served.driver.fault("fail_rest", {"status": 403, "path": "*/guilds/*/commands"})
        tree.add_command(command("local"), guild=guild)
        tree.add_command(command("everywhere"))
        with capture_logs() as logs:
            served.client.command_sync.start()
            await until(lambda: "commands.refused" in events(logs))
            await until(lambda: idle(served))
        known = {each["name"] for each in await served.driver.commands()}
        await served.driver.clear_faults()
        later = await served.client.command_sync.sync()

    assert "everywhere" in known
    assert "commands.not_registered" not in events(logs)
    assert later == 1


async def test_a_server_that_the_bot_has_left_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord would refuse to hear of it at every start."""
    async with serving(build, tmp_path, monkeypatch) as served:
        await until(lambda: idle(served))
        path, application = tmp_path / sync.FILE, served.client.application_id or 0
        url = served.simulator.api_url
        known = registration.decode(path.read_bytes(), application=application, api_url=url)
        known["999"] = "old"
        path.write_bytes(registration.encode(known, application=application, api_url=url))
        before = await registrations(served)

        assert await served.client.command_sync.sync() == 0
        assert await registrations(served) == before


async def test_all_is_registered_anew_and_what_went_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner insists just after a plugin with commands for one server went."""
    async with serving(build, tmp_path, monkeypatch) as served:
        await until(lambda: idle(served))
        tree, guild = served.client.tree, served.client.guilds[0]
        tree.add_command(command("local"), guild=guild)
        await served.client.command_sync.sync()
        tree.remove_command("local", guild=guild)
        forced = await served.client.command_sync.sync(force=True)

        assert forced == 2
        assert await served.driver.commands(guild="Novera Test") == []


async def test_whoever_asks_does_not_wait_for_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord was in trouble; by now it is not, and the owner loads a plugin."""
    monkeypatch.setattr(sync, "SYNC_TIMEOUT_S", 0.5)
    fault = ("fail_rest", {"status": 503, "path": "*/commands"})
    with capture_logs() as logs:
        async with serving(build, tmp_path, monkeypatch, before=fault) as served:
            await until(lambda: "commands.not_registered" in events(logs))
            await served.driver.clear_faults()
            served.client.command_sync.start()
            await until(lambda: "commands.registered" in events(logs), timeout_s=2)


async def test_who_no_longer_leads_registers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next leader may have other commands, and has registered them."""
    monkeypatch.setattr(sync, "SYNC_TIMEOUT_S", 0.5)
    fault = ("fail_rest", {"status": 503, "path": "*/commands"})
    with capture_logs() as logs:
        async with serving(build, tmp_path, monkeypatch, before=fault) as served:
            await until(lambda: "commands.not_registered" in events(logs))
            await served.driver.clear_faults()
            served.client.services.connection = SimpleNamespace(state="stopping")  # type: ignore[assignment]
            before = await registrations(served)
            served.client.command_sync.start()
            await until(lambda: idle(served))

            assert await registrations(served) == before


async def test_a_server_that_is_joined_gets_its_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command was kept for it before the bot was there."""
    async with serving(build, tmp_path, monkeypatch) as served:
        await until(lambda: idle(served))
        world = served.simulator.world
        joined = world.add_guild("Later")
        tree = served.client.tree
        tree.add_command(command("local"), guild=discord.Object(joined.id))
        await until(lambda: len(world.backend.commands.get(joined.id, {})) == 1)


async def test_the_owner_reads_what_discord_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """discord.py's words name the command and the field, where Discord does."""
    async with serving(build, tmp_path, monkeypatch) as served:
        await until(lambda: idle(served))
        fault = {"status": 400, "code": 50035, "path": "*/commands"}
        await served.driver.fault("fail_rest", fault)
        said = await served.driver.say("!sync", user="owner", wait_s=10)

    assert said["reply"]["content"].startswith("Discord refused a command; the old ones stay.")
    assert "50035" in said["reply"]["content"]


def command(name: str, description: str = "A command.") -> Any:
    """Answer a slash command that does nothing."""

    async def nothing(interaction: discord.Interaction[Any]) -> None: ...

    return discord.app_commands.Command(name=name, description=description, callback=nothing)


def events(logs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Answer the events of *logs*."""
    return [entry["event"] for entry in logs]
