"""A session that an earlier process left: what of its replay reaches handlers."""

from __future__ import annotations

import asyncio
from typing import Any

import discord

from bot.gateway.event import redelivered
from bot.gateway.session import Dispatch, Marks, Session
from bot.gateway.suspects import Suspect
from bot.gateway.transitions import Phase
from tests.unit.gateway_stage import OWN, FakeSocket, Stage, Watched, stage

# Received up to 20; 17 was being handled when the process died, 18 as well, for the second time.
MARKS = Marks(received=20, received_at_s=0.0, unfinished={17: 1, 18: 2})


class Handling(Watched):
    """Keeps which deletions its handler was told of, and whether they came again."""

    def __init__(self) -> None:
        super().__init__()
        self.handled: list[tuple[int, bool]] = []
        self.ended: list[int] = []

    async def on_raw_message_delete(self, deletion: discord.RawMessageDeleteEvent) -> None:
        """The message's id is the event's sequence."""
        self.handled.append((deletion.message_id, redelivered()))
        for _ in range(3):
            await asyncio.sleep(0)
        self.ended.append(len(self.handled))


def left(marks: Marks = MARKS) -> dict[str, Any]:
    """Answer the options of a stage that continues a session."""
    session = Session(session_id="old", sequence=marks.resume_from, address=OWN)
    return {"session": session, "marks": marks}


def deletion(socket: FakeSocket, sequence: int) -> None:
    """Have Discord send a deletion."""
    socket.event("MESSAGE_DELETE", {"id": str(sequence), "channel_id": "2"}, sequence=sequence)


async def replay(on: Stage, *sequences: int) -> None:
    """Have Discord answer RESUME with deletions, then with RESUMED."""

    def answer(socket: FakeSocket) -> None:
        for sequence in sequences:
            deletion(socket, sequence)
        socket.event("RESUMED", {}, sequence=sequences[-1] + 1)

    on.gateway.on_resume = answer
    await on.run(2)


async def test_only_what_was_unfinished_is_handled_again() -> None:
    """It is marked so; what is new is handled as ever; what was finished is for the cache alone."""
    client = Handling()
    async with stage(client, **left()) as on:
        await replay(on, 17, 18, 19, 20, 21, 22)

        (resume,) = [sent for sent in on.gateway.newest.sent if sent["op"] == 6]
        assert resume["d"]["seq"] == 16
        assert client.handled == [(17, True), (21, False), (22, False)]
        assert (on.wire.redelivered, on.wire.skipped, on.wire.poisoned) == (1, 2, 1)
        assert on.loop.phase is Phase.READY
        assert on.wire.marks is None


async def test_what_two_processes_died_with_is_set_aside() -> None:
    """Its payload is kept for whoever mends the handler, and it is over for the journal."""
    async with stage(Handling(), **left()) as on:
        await replay(on, 17, 18, 19, 20)

        (entry,) = on.quarantine.entries
        assert (entry.sequence, entry.event) == (18, "MESSAGE_DELETE")
        assert 18 in on.journal.finished


async def test_an_attempt_is_on_disk_before_it_is_made() -> None:
    """Should it take the interpreter's lock for good, no thread could write any more."""
    async with stage(Handling(), **left()) as on:
        await replay(on, 17, 18, 19, 20, 21)

        assert on.journal.begun == [(17, 2), (21, 1)]
        assert on.journal.flushes == 2
        assert on.journal.finished == [17, 18, 21]


async def test_a_suspect_is_handled_alone() -> None:
    """Only the guilty event may be found begun for the second time, should it kill again."""
    client = Handling()
    marks = Marks(received=20, received_at_s=0.0, unfinished={17: 1, 18: 1})

    def two(socket: FakeSocket) -> None:
        deletion(socket, 17)
        deletion(socket, 18)

    async with stage(client, **left(marks)) as on:
        on.gateway.on_resume = two
        await on.run(1)

        assert client.handled == [(17, True), (18, True)]
        assert client.ended == [1, 2]  # the first one ended before the second one began


async def test_after_a_clean_end_nothing_is_suspected() -> None:
    """What a stop interrupted is handled again, but killed nobody."""
    client = Handling()
    marks = Marks(received=20, received_at_s=0.0, unfinished={17: 0}, clean=True)
    async with stage(client, **left(marks)) as on:
        await replay(on, 17, 18, 19, 20, 21)

        assert client.handled == [(17, True), (21, False)]
        assert on.journal.flushes == 1


async def test_a_lost_session_says_how_much_may_be_missing() -> None:
    """By what the earlier process received last."""
    lost: list[float | None] = []
    marks = Marks(received=20, received_at_s=0.0)
    options = left(marks) | {"on_lost": lost.append}
    async with stage(Handling(), **options) as on:
        on.gateway.on_resume = lambda socket: socket.op(9, False)
        await on.run(0.1)

        assert lost[0] is not None
        assert on.time.wall_clock() - lost[0] < 1.0
        assert on.wire.marks is None
        assert on.journal.sessions == [None]


class Listening(Watched):
    """Keeps which messages its handler was told of, and whether they came again."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[int, bool]] = []

        self.gate: asyncio.Event | None = None

    async def on_message(self, message: discord.Message) -> None:
        """The message's id is the event's sequence."""
        self.heard.append((message.id, redelivered()))
        if self.gate is not None:
            await self.gate.wait()


def message(socket: FakeSocket, sequence: int) -> None:
    """Have Discord send a direct message."""
    author = {"id": "5", "username": "alice", "discriminator": "0", "avatar": None}
    data = {"id": str(sequence), "channel_id": "2", "author": author, "content": "", "type": 0}
    data |= {"attachments": [], "embeds": [], "pinned": False, "mention_everyone": False}
    data |= {"tts": False, "mentions": [], "mention_roles": [], "edited_timestamp": None}
    socket.event("MESSAGE_CREATE", data, sequence=sequence)


async def test_a_message_that_may_have_killed_waits_until_others_are_answered() -> None:
    """Should it kill again, they have what they wanted; it is unfinished until it is handled."""
    client = Listening()
    marks = Marks(received=18, received_at_s=0.0, unfinished={17: 1, 18: 1})

    def replayed(socket: FakeSocket) -> None:
        for sequence in (17, 18, 19):
            message(socket, sequence)
        socket.event("RESUMED", {}, sequence=20)

    async with stage(client, **left(marks)) as on:
        on.gateway.on_resume = replayed
        await on.run(0.3)
        at_once, finished = list(client.heard), list(on.journal.finished)
        await on.run(1)

        assert (at_once, finished) == ([(19, False)], [19])
        assert client.heard == [(19, False), (17, True), (18, True)]
        assert on.journal.begun == [(19, 1), (17, 2), (18, 2)]
        assert on.journal.finished == [19, 17, 18]


async def test_a_suspect_waits_for_those_whose_answers_take_longer() -> None:
    """On a busy machine a pause alone may be over before they are served."""
    client = Listening()
    client.gate = asyncio.Event()
    marks = Marks(received=17, received_at_s=0.0, unfinished={17: 1})

    def replayed(socket: FakeSocket) -> None:
        message(socket, 17)
        message(socket, 18)
        socket.event("RESUMED", {}, sequence=19)

    async with stage(client, **left(marks)) as on:
        on.gateway.on_resume = replayed
        await on.run(0.6)
        before = list(client.heard)
        client.gate.set()
        await on.run(0.1)

        assert before == [(18, False)]
        assert client.heard == [(18, False), (17, True)]


async def test_what_waits_to_be_handled_again_is_set_aside_with_its_session() -> None:
    """Nobody replays it any more, so it is kept for people."""
    client = Listening()
    dispatch = Dispatch(shard_id=0, sequence=17, name="MESSAGE_CREATE", raw="{}", data={})
    async with stage(client) as on:
        await on.run(1)
        on.wire.suspects.put(Suspect(dispatch=dispatch, parse=lambda *_: None, attempt=2))
        on.gateway.newest.ready(session="another")
        await on.run(1)

        assert [(each.sequence, each.event) for each in on.quarantine.entries] == [
            (17, "MESSAGE_CREATE")
        ]
        assert client.heard == []


async def test_the_resumed_of_an_earlier_process_does_not_end_the_replay() -> None:
    """Discord numbers it as any event, so it may come again with the rest: what was finished is."""
    client = Handling()
    async with stage(client, **left()) as on:

        def answer(socket: FakeSocket) -> None:
            deletion(socket, 17)
            socket.event("RESUMED", {}, sequence=18)
            for sequence in (19, 20, 21):
                deletion(socket, sequence)
            socket.event("RESUMED", {}, sequence=22)

        on.gateway.on_resume = answer
        await on.run(2)

        assert client.handled == [(17, True), (21, False)]
        assert on.loop.resumes == 1
        assert on.loop.phase is Phase.READY


async def test_what_killed_right_after_a_resumed_is_on_disk_before_it_is_handled() -> None:
    """Else it would look new to each process that it kills, and kill them all."""
    marks = Marks(received=20, received_at_s=0.0)
    async with stage(Handling(), **left(marks)) as on:

        def answer(socket: FakeSocket) -> None:
            socket.event(
                "RESUMED", {}, sequence=21
            )  # of the process that died, which wrote no more
            deletion(socket, 22)
            socket.event("RESUMED", {}, sequence=23)
            deletion(socket, 24)

        on.gateway.on_resume = answer
        await on.run(0.5)
        flushes, begun = on.journal.flushes, list(on.journal.begun)
        await on.run(10)
        deletion(on.gateway.newest, 25)
        await on.run(1)

        assert begun == [(22, 1), (24, 1)]
        assert flushes == 2
        assert on.journal.flushes == 2  # later events are written as ever, without a wait
        assert on.journal.finished == [22, 24, 25]
