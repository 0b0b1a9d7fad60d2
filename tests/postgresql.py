"""A private PostgreSQL for tests: one server for all tests of a process, a database for each."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.ports import free_port

DEBIAN = Path("/usr/lib/postgresql")
USER, PASSWORD = "novera", "a-password"
# Death of the server loses nothing without fsync, only that of the machine does.
OPTIONS = "-c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=50"
_numbers = itertools.count(1)


def initdb() -> Path | None:
    """Answer where PostgreSQL's programs are, None where there are none."""
    folders = sorted(DEBIAN.glob("*/bin")) if DEBIAN.exists() else []
    found = shutil.which("initdb") or (str(folders[-1] / "initdb") if folders else None)
    return None if found is None else Path(found)


class Server:
    """A server on a port of its own, over a folder of its own."""

    def __init__(self, initdb: Path) -> None:
        # Not pytest's tmp_path, which is closed to the user that PostgreSQL runs as.
        self._folder = Path(tempfile.mkdtemp(prefix="novera-postgresql-"))
        self._data, self._port = self._folder / "db", free_port()
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
        self._run(str(initdb), "-A", "trust", "-U", USER, "-N", "-D", str(self._data))
        self._control = (str(initdb.with_name("pg_ctl")), "-D", str(self._data), "-w")

    def start(self) -> None:
        """Answer once it takes connections."""
        options = f"-p {self._port} {OPTIONS} -c unix_socket_directories={self._folder}"
        self._run(*self._control, "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """End it at once, without a word to its clients."""
        self._run(*self._control, "-m", "immediate", "stop")

    def freeze(self) -> None:
        """Have it keep its connections and answer none."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        self._signal(signal.SIGCONT)

    def ask_passwords(self) -> None:
        """Believe nobody without the right one from now on."""
        (self._data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        self._ask(f"ALTER USER {USER} PASSWORD '{PASSWORD}'")
        self._ask("SELECT pg_reload_conf()")

    def end(self) -> None:
        """Stop it, if it runs, and take its files away."""
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._folder)

    def url(self, database: str = "postgres") -> str:
        """Answer a `DATABASE_URL`."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self._port}/{database}"

    @contextmanager
    def database(self, *, with_tables: bool = False) -> Iterator[str]:
        """Yield the address of an empty database, with the bot's tables if asked for."""
        name = f"test_{next(_numbers)}"
        self._ask(f"CREATE DATABASE {name} TEMPLATE {self._tables if with_tables else 'template1'}")
        try:
            yield self.url(name)
        finally:
            self._ask(f"DROP DATABASE {name} WITH (FORCE)")

    @functools.cached_property
    def _tables(self) -> str:
        """A database with the bot's tables, to be copied: that is quicker than a migration."""
        from bot.storage import engine, schema

        self._ask("CREATE DATABASE tables")
        made = engine.plain_engine(engine.url_of(self.url("tables"), self._folder))
        schema.upgrade(made)
        made.dispose()
        return "tables"

    def _signal(self, number: signal.Signals) -> None:
        first = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in (first, *map(int, children)):
            os.kill(pid, number)

    def _ask(self, statement: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _run(self, *command: str) -> None:
        """Run the command as a user that PostgreSQL agrees to run as: never root."""
        user = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
        # No pipe: the server would hold it open after pg_ctl has ended.
        subprocess.run(
            [*user, *command], check=True, stdout=subprocess.DEVNULL, cwd=self._folder, timeout=60
        )


@contextmanager
def serving() -> Iterator[Server | None]:
    """Yield a server that runs; None where none is installed."""
    found = initdb()
    if found is None:
        yield None
        return
    server = Server(found)
    try:
        server.start()
        yield server
    finally:
        server.end()
