"""A bot for the watchdog's tests: it beats, and does what the file `wish` in its folder says.

Wishes: `exit N`, `hang` (the loop, beats go on), `seize` (the interpreter's lock, in C), `mute`
(no beats, loop well), `hide` (beats of nobody), a state name, `child` (leaves one behind).
`first_wish` is obeyed at the start, by every process.
"""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

from watchdog.heartbeat import file, identity, schema

BEAT_S = 0.2
STATES = ("starting", "connecting", "ready", "resuming", "backing_off", "stopping")


class Bot:
    """One life of the bot."""

    def __init__(self) -> None:
        self.pulse, self.sequence, self.state, self.mute = 0, 0, "ready", False
        self.pulse_at_s = time.monotonic()
        self.failure: schema.Failure | None = None
        self.rss_bytes = 50_000_000
        self.who, self.instance = identity.own(), str(uuid.uuid4())

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
            loop=schema.Loop(pulse=self.pulse, pulse_age_s=time.monotonic() - self.pulse_at_s),
            process=schema.Process(rss_bytes=self.rss_bytes),
            failure=self.failure,
        )
        with contextlib.suppress(OSError):
            file.write(
                Path("state/heartbeat.json"),
                schema.encode(dataclasses.replace(beat, state=self.state)),  # type: ignore[arg-type]
            )

    def beat_for_ever(self) -> None:
        """Beat from a thread, as the bot does."""
        while True:
            if not self.mute:
                self.beat()
            time.sleep(BEAT_S)

    def obey(self, wish: str) -> None:
        """Do what is wished."""
        verb, _, rest = wish.partition(" ")
        if verb == "exit":
            code = int(rest)
            if code == 78:
                self.state = "failed"
                self.failure = schema.Failure(
                    kind="invalid_token", message="Put a token into .env", permanent=True
                )
                self.beat()
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
        elif verb == "child":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            Path("child.pid").write_text(str(child.pid))
        elif verb in STATES:
            self.state = verb


def main() -> None:
    """Serve until told otherwise."""
    stacks = os.open("logs/bot.stacks.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    faulthandler.register(signal.SIGUSR1, stacks, all_threads=True)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    with Path("lives").open("a") as lives:
        lives.write(f"{os.getpid()}\n")
    bot = Bot()
    with contextlib.suppress(FileNotFoundError):
        for wish in Path("first_wish").read_text().splitlines():
            bot.obey(wish)
    threading.Thread(target=bot.beat_for_ever, daemon=True).start()
    while True:
        bot.pulse, bot.pulse_at_s = bot.pulse + 1, time.monotonic()
        with contextlib.suppress(FileNotFoundError):
            wish = Path("wish").read_text()
            Path("wish").unlink()
            bot.obey(wish)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
