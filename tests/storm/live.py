"""A storm over the real system: seeded faults, and the invariants looked at meanwhile."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.storm.audit import Grants
from tests.storm.weather import FAULTS, RATIONED, Field
from tests.system.installation import Installation, until
from tests.system.roles import leader, wait_leader, wait_spare
from watchdog.health.verdict import Role

SETTINGS = {
    "BOT_FACTORY": "bench.storm_bot:bot",
    "HUNG_AFTER_S": 2,
    "FROZEN_AFTER_S": 2,
    "RESTART_WINDOW_S": 60,
    "RESTART_BASE_S": 0.5,
    "RESTART_CAP_S": 4,
    "FORGIVEN_AFTER_S": 15,
}
MOST_RESTARTS, WINDOW_S = 5, 60.0
MOST_IDENTIFIES, IDENTIFY_WINDOW_S = 10, 600.0
LEAST_GAP_S, LONGEST_GAP_S = 0.5, 6.0
LOOK_EVERY_S = 0.25
LASTS_S = 1.5  # what the simulator has not noticed by then is not a matter of milliseconds
STOPPED_WITHIN_S, STOPPED_FOR_S = 30.0, 3.0
ANSWERS_WITHIN_S = 15.0
LOAD_PER_S = 5.0
ROLES: dict[Role, str] = {"leader": "restarts.json", "spare": "restarts-spare.json"}
BYSTANDER = "import time; time.sleep(86_400)"  # any signal that the watchdog sends ends it


class Storm:
    """`run` it over an installation that serves; `wrongs` says what must not have happened."""

    def __init__(
        self, installation: Installation, *, seed: int, say: Callable[[str], object]
    ) -> None:
        self.installation, self.wrongs = installation, list[str]()
        self.done = 0
        self._say, self._chance = say, random.Random(seed)
        self._bystander = subprocess.Popen([sys.executable, "-c", BYSTANDER], cwd="/")
        self._field = Field(installation, self._bystander, self._chance)
        self._began_s = time.monotonic()
        self._grants = {role: Grants(most=MOST_RESTARTS, window_s=WINDOW_S) for role in ROLES}
        self._twice_since_s: dict[str, float] = {}
        self._rations = MOST_IDENTIFIES - 4

    def run(self, seconds: float) -> None:
        """Break something every few seconds for *seconds*, then see whether it answers."""
        try:
            self._blow(seconds)
            self._calm()
        finally:
            self._field.settle(all_of_it=True)
            self._bystander.kill()
            self._bystander.wait()

    def _blow(self, seconds: float) -> None:
        until_s, due_s = self._began_s + seconds, self._began_s + 1.0
        while (now_s := time.monotonic()) < until_s:
            self._look()
            self._field.settle()
            if now_s >= due_s:
                self._strike()
                due_s = time.monotonic() + self._chance.uniform(LEAST_GAP_S, LONGEST_GAP_S)
            self._operate()
            time.sleep(LOOK_EVERY_S)

    def _strike(self) -> None:
        chance = self._chance
        if self._rations and chance.random() < 0.04:
            self._rations -= 1
            name = chance.choice(list(RATIONED))
            fault = RATIONED[name]
        elif chance.random() < 0.02:
            self._stay_stopped()
            return
        else:
            weights = [weight for weight, _ in FAULTS.values()]
            (name,) = chance.choices(list(FAULTS), weights)
            fault = FAULTS[name][1]
        detail = fault(self._field)
        if name.endswith("restart bot"):
            self._renew("leader", "spare")
        elif name.endswith("restart spare"):
            self._renew("spare")
        self.done += 1
        self._tell(f"{name}{f' ({detail})' if detail else ''}")

    def _stay_stopped(self) -> None:
        """Stop the service for a while, and see that it stays stopped."""
        self._field.settle(all_of_it=True)  # a frozen supervisord lets its operator wait
        told = self.installation.supervisorctl("stop", "bot").strip()
        self._tell(f"supervisorctl stop bot ({told})")
        if "not running" in told:  # it waits for its restart; nothing was stopped, and he was told
            return
        try:
            until(self._is_stopped, "it is stopped", within_s=STOPPED_WITHIN_S)
        except AssertionError as error:
            self._wrong(str(error))
        ends_s = time.monotonic() + STOPPED_FOR_S
        while time.monotonic() < ends_s:
            if leader(self.installation) is not None:
                self._wrong("somebody leads although an operator stopped the service")
            time.sleep(LOOK_EVERY_S)
        self._start()

    def _is_stopped(self) -> bool:
        return self.installation.verdict() == "stopped" and leader(self.installation) is None

    def _operate(self) -> None:
        """Do what an operator does about a service that was given up."""
        if self.installation.verdict() in ("held", "failed"):
            self._tell("held: an operator starts it")
            self._start()

    def _start(self) -> None:
        alive = self.installation.program_pid("bot") is not None
        self.installation.supervisorctl("restart" if alive else "start", "bot")
        self._renew("leader", "spare")

    def _renew(self, *roles: Role) -> None:
        for role in roles:
            self._grants[role].renew(time.monotonic())

    # What must hold

    def _look(self) -> None:
        now_s = time.monotonic()
        sessions = self.installation.simulator.stats()["sessions"]
        connected = sum(session["connected"] for session in sessions)
        self._lasting("two sessions are connected", connected > 1)
        bots = [line for line in self.installation.commands() if line.endswith("-m bot")]
        self._lasting("more than two bots run", len(bots) > 2)
        if self._bystander.poll() is not None:
            self._wrong("the bystander was signalled")
            raise AssertionError("the bystander was signalled")
        for role, name in ROLES.items():
            wrong = self._grants[role].note(_failures(self.installation.state / name), now_s=now_s)
            if wrong is not None:
                self._wrong(f"{role}: {wrong}")

    def _lasting(self, what: str, is_so: bool) -> None:
        """Note what is wrong once it lasts longer than an end takes to be noticed."""
        now_s = time.monotonic()
        if not is_so:
            self._twice_since_s.pop(what, None)
        elif now_s - self._twice_since_s.setdefault(what, now_s) >= LASTS_S:
            self._wrong(what)
            self._twice_since_s[what] = float("inf")

    def _calm(self) -> None:
        """After the last fault: it answers, and the incident closes or says why not."""
        installation = self.installation
        self._field.settle(all_of_it=True)
        installation.simulator.clear_faults()
        self._tell("calm")
        began_s = time.monotonic()
        while not self._answers():
            self._operate()
            if time.monotonic() - began_s > ANSWERS_WITHIN_S:
                self._wrong(f"no answer within {ANSWERS_WITHIN_S:.0f} s after the last fault")
                break
        else:
            self._tell(f"answers {time.monotonic() - began_s:.2f} s after the last fault")
            self._settle()
        self._look()
        self._count_logins()

    def _settle(self) -> None:
        """Wait until leader and spare are there and the incident is closed."""
        try:
            wait_leader(self.installation)
            wait_spare(self.installation)
            until(self._is_closed, "every incident closes", within_s=30.0)
        except AssertionError as error:
            self._wrong(str(error))

    def _is_closed(self) -> bool:
        opened = [record["record"] for record in self.installation.records("incidents.jsonl")]
        return not opened or opened[-1] == "closed"

    def _answers(self) -> bool:
        said = self.installation.simulator.say("n 0", wait_s=0.2)
        return said["reply"] is not None

    def _count_logins(self) -> None:
        log = self.installation.simulator.gateway_log(event="identify")
        times_s = [entry["at_s"] for entry in log]
        for at_s in times_s:
            lately = sum(0 <= at_s - each < IDENTIFY_WINDOW_S for each in times_s)
            if lately > MOST_IDENTIFIES:
                self._wrong(f"{lately} IDENTIFYs in ten minutes")
                return

    def _wrong(self, what: str) -> None:
        self.wrongs.append(what)
        self._tell(f"WRONG: {what}")

    def _tell(self, what: str) -> None:
        self._say(f"{time.monotonic() - self._began_s:7.2f} s  {what}")


def _failures(path: Path) -> Sequence[float]:
    """Answer the restarts that a ledger counts, in monotonic seconds."""
    try:
        return [stamp[0] for stamp in json.loads(path.read_text())["failures"]]
    except (FileNotFoundError, json.JSONDecodeError):
        return []
