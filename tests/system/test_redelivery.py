"""What a handler hears of an event that killed its process is what the first one heard."""

from __future__ import annotations

import json
import os
import shutil
import signal
import urllib.request
from typing import Any

from tests.system.conftest import Make
from tests.system.installation import Installation, until
from tests.system.roles import wait_spare
from tests.system.test_zero_loss import BOTS, COLD, with_and_without_spare

# What, before, after: each needs a cache as it was before the event.
EVENTS: list[tuple[str, Any, Any]] = [
    ("join", None, "carol"),
    ("leave", "bob", None),
    ("roles", [], ["helpers"]),
    ("role", "old role", "new role"),
    ("role gone", "lost role", None),
    ("channel", "old-channel", "new-channel"),
    ("channel gone", "lost-channel", None),
]


def ask(installation: Installation, method: str, path: str, **body: Any) -> Any:
    """Call the simulated Discord with the bot's own token."""
    request = urllib.request.Request(
        f"{installation.settings['DISCORD_API_URL']}{path}",
        data=json.dumps(body).encode() if body else None,
        headers={
            "Authorization": f"Bot {installation.settings['DISCORD_TOKEN']}",
            "Content-Type": "application/json",
        },
        method=method,
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        raw = response.read()
    return json.loads(raw) if raw else None


def heard(installation: Installation, *, again: bool) -> list[tuple[str, Any, Any]]:
    """Answer what the handlers were given, for the first time or again."""
    return sorted(
        (line["what"], line["before"], line["after"])
        for line in installation.records("heard.jsonl")
        if line["again"] is again
    )


def unfinished(installation: Installation) -> int:
    """Answer how many events the journal knows to be in the middle."""
    beat = installation.beat()
    return 0 if beat is None else beat.gateway.journal.unfinished


@with_and_without_spare
def test_an_event_is_heard_again_as_if_it_had_never_come(
    make_installation: Make, standby: str
) -> None:
    """A join finds nobody in the cache, an update the state before it."""
    installation = make_installation(
        BOT_FACTORY="watchful:bot", STANDBY=standby, EVENT_ACK_AFTER_S=60
    )
    shutil.copy(BOTS / "watchful.py", installation.folder)
    simulator = installation.start_simulator()
    guild = simulator.world()["guilds"][0]["id"]
    role, lost_role = (
        simulator.call("add_role", name=name)["id"] for name in ("old role", "lost role")
    )
    channel, lost_channel = (
        simulator.call("add_channel", name=name)["id"] for name in ("old-channel", "lost-channel")
    )
    installation.start_supervisord()
    installation.wait_ready()
    if standby != COLD:
        wait_spare(installation)

    simulator.call("add_user", name="carol")
    simulator.call("remove_member", user="bob")
    ask(installation, "PATCH", f"/guilds/{guild}/roles/{role}", name="new role")
    ask(installation, "DELETE", f"/guilds/{guild}/roles/{lost_role}")
    ask(installation, "PATCH", f"/channels/{channel}", name="new-channel")
    ask(installation, "DELETE", f"/channels/{lost_channel}")
    simulator.call("add_role", name="helpers", members=["alice"])
    until(
        lambda: len(heard(installation, again=False)) == unfinished(installation) == len(EVENTS),
        "every handler waits",
    )
    os.kill(installation.bot_pid(), signal.SIGKILL)
    until(
        lambda: len(heard(installation, again=True)) == len(EVENTS),
        "every event is heard again",
        within_s=25,
    )

    assert heard(installation, again=False) == heard(installation, again=True) == sorted(EVENTS)
    assert installation.identifies() == 1
