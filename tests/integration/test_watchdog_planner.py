"""Plans for endings, remembered on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fakes import FakeClock
from watchdog.health.verdict import Role
from watchdog.heartbeat import file, retry
from watchdog.heartbeat.identity import Identity
from watchdog.heartbeat.schema import Failure
from watchdog.restart.ending import Ending, Intervention
from watchdog.restart.env_file import SettingsFile
from watchdog.restart.history import Now
from watchdog.restart.ledger import Ledger
from watchdog.restart.planner import Plan, Planner
from watchdog.restart.policy import RestartPolicy

UNIX_S = 1_700_000_000.0
CRASH = Ending(state="EXITED", exit_status=1)
TEMPORARY = Ending(state="EXITED", exit_status=75)
PERMANENT = Ending(state="EXITED", exit_status=78)
ASKED = Ending(state="EXITED", exit_status=26)
SUPERVISORD = Identity(pid=50, started=1.0)


@dataclass
class Desk:
    """A planner whose clocks move when told to."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.planner = self.hire()

    def moment(self) -> Now:
        """Answer this moment."""
        return Now(monotonic_s=self.clock(), unix_s=UNIX_S + self.clock(), boot_id="boot")

    def hire(self) -> Planner:
        """Answer a planner that starts now and reads what the one before has left."""
        budgets: dict[Role, Ledger] = {
            "leader": Ledger(self.folder / "restarts.json", moment=self.moment),
            "spare": Ledger(self.folder / "restarts-spare.json", moment=self.moment),
        }
        return Planner(
            budgets["leader"],
            RestartPolicy(),
            budgets=budgets,
            renews=("leader", "spare"),
            moment=self.moment,
            draw=lambda: 0.0,
            retry_path=self.folder / "retry.json",
            settings_file=SettingsFile(self.folder / ".env"),
        )

    def delays(self, ending: Ending, times: int, *, role: Role = "leader") -> list[float | None]:
        """Answer the delays after *ending*, *times* in a row, each met and started in time."""
        return [
            self.conclude(ending, pid=100 + number, role=role).delay_s for number in range(times)
        ]

    def conclude(self, ending: Ending, *, pid: int, role: Role = "leader") -> Plan:
        """Conclude, wait, and start the next process."""
        plan = self.planner.conclude(ending, role=role)
        if plan.delay_s is not None:
            self.clock.advance(plan.delay_s)
            self.planner.launching()
            self.planner.meet(Identity(pid=pid, started=self.clock()), SUPERVISORD)
        return plan


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk in an empty state folder."""
    return Desk(tmp_path)


def test_failures_wait_longer_each_time_and_are_then_held(desk: Desk) -> None:
    """At once, 2, 4, 8, 16, then no more."""
    assert desk.delays(CRASH, 7) == [0.0, 2.0, 4.0, 8.0, 16.0, None, None]
    assert desk.planner.history.standing == "held"


def test_restarts_asked_for_spend_no_budget_but_do_not_storm(desk: Desk) -> None:
    """Five at once; one that ends so time and again is slowed down, and never held."""
    delays = desk.delays(ASKED, 9)

    assert delays[:5] == [0.0] * 5
    assert delays[5:] == [2.0, 4.0, 8.0, 16.0]
    assert desk.planner.in_window() == 0


def test_a_temporary_failure_waits_for_the_time_on_disk(desk: Desk) -> None:
    """The bot wrote when it may log in again."""
    wanted = retry.Retry(retry_at_s=UNIX_S + desk.clock() + 3600.0, reason="rate_limit")
    file.write(desk.folder / "retry.json", retry.encode(wanted))

    plan = desk.planner.conclude(TEMPORARY, role="leader")

    assert plan.delay_s == pytest.approx(3600.0)
    assert (desk.planner.history.standing, desk.planner.history.reason) == (
        "retrying",
        "rate_limit",
    )


def test_a_temporary_failure_without_a_time_does_not_storm(desk: Desk) -> None:
    """The file is missing, or its time is over."""
    assert desk.delays(TEMPORARY, 4) == [2.0, 4.0, 8.0, 16.0]


@pytest.mark.parametrize("ending", [CRASH, TEMPORARY, ASKED])
def test_a_plan_outlives_the_watchdog(desk: Desk, ending: Ending) -> None:
    """The jitter is drawn once; the next watchdog carries out the same plan."""
    desk.delays(ending, 5)
    desk.planner.conclude(ending, role="leader")
    due_in_s = desk.planner.due_in_s()
    desk.clock.advance(0.5)

    planner = desk.hire()

    assert due_in_s is not None or ending is CRASH
    if due_in_s is not None:
        assert planner.due_in_s() == pytest.approx(max(0.0, due_in_s - 0.5))


def test_a_start_by_an_operator_begins_a_new_budget(desk: Desk) -> None:
    """A process that nobody here started, under the same supervisord."""
    desk.delays(CRASH, 6)

    whose = desk.planner.meet(Identity(pid=900, started=5.0), SUPERVISORD)

    assert whose == "operator"
    assert desk.delays(CRASH, 1) == [0.0]


@pytest.mark.parametrize(
    "above",
    [
        pytest.param(Identity(pid=51, started=9.0), id="a new supervisord"),
        pytest.param(None, id="nobody knows"),
    ],
)
def test_a_start_by_a_new_supervisord_keeps_the_budget(desk: Desk, above: Identity | None) -> None:
    """Killing supervisord again and again must not become a storm of logins."""
    desk.delays(CRASH, 3)

    whose = desk.planner.meet(Identity(pid=900, started=5.0), above)

    assert whose == "adopted"
    assert desk.planner.in_window() == 3


def test_a_start_that_was_ordered_before_the_watchdog_died_is_its_own(desk: Desk) -> None:
    """The order is on disk before it is given."""
    desk.planner.conclude(CRASH, role="leader")
    desk.planner.launching()

    whose = desk.hire().meet(Identity(pid=900, started=5.0), SUPERVISORD)

    assert whose == "ours"


def test_ends_of_spares_have_a_budget_of_their_own(desk: Desk) -> None:
    """Whichever program they ran in; leaders are not held for what spares did."""
    spares = desk.delays(CRASH, 6, role="spare")

    assert spares == [0.0, 2.0, 4.0, 8.0, 16.0, None]
    assert (desk.planner.in_window("leader"), desk.planner.in_window("spare")) == (0, 5)
    assert desk.delays(CRASH, 2) == [0.0, 2.0]


def test_a_takeover_is_counted_and_remembered(desk: Desk) -> None:
    """A spare that comes to lead; a process that leads from the start took over from nobody."""
    desk.planner.seen_as("leader")
    desk.planner.seen_as("spare")
    desk.planner.seen_as("leader")

    assert desk.hire().history.takeovers == 1
    assert desk.hire().history.role == "leader"


def test_health_forgives(desk: Desk) -> None:
    """Earlier failures do not count any more."""
    desk.delays(CRASH, 4)

    desk.planner.forgive("leader")

    assert desk.delays(CRASH, 1) == [0.0]


def test_a_zombie_restart_is_remembered(desk: Desk) -> None:
    """Once per ZOMBIE_GRACE_S, over restarts of the watchdog too."""
    zombie = Intervention(verdict="zombie", kind="gateway_silent", counted=True)
    ending = Ending(state="EXITED", exit_status=143, intervention=zombie)
    desk.planner.conclude(ending, role="leader")

    assert desk.hire().history.zombie_at_s == desk.clock()


def test_a_permanent_failure_is_retried_once_when_the_settings_change(desk: Desk) -> None:
    """Compared with what the failed process found, not with what it left."""
    env = desk.folder / ".env"
    env.write_text("A=1")
    desk.planner.meet(Identity(pid=900, started=5.0), SUPERVISORD)
    desk.planner.conclude(PERMANENT, role="leader")
    before = desk.planner.is_due()
    env.write_text("A=22")
    after = desk.hire().is_due()

    assert (before, after) == (False, True)


def test_a_permanent_failure_that_nobody_met_is_not_retried(desk: Desk) -> None:
    """The settings it found are taken to be those of now: zero tries until they change."""
    (desk.folder / ".env").write_text("A=1")

    desk.planner.conclude(PERMANENT, role="leader", unseen=True)

    assert not desk.planner.is_due()


def test_a_permanent_failure_is_named_by_the_bots_own_words(desk: Desk) -> None:
    """The status page shows what to mend, not a number."""
    failure = Failure(kind="invalid_token", message="Put a token into .env", permanent=True)

    desk.planner.conclude(PERMANENT, role="leader", failure=failure)

    assert desk.planner.history.reason == "invalid_token"
    assert desk.planner.history.advice == "Put a token into .env"
