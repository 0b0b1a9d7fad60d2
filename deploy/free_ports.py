"""Print a port for each wanted one: itself when it is free on loopback, else one that is."""

from __future__ import annotations

import contextlib
import socket
import sys


def main(wanted: list[str]) -> int:
    """Hold all ports at once while choosing, so that no two answers are the same."""
    with contextlib.ExitStack() as held:
        ports = []
        for text in wanted:
            server = held.enter_context(socket.socket())
            # A port in TIME_WAIT is free for a server that sets this, as ours do.
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                server.bind(("127.0.0.1", int(text)))
            except OSError:
                server.bind(("127.0.0.1", 0))
            except (ValueError, OverflowError):
                sys.stderr.write(f"{text}: not a port (allowed: 1 to 65535)\n")
                return 78
            ports.append(server.getsockname()[1])
    sys.stdout.write(" ".join(map(str, ports)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
