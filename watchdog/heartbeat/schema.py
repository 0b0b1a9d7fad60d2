"""The heartbeat: its shape, and how it becomes bytes and is believed again. Pure."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, cast

import orjson

from watchdog.heartbeat.decoder import Decoder, check_bounds, decoder_for
from watchdog.heartbeat.decoder import HeartbeatError as HeartbeatError

SCHEMA = 1
MAX_BYTES = 64 * 1024
# All together fit into a beat, at 6 bytes for a character that is escaped.
MAX_STACK = 7 * 1024
MAX_MESSAGE = 2 * 1024
MAX_PROBLEM = 400

Role = Literal["leader", "spare"]
BEAT_FILES: Mapping[Role, str] = {"leader": "heartbeat.json", "spare": "heartbeat-spare.json"}
SAME_START_S = 0.02  # start times are in kernel ticks of 0.01 s

State = Literal["starting", "connecting", "ready", "resuming", "backing_off", "stopping", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """The event loop's own pulse; ages and lags as their names say, *stack* only while blocked."""

    pulse: int = 0
    pulse_age_s: float = 0.0
    lag_ms_p50: float = 0.0
    lag_ms_p99: float = 0.0
    lag_ms_max: float = 0.0
    blocked_s: float = 0.0
    stack: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One gateway connection of several."""

    id: int = 0
    connected: bool = False
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFacts:
    """The session journal, all shards together.

    Attributes:
        reason: Why a new process could not continue the session, a short word; null while it could.
        lag_ms: How far the disk is behind the loop.
        events: State events that a restore would read.
        unfinished: Events whose handlers are at work.
    """

    usable: bool = False
    reason: str | None = None
    lag_ms: float | None = None
    events: int = 0
    bytes: int = 0
    unfinished: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The connection to Discord; *retry_at_s* is a Unix time in seconds, or null.

    Attributes:
        redelivered_events: Handed to handlers again, since an earlier process did not finish them.
        skipped_events: Replayed for the cache alone, since an earlier process had finished them.
        poisoned_events: Set aside, since two processes died while they handled them.
        late_interactions: Answers that Discord refused: answered before, or too late.
    """

    connected: bool = False
    latency_ms: float | None = None
    last_event_age_s: float | None = None
    last_ack_age_s: float | None = None
    identifies: int = 0
    resumes: int = 0
    replayed_events: int = 0
    quarantined_events: int = 0
    redelivered_events: int = 0
    skipped_events: int = 0
    poisoned_events: int = 0
    late_interactions: int = 0
    identify_remaining: int | None = None
    retry_at_s: float | None = None
    reason: str | None = None  # why it backs off or holds, a short word such as "identify_budget"
    shards: tuple[Shard, ...] = ()
    journal: JournalFacts = field(default_factory=JournalFacts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskName:
    """Tasks of one name; *oldest_s* is the age of the oldest one still running."""

    active: int = 0
    created: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None
    oldest_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """All tasks, and the busiest names (bounded, the rest summed under ``other``)."""

    active: int = 0
    created: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    by_name: Mapping[str, TaskName] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """The priority job queue."""

    queued: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Commands and component handlers since the start; durations in milliseconds."""

    invoked: int = 0
    failed: int = 0
    timed_out: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The database, and its nightly backups; problems are words for the operator, or null.

    Attributes:
        kind: `sqlite` or `postgresql`; empty while nobody has asked for a database.
        state: `closed`, `opening`, `ready` or `degraded`; a later version may know more.
        retried: Transactions that were run again.
        failed: Questions that got no answer.
    """

    kind: str = ""
    state: str = "closed"
    state_age_s: float = 0.0
    retried: int = 0
    failed: int = 0
    problem: str | None = None
    backup_problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What the operating system says of the bot process; a limit of 0 is none."""

    rss_bytes: int = 0
    cpu_percent: float = 0.0
    open_files: int = 0
    open_files_limit: int = 0
    threads: int = 0
    threads_limit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """Who serves, and how much of Discord it sees."""

    name: str = "novera"
    version: str = ""
    guilds: int = 0
    members: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why the bot gave up, in words for the operator; *permanent*: no restart will mend it."""

    kind: str
    message: str
    permanent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """One beat. Ages use the monotonic clock, comparable within one *boot_id* only.

    Attributes:
        process_started: Start time of the process in seconds since boot (`identity.read`).
        written_at: Wall clock, ISO 8601 UTC, for people.
        monotonic_s: Monotonic time of writing, in seconds.
        stages_s: Start-up stages, each in seconds since the process started.
    """

    boot_id: str
    pid: int
    process_started: float
    instance: str
    sequence: int
    written_at: str
    monotonic_s: float
    interval_s: float
    state: State
    schema: int = SCHEMA
    role: Role = "leader"
    loop: Loop = field(default_factory=Loop)
    gateway: Gateway = field(default_factory=Gateway)
    tasks: Tasks = field(default_factory=Tasks)
    jobs: Jobs = field(default_factory=Jobs)
    commands: Commands = field(default_factory=Commands)
    storage: Storage = field(default_factory=Storage)
    process: Process = field(default_factory=Process)
    bot: Bot = field(default_factory=Bot)
    stages_s: Mapping[str, float] = field(default_factory=dict)
    failure: Failure | None = None

    def is_of(self, pid: int, started: float) -> bool:
        """Answer whether this process wrote it; *started* in seconds since boot."""
        return self.pid == pid and abs(self.process_started - started) < SAME_START_S


def encode(beat: Heartbeat) -> bytes:
    """Answer the beat as JSON that `decode` believes, at most `MAX_BYTES` long.

    Stack, task names and words for the operator are the only parts that can grow; they are cut.

    Raises:
        HeartbeatError: too long even so.
        TypeError: a value that is no JSON, such as text with lone surrogates.
    """
    raw = orjson.dumps(_cut(beat))
    if len(raw) > MAX_BYTES:
        raw = orjson.dumps(_cut(replace(beat, tasks=replace(beat.tasks, by_name={}))))
    if len(raw) > MAX_BYTES:
        raise HeartbeatError(f"{len(raw)} bytes encoded, at most {MAX_BYTES} allowed")
    return raw


def _cut(beat: Heartbeat) -> Heartbeat:
    stack, failure = beat.loop.stack, beat.failure
    if stack is not None and len(stack) > MAX_STACK:  # its end is where the loop is
        beat = replace(beat, loop=replace(beat.loop, stack=stack[-MAX_STACK:]))
    if failure is not None and len(failure.message) > MAX_MESSAGE:
        beat = replace(beat, failure=replace(failure, message=failure.message[:MAX_MESSAGE]))
    storage = beat.storage
    problems = [each and each[:MAX_PROBLEM] for each in (storage.problem, storage.backup_problem)]
    if problems != [storage.problem, storage.backup_problem]:
        storage = replace(storage, problem=problems[0], backup_problem=problems[1])
        beat = replace(beat, storage=storage)
    return beat


def decode(raw: bytes) -> Heartbeat:
    """Answer the beat that *raw* holds; keys it does not know are ignored.

    Raises:
        HeartbeatError: too long, too deep, not JSON, another schema, a missing key, a wrong type.
    """
    if len(raw) > MAX_BYTES:
        raise HeartbeatError(f"longer than {MAX_BYTES} bytes")
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise HeartbeatError("not JSON") from error
    check_bounds(document)
    if not isinstance(document, dict):
        raise HeartbeatError("not an object")
    if document.get("schema") != SCHEMA or isinstance(document.get("schema"), bool):
        raise HeartbeatError("another schema")
    return cast(Heartbeat, _decoder()(document, "beat"))


@functools.cache
def _decoder() -> Decoder:
    """Made when the first beat is read: a bot, which only writes, starts without it."""
    return decoder_for(Heartbeat)
