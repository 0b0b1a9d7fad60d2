"""What the heartbeat says of this process: gathered from its parts, by the heartbeat's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import VERSION
from bot.heartbeat.sources import Sources
from bot.heartbeat.writer import HeartbeatWriter
from watchdog.heartbeat import schema

if TYPE_CHECKING:
    from pathlib import Path

    import discord

    from bot.gateway.connection import GatewayConnection
    from bot.heartbeat.pulse import LoopPulse
    from bot.heartbeat.stages import Stages
    from bot.services import Services
    from bot.settings import BotSettings
    from bot.standby import Standby
    from bot.tasks.manager import TaskManager

MEMBERS_EVERY_BEATS = 10  # counting the members of thousands of guilds is no work for each beat


class Vitals:
    """The state of one process, as far as anybody else is to know of it.

    Attributes:
        phase: Told instead of the connection's state; None while that counts.
        failure: Why the process ends, if it fails.
        standby: Set while this process is the spare.
        services: Set while it leads.
    """

    def __init__(
        self, client: discord.Client, connection: GatewayConnection, tasks: TaskManager
    ) -> None:
        self.phase: schema.State | None = "starting"
        self.failure: schema.Failure | None = None
        self.standby: Standby | None = None
        self.services: Services | None = None
        self._client, self._connection, self._tasks = client, connection, tasks
        self._beats = self._members = 0

    def writer(
        self, settings: BotSettings, pulse: LoopPulse, stages: Stages, *, leads: bool
    ) -> HeartbeatWriter:
        """Answer a writer that is not started; a leader's beat and a spare's are two files."""
        sources = Sources(
            state=self.state,
            gateway=self._connection.snapshot,
            tasks=self._tasks.snapshot,
            jobs=lambda: self.services.jobs.snapshot() if self.services else schema.Jobs(),
            commands=lambda: (
                self.services.commands.snapshot() if self.services else schema.Commands()
            ),
            storage=lambda: self.services.database() if self.services else schema.Storage(),
            bot=self._presence,
            stages=stages.snapshot,
            failure=lambda: self.failure,
        )
        return HeartbeatWriter(
            beat_path(settings.state_dir, leads=leads),
            interval_s=settings.heartbeat_interval_s,
            sources=sources,
            pulse=pulse,
            slow_s=settings.slow_callback_ms / 1000,
            role="leader" if leads else "spare",
        )

    def state(self) -> schema.State:
        """Answer the state of the beat; a spare is ready when it could take over at once."""
        if self.phase is not None:
            return self.phase
        if self.standby is not None and self.standby.is_warm:
            return "ready"
        state = self._connection.state
        if self.standby is not None and state != "backing_off":
            return "starting"
        return state

    def _presence(self) -> schema.Bot:
        guilds = self._client.guilds
        if self._beats % MEMBERS_EVERY_BEATS == 0 or not self._members:
            self._members = sum(guild.member_count or 0 for guild in guilds)
        self._beats += 1
        return schema.Bot(version=VERSION, guilds=len(guilds), members=self._members)


def beat_path(state_dir: Path, *, leads: bool) -> Path:
    """Answer where the beat of a leader, or of a spare, lies."""
    return state_dir / schema.BEAT_FILES["leader" if leads else "spare"]
