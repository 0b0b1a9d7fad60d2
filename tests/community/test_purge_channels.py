"""Purges: counted, asked, carried out in the background, and never of more than was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.models.moderation import CaseRow
from tests.community.stage import Stage, serving, simulated
from tests.integration.serving import until

PLUGINS = ("moderation", "channels", "jobs")
pytestmark = pytest.mark.plugins(*PLUGINS)


def post(stage: Stage, count: int, *, user: str = "bob", text: str = "spam") -> list[int]:
    """Post messages; answers their ids."""
    place, author = stage.world.channel("general"), stage.user_id(user)
    return [
        stage.backend.create_message(place.id, author, f"{text} {number}").id
        for number in range(count)
    ]


def left(stage: Stage) -> set[int]:
    """Answer the ids of the messages that are there."""
    return {message.id for message in stage.messages()}


def shown(stage: Stage) -> Any:
    """Answer the message in which the purge is shown, None while there is none."""
    found = [each for each in stage.messages() if "**Purge**" in each.content]
    return found[0] if found else None


async def asked(stage: Stage, command: str, user: str = "mod") -> Mapping[str, Any]:
    """Give a command; answers what the bot replies."""
    said = await stage.driver.say(command, user=user, wait_s=15)
    assert said["reply"] is not None
    return cast("Mapping[str, Any]", said["reply"])


async def agreed(stage: Stage, question: Mapping[str, Any]) -> None:
    """Agree to a purge."""
    await stage.driver.click(question["id"], label="Delete", user="mod", wait_s=10)


async def done(stage: Stage, mark: str = "✅") -> str:
    """Wait for the end of the purge; answers what is shown then."""
    await until(lambda: shown(stage) is not None and mark in shown(stage).content, timeout_s=20)
    return str(shown(stage).content)


async def test_a_purge_counts_asks_deletes_and_is_on_record(stage: Stage) -> None:
    """What the moderator agreed to, and no other message."""
    spam, kept = post(stage, 37), post(stage, 3, user="alice", text="hello")
    question = await asked(stage, "!purge 100 user: @bob".replace("@bob", _mention(stage, "bob")))
    assert question["content"].startswith(f"Delete **37 messages** from {_mention(stage, 'bob')}?")
    later = post(stage, 2)  # while the moderator thinks about it
    assert set(spam) <= left(stage)

    await agreed(stage, question)
    assert "Deleted 37 of 37 messages." in await done(stage)
    assert not set(spam) & left(stage)
    assert set(kept) | set(later) <= left(stage)
    bulk = await stage.driver.rest_log(method="POST", path="*/bulk-delete")
    assert len(bulk) == 1
    case = await stage.services.cases.get(stage.guild.id, 1)
    assert case is not None
    assert (case.action, case.status, case.target_id) == (
        "purge",
        "done",
        stage.world.channel("general").id,
    )
    assert case.note == "Deleted 37 of 37 messages."


def _mention(stage: Stage, name: str) -> str:
    return f"<@{stage.user_id(name)}>"


async def test_a_purge_that_is_not_agreed_to_deletes_nothing(stage: Stage) -> None:
    """There is no case either."""
    spam = post(stage, 3)
    question = await asked(stage, "!purge 3")
    await stage.driver.click(question["id"], label="Cancel", user="mod", wait_s=10)

    assert set(spam) <= left(stage)
    assert await stage.services.cases.get(stage.guild.id, 1) is None
    assert await stage.services.background.newest(1) == []


async def test_members_may_not_purge(stage: Stage) -> None:
    """They are told what they lack."""
    assert "Manage Messages" in (await asked(stage, "!purge 3", user="alice"))["content"]


async def test_filters_span_and_pins_are_kept_to(stage: Stage) -> None:
    """After one message, until another, with words, and nothing that is pinned."""
    ids = post(stage, 10)
    stage.backend.set_pinned(stage.world.channel("general").id, ids[4], True)
    link = f"https://discord.com/channels/{stage.guild.id}/{stage.world.channel('general').id}"
    command = f"!purge 100 contains: SPAM after: {ids[2]} until: {link}/{ids[6]}"
    question = await asked(stage, command)
    assert question["content"] == ("Delete **3 messages** with `SPAM`?\nPinned ones stay: 1.")

    await agreed(stage, question)
    await done(stage)
    assert set(ids) - left(stage) == {ids[3], ids[5], ids[6]}


async def test_a_purge_by_slash_command(stage: Stage) -> None:
    """The same, with options; of the newest ones as many as were asked for."""
    ids = post(stage, 5)
    await stage.slash("purge", {"count": 2, "regex": "^sp.m"}, user="mod")
    question = stage.messages()[-1]
    assert question.content == "Delete **2 messages** that match `^sp.m`?"

    await stage.driver.click(str(question.id), label="Delete", user="mod", wait_s=10)
    await done(stage)
    assert set(ids) - left(stage) == set(ids[-2:])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param("regex: (a+)+$b", "takes too long", id="a pattern that never ends"),
        pytest.param("regex: (oops", "no valid pattern", id="a bad pattern"),
        pytest.param("until: yesterday", "must be the id of a message", id="no message"),
        pytest.param("contains: eggs", "nothing to delete: of 2 messages none fits", id="none"),
    ],
)
async def test_what_can_not_be_done_is_explained(stage: Stage, options: str, words: str) -> None:
    """And nothing is deleted."""
    post(stage, 2, text="a" * 1900 + "!")

    assert words in (await asked(stage, f"!purge 50 {options}"))["content"]


async def test_one_bad_message_costs_itself_alone(stage: Stage) -> None:
    """A call for several that fails is followed by one for each; what is gone is counted so."""
    spam = post(stage, 4)
    question = await asked(stage, "!purge 4")
    stage.backend.delete_message(stage.world.channel("general").id, spam[1])
    await stage.driver.fault(
        "fail_rest", {"path": "*/bulk-delete", "status": 400, "code": 50034, "times": 1}
    )
    await agreed(stage, question)

    assert "Deleted 3 of 4 messages. 1 were gone already." in await done(stage)
    assert not set(spam) & left(stage)


async def test_a_purge_that_is_cancelled_says_how_far_it_came(stage: Stage) -> None:
    """In its message and in the case."""
    spam = post(stage, 250)
    question = await asked(stage, "!purge 250")
    await stage.driver.fault("slow_rest", {"path": "*/bulk-delete", "delay_s": 0.5})
    await agreed(stage, question)
    await until(lambda: len(set(spam) & left(stage)) <= 150, timeout_s=20)
    await stage.driver.click(str(shown(stage).id), label="Cancel", user="mod", wait_s=10)
    await done(stage, "🛑")

    assert set(spam) & left(stage)
    case = await stage.services.cases.get(stage.guild.id, 1)
    assert case is not None
    assert case.status == "done"
    assert "cancelled: Deleted" in (case.note or "")


@pytest.mark.parametrize("calls", [1, 2])
async def test_a_purge_survives_the_death_of_its_process(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, database_url: str, calls: int
) -> None:
    """The next process deletes the rest, and nothing that nobody agreed to."""
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, PLUGINS, database_url=database_url):
            kept, spam = post(stage, 2, user="alice"), post(stage, 310)
            question = await asked(stage, "!purge 310")
            later = post(stage, 5)
            await stage.driver.fault("slow_rest", {"path": "*/bulk-delete", "delay_s": 0.4})
            await agreed(stage, question)
            goal = len(spam) - 100 * calls
            await until(lambda: len(set(spam) & left(stage)) <= goal, timeout_s=20)
        assert set(spam) & left(stage), "the process was too quick for this test"
        await stage.driver.clear_faults()
        newer = post(stage, 5)
        async with serving(stage, monkeypatch, PLUGINS, database_url=database_url):
            text = await done(stage)

            assert not set(spam) & left(stage)
            assert set(kept) | set(later) | set(newer) <= left(stage)
            assert "of 310 messages." in text
            case = await stage.services.cases.get(stage.guild.id, 1)
            assert case is not None
            assert case.status == "done"
            assert await stage.services.cases.get(stage.guild.id, 2) is None


async def test_a_purge_that_is_cancelled_in_its_first_call_says_what_is_not_known(
    stage: Stage,
) -> None:
    """Nobody has seen the answer: what it was about may be gone, and the case says so."""
    spam = post(stage, 30)
    question = await asked(stage, "!purge 30")
    await stage.driver.fault("slow_rest", {"path": "*/bulk-delete", "delay_s": 0.5})
    await agreed(stage, question)
    await until(lambda: shown(stage) is not None)
    newest = stage.services.background.newest
    while (await newest(1))[0].checkpoint.get("trying") != len(spam):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await stage.driver.click(str(shown(stage).id), label="Cancel", user="mod", wait_s=10)
    await done(stage, "🛑")

    case = await stage.services.cases.get(stage.guild.id, 1)
    assert case is not None
    assert case.note == (
        "cancelled: Deleted 0 of 30 messages. Up to 30 more may be gone: I was just at them."
    )


@pytest.mark.parametrize("options", ["user @bob", "all of it", "spam user: @bob"])
async def test_an_option_that_is_misspelt_is_not_as_none(stage: Stage, options: str) -> None:
    """Else more would be deleted than was meant."""
    spam = post(stage, 2)

    told = (await asked(stage, f"!purge 50 {options}"))["content"]

    assert "Options have a colon" in told
    assert set(spam) <= left(stage)


async def test_who_lost_the_permission_meanwhile_does_not_purge(stage: Stage) -> None:
    """It is asked for again when the button is pressed."""
    spam = post(stage, 2)
    question = await asked(stage, "!purge 2")
    for role_id in list(stage.guild.members[stage.user_id("mod")].role_ids):
        stage.backend.remove_member_role(stage.guild.id, stage.user_id("mod"), role_id)

    await stage.driver.click(question["id"], label="Delete", user="mod", wait_s=10)

    await until(lambda: "not do that any more" in stage.messages()[-1].content)
    assert set(spam) <= left(stage)
    assert await stage.services.background.newest(1) == []


async def test_a_purge_whose_job_could_not_note_its_end_is_settled(stage: Stage) -> None:
    """By what the job has kept; while it works, its case is left alone."""
    post(stage, 30)
    question = await asked(stage, "!purge 30")
    await stage.driver.fault("slow_rest", {"path": "*/bulk-delete", "delay_s": 0.5})
    await agreed(stage, question)
    await until(lambda: shown(stage) is not None)
    look = partial(stage.services.cases.settling.look, after=timedelta(seconds=-1))
    while (case := await stage.services.cases.get(stage.guild.id, 1)) is None:
        await look()
    assert case.status == "pending"
    await done(stage)

    async def forget(session: AsyncSession) -> None:
        await session.execute(update(CaseRow).values(status="pending", note=None))

    await stage.services.storage.write(forget)
    await look()

    case = await stage.services.cases.get(stage.guild.id, 1)
    assert case is not None
    assert case.status == "done"
    assert case.note == "I was interrupted in this, and found it done. Deleted 30 of 30 messages."
