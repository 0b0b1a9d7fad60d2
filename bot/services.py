"""What the runtime offers to the client and its plugins, as `client.services`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.errors import ExitCode

if TYPE_CHECKING:
    from bot.commands.stats import CommandStats
    from bot.gateway.connection import GatewayConnection
    from bot.outbound.client import OutboundClient
    from bot.settings import BotSettings
    from bot.tasks.bridge import Bridge
    from bot.tasks.jobs import JobQueue
    from bot.tasks.manager import TaskManager
    from watchdog.heartbeat.schema import Heartbeat


@dataclass(slots=True, kw_only=True)
class Services:
    """One of each; made by `bot.lifecycle`, ended by it in reverse order.

    Attributes:
        request_stop: Ask the process to end with an exit code and a short reason; answers at once.
        last_beat: The newest heartbeat, None before the first one.
    """

    settings: BotSettings
    tasks: TaskManager
    jobs: JobQueue
    bridge: Bridge
    outbound: OutboundClient
    commands: CommandStats
    request_stop: Callable[[ExitCode, str], None]
    last_beat: Callable[[], Heartbeat | None]
    connection: GatewayConnection | None = field(default=None)
