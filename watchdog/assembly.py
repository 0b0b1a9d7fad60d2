"""What guards one installation, put together from its settings and on its files."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from watchdog.alerts.alert import Alert
from watchdog.guardian import Guardian
from watchdog.health.limits import Limits
from watchdog.health.probe import Probe
from watchdog.health.verdict import Role
from watchdog.heartbeat import identity
from watchdog.heartbeat.installation import ENV_FILE
from watchdog.heartbeat.schema import BEAT_FILES
from watchdog.incidents.casebook import Casebook
from watchdog.incidents.journal import Journal
from watchdog.keeper import Keeper
from watchdog.process import memory_kills
from watchdog.process.kernel import KERNEL, Kernel
from watchdog.reporting import iso
from watchdog.restart.env_file import SettingsFile
from watchdog.restart.history import Now
from watchdog.restart.ledger import Ledger
from watchdog.restart.planner import Planner
from watchdog.restart.policy import RestartPolicy
from watchdog.restart.tools import Tally, Tools
from watchdog.settings import WatchdogSettings
from watchdog.supervisord.program import Program
from watchdog.supervisord.rpc import SupervisordRpc

STOP_MARGIN_S = 2.0  # the bot ends its tasks within SHUTDOWN_TIMEOUT_S, then closes its files


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Clocks, chance and the kernel, in one place so that tests can hold them.

    Attributes:
        clock: Monotonic seconds.
        wall_clock: Unix seconds.
        draw: Answers a number in [0, 1) for the jitter.
    """

    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random
    memory_kills: Callable[[], int | None] = memory_kills.read_count
    kernel: Kernel = KERNEL
    env_file: Path = Path(ENV_FILE)

    def moment(self) -> Now:
        """Answer this moment by both clocks."""
        return Now(monotonic_s=self.clock(), unix_s=self.wall_clock(), boot_id=identity.boot_id())


HERE = Surroundings()


def limits_of(settings: WatchdogSettings) -> Limits:
    """Answer the limits of a verdict; none is reached between two beats of a healthy bot."""
    least_s = 2 * settings.heartbeat_interval_s
    return Limits(
        poll_s=settings.poll_interval_s,
        beat_s=settings.heartbeat_interval_s,
        hung_s=max(settings.hung_after_s, least_s),
        frozen_s=max(settings.frozen_after_s, least_s),
        startup_s=settings.startup_timeout_s,
        zombie_s=settings.zombie_after_s,
        waiting_s=settings.waiting_after_s,
        stopping_s=settings.shutdown_timeout_s + STOP_MARGIN_S,
        heavy_bytes=settings.max_rss_mb * 1024 * 1024,
        heavy_s=settings.max_rss_for_s,
    )


def policy_of(settings: WatchdogSettings) -> RestartPolicy:
    """Answer the restart policy."""
    return RestartPolicy(
        max_restarts=settings.max_restarts,
        window_s=settings.restart_window_s,
        base_s=settings.restart_base_s,
        cap_s=settings.restart_cap_s,
        forgiven_s=settings.forgiven_after_s,
    )


def guardian_of(
    settings: WatchdogSettings,
    rpc: SupervisordRpc,
    *,
    offer: Callable[[Alert], None],
    around: Surroundings = HERE,
) -> Guardian:
    """Answer the guardian of both programs."""
    state, limits = settings.state_dir, limits_of(settings)
    budgets: dict[Role, Ledger] = {
        "leader": Ledger(state / "restarts.json", moment=around.moment),
        "spare": Ledger(state / "restarts-spare.json", moment=around.moment),
    }
    casebook = Casebook(
        Journal(settings.log_dir / "incidents.jsonl", boot_id=identity.boot_id()),
        offer=offer,
        at=lambda: iso(around.wall_clock()),
        clock=around.clock,
    )
    tally, stood_down = Tally(), state / "stood-down.json"

    def keeper(name: str, role: Role, *, needed: bool = True) -> Keeper:
        program = Program(rpc, name, clock=around.clock, sleep=around.sleep)
        tools = Tools(
            probe=_probe(state, program, role, rpc, around),
            program=program,
            planner=_planner(settings, budgets, role, around),
            casebook=casebook,
            tally=tally,
            stood_down=stood_down,
            stacks=settings.log_dir / "bot.stacks.log",
            memory_kills=around.memory_kills,
            patience_s=settings.shutdown_timeout_s + STOP_MARGIN_S,
            zombie_grace_s=settings.zombie_grace_s,
            clock=around.clock,
            kernel=around.kernel,
        )
        return Keeper(tools, limits, needed=needed)

    keepers = (keeper("bot", "leader"), keeper("spare", "spare", needed=settings.standby))
    return Guardian(keepers, casebook, limits, stood_down=stood_down)


def _probe(
    state: Path, program: Program, role: Role, rpc: SupervisordRpc, around: Surroundings
) -> Probe:
    # Read in this order: a spare that took over removes its old beat after it has left a new one.
    order: tuple[Role, ...] = ("spare", "leader")
    beats = {role: state / BEAT_FILES[role] for role in order}
    return Probe(
        program,
        beats,
        role=role,
        waited_s=lambda: rpc.waited_s,
        clock=around.clock,
        kernel=around.kernel,
    )


def _planner(
    settings: WatchdogSettings, budgets: dict[Role, Ledger], role: Role, around: Surroundings
) -> Planner:
    """Answer the planner of the program that is *role* at first."""
    return Planner(
        budgets[role],
        policy_of(settings),
        budgets=budgets,
        renews=("leader", "spare") if role == "leader" else ("spare",),
        moment=around.moment,
        draw=around.draw,
        retry_path=settings.state_dir / "retry.json",
        settings_file=SettingsFile(around.env_file),
    )
