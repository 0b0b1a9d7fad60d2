"""Real bot processes in one folder, at a simulated Discord that outlives them all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Self

from tests.community.stage import INTENTS, Stage, simulated
from tests.integration.serving import until
from tests.sources import ROOT
from watchdog.heartbeat import schema

READY_WITHIN_S = 40.0
LIFE = "tests.system.parts.moderating_life"

Process = asyncio.subprocess.Process


class MortalBots:
    """Starts bots and ends them; none outlives the block.

    Attributes:
        stage: The simulated world; no bot serves in this process.
    """

    def __init__(self, folder: Path, stage: Stage, plugins: Sequence[str]) -> None:
        self.folder, self.stage = folder, stage
        self._begun: list[Process] = []
        (folder / "logs").mkdir()
        lines = {
            "DISCORD_API_URL": stage.simulator.api_url,
            "DISCORD_TOKEN": stage.simulator.token,
            "PLUGINS": ",".join(f"bot.plugins.{name}" for name in ("general", "admin", *plugins)),
            "PRIVILEGED_INTENTS": ",".join(INTENTS),
        }
        env = folder / ".env"
        env.touch(mode=0o600)
        env.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self._begun:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def begin(self) -> Process:
        """Start a bot; answers once it serves."""
        process = await self._start("bot")
        await self.leads(process)
        await until(self._has_tables)
        return process

    async def begin_spare(self) -> Process:
        """Start a spare; answers once it is warm."""
        process = await self._start("spare")
        await until(lambda: self._beats(process, "heartbeat-spare.json"), timeout_s=READY_WITHIN_S)
        return process

    async def kill(self, process: Process) -> None:
        """End a bot by SIGKILL."""
        process.kill()
        assert await process.wait() == -signal.SIGKILL

    async def leads(self, process: Process) -> None:
        """Wait until a bot serves."""
        await until(lambda: self._beats(process, "heartbeat.json"), timeout_s=READY_WITHIN_S)

    def rows(self, asked: str) -> list[tuple[Any, ...]]:
        """Answer what the bots' database has."""
        with contextlib.closing(sqlite3.connect(self.folder / "state/novera.db")) as database:
            return database.execute(asked).fetchall()

    def logged(self) -> str:
        """Answer what the bots have logged."""
        return (self.folder / "logs/bot.jsonl").read_text(encoding="utf-8")

    async def _start(self, program: str) -> Process:
        output = os.open(self.folder / "logs/output.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                LIFE,
                cwd=self.folder,
                env={
                    "PYTHONPATH": str(ROOT),
                    "SUPERVISOR_ENABLED": "1",
                    "SUPERVISOR_PROCESS_NAME": program,
                },
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        finally:
            os.close(output)
        self._begun.append(process)
        return process

    def _beats(self, process: Process, name: str) -> bool:
        """Whether the newest beat is that of *process*, and it serves or is warm."""
        assert process.returncode is None, self._words()
        try:
            beat = schema.decode((self.folder / "state" / name).read_bytes())
        except (FileNotFoundError, schema.HeartbeatError):
            return False
        return (beat.pid, beat.state) == (process.pid, "ready")

    def _has_tables(self) -> bool:
        try:
            return self.rows("SELECT count(*) FROM timers") != []
        except sqlite3.OperationalError:
            return False

    def _words(self) -> str:
        return (self.folder / "logs/output.log").read_text(encoding="utf-8")


@contextlib.asynccontextmanager
async def mortal_bots(folder: Path, *plugins: str) -> AsyncIterator[MortalBots]:
    """Yield bots with *plugins*, and a community around them."""
    async with simulated(folder) as stage, MortalBots(folder, stage, plugins) as bots:
        yield bots
