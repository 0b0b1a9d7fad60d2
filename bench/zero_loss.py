"""Messages while the bot is killed, frozen and stopped: how many are lost, how many answered twice.

    .venv/bin/python -m bench.zero_loss [--rates 20 100] [--for-s 30] [--kills 5] [--freezes 1]
                                        [--terms 1] [--hung-after-s 2] [--only novera]

The whole system runs a bot that answers each message once; a plain bot under supervisord meets the
same load and the same signals after it. The simulator says the messages and counts the answers
itself. With each signal comes a slash command, in turns just before and just after it.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.rig import installed, running_pid, start_supervised_plain
from tests.system.installation import Installation, until
from tests.system.roles import leader, wait_leader

BOT = "bench.counting_bot"
STRAGGLERS_S = 20.0
VICTIM_WITHIN_S = 15.0
COMMAND_WITHIN_S = 3.0  # Discord's limit for the first answer to an interaction
DELIVERY = ("redelivered_events", "skipped_events", "replayed_events", "poisoned_events")


@dataclass(kw_only=True)
class Subject:
    """Who is killed: an installation and how to find the process that serves."""

    installation: Installation
    serving: Callable[[int], int]
    beats: dict[str, Any] = field(default_factory=dict)

    def note_beat(self) -> None:
        """Keep what the leader says of its events; its next beat replaces it."""
        beat = leader(self.installation)
        if beat is not None:
            self.beats[beat.instance] = beat.gateway


def signals(options: argparse.Namespace) -> list[signal.Signals]:
    """Answer the signals in their order: freezes and SIGTERMs between the kills."""
    kills = [signal.SIGKILL] * options.kills
    others = [signal.SIGSTOP] * options.freezes + [signal.SIGTERM] * options.terms
    every = max(1, len(kills) // (len(others) + 1))
    order: list[signal.Signals] = []
    while kills or others:
        order += kills[:every]
        del kills[:every]
        order += others[:1]
        del others[:1]
    return order


def trouble(subject: Subject, rate_per_s: float, options: argparse.Namespace) -> dict[str, Any]:
    """Load, break and wait for the last answer; answers what the simulator counted."""
    simulator = subject.installation.simulator
    until(lambda: simulator.commands(), "the slash command is there", within_s=VICTIM_WITHIN_S)
    began_s = time.monotonic()
    simulator.load(rate_per_s=rate_per_s, messages=round(rate_per_s * options.for_s))
    order, victim, commands = signals(options), 0, []
    every_s = options.for_s / (len(order) + 1)
    for turn, number in enumerate(order, start=1):
        time.sleep(max(0.0, began_s + turn * every_s - time.monotonic()))
        subject.note_beat()
        victim = subject.serving(victim)
        if turn % 2:
            commands.append(simulator.slash("count", options={"number": turn})["id"])
        os.kill(victim, number)
        if not turn % 2:
            commands.append(simulator.slash("count", options={"number": turn})["id"])
    left_s = max(0.0, began_s + options.for_s - time.monotonic())
    tally = simulator.tally(timeout_s=left_s + STRAGGLERS_S)
    time.sleep(1.5)  # answered twice would come now; and the last beat
    subject.note_beat()
    tally |= simulator.tally()
    waits_s = [answer_s(simulator.interaction(command)) for command in commands]
    gateway = simulator.stats()["gateway"]
    return {
        **tally,
        "commands": waits_s,
        "identifies": gateway["identify"],
        "resumes": gateway["resumed"],
        **{
            name: sum(getattr(facts, name) for facts in subject.beats.values()) for name in DELIVERY
        },
    }


def answer_s(interaction: Mapping[str, Any]) -> float | None:
    """Answer the seconds from a command to the answer that was accepted, None without one."""
    began_s = interaction["timeline"][0]["at_s"]
    times_s = [step["at_s"] for step in interaction["timeline"] if step["what"] == "callback"]
    return times_s[0] - began_s if times_s else None


def novera(rate_per_s: float, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the whole system."""
    settings = {
        "BOT_FACTORY": f"{BOT}:bot",
        "HUNG_AFTER_S": options.hung_after_s,
        "FROZEN_AFTER_S": options.hung_after_s,
        "STANDBY": str(not options.cold).lower(),
        # Each signal is to be the first failure of a healthy bot.
        "FORGIVEN_AFTER_S": 1,
        "MAX_RESTARTS": 100,
    }
    with installed(**settings) as installation:
        installation.start_supervisord()

        def serving(not_pid: int) -> int:
            return wait_leader(installation, not_pid=not_pid, within_s=VICTIM_WITHIN_S).pid

        serving(0)
        time.sleep(2)  # the spare is warm
        return trouble(Subject(installation=installation, serving=serving), rate_per_s, options)


def plain(rate_per_s: float, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the same bot under supervisord with `autorestart=true`."""
    with installed() as installation:
        start_supervised_plain(installation, BOT)

        def serving(not_pid: int) -> int:
            def found() -> int:
                running = [line for line in installation.commands() if line.endswith(f"-m {BOT}")]
                return running_pid(installation, BOT) if running else 0

            return until(found, "the plain bot runs", within_s=VICTIM_WITHIN_S)

        return trouble(Subject(installation=installation, serving=serving), rate_per_s, options)


def in_time(result: Mapping[str, Any]) -> str:
    """Answer how many commands were answered in time, and the slowest."""
    waits_s = [wait_s for wait_s in result["commands"] if wait_s is not None]
    good = sum(wait_s <= COMMAND_WITHIN_S for wait_s in waits_s)
    slowest = f", slowest {max(waits_s):.3f} s" if waits_s else ""
    return f"{good} of {len(result['commands'])}{slowest}"


ROWS: tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("sent", lambda result: str(result["sent"])),
    ("answered", lambda result: str(result["answered"])),
    ("lost", lambda result: str(result["lost"])),
    ("answered twice", lambda result: str(result["twice"])),
    ("longest silence", lambda result: f"{result['silence_s']:.3f} s"),
    ("message to answer, median", lambda result: f"{result['wait_p50_s']:.4f} s"),
    ("slash commands within 3 s", in_time),
    ("IDENTIFYs in all", lambda result: str(result["identifies"])),
    ("resumes", lambda result: str(result["resumes"])),
    ("redelivered", lambda result: str(result["redelivered_events"])),
    ("poisoned", lambda result: str(result["poisoned_events"])),
)


def met(result: Mapping[str, Any]) -> bool:
    """Answer whether nothing was lost or doubled, with one login."""
    commands_met = all(
        wait_s is not None and wait_s <= COMMAND_WITHIN_S for wait_s in result["commands"]
    )
    return (
        not result["left"]
        and (result["lost"], result["twice"], result["identifies"]) == (0, 0, 1)
        and commands_met
    )


def main() -> int:
    """Print a table for each rate; answers 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=float, nargs="+", default=[20, 100])
    parser.add_argument("--for-s", type=float, default=30.0)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--freezes", type=int, default=1)
    parser.add_argument("--terms", type=int, default=1)
    parser.add_argument("--hung-after-s", type=float, default=2.0)
    parser.add_argument("--cold", action="store_true", help="STANDBY=false")
    parser.add_argument("--only", choices=("novera", "plain"))
    options = parser.parse_args()
    missed = False
    for rate_per_s in options.rates:
        subjects = {"novera": novera, "plain": plain}
        chosen = {name: run for name, run in subjects.items() if options.only in (None, name)}
        results = {name: run(rate_per_s, options) for name, run in chosen.items()}
        print(
            f"{rate_per_s:g} messages/s for {options.for_s:g} s, killed {options.kills} times,"
            f" frozen {options.freezes}, SIGTERM {options.terms}"
        )
        print(f"{'':28}" + "".join(f"{name:30}" for name in results))
        for label, value in ROWS:
            print(f"{label:28}" + "".join(f"{value(each):30}" for each in results.values()))
        if "novera" in results:
            missed = missed or not met(results["novera"])
        sys.stdout.flush()
    print("targets: lost 0, twice 0, one IDENTIFY, every command within 3 s:", end=" ")
    print("missed" if missed else "met")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
