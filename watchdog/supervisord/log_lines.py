"""How a program ended, read from supervisord's own log. Pure.

`getProcessInfo` answers -1 for every signal; only the log names it. The lines (supervisor 4.3,
`process.py` and `options.decode_wait_status`):

    2026-01-01 00:00:00,000 INFO spawned: 'bot' with pid 4242
    2026-01-01 00:00:07,000 WARN exited: bot (terminated by SIGKILL; not expected)
    2026-01-01 00:00:07,000 WARN exited: bot (terminated by SIGSEGV (core dumped); not expected)
    2026-01-01 00:00:07,000 WARN stopped: bot (terminated by SIGTERM)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LINE = 400  # characters of a line that are looked at and kept


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEnd:
    """The last end of a program; *signal* such as `SIGKILL`, null when it exited."""

    signal: str | None
    core_dumped: bool
    line: str


def last_end(text: str, *, program: str, pid: int | None) -> LoggedEnd | None:
    """Answer the last end of *program* in *text*, or None when there is none or it is another's.

    Args:
        text: The tail of the log; its first line may be torn.
        pid: The process that ended; a line that follows the start of another pid is not believed.
    """
    spawned = re.compile(rf"spawned: '{re.escape(program)}' with pid (\d{{1,10}})")
    ended = re.compile(
        rf"(?:exited|stopped): {re.escape(program)} "
        r"\((?:terminated by (?P<signal>SIG[A-Z0-9+]{1,12}|signal \d{1,3})"
        r"(?P<core> \(core dumped\))?|exit status \d{1,6}|unknown)"
    )
    spawned_pid: int | None = None
    found: LoggedEnd | None = None
    for raw_line in text.splitlines():
        line = raw_line[:MAX_LINE]
        if start := spawned.search(line):
            spawned_pid, found = int(start[1]), None
        elif end := ended.search(line):
            found = LoggedEnd(
                signal=end["signal"], core_dumped=end["core"] is not None, line=line.strip()
            )
    if pid is not None and spawned_pid is not None and spawned_pid != pid:
        return None
    return found
