"""Panels when something is gone, refused, or happens at the same time."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from discord import Permissions

from tests.community.panel_form import make_panel, panel_message, roles_of, send_form
from tests.community.stage import Stage, words_of
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("panels")


async def role(stage: Stage, name: str) -> int:
    """Create a role that the bot knows; answers its id."""
    made = int((await stage.driver.add_role(name))["id"])
    await until(lambda: stage.bot.guilds[0].get_role(made) is not None)
    return made


async def press(stage: Stage, message: str, label: str, user: str = "alice") -> str:
    """Press a button of a panel; answers what its user is told."""
    shown = await stage.driver.click(message, label=label, user=user, wait_s=10)
    return words_of(shown["response"])


async def refuse(
    stage: Stage, path: str, method: str, status: int = 403, code: int = 50013
) -> None:
    """Let Discord refuse a call."""
    fault = {"path": path, "method": method, "status": status, "code": code}
    await stage.driver.fault("fail_rest", fault)


async def leave_permissions(stage: Stage, *left: str) -> None:
    """Leave the bot only these permissions."""
    value = Permissions(**dict.fromkeys(left, True)).value
    for each in stage.guild.roles.values():
        if each.name == "Bot" or each.managed:
            stage.backend.edit_role(stage.guild.id, each.id, {"permissions": value})
    me = stage.bot.guilds[0].me
    await until(lambda: not me.guild_permissions.administrator)


async def test_a_panel_that_can_not_be_posted_is_none(stage: Stage) -> None:
    """Its maker is told why, and no list shows it."""
    await role(stage, "Red")
    await refuse(stage, "/channels/*/messages", "POST")
    assert "lack a permission" in await make_panel(stage, ["Red"])
    await stage.driver.clear_faults()

    assert "There is none" in await stage.slash("panel list")


async def test_a_thread_asks_for_its_own_permission(stage: Stage) -> None:
    """There it is "Send Messages in Threads" that counts."""
    place = stage.world.channel("general")
    await role(stage, "Red")
    usual = Permissions(view_channel=True, send_messages=True, use_application_commands=True)
    stage.backend.edit_role(stage.guild.id, stage.guild.id, {"permissions": usual.value})
    thread = stage.backend.create_thread(place.id, name="talk", owner_id=stage.user_id("mod"))
    common = ("view_channel", "embed_links", "manage_roles", "read_message_history")
    await leave_permissions(stage, *common, "send_messages")
    shown = await stage.driver.slash("panel create", user="mod", channel=str(thread.id), wait_s=10)
    assert "Send Messages in Threads" in words_of(shown["response"])

    await leave_permissions(stage, *common, "send_messages_in_threads")
    shown = await stage.driver.slash("panel create", user="mod", channel=str(thread.id), wait_s=10)
    assert shown["modal"] is not None


async def test_a_panel_is_changed_where_the_bot_reads_no_history(stage: Stage) -> None:
    """It need not read its message to change and to delete it."""
    await role(stage, "Red")
    await role(stage, "Blue")
    await make_panel(stage, ["Red"], style="buttons")
    message = panel_message(stage)
    await leave_permissions(stage, "view_channel", "send_messages", "embed_links", "manage_roles")
    edited: dict[str, Any] = {"command": "panel edit", "options": {"panel": 1}}

    assert "is changed." in await make_panel(stage, ["Blue"], style="buttons", **edited)
    assert "You now have" in await press(stage, message, "Blue")


async def test_a_panel_whose_message_is_gone_is_posted_anew(stage: Stage) -> None:
    """Deleted by hand, with its channel or alone; deleting it is no error."""
    await role(stage, "Red")
    await stage.driver.add_channel("roles")
    opened = await stage.driver.slash("panel create", user="mod", channel="roles", wait_s=10)
    values = {"title": "T", "text": "", "roles": ["Red"], "style": ["buttons"], "mode": ["any"]}
    await stage.driver.submit_modal(opened["id"], values, wait_s=10)
    stage.backend.delete_channel(stage.world.channel("roles").id)

    edited: dict[str, Any] = {"command": "panel edit", "options": {"panel": 1}}
    told = await make_panel(stage, ["Red"], style="buttons", **edited)
    assert "Its message was gone, so I posted it here." in told
    message = panel_message(stage)
    assert "You now have" in await press(stage, message, "Red")

    stage.backend.delete_message(stage.world.channel("general").id, int(message))
    asked = await stage.driver.slash("panel delete", options={"panel": 1}, user="mod", wait_s=10)
    await stage.driver.click(asked["response"]["id"], label="Delete", user="mod", wait_s=10)
    await until(lambda: "Panel 1 is gone." in stage.messages()[-1].content)
    assert "There is none" in await stage.slash("panel list")


async def test_of_two_who_change_a_panel_one_is_shown_and_kept(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list and the message tell the same, whoever was later."""
    await role(stage, "Red")
    await role(stage, "Blue")
    await make_panel(stage, ["Red"], style="buttons")
    message = panel_message(stage)
    edited: dict[str, Any] = {"command": "panel edit", "options": {"panel": 1}}
    second: list[asyncio.Task[str]] = []
    store = sys.modules["bot.plugins.panels.store"].PanelStore
    change = store.change

    async def lingering(self: Any, *args: Any, **values: Any) -> Any:
        changed = await change(self, *args, **values)
        if not second:  # the other moderator comes between this one's row and message
            both = make_panel(stage, ["Red", "Blue"], style="buttons", user="owner", **edited)
            second.append(stage.services.tasks.create_task(both, name="second"))
            await asyncio.wait(second, timeout=0.5)
        return changed

    monkeypatch.setattr(store, "change", lingering)
    await make_panel(stage, ["Blue"], style="buttons", **edited)
    assert "is changed" in await second[0]
    shown = await stage.driver.message(message)
    labels = [each["label"] for row in shown["components"] for each in row["components"]]

    assert labels == ["Red", "Blue"]
    assert (await stage.slash("panel list")).count("<@&") == 2


async def test_who_lost_the_right_meanwhile_makes_no_panel(stage: Stage) -> None:
    """The form was opened while they could give roles."""
    await role(stage, "Red")
    opened = await stage.driver.slash("panel create", user="mod", wait_s=10)
    (staff,) = (each for each in stage.guild.roles.values() if each.name == "Moderator")
    stage.backend.remove_member_role(stage.guild.id, stage.user_id("mod"), staff.id)
    told = await send_form(stage, opened["id"], ["Red"], style="select", mode="any")

    assert "You need **Manage Roles**" in told
    assert "There is none" in await stage.slash("panel list", user="owner")


async def test_what_the_cache_does_not_know_yet_counts(stage: Stage) -> None:
    """A second choice soon after the first: the event of the first is still on its way."""
    red = await role(stage, "Red")
    await make_panel(stage, ["Red"])
    stage.guild.members[stage.user_id("alice")].role_ids.append(red)  # without an event

    shown = await stage.driver.select(panel_message(stage), [], user="alice", wait_s=10)

    assert "You no longer have" in words_of(shown["response"])
    assert roles_of(stage, "alice") == set()


async def test_a_role_that_rose_above_the_bot_is_explained(stage: Stage) -> None:
    """It can be neither given nor taken."""
    red = await role(stage, "Red")
    await make_panel(stage, ["Red"], style="buttons", user="owner")
    message = panel_message(stage)
    await press(stage, message, "Red")
    top = max(each.position for each in stage.guild.roles.values()) + 1
    stage.backend.reorder_roles(stage.guild.id, [{"id": red, "position": top}])
    guild = stage.bot.guilds[0]
    await until(lambda: guild.get_role(red) > guild.me.top_role)

    assert "can't take" in await press(stage, message, "Red")
    assert "not below my highest role" in await press(stage, message, "Red", user="bob")
    assert roles_of(stage, "alice") == {"Red"}


async def test_many_press_at_the_same_time(stage: Stage) -> None:
    """Everybody gets theirs; who presses twice gets one change, and a word for the other."""
    await role(stage, "Red")
    await make_panel(stage, ["Red"], style="buttons")
    message = panel_message(stage)
    await stage.driver.fault("slow_rest", {"path": "*/roles/*", "method": "PUT", "delay_s": 0.2})

    told = await asyncio.gather(
        *(press(stage, message, "Red", user=user) for user in ("alice", "alice", "bob"))
    )

    assert sorted("You now have" in each for each in told) == [False, True, True]
    assert sum("One moment" in each for each in told) == 1
    assert roles_of(stage, "alice") == roles_of(stage, "bob") == {"Red"}


async def test_a_panel_of_25_roles_works(stage: Stage) -> None:
    """As many as a menu and a message can hold."""
    names = [f"{number:02} {'x' * 95}" for number in range(25)]
    for name in names:
        await role(stage, name)

    for style in ("select", "buttons"):
        assert "is made" in await make_panel(stage, names, style=style)
    message = panel_message(stage)
    assert "You now have" in await press(stage, message, f"{names[24][:79]}…")
    assert roles_of(stage, "alice") == {names[24]}


async def test_a_member_who_left_is_told_nothing_strange(stage: Stage) -> None:
    """They press on a message that is still before their eyes."""
    await role(stage, "Red")
    await make_panel(stage, ["Red"], style="buttons")
    await refuse(stage, "*/members/*", "GET", 404, 10007)

    assert "no longer on this server" in await press(stage, panel_message(stage), "Red")
