"""What an installation leaves behind after a storm: files for its user alone, and no secrets.

docs/security.md has the table of which file may hold what; HOLDERS is the same table.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration.webhook_stand_in import Webhook, answer, webhook
from tests.ports import free_port
from tests.system.conftest import Make
from tests.system.installation import Installation, until
from tests.system.roles import wait_leader, wait_spare
from watchdog.heartbeat import privacy, recordfile

TOKEN = "MTIzNDU2Nzg5.GabcDE.token-of-the-bot_0123456789abcdef"
WRONG_TOKEN = "MTIzNDU2Nzg5.GabcDE.token-that-is-wrong_0123456789ab"
WEBHOOK_SECRET = "very-secret-token"  # of the stand-in's path
PUSH_SECRET = "push-monitors-secret-key"
PASSWORD = "p@ss/word-of-the-database"
CONTENT = "content-that-somebody-wrote"
USER = "user-with-a-name-of-her-own"
SECRETS = (TOKEN, WRONG_TOKEN, WEBHOOK_SECRET, PUSH_SECRET, PASSWORD)
# Which files in state/ and logs/ may hold what people wrote, and their names; secrets: none.
HOLDERS = {
    CONTENT: re.compile(r"logs/quarantine\.jsonl(\.1)?"),
    USER: re.compile(r"state/journal-\d+\.sqlite3(-wal|-shm)?|logs/quarantine\.jsonl(\.1)?"),
}
# These are made by supervisord itself, with the umask of who started it without deploy.supervisord.
SUPERVISORDS = re.compile(r"(supervisord\.(log|pid)|\w+\.(stdout|stderr)\.log)(\.\d)?")
TESTS = "test.log"
LEAKS = ("log", "print", "thread", "task", "database", "outbound")
PATHS = ("/", "/healthz", "/readyz", "/livez", "/metrics", "/nothing", f"/{TOKEN}", "/?%00")


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """Files are made for everybody, unless whoever makes them says otherwise."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def files(installation: Installation) -> dict[str, Path]:
    """Answer what lies in state/ and logs/ by its name from the installation's folder on."""
    found: dict[str, Path] = {}
    for folder in (installation.state, installation.logs):
        found[folder.name] = folder
        for path in folder.rglob("*"):
            if path.name != TESTS:
                found[path.relative_to(installation.folder).as_posix()] = path
    return found


def open_to_others(installation: Installation) -> dict[str, str]:
    """Answer the mode of everything that others than its owner have any right to."""
    modes = {}
    for name, path in files(installation).items():
        with contextlib.suppress(FileNotFoundError):  # a temporary file, replaced meanwhile
            mode = path.lstat().st_mode
            if mode & 0o077:
                modes[name] = stat.filemode(mode)
    return modes


def holders(installation: Installation, text: str) -> set[str]:
    """Answer the files that hold *text*, plain or as it looks in an address."""
    forms = {text.encode(), quote(text, safe="").encode()}
    found = set()
    for name, path in files(installation).items():
        with contextlib.suppress(OSError):  # a socket, or gone meanwhile
            raw = path.read_bytes() if path.is_file() else b""
            if any(form in raw for form in forms):
                found.add(name)
    return found


def assert_clean(installation: Installation) -> None:
    """Check that every file holds what it may, and no more."""
    for secret in SECRETS:
        assert holders(installation, secret) == set(), secret
    for text, may_hold in HOLDERS.items():
        held = holders(installation, text)
        assert {name for name in held if not may_hold.fullmatch(name)} == set(), text


def fill(path: Path, size: int) -> None:
    """Leave a file that is about to be rotated."""
    path.touch(mode=0o600)
    line = b'{"timestamp": "2026-01-01T00:00:00Z", "level": "info", "event": "old"}\n'
    path.write_bytes(line * (size // len(line)))


@pytest.mark.slow
def test_all_that_is_made_is_private(make_installation: Make) -> None:
    """New, rotated, set aside, dumped or spooled: 0600 in folders of 0700, whatever the umask."""
    with webhook(answer(500)) as hook:
        installation = make_installation(ALERT_WEBHOOK_URL=hook.url, FROZEN_AFTER_S=1)
        for folder in (installation.state, installation.logs):
            folder.chmod(0o755)  # as a checkout makes them
        for name in ("bot.jsonl", "watchdog.jsonl"):
            fill(installation.logs / name, recordfile.MAX_BYTES)
        fill(installation.logs / "quarantine.jsonl", 2 * 1024 * 1024)
        fill(installation.logs / "incidents.jsonl", 2 * 1024 * 1024)
        simulator = installation.start_simulator()
        installation.never_down()
        first = installation.wait_ready(within_s=60)
        wait_spare(installation)
        simulator.fault("malformed_event")
        assert installation.say("!ping a") == "pong a"
        installation.kill(first.pid, signal.SIGUSR1)
        installation.kill(first.pid)
        second = wait_leader(installation, not_pid=first.pid)
        wait_spare(installation, not_pid=second.pid)
        installation.kill(second.pid, signal.SIGSTOP)
        wait_leader(installation, not_pid=second.pid)
        until(lambda: list((installation.state / "alerts").glob("0*.json")), "an alert waits")
        made = set(files(installation))

        assert open_to_others(installation) == {}
        assert stat.S_IMODE((installation.folder / ".env").stat().st_mode) == 0o600
        assert made >= {
            "logs/bot.jsonl.1", "logs/watchdog.jsonl.1", "logs/quarantine.jsonl.1",
            "logs/incidents.jsonl.1", "logs/bot.stacks.log", "logs/watchdog.stacks.log",
            "logs/bot.stderr.log", "logs/supervisord.log", "logs/supervisord.stdout.log",
            "state/journal-0.sqlite3-wal", "state/journal-0.sqlite3-shm", "state/never_down.pid",
            "state/leader.lock", "state/supervisor.sock", "state/supervisord.pid", "state/alerts",
        }  # fmt: skip


def storm(installation: Installation, hook: Webhook) -> None:
    """Have everything go wrong that brings secrets into words."""
    simulator = installation.start_simulator("--token", TOKEN)
    simulator.call("add_user", name=USER)
    installation.write_env(DISCORD_TOKEN=WRONG_TOKEN)
    command = installation.python("supervisor.supervisord", "-c", "supervisord.conf")
    # A core would be left, were it not for the processes themselves.
    installation.start(
        "/bin/bash", "-c", 'ulimit -S -c "$(ulimit -H -c)"; exec "$@"', "-", *command
    )
    until(lambda: installation.verdict() == "failed", "the token is refused", within_s=30)
    installation.write_env(DISCORD_TOKEN=TOKEN)
    installation.wait_ready()
    wait_spare(installation)

    for name in LEAKS:
        simulator.say(f"!{name} {CONTENT}", user=USER)
    simulator.say(f"!need {CONTENT}", user=USER)
    simulator.say(f"!{CONTENT}", user=USER)
    simulator.fault("route_429", path="/interactions/*/*/callback", retry_after_s=0.1, times=1)
    simulator.slash("ping", wait_s=10)
    simulator.fault("malformed_event")
    assert installation.say("!leaked") == "leaked"
    ask_for_everything(installation)
    simulator.say(f"!hang {CONTENT}", user=USER)
    until(lambda: set_aside(installation) == 1, "the hang is set aside", within_s=30)
    simulator.say(f"!crash {CONTENT}", user=USER)
    until(lambda: set_aside(installation) == 2, "the crash is set aside", within_s=30)
    assert installation.say("!leaked", within_s=15) == "leaked"
    until(lambda: any(hook.titles[3:]), "alerts are delivered at last")
    wait_leader(installation)
    wait_spare(installation)


def set_aside(installation: Installation) -> int:
    """Answer how many messages were given up on, since processes died of them."""
    records = installation.records("bot.jsonl")
    return sum("processes died" in str(record.get("error")) for record in records)


def ask_for_everything(installation: Installation) -> None:
    """Ask what people ask, and check what they are told."""
    told = [installation.http(path)[1].decode() for path in PATHS]
    told.append(installation.run(*installation.python("watchdog", "status", "--json"))[1])
    told.append(installation.run(*installation.python("bot", "check"))[1])
    told.append(installation.supervisorctl("status"))
    for text in (*SECRETS, CONTENT, USER):
        assert [each for each in told if text in each or quote(text, safe="") in each] == [], text


def programs(installation: Installation) -> list[int]:
    """Answer the pids of supervisord and its programs, not the simulator's."""
    pids = [each.pid for each in installation.processes()]
    return [pid for pid in pids if "-m\0simulator" not in read(pid, "cmdline")]


def limit_of(pid: int) -> str:
    """Answer the soft limit of core files of *pid*."""
    line = re.search(r"^Max core file size +(\S+)", read(pid, "limits"), re.MULTILINE)
    assert line is not None
    return line[1]


def read(pid: int, name: str) -> str:
    """Answer what /proc says of *pid*."""
    return Path(f"/proc/{pid}/{name}").read_bytes().decode("utf-8", "replace")


@pytest.mark.slow
def test_no_secret_is_left_by_a_storm(make_installation: Make) -> None:
    """Wrong token, tracebacks, prints, hang, crash, dead database and webhook: none is told."""
    password = quote(PASSWORD, safe="")
    with webhook(answer(500), answer(500), answer(500), answer(204)) as hook:
        installation = make_installation(
            PLUGINS="bot.plugins.general,bot.plugins.admin,tests.system.bots.leaking",
            ALERT_WEBHOOK_URL=hook.url,
            PUSH_MONITOR_URL=f"http://127.0.0.1:{free_port()}/push/{PUSH_SECRET}?status=up",
            DATABASE_URL=f"postgresql://novera:{password}@127.0.0.1:{free_port()}/novera",
            LOG_LEVEL="DEBUG",
            HUNG_AFTER_S=1,
            FROZEN_AFTER_S=1,
            MAX_RESTARTS=20,
            RESTART_BASE_S=0.05,
            RESTART_CAP_S=0.1,
        )
        storm(installation, hook)

        assert_clean(installation)
        assert holders(installation, USER) != set()  # the journal has it: whoever looks would find
        events = {record["event"] for record in installation.records("bot.jsonl")}
        assert {"token.leaked", "command.failed", "bot.failed"} <= events
        assert "[redacted]" in installation.text("bot.jsonl")
        raw = [
            f"{name}.{stream}.log" for name in ("bot", "spare") for stream in ("stdout", "stderr")
        ]
        printed = [installation.text(name) for name in raw]
        assert sum(text.count("[redacted]") for text in printed) >= 3  # both prints, the thread
        assert_processes_tell_nothing(installation)
        assert [path.name for path in installation.folder.glob("*core*")] == []
        assert_alerts_tell_nothing(hook)
        assert set(open_to_others(installation)) <= {
            name for name in files(installation) if SUPERVISORDS.fullmatch(Path(name).name)
        }


def assert_processes_tell_nothing(installation: Installation) -> None:
    """Check what other users may read of the processes, and that none would leave a core."""
    ours = programs(installation)
    assert len(ours) >= 4  # supervisord, watchdog, bot, spare
    for pid in ours:
        shown = read(pid, "cmdline") + read(pid, "comm") + read(pid, "status")
        assert [secret for secret in SECRETS if secret in shown] == []
        assert [secret for secret in SECRETS if secret in read(pid, "environ")] == []
        assert stat.S_IMODE(Path(f"/proc/{pid}/environ").stat().st_mode) == 0o400
    limits = {limit_of(pid) for pid in ours if "supervisor" not in read(pid, "cmdline")}
    assert limits == {str(privacy.NO_CORE_BYTES)}


def assert_alerts_tell_nothing(hook: Webhook) -> None:
    """Check what was sent to the operator, which goes through somebody else's service."""
    sent = repr(hook.bodies)
    assert "Novera" in sent
    assert [text for text in (*SECRETS, CONTENT, USER) if text in sent] == []


@pytest.mark.slow
def test_without_the_shell_all_is_private_too(installation: Installation) -> None:
    """In a container, say: our way to start supervisord has it make its own files so."""
    for folder in (installation.state, installation.logs):
        folder.chmod(0o755)
    installation.start_simulator()
    installation.start(*installation.python("deploy.supervisord", "-c", "supervisord.conf"))
    installation.wait_ready()
    wait_spare(installation)

    assert open_to_others(installation) == {}
    assert {limit_of(pid) for pid in programs(installation)} == {str(privacy.NO_CORE_BYTES)}
