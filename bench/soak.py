"""The whole system for minutes, under load, with a fault every 20 s: what leaks, what is lost.

    .venv/bin/python -m bench.soak [--minutes 10] [--rate 50] [--fault-every-s 20] [--seed 1]
                                   [--history soak.jsonl]

The simulator says the messages and counts the answers itself. Bots are replaced all the time, so
like is compared with like: what each leader and each spare holds right before the next fault, in
the first third of the run and in the last. The watchdog and supervisord live through all of it.
With `--fault-every-s 0` the same bot lives through it too. Descriptors and threads are compared
before the load and after it, when connections that were kept for the next request are closed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.census import Holding, sizes, take
from bench.rig import installed
from tests.system.installation import Installation, until
from tests.system.roles import leader, spare, wait_leader, wait_spare

WARM_SHARE, WARM_LEAST_S = 0.1, 20.0  # caches fill before anything is compared
STRAGGLERS_S = 30.0
CALM_S = 35.0  # aiohttp closes idle connections after 15 to 30 s
PAIRED_WITHIN_S = 20.0
SAMPLE_EVERY_S = 10.0
MEMORY_SHARE = 0.05
MORE_DESCRIPTORS, MORE_THREADS = 2, 2  # one request that is being served when somebody looks
LOGS_PER_MINUTE_BYTES = 512 * 1024
JUDGED = ("leader", "spare", "watchdog", "supervisord")
# Sessions that end for a reason, after which messages may be missing.
EXPLAINING = ("session.lost", "session.not_continued", "event.poisoned")

Fault = Callable[[Installation], object]


def _signalled(number: signal.Signals, *, of_spare: bool = False) -> Fault:
    def fault(installation: Installation) -> None:
        beat = (spare if of_spare else leader)(installation)
        if beat is not None:
            os.kill(beat.pid, number)

    return fault


def _gateway(name: str, **parameters: Any) -> Fault:
    return lambda installation: installation.simulator.fault(name, **parameters)


# None of them ends a session, so none of them may cost a message.
FAULTS: Mapping[str, Fault] = {
    "SIGKILL to the leader": _signalled(signal.SIGKILL),
    "SIGSTOP to the leader": _signalled(signal.SIGSTOP),
    "SIGTERM to the leader": _signalled(signal.SIGTERM),
    "SIGKILL to the spare": _signalled(signal.SIGKILL, of_spare=True),
    "the loop blocks": lambda installation: installation.simulator.say("hang"),
    "TCP is reset": _gateway("drop_tcp"),
    "closed with 4000": _gateway("close", code=4000),
    "op 7": _gateway("reconnect"),
    "the gateway is silent for 3 s": _gateway("silent_gateway", for_s=3.0),
    "REST answers 502 for 1 s": _gateway("fail_rest", status=502, for_s=1.0),
    "supervisorctl restart bot": lambda installation: installation.supervisorctl("restart", "bot"),
}


@dataclass(kw_only=True)
class Run:
    """What was done and seen; times in seconds since the load began."""

    before: list[Holding] = field(default_factory=list)
    after: list[Holding] = field(default_factory=list)
    done: list[tuple[float, str]] = field(default_factory=list)
    samples: list[tuple[float, Holding]] = field(default_factory=list)
    logs: list[tuple[float, int]] = field(default_factory=list)

    def look(self, installation: Installation, at_s: float) -> None:
        """Take a sample of all processes, and of the logs."""
        self.samples += [(at_s, holding) for holding in take(installation)]
        self.logs.append((at_s, sum(sizes(installation.logs).values())))

    def of(self, name: str, begin_s: float, end_s: float) -> list[Holding]:
        """Answer the samples of *name* in a part of the run."""
        return [
            each for at_s, each in self.samples if each.name == name and begin_s <= at_s <= end_s
        ]


def soak(installation: Installation, options: argparse.Namespace) -> tuple[Run, dict[str, Any]]:
    """Load, and break something every so often; answers what was seen, and the tally."""
    run, draw = Run(), random.Random(options.seed)  # noqa: S311 - a schedule, no secret
    for_s, every_s = options.minutes * 60.0, options.fault_every_s or float("inf")
    simulator, order = installation.simulator, list(FAULTS)
    run.before = take(installation)
    simulator.load(rate_per_s=options.rate, messages=round(options.rate * for_s))
    began_s = time.monotonic()
    due_s, sample_s = every_s, SAMPLE_EVERY_S
    while (at_s := time.monotonic() - began_s) < for_s:
        if at_s >= sample_s and not options.fault_every_s:
            run.look(installation, at_s)
            sample_s = at_s + SAMPLE_EVERY_S
        if at_s >= due_s and due_s + every_s / 2 < for_s:
            run.look(installation, at_s)
            if len(run.done) % len(FAULTS) == 0:
                draw.shuffle(order)
            name = order[len(run.done) % len(FAULTS)]
            print(f"{at_s:7.1f} s  {name}", flush=True)
            FAULTS[name](installation)
            run.done.append((at_s, name))
            due_s += every_s
        time.sleep(0.1)
    tally = simulator.tally(timeout_s=STRAGGLERS_S)
    wait_leader(installation)
    wait_spare(installation, within_s=PAIRED_WITHIN_S)
    run.look(installation, for_s)
    time.sleep(CALM_S)
    run.after = take(installation)
    return run, {**tally, **simulator.tally()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One process: its memory early and late, and what it holds open before and after."""

    name: str
    early: Sequence[Holding]
    late: Sequence[Holding]
    before: Holding
    after: Holding

    def shown(self) -> str:
        """Answer the line of the table."""
        memory = " → ".join(f"{rss(part) / (1 << 20):6.1f}" for part in (self.early, self.late))
        opened = f"{self.before.descriptors:3} → {self.after.descriptors:3}"
        threads = f"{self.before.threads:3} → {self.after.threads:3}"
        return f"{self.name:12} {memory:20} {opened:16} {threads}"

    def leaks(self) -> list[str]:
        """Answer what it holds more of at the end than at the beginning."""
        found = []
        before, after = rss(self.early), rss(self.late)
        if after > before * (1 + MEMORY_SHARE):
            found.append(f"{self.name}: memory +{100 * (after / before - 1):.1f} %")
        if self.after.descriptors > self.before.descriptors + MORE_DESCRIPTORS:
            found.append(f"{self.name}: more descriptors")
        if self.after.threads > self.before.threads + MORE_THREADS:
            found.append(f"{self.name}: more threads")
        return found


def rss(part: Sequence[Holding]) -> float:
    """Answer the median of the memory, in bytes."""
    return float(statistics.median(each.rss_bytes for each in part))


def rows(run: Run, for_s: float) -> list[Row]:
    """Answer early and late of each process: the first third after the warm-up, and the last."""
    warm_s = max(WARM_LEAST_S, WARM_SHARE * for_s)
    third_s = (for_s - warm_s) / 3
    before = {each.name: each for each in run.before}
    after = {each.name: each for each in run.after}
    found = []
    for name in (*JUDGED, "simulator"):
        early = run.of(name, warm_s - 1, warm_s + third_s)
        late = run.of(name, for_s - third_s, for_s)
        if early and late and name in before and name in after:
            ends = {"before": before[name], "after": after[name]}
            found.append(Row(name=name, early=early, late=late, **ends))
    return found


def explanations(installation: Installation) -> list[str]:
    """Answer why messages may be missing, by the bot's own words."""
    return [
        f"{record['event']} {record.get('reason', '')}".strip()
        for record in installation.records("bot.jsonl")
        if record.get("event") in EXPLAINING
    ]


def report(
    installation: Installation, run: Run, tally: Mapping[str, Any], for_s: float
) -> list[str]:
    """Print what was seen; answers what is wrong with it."""
    wrong: list[str] = []
    print(f"\n{'process':12} {'RSS, MiB':20} {'descriptors':16} threads")
    for row in rows(run, for_s):
        print(row.shown())
        wrong += row.leaks() if row.name in JUDGED else []
    missing = sorted(set(JUDGED) - {row.name for row in rows(run, for_s)})
    wrong += [f"{name}: not seen early and late" for name in missing]
    (first_s, first), (last_s, last) = run.logs[0], run.logs[-1]
    grown = (last - first) / max(1.0, last_s - first_s) * 60
    print(f"logs grow by {grown / 1024:.1f} KiB a minute; {dict(sizes(installation.logs))}")
    print(f"state/ {dict(sizes(installation.state))}")
    if grown > LOGS_PER_MINUTE_BYTES:
        wrong.append(f"logs: {grown / 1024:.0f} KiB a minute")
    restarts = json.loads((installation.state / "restarts.json").read_text())
    gateway = installation.simulator.stats()["gateway"]
    print(
        f"{len(run.done)} faults; restarts {restarts['total']}, takeovers"
        f" {restarts['takeovers']}, IDENTIFYs {gateway['identify']}, resumes {gateway['resumed']}"
    )
    shown = ("sent", "answered", "lost", "twice", "silence_s", "wait_p50_s", "wait_max_s")
    print("messages: " + ", ".join(f"{name} {tally[name]:.6g}" for name in shown))
    why = explanations(installation)
    if tally["twice"]:
        wrong.append(f"{tally['twice']} messages answered twice: {tally['twice_numbers'][:20]}")
    if tally["lost"] and not why:
        wrong.append(f"{tally['lost']} messages lost, unexplained: {tally['lost_numbers'][:20]}")
    for line in why:
        print(f"explained: {line}")
    wrong += installation.misuses()
    return wrong


def main() -> int:
    """Soak; answers 1 when something leaks, or a message is lost without a reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--fault-every-s", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--history", type=Path, help="write every sample to this file")
    options = parser.parse_args()
    settings = {
        "BOT_FACTORY": "bench.counting_bot:bot",
        # Twenty seconds between two faults are health: each is the first failure of a well bot.
        "FORGIVEN_AFTER_S": 5,
    }
    with installed(**settings) as installation:
        installation.start_supervisord()
        wait_leader(installation)
        wait_spare(installation)
        until(lambda: installation.verdict() == "healthy", "the service is healthy")
        run, tally = soak(installation, options)
        wrong = report(installation, run, tally, options.minutes * 60)
        if options.history is not None:
            lines = [json.dumps({"at_s": at_s, **asdict(each)}) for at_s, each in run.samples]
            options.history.write_text("\n".join(lines))
        if wrong:
            sys.stderr.write(installation.tails()[-6000:])
    print("targets: memory within 5 %, nothing leaked, all answered or explained:", end=" ")
    print("met" if not wrong else "missed: " + "; ".join(wrong))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
