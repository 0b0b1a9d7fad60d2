"""A process that is killed while it writes or merges its journal leaves one that is right.

Run as a program, this module is that process: `python -m … <folder> <seed>`.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
import structlog

from bot.gateway.journal.keeper import SessionJournal
from bot.gateway.journal.reading import Saved, load
from bot.gateway.session import Dispatch, Session
from tests.integration.cache_picture import differences
from tests.integration.test_journal_compaction import Noted, recorded, restored
from tests.sources import ROOT

CHANGES = 400
MAX_EVENTS = 60  # so few that it merges all the time


def dispatch_of(noted: Noted) -> Dispatch:
    """Answer the event as the gateway brings it."""
    sequence, _, name, raw = noted
    data = orjson.loads(raw)["d"]
    return Dispatch(shard_id=0, sequence=sequence, name=name, raw=raw.decode(), data=data)


async def write(folder: Path, seed: int) -> None:
    """Note every event, and print the sequence of each that is surely on disk."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    draw, unfinished = random.Random(seed), list[int]()
    journal = SessionJournal(folder, fingerprint="f", max_bytes=1 << 30, max_events=MAX_EVENTS)
    for noted in recorded(seed, CHANGES):
        event = dispatch_of(noted)
        journal.on_dispatch(event)
        if event.name == "READY":
            journal.on_session(0, Session(session_id="s", sequence=1, address=None))
        elif draw.random() < 0.3:
            journal.on_begun(0, event.sequence, 1)
            unfinished.append(event.sequence)
        if unfinished and draw.random() < 0.5:
            journal.on_finished(0, unfinished.pop(draw.randrange(len(unfinished))))
        if draw.random() < 0.3:
            await journal.flush()
            sys.stdout.write(f"{event.sequence}\n")
            sys.stdout.flush()
        if draw.random() < 0.1:
            await asyncio.sleep(0.02)  # the loop has other things to do: time to merge
    await asyncio.sleep(60)


def killed(folder: Path, seed: int, lines: int) -> int:
    """Kill such a process after *lines* lines; answers the last sequence that it printed."""
    command = [sys.executable, "-m", __name__, str(folder), str(seed)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        printed = [int(process.stdout.readline()) for _ in range(lines)]
        process.kill()
        rest = process.stdout.read().split()
    return max([*printed, *map(int, rest[:-1])])


@pytest.mark.parametrize("seed", range(8))
def test_a_kill_at_any_moment_leaves_a_right_journal(seed: int, tmp_path: Path) -> None:
    """What was flushed is there, and the cache is that of all events up to the replay."""
    surely = killed(tmp_path, seed, random.Random(seed).randrange(1, 40))

    found = load(tmp_path, "f")[0]
    assert isinstance(found, Saved)
    assert found.marks.received >= surely
    up_to = found.marks.resume_from
    left = [(each.sequence, 0, each.name, each.raw) for each in found.events]
    whole = [each for each in recorded(seed, CHANGES) if each[0] <= up_to]

    async def pictures() -> list[str]:
        return list(differences(await restored(whole), await restored(left)))

    assert asyncio.run(pictures()) == []


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2])))
