"""Tags when several people are at them, or something is in the way."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from bot.commands.refusals import Refused
from tests.community.stage import Stage, words_of
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("tags")


async def form_of(stage: Stage, command: str, name: str, user: str) -> str:
    """Run a slash command that opens the form; answers the id of the interaction."""
    shown = await stage.driver.slash(command, options={"name": name}, user=user, wait_s=10)
    assert shown["modal"] is not None, words_of(shown["response"])
    return str(shown["id"])


async def sent(stage: Stage, form: str, text: str) -> tuple[str, bytes | None]:
    """Send a form; answers what is said to it, and the file that comes with it."""
    shown = await stage.driver.submit_modal(form, {"Text": text}, wait_s=10)
    files = shown["response"]["attachments"]
    return words_of(shown["response"]), stage.backend.cdn.get(files[0]["url"]) if files else None


async def test_a_name_that_is_taken_is_told_before_anything_is_written(stage: Stage) -> None:
    """Nobody fills in a form in vain."""
    await stage.say("!tag create rules Mine.", user="alice")

    assert "already" in await stage.slash("tag create", {"name": "Rules"}, user="bob")


async def test_a_text_that_can_not_be_kept_is_given_back(stage: Stage) -> None:
    """Somebody was faster: one message with the reason, and a file with every character."""
    form = await form_of(stage, "tag create", "rules", "bob")
    await stage.say("!tag create rules Mine.", user="alice")

    told, file = await sent(stage, form, "Be **kind**\n\n@everyone")

    assert "There is a tag `rules` already." in told
    assert file == b"Be **kind**\n\n@everyone"
    assert await stage.say("!tag rules") == "Mine."


async def test_a_text_is_given_back_when_the_database_is_away(stage: Stage) -> None:
    """With an error id beside it."""
    form = await form_of(stage, "tag create", "rules", "bob")
    await stage.services.storage.close()
    _, file = await sent(stage, form, "Be kind")

    assert file == b"Be kind"
    await until(lambda: "database does not answer" in stage.messages()[-1].content)
    assert "Error id" in stage.messages()[-1].content


async def test_a_text_is_given_back_after_a_long_wait(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form was deferred meanwhile: the file takes the place of the waiting."""
    form = await form_of(stage, "tag create", "rules", "bob")

    async def slow(work: Any) -> Any:
        await asyncio.sleep(2.3)
        raise Refused("The moon is in the way.")

    monkeypatch.setattr(stage.services.storage, "write", slow)
    told, file = await sent(stage, form, "Be kind")

    assert "The moon is in the way." in told
    assert file == b"Be kind"


async def test_of_two_who_change_a_tag_the_second_is_told(stage: Stage) -> None:
    """What the first wrote is not lost, nor is what the second wrote."""
    await stage.say("!tag create rules Old.", user="alice")
    first = await form_of(stage, "tag edit", "rules", "alice")
    second = await form_of(stage, "tag edit", "rules", "mod")

    assert "is changed" in (await sent(stage, first, "By alice."))[0]
    told, file = await sent(stage, second, "By a moderator.")
    assert "Somebody else changed or deleted" in told
    assert file == b"By a moderator."
    assert await stage.say("!tag rules") == "By alice."


async def test_who_lost_the_right_meanwhile_changes_nothing(stage: Stage) -> None:
    """The form was opened while they managed messages."""
    await stage.say("!tag create rules Old.", user="alice")
    form = await form_of(stage, "tag edit", "rules", "mod")
    (role,) = (each for each in stage.guild.roles.values() if each.name == "Moderator")
    stage.backend.remove_member_role(stage.guild.id, stage.user_id("mod"), role.id)

    told, _ = await sent(stage, form, "Ha!")

    assert "not yours" in told
    assert await stage.say("!tag rules") == "Old."


async def test_every_use_is_counted(stage: Stage) -> None:
    """Thirty at the same time, by slash command and by text."""
    await stage.say("!tag create rules Be kind.", user="alice")
    await asyncio.gather(
        *(stage.slash("tag show", {"name": "rules"}, user="bob") for _ in range(15)),
        *(stage.driver.say("!tag rules", user="bob") for _ in range(15)),
    )

    for _ in range(200):
        if "30 times" in await stage.slash("tag info", {"name": "rules"}):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("not all were counted")


async def test_a_tag_that_is_deleted_while_it_is_shown(stage: Stage) -> None:
    """It was shown, and there is nothing to count."""
    await stage.say("!tag create rules Be kind.", user="alice")
    tags: Any = stage.bot.get_cog("Tags")
    found = await tags._store().find(stage.guild.id, "rules")

    assert await tags._store().remove(found)
    await tags._store().count_use(found.id)
    assert not await tags._store().remove(found)
    assert "no tag of that name" in await stage.say("!tag rules")


async def test_there_is_an_end_to_tags(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one member, and of the server; others are told which."""
    naming = sys.modules["bot.plugins.tags.naming"]
    monkeypatch.setattr(naming, "MAX_OWN", 2)
    monkeypatch.setattr(naming, "MAX_TAGS", 3)
    for name in ("a", "b"):
        assert "is there" in await stage.say(f"!tag create {name} Text.", user="alice")

    assert "You have 2 tags here" in await stage.say("!tag create c Text.", user="alice")
    assert "is there" in await stage.say("!tag create c Text.", user="bob")
    assert "This server has 3 tags" in await stage.say("!tag create d Text.", user="bob")


async def test_subcommands_are_known_in_any_case(stage: Stage) -> None:
    """Telephones begin with a capital letter."""
    assert "is there" in await stage.say("!Tag Create rules Be kind.", user="alice")
    assert await stage.say("!Tag Show Rules") == "Be kind."
