"""The verdict: a table of what is seen, and what must hold whatever is seen."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.watchdog_sights import HEALTHY, LIMITS, RUNNING, WHO, Watch
from watchdog.health.limits import Limits
from watchdog.health.liveness import Judgement, Observation, Standing, judge
from watchdog.health.observation import BeatSight, ProcessSight, ProgramSight, Sight
from watchdog.health.progress import Progress, advance
from watchdog.heartbeat import schema
from watchdog.restart.remedy import remedy_for

HUNG_POLLS = math.ceil(LIMITS.hung_s / LIMITS.poll_s)


@pytest.fixture
def watch() -> Watch:
    """A watch over a bot that has been healthy for a while."""
    watch = Watch()
    watch.verdicts(10)
    return watch


def test_a_bot_whose_loop_turns_is_healthy(watch: Watch) -> None:
    """Beats come, the pulse moves."""
    seen = watch.verdicts(100)

    assert seen == {"healthy"}


def test_a_pulse_that_stops_is_a_hang_after_the_polls_of_the_limit(watch: Watch) -> None:
    """Beats go on; the pulse has not moved for HUNG_AFTER_S worth of polls in a row."""
    polls = watch.polls_until("hung", turning=False)

    # the last poll before had seen no new beat, and is the first of the count
    assert HUNG_POLLS - 1 <= polls <= HUNG_POLLS + 2


def test_a_loop_blocked_for_half_the_limit_is_healthy(watch: Watch) -> None:
    """It goes on by itself."""
    seen = watch.verdicts(HUNG_POLLS // 2, turning=False) | watch.verdicts(10)

    assert seen == {"healthy"}


def test_a_late_poll_voids_the_count(watch: Watch) -> None:
    """A gap over twice the interval: the machine slept, and nothing is counted across it."""
    watch.verdicts(HUNG_POLLS - 1, turning=False)
    watch.poll(gap_s=600.0, turning=False)

    polls = watch.polls_until("hung", turning=False)

    assert polls >= HUNG_POLLS


def test_a_machine_that_sleeps_again_and_again_restarts_nothing(watch: Watch) -> None:
    """Each sleep starts the count anew."""
    seen = set()
    for _ in range(20):
        seen |= watch.verdicts(3, turning=False, beating=False)
        seen |= watch.verdicts(1, gap_s=10.0, turning=False, beating=False)
        seen |= watch.verdicts(2)

    assert seen == {"healthy"}


def test_an_old_pulse_of_the_first_beat_seen_counts_for_nothing() -> None:
    """A watchdog that starts, or wakes after a stop, kills nothing at its first poll."""
    watch = Watch()
    old = schema.Loop(pulse=5, pulse_age_s=1e9, blocked_s=1e9)

    judgement = watch.poll(changes={"loop": old})

    assert judgement.verdict == "healthy"


def test_a_stopped_process_is_frozen(watch: Watch) -> None:
    """State T, and no beat for FROZEN_AFTER_S."""
    polls = watch.polls_until("frozen", beating=False, process={"run_state": "T"})

    assert polls <= HUNG_POLLS + 1
    assert watch.judgement.reason == "stopped_by_signal"


def test_a_process_that_burns_without_a_beat_is_frozen(watch: Watch) -> None:
    """Somebody holds the interpreter's lock in C."""
    judgement = Judgement(verdict="healthy", reason="")
    polls = 0
    while judgement.verdict == "healthy":
        polls += 1
        judgement = watch.poll(beating=False, process={"cpu_s": 0.1 * polls, "running": 1})

    assert (judgement.verdict, judgement.reason) == ("frozen", "interpreter_stuck")
    assert polls <= HUNG_POLLS + 1


@pytest.mark.parametrize(
    "process",
    [
        pytest.param({"running": 0}, id="asleep"),
        pytest.param({"running": 1, "disk_waits": 1}, id="waits for a disk"),
    ],
)
def test_a_silent_writer_is_degraded_and_restarted_after_three_limits(
    watch: Watch, process: dict[str, Any]
) -> None:
    """The heartbeat's thread may be stuck while the loop is well."""
    degraded = watch.polls_until("degraded", beating=False, process=process)
    reason = watch.judgement.reason
    frozen = watch.polls_until("frozen", beating=False, process=process)

    assert reason == "heartbeat_writer"
    assert degraded + frozen >= 3 * HUNG_POLLS - 1


def test_missing_beats_restart_nothing_while_nobody_can_write(watch: Watch) -> None:
    """The disk is full for the watchdog too, so that explains the silence."""
    seen = watch.verdicts(400, beating=False, state_writable=False)

    assert seen == {"degraded"}


def test_a_slow_writer_of_a_turning_loop_is_no_hang(watch: Watch) -> None:
    """Each beat comes 4 s late, with a pulse that has moved."""
    seen = set()
    for _ in range(20):
        seen |= watch.verdicts(8, beating=False)
        watch.polls += watch.polls % 2  # the next poll brings a beat
        seen |= watch.verdicts(1)

    assert seen == {"healthy"}


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        pytest.param("starting", "starting", id="starting"),
        pytest.param("connecting", "starting", id="connecting"),
        pytest.param("resuming", "starting", id="resuming"),
        pytest.param("backing_off", "backing_off", id="backing off"),
        pytest.param("stopping", "stopped", id="stopping"),
    ],
)
def test_a_state_that_is_not_ready_has_a_verdict_of_its_own(state: str, verdict: str) -> None:
    """None of them is `healthy`, and none is a reason to restart by itself."""
    judgement = Watch().poll(changes={"state": state})

    assert judgement.verdict == verdict
    assert remedy_for(judgement) is None


def test_a_start_that_takes_too_long_is_never_ready() -> None:
    """STARTUP_TIMEOUT_S worth of polls, whatever the loop does."""
    watch = Watch()

    polls = watch.polls_until("hung", changes={"state": "connecting"})

    assert watch.judgement.reason == "never_ready"
    assert polls >= LIMITS.startup_s / LIMITS.poll_s


def test_a_start_may_block_the_loop() -> None:
    """Plugins are imported then."""
    watch = Watch()

    seen = watch.verdicts(100, turning=False, changes={"state": "starting"})

    assert seen == {"starting"}


def test_a_spare_that_hangs_as_it_takes_over_is_hung(watch: Watch) -> None:
    """It is warm, so that state is no start: what it handles again may block its loop at once."""
    watch.verdicts(4, changes={"role": "spare"})

    polls = watch.polls_until("hung", turning=False, changes={"state": "starting"})

    assert watch.judgement.reason == "pulse_stopped"
    assert polls <= HUNG_POLLS + 2


def test_a_spare_that_takes_over_and_never_serves_is_never_ready() -> None:
    """It has the time of a start, counted from when it came to lead."""
    watch = Watch()
    watch.verdicts(200, changes={"role": "spare"})

    polls = watch.polls_until("hung", changes={"state": "connecting"})

    assert watch.judgement.reason == "never_ready"
    assert polls == pytest.approx(LIMITS.startup_s / LIMITS.poll_s, abs=2)


def test_a_spare_has_no_gateway_to_be_silent() -> None:
    """It waits for as long as the leader lives."""
    watch = Watch(limits=Limits(zombie_s=5.0))
    gateway = schema.Gateway(connected=False, last_event_age_s=900.0, last_ack_age_s=900.0)

    seen = watch.verdicts(100, changes={"role": "spare", "gateway": gateway})

    assert seen == {"healthy"}


def test_a_spare_that_never_gets_warm_is_never_ready() -> None:
    """STARTUP_TIMEOUT_S, as for a leader."""
    polls = Watch().polls_until("hung", changes={"role": "spare", "state": "starting"})

    assert polls >= LIMITS.startup_s / LIMITS.poll_s


def test_a_start_that_waits_for_discord_waits_as_long_as_it_takes() -> None:
    """`backing_off` is exempt, and the tries between do not add up."""
    watch = Watch()
    seen = set()
    for _ in range(20):
        seen |= watch.verdicts(40, changes={"state": "connecting"})
        seen |= watch.verdicts(100, changes={"state": "backing_off"})

    assert seen == {"starting", "backing_off"}


def test_a_bot_without_any_beat_is_given_the_time_of_a_start() -> None:
    """The file is missing, or of an earlier life."""
    watch = Watch()
    watch.beat = None

    polls = watch.polls_until("frozen")

    assert watch.judgement.reason == "never_ready"
    assert polls >= LIMITS.startup_s / LIMITS.poll_s


def test_stopping_suppresses_the_hang_check_for_a_bounded_time(watch: Watch) -> None:
    """A slow shutdown is no hang; one that never ends is."""
    polls = watch.polls_until("hung", turning=False, beating=False, changes={"state": "stopping"})

    assert watch.judgement.reason == "stop_overdue"
    assert polls >= LIMITS.stopping_s / LIMITS.poll_s


def test_a_silent_gateway_is_a_zombie_after_its_limit(watch: Watch) -> None:
    """The loop is well; neither events nor ACKs came for ZOMBIE_AFTER_S."""
    silence_s = 0.0
    while watch.judgement.verdict == "healthy" and silence_s < 500:
        silence_s += 0.5
        gateway = schema.Gateway(
            connected=True, last_event_age_s=silence_s, last_ack_age_s=silence_s
        )
        watch.poll(changes={"gateway": gateway})

    assert watch.judgement.verdict == "zombie"
    assert silence_s == pytest.approx(LIMITS.zombie_s, abs=1.0)


def test_one_old_age_makes_no_zombie(watch: Watch) -> None:
    """The machine slept for ten minutes: ages jump, polls were not counted."""
    gateway = schema.Gateway(connected=True, last_event_age_s=600.0, last_ack_age_s=600.0)

    seen = watch.verdicts(20, changes={"gateway": gateway})

    assert seen == {"healthy"}


def test_a_debugger_is_left_alone_and_said(watch: Watch) -> None:
    """No restart while it holds the process, nor right after it let go."""
    held = watch.polls_until("held", turning=False, process={"tracer_pid": 7, "run_state": "t"})
    reason, remedy = watch.judgement.reason, remedy_for(watch.judgement)
    watch.verdicts(50, turning=False, process={"tracer_pid": 7})

    after = watch.verdicts(HUNG_POLLS // 2, turning=False)

    assert held <= HUNG_POLLS + 2
    assert (reason, remedy) == ("debugger_attached", None)
    assert after == {"healthy"}


def test_two_beats_with_one_pulse_and_none_after_them_are_no_hang(watch: Watch) -> None:
    """A bot that gets ready beats at once: if the disk refuses from then on, no pulse is known."""
    watch.poll()
    watch.poll()
    watch.poll(turning=False)
    before = watch.verdicts(3 * HUNG_POLLS - 3, beating=False)
    watch.polls_until("frozen", most=6, beating=False)

    assert before == {"healthy", "degraded"}
    assert watch.judgement.reason == "no_heartbeat"


def test_an_unreadable_beat_is_one_missed_poll(watch: Watch) -> None:
    """Then `unknown`, and a restart only when it lasts."""
    once = watch.poll(trouble="not JSON", beating=False)
    unknown = watch.polls_until("unknown", trouble="not JSON", beating=False)
    frozen = watch.polls_until("frozen", trouble="not JSON", beating=False)

    assert once.verdict == "healthy"
    assert unknown < HUNG_POLLS
    assert unknown + frozen >= 3 * HUNG_POLLS - 2


def test_what_is_in_the_way_of_the_beats_restarts_nothing(watch: Watch) -> None:
    """A folder in the file's place would be in the way of the next process, too."""
    watch.polls_until("unknown", trouble="not a regular file", strange=True, beating=False)
    seen = watch.verdicts(400, trouble="not a regular file", strange=True, beating=False)

    assert seen == {"unknown"}


def test_a_distrusted_folder_restarts_nothing(watch: Watch) -> None:
    """Whoever can write the beat could have the bot killed."""
    seen = watch.verdicts(
        400, trouble="writable by everybody", distrusted=True, beating=False, process={}
    )

    assert seen == {"unknown"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"loop": schema.Loop(pulse=1, lag_ms_p99=1500.0)}, "slow_loop", id="lag"),
        pytest.param(
            {"gateway": schema.Gateway(identify_remaining=10)}, "identify_budget", id="logins"
        ),
        pytest.param(
            {"process": schema.Process(open_files=900, open_files_limit=1024)},
            "open_files",
            id="files",
        ),
        pytest.param(
            {"process": schema.Process(threads=450, threads_limit=512)}, "threads", id="threads"
        ),
        pytest.param(
            {"storage": schema.Storage(kind="sqlite", state="degraded", problem="disk full")},
            "database",
            id="database",
        ),
        pytest.param(
            {"storage": schema.Storage(kind="sqlite", state="ready", backup_problem="disk full")},
            "backup_failed",
            id="backup",
        ),
    ],
)
def test_what_needs_a_look_is_degraded(changes: dict[str, Any], reason: str) -> None:
    """It serves, and is not restarted."""
    judgement = Watch().poll(changes=changes)

    assert (judgement.verdict, judgement.reason) == ("degraded", reason)
    assert judgement.advice
    assert remedy_for(judgement) is None


@pytest.mark.parametrize("state", ["", "closed", "opening", "ready", "a word of next year"])
def test_a_database_that_is_not_known_to_fail_needs_no_look(state: str) -> None:
    """Nor does one that a later version calls by another word."""
    storage = schema.Storage(kind="postgresql", state=state, retried=3, failed=1)

    assert Watch().poll(changes={"storage": storage}).verdict == "healthy"


def test_a_lost_database_restarts_nothing_however_long() -> None:
    """A restart does not mend it; the advice says what does."""
    storage = schema.Storage(kind="sqlite", state="degraded", problem="the disk is full")
    watch = Watch()
    judgements = [watch.poll(changes={"storage": storage}) for _ in range(4000)]

    assert {remedy_for(each) for each in judgements} == {None}
    assert {each.verdict for each in judgements} == {"degraded"}
    assert "the disk is full" in judgements[-1].advice


def test_handlers_that_all_wait_are_degraded(watch: Watch) -> None:
    """The loop turns, and no handler has ended for a minute."""
    waiting = schema.TaskName(active=12, created=40, completed=28, oldest_s=90.0)
    tasks = schema.Tasks(active=12, by_name={"discord.py: on_message": waiting})

    watch.polls_until("degraded", changes={"tasks": tasks})

    assert watch.judgement.reason == "tasks_waiting"


def test_memory_over_its_limit_for_its_time_asks_for_a_graceful_restart() -> None:
    """SIGTERM first; no budget is spent."""
    watch = Watch(limits=Limits(heavy_bytes=100, heavy_s=5.0))

    polls = watch.polls_until("degraded", changes={"process": schema.Process(rss_bytes=101)})
    remedy = remedy_for(watch.judgement)

    assert polls >= 10
    assert remedy is not None
    assert (remedy.steps, remedy.counted) == (("terminate", "kill"), False)


@pytest.mark.parametrize(
    ("program", "standing", "verdict", "reason"),
    [
        pytest.param("EXITED", Standing(), "dead", "ended", id="just ended"),
        pytest.param("EXITED", Standing(kind="waiting", reason="SIGKILL"), "dead", "SIGKILL",
                     id="waits for its restart"),
        pytest.param("EXITED", Standing(kind="retrying", reason="rate_limit"), "backing_off",
                     "rate_limit", id="retry at"),
        pytest.param("EXITED", Standing(kind="held", reason="exit 1"), "held", "exit 1", id="held"),
        pytest.param("EXITED", Standing(kind="failed", reason="exit 78"), "failed", "exit 78",
                     id="failed"),
        pytest.param("EXITED", Standing(kind="stopped", reason="exit 0"), "stopped", "exit 0",
                     id="exit 0"),
        pytest.param("STOPPED", Standing(kind="held", reason="exit 1"), "stopped", "operator",
                     id="stopped though held"),
        pytest.param("STOPPING", Standing(), "stopped", "stopping", id="stopping"),
        pytest.param("FATAL", Standing(kind="waiting", reason="start_failed"), "dead",
                     "start_failed", id="can't be started"),
    ],
)  # fmt: skip
def test_without_a_process_the_standing_decides(
    program: Any, standing: Standing, verdict: str, reason: str
) -> None:
    """supervisord's state and what was decided about the last end."""
    sight = Sight(gap_s=0.5, program=ProgramSight(state=program, pid=0))

    judgement = judge(Observation(sight=sight, progress=Progress(), standing=standing), LIMITS)

    assert (judgement.verdict, judgement.reason) == (verdict, reason)


def test_nobody_knows_when_supervisord_is_silent() -> None:
    """No process seen, and nobody to ask."""
    sight = Sight(gap_s=0.5, program=None, program_trouble="timeout")

    judgement = judge(Observation(sight=sight, progress=Progress()), LIMITS)

    assert (judgement.verdict, judgement.reason) == ("unknown", "supervisord_timeout")


def test_a_bot_that_serves_is_healthy_while_supervisord_is_silent(watch: Watch) -> None:
    """The warning says what is wrong."""
    judgement = watch.poll(program=None)

    assert judgement.verdict == "healthy"
    assert judgement.warnings == ("supervisord_timeout",)


def test_a_bot_that_says_it_failed_for_good_is_believed(watch: Watch) -> None:
    """Its own words are the advice."""
    failure = schema.Failure(kind="invalid_token", message="Put a token into .env", permanent=True)

    judgement = watch.poll(changes={"state": "failed", "failure": failure})

    assert (judgement.verdict, judgement.reason) == ("failed", "invalid_token")
    assert judgement.advice == "Put a token into .env"


# Properties

gaps = st.floats(0, 2000) | st.just(0.5)
wild = st.floats(allow_nan=True, allow_infinity=True)
beats = st.fixed_dictionaries(
    {
        "turning": st.just(True),
        "gap_s": gaps,
        "process": st.fixed_dictionaries({"cpu_s": wild, "running": st.sampled_from([None, 0, 3])}),
    }
)


@given(st.lists(beats, max_size=60))
def test_a_bot_that_progresses_is_never_restarted(polls: list[dict[str, Any]]) -> None:
    """Whatever the gaps between polls and whatever its processor time."""
    watch = Watch()

    for poll in polls:
        assert remedy_for(watch.poll(**poll)) is None


@given(
    st.lists(
        st.tuples(wild, wild, wild, wild),
        max_size=40,
    )
)
def test_no_time_in_a_beat_restarts_a_bot_that_progresses(
    times: list[tuple[float, float, float, float]],
) -> None:
    """Future times, negative ages, NaN: ages are for people."""
    progress = Progress()

    for sequence, (age_s, pulse_age_s, monotonic_s, lag_ms) in enumerate(times):
        beat = schema.Heartbeat(
            boot_id="boot", pid=WHO.pid, process_started=WHO.started, instance="first",
            sequence=sequence, written_at="2038-01-19T03:14:08Z", monotonic_s=monotonic_s,
            interval_s=1.0, state="ready",
            loop=schema.Loop(pulse=sequence, pulse_age_s=pulse_age_s, lag_ms_p99=lag_ms),
        )  # fmt: skip
        sight = Sight(
            gap_s=0.5, program=RUNNING, process=ProcessSight(identity=WHO),
            beat=BeatSight(beat=beat, age_s=age_s),
        )  # fmt: skip
        progress = advance(progress, sight, LIMITS)
        judgement = judge(Observation(sight=sight, progress=progress), LIMITS)
        assert remedy_for(judgement) is None


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.floats(0.5, 1.0))
def test_a_real_hang_is_found_whatever_came_before(past: list[bool], gap_s: float) -> None:
    """Within the limit and two polls of its beginning, at any punctual pace."""
    watch = Watch()
    for turning in past:
        watch.poll(turning=turning)
    watch.verdicts(4)

    polls = watch.polls_until("hung", turning=False, gap_s=gap_s, most=HUNG_POLLS + 4)

    assert polls >= HUNG_POLLS - 3


def test_the_healthy_beat_of_these_tests_is_a_beat() -> None:
    """What is judged here can be written and read."""
    assert schema.decode(schema.encode(HEALTHY)) == HEALTHY
