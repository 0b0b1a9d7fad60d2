"""A bot for the watchdog's tests: it leads or waits to lead, beats, and does what it is told.

The leader does what the file `wish` in its folder says, the spare what `wish-spare` says: `exit N`,
`hang` (the loop, beats go on), `seize` (the interpreter's lock, in C), `mute` (no beats, loop
well), `hide` (beats of nobody), a state name, `child` (leaves one behind), `poison` (sets an event
aside), `unless PID WISH`. `first_wish` is obeyed at the start, by every process, `leaders_wish` by
whoever comes to lead.
"""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from types import FrameType

from watchdog.heartbeat import file, identity, schema

BEAT_S = 0.2
TURN_S = 0.02
FALLBACK_S = 1.5  # after it has stepped down
STATES = ("starting", "connecting", "ready", "resuming", "backing_off", "stopping")
PROGRAM = os.environ.get("SUPERVISOR_PROCESS_NAME", "bot")
STOOD_DOWN = Path("state/stood-down.json")


class Bot:
    """One life of the bot."""

    def __init__(self) -> None:
        self.pulse, self.sequence, self.state, self.mute = 0, 0, "ready", False
        self.pulse_at_s = time.monotonic()
        self.failure: schema.Failure | None = None
        self.rss_bytes, self.poisoned = 50_000_000, 0
        self.who, self.instance = identity.own(), str(uuid.uuid4())
        self.leads, self.stepped_down_at_s = False, float("inf")
        self.asked_to_step_down = False
        self.lock = os.open("state/leader.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def beat(self) -> None:
        """Write one beat."""
        self.sequence += 1
        beat = schema.Heartbeat(
            boot_id=identity.boot_id(),
            pid=self.who.pid,
            process_started=self.who.started,
            instance=self.instance,
            sequence=self.sequence,
            written_at="2026-01-01T00:00:00.000Z",
            monotonic_s=time.monotonic(),
            interval_s=BEAT_S,
            state="ready",
            role="leader" if self.leads else "spare",
            loop=schema.Loop(pulse=self.pulse, pulse_age_s=time.monotonic() - self.pulse_at_s),
            gateway=schema.Gateway(poisoned_events=self.poisoned),
            process=schema.Process(rss_bytes=self.rss_bytes),
            failure=self.failure,
        )
        name = "heartbeat.json" if self.leads else "heartbeat-spare.json"
        with contextlib.suppress(OSError):
            file.write(
                Path("state") / name,
                schema.encode(dataclasses.replace(beat, state=self.state)),  # type: ignore[arg-type]
            )

    def beat_for_ever(self) -> None:
        """Beat from a thread, as the bot does."""
        while True:
            if not self.mute:
                self.beat()
            time.sleep(BEAT_S)

    def turn(self) -> None:
        """Lead when nobody does, and do what is wished."""
        self.pulse, self.pulse_at_s = self.pulse + 1, time.monotonic()
        if self.asked_to_step_down:
            self.asked_to_step_down, self.leads = False, False
            fcntl.flock(self.lock, fcntl.LOCK_UN)
            self.stepped_down_at_s = time.monotonic()
            self.beat()
            time.sleep(5 * TURN_S)  # the other one comes first
        elif not self.leads and not STOOD_DOWN.exists():
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.lead()
        if not self.leads and time.monotonic() - self.stepped_down_at_s > FALLBACK_S:
            os._exit(26)
        name = "wish" if self.leads else "wish-spare"
        with contextlib.suppress(FileNotFoundError):
            wish = Path(name).read_text()
            Path(name).unlink()
            self.obey(wish)

    def lead(self) -> None:
        """Begin to lead."""
        self.leads, self.stepped_down_at_s = True, float("inf")
        with Path("leaders").open("a") as leaders:
            leaders.write(f"{os.getpid()}\n")
        self.beat()
        with contextlib.suppress(FileNotFoundError):
            Path("state/heartbeat-spare.json").unlink()
        with contextlib.suppress(FileNotFoundError):
            self.obey(Path("leaders_wish").read_text())

    def obey(self, wish: str) -> None:
        """Do what is wished."""
        verb, _, rest = wish.partition(" ")
        if verb == "unless":
            pid, _, wish = rest.partition(" ")
            if os.getpid() != int(pid):
                self.obey(wish)
        elif verb == "exit":
            code = int(rest)
            if code == 78:
                self.state = "failed"
                self.failure = schema.Failure(
                    kind="invalid_token", message="Put a token into .env", permanent=True
                )
                self.beat()
            if code in (0, 78) and self.leads:
                STOOD_DOWN.write_text('{"reason": "failed"}')
            os._exit(code)
        elif verb == "hang":
            time.sleep(600)
        elif verb == "seize":
            re.match(r"(a+)+$", "a" * 40 + "b")
        elif verb == "mute":
            self.mute = True
        elif verb == "hide":
            self.who = dataclasses.replace(self.who, started=1.0)
        elif verb == "heavy":
            self.rss_bytes = 500_000_000
        elif verb == "poison":
            self.poisoned += 1
        elif verb == "child":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            Path("child.pid").write_text(str(child.pid))
        elif verb in STATES:
            self.state = verb

    def interrupt(self, *_: object) -> None:
        """End as supervisord asks for it: nobody takes over from a `bot` that is stopped."""
        if PROGRAM == "bot":
            STOOD_DOWN.write_text('{"reason": "operator"}')
        os._exit(130)

    def step_down(self, _number: int, _frame: FrameType | None) -> None:
        """Let the other one lead, at the next turn."""
        self.asked_to_step_down = self.leads


def main() -> None:
    """Serve until told otherwise."""
    if PROGRAM == "spare" and os.environ.get("STANDBY") == "false":
        sys.exit(0)
    if PROGRAM == "bot":
        STOOD_DOWN.unlink(missing_ok=True)
    bot = Bot()
    stacks = os.open("logs/bot.stacks.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    faulthandler.register(signal.SIGUSR1, stacks, all_threads=True)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    signal.signal(signal.SIGINT, bot.interrupt)
    signal.signal(signal.SIGUSR2, bot.step_down)
    with Path("lives").open("a") as lives:
        lives.write(f"{os.getpid()}\n")
    with contextlib.suppress(FileNotFoundError):
        for wish in Path("first_wish").read_text().splitlines():
            bot.obey(wish)
    threading.Thread(target=bot.beat_for_ever, daemon=True).start()
    while True:
        bot.turn()
        time.sleep(TURN_S)


if __name__ == "__main__":
    main()
