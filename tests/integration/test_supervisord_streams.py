"""supervisord under `deploy.supervisord`: no full disk ends it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.watchdog_rig import ROOT, wait_for
from watchdog.errors import SupervisordError
from watchdog.supervisord.rpc import SupervisordRpc

FULL = Path("/dev/full")  # each write to it is refused: no space left on device
CONFIG = """
[supervisord]
nodaemon = true
silent = true
logfile = /dev/full
logfile_maxbytes = 0
pidfile = %(here)s/supervisord.pid

[unix_http_server]
file = %(here)s/socket

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[program:short]
command = true
startsecs = 0
"""


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_it_serves_with_its_log_and_its_output_on_a_full_disk(tmp_path: Path) -> None:
    """Each line that it logs is refused, and so is what it prints about that."""
    config = tmp_path / "supervisord.conf"
    config.write_text(CONFIG)
    rpc = SupervisordRpc(tmp_path / "socket", timeout_s=5)

    def has_run() -> bool:
        try:
            return bool(rpc.call("getProcessInfo", "short")["statename"] == "EXITED")
        except SupervisordError:
            return False

    with FULL.open("wb") as full:
        command = [sys.executable, "-m", "deploy.supervisord", "-c", str(config)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=full, stderr=full)
    try:
        wait_for(has_run, deadline_s=10)
        assert rpc.call("startProcess", "short", False)  # it may end before anybody looks
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
