"""What random storms have found, each as the shortest story of it; all on the made-up machine."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from bot.gateway.signals import Closed, SessionInvalid
from tests.storm.bots import STOPPED, BotProcess, forged
from tests.storm.machine import Process
from tests.storm.scene import Scene, staged
from watchdog.heartbeat import schema

WARM_S = 10.0


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A service that is about to start."""
    with staged() as staged_scene:
        yield staged_scene
        assert staged_scene.machine.wrongs == []


@pytest.fixture
def serving(scene: Scene) -> Scene:
    """A service with a leader and a spare."""
    scene.run(WARM_S)
    assert scene.verdict == "healthy"
    return scene


def process(scene: Scene, program: str) -> BotProcess:
    """Answer the process of *program*, which runs."""
    found = scene.process(program)
    assert found is not None
    return found


def pids(scene: Scene) -> list[int]:
    """Answer the pids of both bots."""
    return [bot.pid for bot in scene.living()]


def test_a_bot_that_starts_on_a_full_disk_is_not_killed_when_it_is_mended(scene: Scene) -> None:
    """Its first beat is on its way; the time in which none could be written does not count."""
    before = pids(scene)
    scene.shelf.is_full = True
    scene.run(2 * scene.settings.startup_timeout_s)
    scene.shelf.is_full = False
    scene.run(WARM_S)

    assert pids(scene) == before
    assert scene.verdict == "healthy"


def test_a_bot_that_serves_is_not_killed_when_the_disk_is_mended(serving: Scene) -> None:
    """No beat for a minute, then one: nobody was frozen."""
    before = pids(serving)
    serving.shelf.is_full = True
    serving.run(60.0)
    serving.shelf.is_full = False
    serving.run(WARM_S)

    assert pids(serving) == before


def test_a_connection_that_was_lost_before_the_disk_was_full_is_no_zombie(serving: Scene) -> None:
    """The last beat says `connecting` for as long as no newer one can be written."""
    before = pids(serving)
    serving.discord.silent = True
    serving.discord.trouble(Closed())
    serving.run(3.0)
    serving.discord.heal()
    serving.shelf.is_full = True
    serving.run(2 * serving.settings.zombie_after_s)
    serving.shelf.is_full = False
    serving.run(WARM_S)

    assert pids(serving) == before
    assert serving.serves


def test_nothing_is_forgiven_while_nobody_sees_how_it_is(serving: Scene) -> None:
    """Without beats a bot that hangs looks like one that is well."""
    process(serving, "bot").take(signal.SIGKILL)
    serving.run(WARM_S)
    serving.shelf.is_full = True
    serving.run(2 * serving.settings.forgiven_after_s)
    history = serving.guardian.keepers[0].tools.planner.history
    serving.shelf.is_full = False
    serving.run(serving.settings.forgiven_after_s + WARM_S)

    assert len(history.failures) == 1
    assert serving.guardian.keepers[0].tools.planner.history.failures == ()


def test_a_stranger_that_a_beat_named_is_let_go(serving: Scene) -> None:
    """Adopted while supervisord was silent, it would have stood in the bot's place for ever."""
    machine = serving.machine
    stranger = Process(machine, "stranger", parent_pid=1)
    beat = forged(stranger)
    process(serving, "spare").take(signal.SIGSTOP)
    process(serving, "bot").take(signal.SIGKILL)
    serving.kill_watchdog()
    machine.advance(2.0)
    serving.supervisord.take(signal.SIGSTOP)
    (serving.folder / "state/heartbeat.json").write_bytes(schema.encode(beat))
    serving._hire()
    serving.run(3.0)
    serving.supervisord.take(signal.SIGCONT)
    serving.run(60.0)

    assert serving.serves
    assert serving.process("bot") is not None


def test_settings_that_are_mended_while_the_old_ones_fail_are_tried(serving: Scene) -> None:
    """The spare leads with the old token, the other program has the new one already."""
    process(serving, "bot").take(signal.SIGKILL)
    serving.discord.limited_s = 60.0
    serving.run(3.0)
    serving.discord.token = "second"
    serving.write_token("second")
    process(serving, "bot").take(signal.SIGKILL)
    serving.run(5.0)
    serving.discord.heal()
    serving.discord.trouble(Closed(code=4004))
    serving.run(90.0)

    assert serving.serves
    assert serving.verdict == "healthy"


def test_a_shutdown_is_not_taken_back_by_a_start_that_was_planned(serving: Scene) -> None:
    """The program `bot` is to be started when the leader, in the program `spare`, is shut down."""
    process(serving, "bot").take(signal.SIGTERM)
    assert serving.watchdog is not None
    serving.watchdog.stopped = True
    serving.run(3.0)
    process(serving, "spare").ask_to_end(STOPPED)
    serving.run(2.0)
    serving.watchdog.stopped = False
    serving.run(30.0)

    assert serving.leader() is None
    assert serving.verdict == "stopped"


@pytest.mark.parametrize("set_s", [-7200.0, 3600.0, 90_000.0])
def test_a_clock_that_is_set_frees_no_logins(serving: Scene, set_s: float) -> None:
    """Ten minutes are ten minutes, whatever the time of day is."""
    for _ in range(8):
        serving.discord.trouble(SessionInvalid(resumable=False))
        serving.run(20.0)
        serving.machine.unix_s += set_s

    assert len(serving.discord.identified_at_s) == 4
    assert serving.verdict == "backing_off"


def test_a_clock_that_is_set_back_makes_no_wait_longer(scene: Scene) -> None:
    """A minute that Discord asked for is a minute for the next process as well."""
    scene.discord.limited_s = 60.0
    scene.run(WARM_S)
    scene.discord.heal()
    scene.machine.unix_s -= 7200.0
    process(scene, "bot").take(signal.SIGKILL)
    scene.run(90.0)

    assert scene.serves


def test_a_shutdown_that_no_watchdog_saw_is_one(scene: Scene) -> None:
    """The leader ended with 0 before a watchdog knew that it led, and the spare crashes."""
    scene.kill_watchdog()
    scene.machine.advance(1.2)
    process(scene, "bot").ask_to_end(STOPPED)
    scene.run(WARM_S)
    scene.broken = True
    process(scene, "spare").take(signal.SIGKILL)
    scene.run(2 * scene.settings.restart_window_s)

    assert scene.verdict == "stopped"


def test_a_silent_supervisord_does_not_mix_the_programs_up(serving: Scene) -> None:
    """The other program's process is not taken for one's own, nor a failure for forgotten."""
    process(serving, "bot").take(signal.SIGKILL)
    serving.run(WARM_S)
    serving.discord.token = "second"
    serving.discord.trouble(Closed(code=4004))
    serving.run(WARM_S)
    before = serving.verdict
    serving.supervisord.take(signal.SIGSTOP)
    serving.run(15.0)
    serving.supervisord.take(signal.SIGCONT)
    serving.run(WARM_S)

    assert (before, serving.verdict) == ("failed", "failed")
    assert serving.guardian.casebook.open is not None


def test_a_watchdog_that_starts_beside_a_silent_supervisord_renews_no_budget(
    serving: Scene,
) -> None:
    """Whom it finds by a beat may be of the other program; nobody is taken for an operator's."""
    process(serving, "bot").take(signal.SIGKILL)
    serving.run(WARM_S)
    serving.supervisord.take(signal.SIGSTOP)
    serving.kill_watchdog()
    serving._back_at_s = serving.machine.now_s
    serving._hire()
    serving.run(20.0)
    serving.supervisord.take(signal.SIGCONT)
    serving.run(WARM_S)
    histories = [keeper.tools.planner.history for keeper in serving.guardian.keepers]

    assert [len(history.failures) for history in histories] == [1, 0]
    assert serving.verdict == "healthy"


def test_a_bot_that_waits_and_dies_does_not_take_a_shutdown_back(serving: Scene) -> None:
    """A start of the program `bot` is the wish to serve, but not one of the watchdog's."""
    process(serving, "bot").take(signal.SIGKILL)
    serving.run(WARM_S)
    process(serving, "spare").ask_to_end(STOPPED)
    serving.run(WARM_S)
    serving.order("start", "spare")
    serving.run(WARM_S)
    process(serving, "bot").take(signal.SIGKILL)
    serving.run(60.0)
    stopped = serving.leader() is None and serving.verdict == "stopped"
    serving.order("start", "bot")
    serving.run(WARM_S)

    assert stopped
    assert serving.serves


def test_a_shutdown_while_the_other_program_starts_is_not_taken_back(serving: Scene) -> None:
    """It was ordered before, comes to an end of its start after, and waits."""
    process(serving, "bot").take(signal.SIGTERM)
    old = process(serving, "bot")
    while serving.process("bot") in (old, None):
        serving.run(0.05)
    starting = process(serving, "bot")
    starting.stopped = True
    process(serving, "spare").ask_to_end(STOPPED)
    serving.run(1.0)
    starting.stopped = False
    serving.run(30.0)

    assert serving.leader() is None


def test_a_bot_that_hangs_before_it_takes_a_stop_back_is_tried_again(scene: Scene) -> None:
    """Whoever started it wished it to serve: an operator, or a supervisord that starts."""
    (scene.folder / "state/stood-down.json").write_text("{}")
    process(scene, "bot").hang = "interpreter"
    scene.run(scene.settings.startup_timeout_s + WARM_S)

    assert scene.serves


def test_what_stays_down_is_stopped_though_both_have_died(serving: Scene) -> None:
    """Neither is dead by mistake."""
    process(serving, "bot").take(signal.SIGKILL)
    serving.run(WARM_S)
    process(serving, "spare").ask_to_end(STOPPED)
    serving.run(WARM_S)
    serving.order("start", "spare")
    serving.run(WARM_S)
    serving.broken = True
    process(serving, "bot").take(signal.SIGKILL)
    process(serving, "spare").take(signal.SIGKILL)
    serving.run(60.0)

    assert serving.verdict == "stopped"


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_a_bot_that_an_operator_starts_and_that_crashes_is_tried_again(
    serving: Scene, seconds: float
) -> None:
    """Before it takes back that nobody is to lead; the wish is known all the same."""
    serving.order("stop", "bot")
    serving.run(WARM_S)
    serving.order("start", "bot")
    serving.run(seconds)
    process(serving, "bot").end(1)
    serving.run(WARM_S)

    assert serving.serves
