"""What a plugin starts and forgets ends with the bot that it belongs to."""

from __future__ import annotations

import pytest

from tests.system.conftest import Make
from tests.system.fault_rows import fault
from tests.system.faulty_bot import exists
from tests.system.installation import Installation, until
from tests.system.roles import wait_spare

CHILDREN = '''
"""A plugin that starts processes and forgets them: one in its group, one that left it."""

import os
import subprocess
from pathlib import Path

async def setup(bot):
    for kind in ("member", "daemon"):
        child = subprocess.Popen(["sleep", "600"], start_new_session=kind == "daemon")
        Path(f"{kind}-of-{os.getpid()}").write_text(str(child.pid))
'''


def child(installation: Installation, kind: str, bot: int) -> int:
    """Answer the pid of the child of *bot*."""
    return int((installation.folder / f"{kind}-of-{bot}").read_text())


def with_children(make_installation: Make) -> Installation:
    """Answer an installation with that plugin; nothing is started."""
    installation = make_installation(PLUGINS="bot.plugins.general,children")
    (installation.folder / "children.py").write_text(CHILDREN)
    installation.start_simulator()
    return installation


@fault(
    82,
    "children left by a plugin",
    answer="ended with the process group of the bot that died; one that made a session of its own"
    " when the run ends",
)
@pytest.mark.slow
def test_fault_82_children_of_a_plugin(make_installation: Make) -> None:
    """A dead bot's children end, those of the living do not."""
    installation = with_children(make_installation)
    shell = installation.never_down()
    bot, spare = installation.wait_ready().pid, wait_spare(installation).pid
    orphan, daemon = child(installation, "member", bot), child(installation, "daemon", bot)

    installation.kill(bot)
    until(lambda: not exists(installation, orphan), "its child ends")
    installation.wait_ready(not_pid=bot)  # a spare sets its plugins up once it leads

    assert exists(installation, child(installation, "member", spare))
    assert exists(installation, daemon)  # it left the group on purpose
    assert installation.stop(shell) == 0
    assert [line for line in installation.commands() if "-m simulator" not in line] == []


def test_stopping_ends_what_a_plugin_started(make_installation: Make) -> None:
    """supervisord ends the whole process group, not the bot alone."""
    installation = with_children(make_installation)
    plugin = installation.folder / "children.py"
    plugin.write_text(CHILDREN.replace('("member", "daemon")', '("member",)'))
    supervisord = installation.start_supervisord()
    bot = installation.wait_ready().pid
    assert exists(installation, child(installation, "member", bot))

    installation.stop(supervisord, within_s=10)

    assert not any("sleep 600" in line for line in installation.commands())
