"""`python -m simulator`: serve a simulated Discord, or say something in one."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys

from simulator.control import ControlClient
from simulator.errors import SimulatorError
from simulator.settings import DEFAULT_PORT, DEFAULT_TOKEN, SimulatorSettings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    verbs = parser.add_subparsers(dest="verb")
    serve = verbs.add_parser("serve", help="serve until SIGTERM or SIGINT (the default)")
    for each in (parser, serve):
        each.add_argument("--host", default="127.0.0.1", help="a loopback address")
        each.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 picks a free one")
        each.add_argument("--token", default=DEFAULT_TOKEN, help="the bot's token here")
        each.add_argument("--heartbeat-interval-s", type=float, default=41.25)
        each.add_argument(
            "--heartbeat-grace",
            type=float,
            default=1.5,
            help="a client silent for this many intervals is closed with 4009",
        )
        each.add_argument("--resume-window-s", type=float, default=180.0)
        each.add_argument(
            "--identify-interval-s",
            type=float,
            default=0.0,
            help="refuse an IDENTIFY sooner after another one; Discord's number is 5",
        )
    say = verbs.add_parser("say", help="post a message and print the bot's answer")
    say.add_argument("text")
    say.add_argument("--url", default=f"http://127.0.0.1:{DEFAULT_PORT}")
    say.add_argument("--user", default="alice")
    say.add_argument("--channel", default="general")
    say.add_argument("--timeout-s", type=float, default=10.0)
    return parser


async def _serve(settings: SimulatorSettings) -> None:
    # Imported here: `say` needs neither SimCord nor discord.py, which take half a second.
    import structlog

    from simulator.server import Simulator

    # Standard output carries one line of JSON for whoever started this; logs go elsewhere.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stopped.set)
    async with Simulator(settings) as simulator:
        print(json.dumps(simulator.addresses), flush=True)
        await stopped.wait()


def _say(options: argparse.Namespace) -> int:
    """Print the bot's answer; 1 when none came, 2 when it could not be asked."""
    try:
        with ControlClient(options.url) as client:
            said = client.say(
                options.text,
                user=options.user,
                channel=options.channel,
                wait_s=options.timeout_s,
            )
    except OSError as error:
        print(f"no simulator at {options.url}: {error}", file=sys.stderr)
        return 2
    except (SimulatorError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if said["reply"] is None:
        print(f"no answer within {options.timeout_s:g} s", file=sys.stderr)
        return 1
    print(said["reply"]["content"])
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run one of the subcommands and answer the exit code."""
    options = _parser().parse_args(arguments)
    if options.verb == "say":
        return _say(options)
    try:
        settings = SimulatorSettings(
            host=options.host,
            port=options.port,
            token=options.token,
            heartbeat_interval_s=options.heartbeat_interval_s,
            heartbeat_grace=options.heartbeat_grace,
            resume_window_s=options.resume_window_s,
            identify_interval_s=options.identify_interval_s,
        )
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        asyncio.run(_serve(settings))
    except OSError as error:
        print(f"cannot listen on {options.host}:{options.port}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
