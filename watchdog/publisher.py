"""Hand the report of every tick to all who show it: the board, `state/status.json`, the monitor."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson
import structlog

from watchdog.guardian import Guardian
from watchdog.health.verdict import SERVING, Restarts, StatusReport, Verdict
from watchdog.heartbeat import file, identity
from watchdog.heartbeat.schema import MAX_BYTES
from watchdog.reporting import Facts, compose, iso, summary
from watchdog.status import report as codec

COMPLAIN_EVERY_S = 60.0

log = structlog.get_logger(__name__)


class Publisher:
    """Compose and publish.

    Attributes:
        writable: The state folder took the last report, and has room for a beat.
    """

    def __init__(
        self,
        path: Path,
        *,
        publish: Callable[[StatusReport], None],
        healthy: Callable[[bool], None],
        alert_counters: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self.writable = True
        self.errors = 0
        self._path = path
        self._publish, self._healthy, self._alert_counters = publish, healthy, alert_counters
        self._own = identity.own()
        self._started_at = iso(time.time())
        self._since = self._started_at
        self._verdict: Verdict | None = None
        self._complained_at_s = float("-inf")

    def publish(self, guardian: Guardian) -> None:
        """Publish what *guardian* judged last."""
        sight, judgement = guardian.speaker.sight, guardian.service.judgement
        if sight is None:
            return
        now_unix_s = time.time()
        if judgement.verdict != self._verdict:
            log.info(
                "verdict.changed",
                verdict=judgement.verdict,
                before=self._verdict,
                reason=judgement.reason,
            )
            self._verdict, self._since = judgement.verdict, iso(now_unix_s)
        report = compose(judgement, sight, self._facts(guardian, now_unix_s))
        self._publish(report)
        self._healthy(judgement.verdict in SERVING)
        self._write(report)

    def _facts(self, guardian: Guardian, now_unix_s: float) -> Facts:
        bot = guardian.keepers[0].tools.planner
        starts = [
            keeper.tools.planner.due_in_s()
            for keeper in guardian.keepers
            if keeper.tools.probe.handle is None
        ]
        next_in_s = min((start_s for start_s in starts if start_s is not None), default=None)
        return Facts(
            now_unix_s=now_unix_s,
            since=self._since,
            restarts=Restarts(
                total=bot.history.total,
                in_window=bot.in_window(),
                allowed=bot.policy.max_restarts,
                window_s=bot.policy.window_s,
                next_at=None if next_in_s is None else iso(now_unix_s + next_in_s),
            ),
            incident=guardian.casebook.summary(),
            watchdog_pid=self._own.pid,
            watchdog_started_at=self._started_at,
            counters=self._counters(guardian),
            processes=tuple(
                summary(keeper.tools.program.name, keeper.role, keeper.judgement, keeper.sight)
                for keeper in guardian.keepers
                if keeper.sight is not None
            ),
            standby=guardian.standby,
            takeovers=bot.history.takeovers,
        )

    def _counters(self, guardian: Guardian) -> dict[str, int]:
        bot, spare = guardian.keepers
        tally, history = bot.tools.tally, spare.tools.planner.history
        return {
            "polls": bot.progress.polls,
            "late_polls": bot.progress.late_polls,
            "incidents": guardian.casebook.count,
            "graceful_restarts": bot.tools.planner.history.graceful + history.graceful,
            "spare_restarts": history.total,
            "kills": tally.kills,
            "starts": tally.starts,
            "signals_refused": tally.refusals,
            "tick_errors": self.errors,
            "incident_records_lost": guardian.casebook.lost_records,
            **self._alert_counters(),
        }

    def _write(self, report: StatusReport) -> None:
        """Write the report with the identity of its writer, for those who find it later."""
        who = {"boot_id": identity.boot_id(), "watchdog_process_started": self._own.started}
        raw = orjson.dumps(who)[:-1] + b"," + codec.encode(report)[1:]
        try:
            file.write(self._path, raw)
        except OSError as error:
            now_s = time.monotonic()
            if now_s - self._complained_at_s >= COMPLAIN_EVERY_S:
                self._complained_at_s = now_s
                log.warning("status.write_failed", error=error.strerror or str(error))
            self.writable = False
        else:
            self.writable = has_room(self._path.parent)


def has_room(folder: Path) -> bool:
    """Answer whether a beat would fit; on a full disk the report may live on its own last place."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    free = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
    # Some network file systems know no sizes at all.
    return disk.f_blocks == 0 or free * disk.f_frsize >= MAX_BYTES
