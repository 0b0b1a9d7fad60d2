"""What members and staff do with tickets, as people do it."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.community.stage import Stage, words_of
from tests.integration.serving import until


async def post_panel(stage: Stage) -> str:
    """Let the owner post the panel, with the role Moderator as staff; answers its id."""
    told = await stage.slash("tickets setup", {"role": "Moderator"}, user="owner")
    assert "is posted" in told
    return str(next(each.id for each in stage.messages() if each.components))


async def open_ticket(
    stage: Stage, panel: str, subject: str = "Lost key", user: str = "alice"
) -> str:
    """Press the button and send the form; answers what the bot says."""
    pressed = await stage.driver.click(panel, label="Open a ticket", user=user, wait_s=10)
    if pressed["modal"] is None:
        return words_of(pressed["response"])
    sent = await stage.driver.submit_modal(
        pressed["id"], {"subject": subject, "text": "Please help."}, wait_s=10
    )
    return words_of(sent["response"])


def threads(stage: Stage) -> list[Any]:
    """Answer the threads of the guild."""
    return [stage.backend.channels[each] for each in stage.guild.thread_ids]


def said(stage: Stage, channel_id: int) -> list[Any]:
    """Answer the bot's messages in a channel."""
    own = stage.backend.bot_user.id
    found = stage.backend.messages.get(channel_id, {}).values()
    return [each for each in found if each.author_id == own]


async def press_close(stage: Stage, thread: Any, user: str = "alice") -> dict[str, Any]:
    """Press Close in a ticket's thread; answers what the driver saw."""
    greeting = next(each for each in said(stage, thread.id) if each.components)
    return await stage.driver.click(str(greeting.id), label="Close", user=user, wait_s=10)


async def close(stage: Stage, thread: Any, user: str = "alice") -> None:
    """Press Close in a ticket's thread, agree, and wait until it is closed."""
    asked = await press_close(stage, thread, user)
    assert asked["response"]["components"], words_of(asked["response"])
    await stage.driver.click(asked["response"]["id"], label="Close", user=user, wait_s=10)
    await until(lambda: thread.thread_metadata.locked)


def dm_of(stage: Stage, user: str) -> list[Any]:
    """Answer the bot's direct messages to a user."""
    found = []
    for channel in stage.backend.channels.values():
        if channel.guild_id is None and stage.user_id(user) in channel.recipient_ids:
            found += said(stage, channel.id)
    return found


async def until_listed(stage: Stage, words: str) -> None:
    """Wait until the list of all tickets holds *words*."""
    for _ in range(100):
        if words in await stage.slash("tickets list", {"closed": True}):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(words)
