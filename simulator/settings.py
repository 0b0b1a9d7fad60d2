"""How a simulated Discord behaves where the real one has a number. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

DEFAULT_TOKEN = "simulator-token"  # noqa: S105 - opens nothing but the simulator
DEFAULT_PORT = 8765
PRIVILEGED_INTENTS = ("members", "presences", "message_content")


def is_loopback(host: str) -> bool:
    """Answer whether *host* names this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """Numbers of the simulated service; times in seconds, defaults as Discord documents them.

    Attributes:
        heartbeat_interval_s: What HELLO asks for.
        heartbeat_grace: A client silent for this many intervals is closed with 4009.
        resume_window_s: How long a dropped session can be resumed.
        buffer_events: Events a session keeps for its replay; older ones are lost.
        send_limit: Payloads a client may send per *send_window_s*, else close 4008.
        identify_interval_s: An IDENTIFY sooner after another one of its kind is refused
            with op 9; Discord's number is 5, the default 0 lets tests restart bots quickly.
        identify_total: `session_start_limit.total`.
        shards: What `GET /gateway/bot` recommends to a client that shards automatically.
        bucket_limit: Requests per route and *bucket_window_s*. Discord's numbers vary and
            are near 5 in 5 s; the default lets benchmarks through.
        global_limit_per_s: Requests per second over all routes; 0 is without limit.
        invalid_limit: Answers of 401, 403 and 429 in 10 min before the address is banned.
        approved_intents: Privileged intents that are switched on in the portal.
        keep_messages: Newest messages kept per channel.
        keep_interactions: Newest interactions kept.
        log_entries: Entries kept in each of the logs.
    """

    host: str = "127.0.0.1"
    port: int = 0
    token: str = DEFAULT_TOKEN
    heartbeat_interval_s: float = 41.25
    heartbeat_grace: float = 1.5
    resume_window_s: float = 180.0
    buffer_events: int = 5000
    send_limit: int = 120
    send_window_s: float = 60.0
    identify_interval_s: float = 0.0
    identify_total: int = 1000
    max_concurrency: int = 1
    shards: int = 1
    bucket_limit: int = 10_000
    bucket_window_s: float = 1.0
    global_limit_per_s: int = 0
    invalid_limit: int = 10_000
    approved_intents: tuple[str, ...] = PRIVILEGED_INTENTS
    keep_messages: int = 2000
    keep_interactions: int = 2000
    log_entries: int = 20_000

    def __post_init__(self) -> None:
        if not is_loopback(self.host):
            raise ValueError(f"the simulator serves loopback only, not {self.host!r}")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be in 0..65535, got {self.port}")
        if not self.token:
            raise ValueError("token must not be empty")
        unknown = set(self.approved_intents) - set(PRIVILEGED_INTENTS)
        if unknown:
            raise ValueError(f"not privileged intents: {', '.join(sorted(unknown))}")
