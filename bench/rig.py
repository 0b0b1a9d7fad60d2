"""What the benchmarks share: an installation, the plain bot, and how long an answer takes."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from tests.system.installation import Installation

PLAIN = "bench.plain_bot"
ASK_EVERY_S = 0.03
SUPERVISORD_CONF = """\
[unix_http_server]
file={folder}/plain.sock
[supervisord]
nodaemon=true
silent=true
logfile={folder}/logs/plain-supervisord.log
pidfile={folder}/plain.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{folder}/plain.sock
[program:plain]
command={python} -m {module}
directory={folder}
autorestart=true
redirect_stderr=true
stdout_logfile={folder}/logs/plain.log
"""


@contextlib.contextmanager
def installed(**settings: object) -> Iterator[Installation]:
    """Yield an installation with its simulator running; everything ends with the block."""
    installation = Installation(**settings)
    try:
        installation.start_simulator()
        yield installation
    finally:
        left = installation.close()
        installation.remove()
        if left:
            sys.stderr.write(f"left behind: {left}\n")


def plain_environment(installation: Installation) -> dict[str, str]:
    """Answer what the plain bot needs to find the simulator."""
    addresses = installation.simulator.addresses
    return {
        "PATH": os.environ["PATH"],
        "DISCORD_API_URL": addresses["api_url"],
        "DISCORD_GATEWAY_URL": addresses["gateway_url"],
        "DISCORD_TOKEN": "simulator-token",
    }


def start_plain(installation: Installation) -> subprocess.Popen[bytes]:
    """Start the plain bot alone."""
    return installation.start(*installation.python(PLAIN), env=plain_environment(installation))


def start_supervised_plain(
    installation: Installation, module: str = PLAIN
) -> subprocess.Popen[bytes]:
    """Start a plain bot under supervisord with `autorestart=true`, as people do."""
    conf = installation.folder / "plain.conf"
    python = installation.folder / ".venv/bin/python"
    conf.write_text(
        SUPERVISORD_CONF.format(folder=installation.folder, python=python, module=module)
    )
    command = installation.python("supervisor.supervisord", "-c", str(conf))
    return installation.start(*command, env=plain_environment(installation))


def until_answered(installation: Installation, *, within_s: float = 60.0) -> float | None:
    """Ask again and again; answers the monotonic time of the first reply, None without one."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        said = installation.simulator.say("!ping again", wait_s=ASK_EVERY_S)
        if said["reply"] is not None and said["reply"]["content"] == "pong again":
            return time.monotonic()
    return None


def running_pid(installation: Installation, module: str) -> int:
    """Answer the pid of the process that runs `-m` *module*."""
    (line,) = [line for line in installation.commands() if line.endswith(f"-m {module}")]
    return int(line.partition(":")[0])


def spread(times_s: Sequence[float]) -> str:
    """Answer median, least and most, in seconds."""
    median = statistics.median(times_s)
    return f"{median:6.2f} s  ({min(times_s):.2f} to {max(times_s):.2f}, {len(times_s)} rounds)"
