"""Every way down keeps the session: what is said meanwhile is answered, once, without a login."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Make
from tests.system.installation import Installation, until
from tests.system.roles import wait_leader, wait_spare

BOTS = Path(__file__).parent / "bots"
RATE_PER_S, MESSAGES, EARLY = 20.0, 60, 20  # the bot goes down after *EARLY* of them
ANSWERED_WITHIN_S = 25.0
COMMAND_WITHIN_S = 3.0
SET_ASIDE_WITHIN_S = 25.0  # each death makes the next start come later
SPARE, COLD = "true", "false"

Down = Callable[[Installation], None]


def counting(make_installation: Make, **settings: object) -> Installation:
    """Answer an installation of the counting bot, with its simulator; nothing else is started."""
    installation = make_installation(
        **{"BOT_FACTORY": "counting:bot", "FORGIVEN_AFTER_S": 1} | settings
    )
    shutil.copy(BOTS / "counting.py", installation.folder)
    installation.start_simulator()
    return installation


def serve(installation: Installation) -> Installation:
    """Start supervisord; answers once there is a leader, and a spare if one is wanted."""
    installation.start_supervisord()
    installation.wait_ready()
    if installation.settings.get("STANDBY") != COLD:
        wait_spare(installation)
    return installation


def talk(installation: Installation, down: Down) -> dict[str, Any]:
    """Let people talk, and the bot go down in the middle; answers the tally."""
    simulator = installation.simulator
    simulator.load(rate_per_s=RATE_PER_S, messages=MESSAGES)
    until(lambda: simulator.tally()["answered"] >= EARLY, "the bot answers")
    down(installation)
    return simulator.tally(timeout_s=ANSWERED_WITHIN_S)


def assert_nothing_happened(installation: Installation, tally: dict[str, Any]) -> None:
    """Every message is answered once, in one session."""
    assert (tally["sent"], tally["lost_numbers"], tally["twice_numbers"]) == (MESSAGES, [], [])
    assert installation.identifies() == 1


def is_killed(installation: Installation) -> None:
    """SIGKILL, as the kernel does when memory is short."""
    os.kill(installation.bot_pid(), signal.SIGKILL)


def is_frozen(installation: Installation) -> None:
    """SIGSTOP: the watchdog has to find out."""
    os.kill(installation.bot_pid(), signal.SIGSTOP)


def is_terminated(installation: Installation) -> None:
    """SIGTERM by somebody other than supervisord."""
    os.kill(installation.bot_pid(), signal.SIGTERM)


def is_restarted(installation: Installation) -> None:
    """`supervisorctl restart bot`."""
    installation.supervisorctl("restart", "bot")


with_and_without_spare = pytest.mark.parametrize(
    "standby",
    [pytest.param(SPARE, id="spare"), pytest.param(COLD, id="cold", marks=pytest.mark.slow)],
)


@pytest.mark.parametrize(
    "down",
    [
        pytest.param(is_killed, id="kill -9"),
        pytest.param(is_frozen, id="freeze"),
        pytest.param(is_terminated, id="SIGTERM"),
        pytest.param(is_restarted, id="supervisorctl restart"),
    ],
)
@with_and_without_spare
def test_messages_while_the_bot_goes_down_are_answered_once(
    make_installation: Make, standby: str, down: Down
) -> None:
    """By the spare, or by a new process."""
    installation = serve(counting(make_installation, STANDBY=standby))

    tally = talk(installation, down)

    assert_nothing_happened(installation, tally)


@with_and_without_spare
def test_a_new_supervisord_goes_on_where_the_old_one_stopped(
    make_installation: Make, standby: str
) -> None:
    """`supervisorctl shutdown` and a new start, as a reboot has them, keep the session."""
    installation = serve(counting(make_installation, STANDBY=standby))
    supervisord = installation.started[-1]

    def shut_down(_: Installation) -> None:
        installation.supervisorctl("shutdown")
        supervisord.wait(20)
        installation.start_supervisord()

    tally = talk(installation, shut_down)

    assert_nothing_happened(installation, tally)


@pytest.mark.slow
def test_never_down_goes_on_where_it_was_stopped(make_installation: Make) -> None:
    """The shell is stopped and started again."""
    installation = counting(make_installation)
    shell = installation.never_down()
    installation.wait_ready()

    def stop_and_start(_: Installation) -> None:
        assert installation.stop(shell) == 0
        installation.never_down()

    tally = talk(installation, stop_and_start)

    assert_nothing_happened(installation, tally)


@with_and_without_spare
@pytest.mark.parametrize(
    "order", [pytest.param("before", id="just before"), pytest.param("after", id="just after")]
)
def test_a_slash_command_in_the_moment_of_the_kill_is_answered_in_time(
    make_installation: Make, standby: str, order: str
) -> None:
    """Discord takes the first answer for three seconds."""
    installation = serve(counting(make_installation, STANDBY=standby))
    until(installation.simulator.commands, "the command is there")
    pid = installation.bot_pid()

    if order == "after":
        os.kill(pid, signal.SIGKILL)
    command = installation.simulator.slash("count", options={"number": 7})
    if order == "before":
        os.kill(pid, signal.SIGKILL)
    answered = installation.simulator.wait_for_interaction(command["id"], timeout_s=10)
    created, *_, callback = [
        step["at_s"] for step in answered["timeline"] if step["what"] in ("created", "callback")
    ]

    assert answered["response"]["content"] == "counted 7"
    assert callback - created <= COMMAND_WITHIN_S


@pytest.mark.slow
@pytest.mark.parametrize(
    "poison",
    [
        pytest.param("die", id="kills the process"),
        pytest.param("hang", id="holds the interpreter's lock"),
    ],
)
@with_and_without_spare
def test_a_message_that_no_process_survives_is_set_aside(
    make_installation: Make, standby: str, poison: str
) -> None:
    """After two tries; all others are answered once, and the operator is told."""
    installation = serve(counting(make_installation, STANDBY=standby))

    def say_it(_: Installation) -> None:
        installation.simulator.say(poison)

    def set_aside() -> list[dict[str, Any]]:
        return installation.records("quarantine.jsonl")

    def told() -> list[dict[str, Any]]:
        records = installation.records("incidents.jsonl")
        return [each for each in records if each["kind"] == "poisoned_event"]

    tally = talk(installation, say_it)
    until(set_aside, "the message is set aside", within_s=SET_ASIDE_WITHIN_S)
    until(told, "an incident tells of it", within_s=SET_ASIDE_WITHIN_S)
    (aside,) = set_aside()

    assert_nothing_happened(installation, tally)
    assert f'"content":"{poison}"' in aside["raw"]


def test_a_session_that_discord_refuses_is_begun_anew(make_installation: Make) -> None:
    """The log says how many seconds of events may be missing; one login more, and it serves."""
    installation = serve(counting(make_installation, STANDBY=COLD))
    pid = installation.bot_pid()
    installation.simulator.fault("refuse_resume", times=1)
    installation.simulator.say("n 1", wait_s=5)

    os.kill(pid, signal.SIGKILL)
    wait_leader(installation, not_pid=pid)
    told = [each for each in installation.records("bot.jsonl") if each["event"] == "session.lost"]

    assert installation.say("n 2") == "got 2"
    assert installation.identifies() == 2
    assert len(told) == 1
    assert 0 <= told[0]["missing_s"] < 20


def test_each_shard_keeps_its_session(make_installation: Make) -> None:
    """A sharded client has one journal per shard; a kill costs no login of any."""
    installation = counting(make_installation, BOT_FACTORY="counting:sharded", STANDBY=COLD)
    simulator = installation.simulator
    for shard in (0, 1):
        simulator.call("add_guild", name=f"guild-{shard}", shard=shard, shard_count=2)
    serve(installation)
    until(lambda: simulator.stats()["gateway"]["identify"] == 2, "both shards are there")
    pid = installation.bot_pid()
    assert simulator.say("n 1", guild="guild-1", wait_s=10)["reply"]["content"] == "got 1"

    os.kill(pid, signal.SIGKILL)
    said = [simulator.say(f"n {shard}", guild=f"guild-{shard}") for shard in (0, 1)]
    replies = [
        simulator.wait_for_message(
            "general", after=each["id"], guild=f"guild-{shard}", timeout_s=20
        )
        for shard, each in enumerate(said)
    ]
    wait_leader(installation, not_pid=pid)

    assert [reply["content"] for reply in replies] == ["got 0", "got 1"]
    assert simulator.stats()["gateway"]["identify"] == 2
    assert sorted(path.name for path in installation.state.glob("journal-*.sqlite3")) == [
        "journal-0.sqlite3",
        "journal-1.sqlite3",
    ]


@with_and_without_spare
def test_somebody_elses_bot_keeps_its_session(make_installation: Make, standby: str) -> None:
    """It knows nothing of us, and yet nobody waits in vain."""
    installation = make_installation(BOT_FACTORY="ordinary:bot", STANDBY=standby)
    shutil.copy(BOTS / "ordinary.py", installation.folder)
    installation.start_simulator()
    serve(installation)
    assert installation.say("?hello") == "hello 1"

    os.kill(installation.bot_pid(), signal.SIGKILL)
    said = [installation.say("?hello").partition(" ")[0] for _ in range(2)]
    replies = [each for each in installation.simulator.messages() if each["is_bot"]]

    assert said == ["hello", "hello"]
    assert len(replies) == 3, "the first one may be greeted again, but not told so twice"
    assert installation.identifies() == 1


@pytest.mark.parametrize(
    ("ends_session", "code"),
    [pytest.param("true", 1000, id="ended"), pytest.param("false", 4000, id="kept")],
)
def test_an_operators_stop_may_end_the_session(
    make_installation: Make, ends_session: str, code: int
) -> None:
    """With `STOP_ENDS_SESSION` Discord shows the bot offline at once."""
    installation = serve(counting(make_installation, STOP_ENDS_SESSION=ends_session))

    installation.supervisorctl("stop", "bot")
    (gone,) = installation.simulator.gateway_log(event="disconnect")
    said = installation.simulator.say("n 1")
    installation.supervisorctl("start", "bot")
    wait_leader(installation)
    answered = installation.simulator.wait_for_message if ends_session == "false" else None

    assert gone["code"] == code
    if answered is not None:
        assert answered(after=said["id"], timeout_s=10)["content"] == "got 1"
    assert installation.identifies() == (2 if code == 1000 else 1)
