"""Bot processes on one installation's folder, one after the other, each killed at its moment.

A life is the real `python -m bot`, forked from a process that has imported everything and runs no
loop and no thread: Python need not start two hundred times. It kills itself by SIGKILL, at a named
point that is wrapped from outside, or is killed by whoever started it.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import sqlite3
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Literal, Self

import discord

import bot.__main__
import bot.commands.safety
import bot.commands.stats
import bot.gateway.connection
import bot.gateway.journal.keeper
import bot.gateway.recall
import bot.gateway.restore
import bot.known_settings
import bot.lifecycle
import bot.outbound.client
import bot.settings
import bot.tasks.bridge
import bot.tasks.guard
import bot.tasks.jobs
from bot.gateway.event import current_event
from bot.gateway.journal.keeper import SessionJournal
from bot.gateway.recall import Recall
from tests.sources import ROOT

forks = multiprocessing.get_context("forkserver")
LOG = "lives.jsonl"
Point = Literal[
    "received",  # parsed, not yet handed to the handler
    "handling",  # the handler began
    "sent",  # Discord has the answer
    "marking",  # the event is finished, the journal does not know yet
    "commit",  # the journal writes
    "statement",  # somewhere in a transaction of the journal
    "compaction",  # the merged guild is written, not yet committed
    "loaded",  # the journal is read
    "restored",  # the cache is as it was
    "outside",  # by somebody else, at any moment
]
POINTS: tuple[Point, ...] = Point.__args__  # type: ignore[attr-defined]
# At these an event may be handled a second time: a kill would make it one that kills.
_CALM_ONLY = frozenset({"commit", "statement", "compaction"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """When a life ends: *after_s* after *point* was reached for the *nth* time."""

    point: Point
    nth: int = 1
    after_s: float = 0.0


class Reaper:
    """In a life: waits for its moment, and writes down what an autopsy needs."""

    def __init__(self, folder: Path, life: int, death: Death | None) -> None:
        self._log = os.open(folder / "logs" / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._life, self._death = life, death
        self._left = death.nth if death is not None else 0
        self._second_attempts, self._firsts_done = 0, 0

    def note(self, **facts: object) -> None:
        """Append a line; one write each, so that none is torn."""
        os.write(
            self._log,
            json.dumps({"life": self._life, "at_s": time.monotonic(), **facts}).encode() + b"\n",
        )

    def handles(self, number: str) -> None:
        """The handler of a message begins."""
        event = current_event.get()
        assert event is not None
        self._second_attempts += event.attempt > 1
        self.note(handles=number, sequence=event.sequence, attempt=event.attempt)

    def handled(self) -> None:
        """The handler of a message is at its end."""
        event = current_event.get()
        assert event is not None
        self._second_attempts -= event.attempt > 1
        self._firsts_done += event.attempt == 1

    def reached(self, point: Point) -> None:
        """Die, if this is the moment, and no event is handled for the second time."""
        death = self._death
        if death is None or point != death.point:
            return
        event = current_event.get()
        if event is not None and event.attempt > 1:
            return
        if point in _CALM_ONLY and (self._second_attempts or not self._firsts_done):
            return
        self._left -= 1
        if self._left == 0:
            self.note(dies=point)
            if death.after_s:
                threading.Thread(target=self._die, args=(death.after_s,), daemon=True).start()
            else:
                self._die(0.0)

    def _die(self, after_s: float) -> None:
        time.sleep(after_s)
        os.kill(os.getpid(), signal.SIGKILL)


class Mortal(discord.Client):
    """Answers `n NUMBER` with `got NUMBER`."""

    def __init__(self, reaper: Reaper) -> None:
        super().__init__(intents=discord.Intents.all())
        self._reaper = reaper

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Perhaps die before a message reaches its handler."""
        if event == "message" and not args[0].author.bot:
            self._reaper.reached("received")
        super().dispatch(event, *args, **kwargs)

    async def on_message(self, message: discord.Message) -> None:
        """Answer a number, in two steps."""
        word, _, number = message.content.partition(" ")
        if word != "n" or message.author.bot:
            return
        self._reaper.handles(number)
        await asyncio.sleep(0)
        self._reaper.reached("handling")
        await message.channel.send(f"got {number}")
        self._reaper.reached("sent")
        self._reaper.handled()


_reaper: Reaper | None = None


def client() -> discord.Client:
    """Answer the bot of this life: what `BOT_FACTORY` names."""
    assert _reaper is not None
    return Mortal(_reaper)


def live(folder: Path, life: int, death: Death | None) -> None:
    """Be a bot process in *folder* until the end."""
    global _reaper
    os.environ.clear()
    os.chdir(folder)
    sys.path.insert(0, str(ROOT))
    _reaper = Reaper(folder, life, death)
    _wrap(_reaper)
    os._exit(bot.__main__.main(["run"]))


def _wrap(reaper: Reaper) -> None:
    """Let *reaper* know when a part comes to its point; nothing else of the part changes."""
    finished, begun = SessionJournal.on_finished, SessionJournal.on_begun
    load, restore, connect = Recall.load, Recall.restore, sqlite3.connect

    def on_finished(journal: SessionJournal, shard_id: int, sequence: int) -> None:
        reaper.reached("marking")
        finished(journal, shard_id, sequence)

    def on_begun(journal: SessionJournal, shard_id: int, sequence: int, attempt: int) -> None:
        reaper.note(begins=sequence, attempt=attempt)
        begun(journal, shard_id, sequence, attempt)

    async def loading(recall: Recall) -> None:
        await load(recall)
        reaper.reached("loaded")

    async def restoring(recall: Recall, *args: Any) -> Any:
        saved = await restore(recall, *args)
        reaper.reached("restored")
        return saved

    def traced(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)
        connection.set_trace_callback(lambda statement: _on_statement(reaper, statement))
        return connection

    for part, name, wrapped in (
        (SessionJournal, "on_finished", on_finished),
        (SessionJournal, "on_begun", on_begun),
        (Recall, "load", loading),
        (Recall, "restore", restoring),
        (sqlite3, "connect", traced),
    ):
        setattr(part, name, wrapped)


def _on_statement(reaper: Reaper, statement: str) -> None:
    reaper.reached("statement")
    if statement.startswith("COMMIT"):
        reaper.reached("commit")
    elif "SET compacted" in statement:
        reaper.reached("compaction")


class Lives:
    """Starts lives; none outlives the block."""

    def __init__(self, folder: Path) -> None:
        forks.set_forkserver_preload([__name__])
        self.folder, self.count = folder, 0
        self._begun: list[ForkServerProcess] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._begun:
            process.kill()
            process.join()

    def begin(self, death: Death | None = None) -> ForkServerProcess:
        """Begin a life; the one before it may still go on."""
        self.count += 1
        process = forks.Process(target=live, args=(self.folder, self.count, death))
        process.start()
        self._begun.append(process)
        return process

    def records(self) -> list[dict[str, Any]]:
        """Answer what the reapers wrote down."""
        text = (self.folder / "logs" / LOG).read_text()
        return [json.loads(line) for line in text.splitlines()]

    def deaths(self) -> Counter[str]:
        """Answer how many died at each point; the others were killed from outside."""
        died = Counter(each["dies"] for each in self.records() if "dies" in each)
        return died + Counter({"outside": self.count - died.total()})

    def lives_of(self) -> dict[int, set[int]]:
        """Answer in which lives each event, by its sequence, was begun."""
        found: defaultdict[int, set[int]] = defaultdict(set)
        for each in self.records():
            if "begins" in each:
                found[each["begins"]].add(each["life"])
        return found
