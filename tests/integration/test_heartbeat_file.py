"""The heartbeat file on a real disk: whole or not at all, and never something else."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from watchdog.heartbeat import file
from watchdog.heartbeat.file import HeartbeatFileError
from watchdog.heartbeat.schema import MAX_BYTES, HeartbeatError

ROOT = Path(__file__).parents[2]
NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "heartbeat.json"


def test_what_was_written_is_read(path: Path) -> None:
    """The content is the same, the file is closed to others, nothing else is left."""
    file.write(path, b"first")
    file.write(path, b"second")

    assert file.read(path) == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["heartbeat.json"]


@pytest.mark.parametrize("raw", [b"", b"beat", b"x" * 50_000])
def test_a_fleeting_file_is_a_file_as_any_other(path: Path, raw: bytes) -> None:
    """Its length is that of its content, not of what was reserved."""
    file.write(path, b"y" * 60_000, fleeting=True)
    file.write(path, raw, fleeting=True)

    assert file.read(path) == raw


def test_there_is_no_beat_yet(path: Path) -> None:
    """Missing is not wrong: the bot may be about to start."""
    with pytest.raises(FileNotFoundError):
        file.read(path)


def test_there_is_no_folder_yet(path: Path) -> None:
    """As little as a missing file."""
    with pytest.raises(FileNotFoundError):
        file.read(path.parent / "state" / "heartbeat.json")


@pytest.mark.parametrize("length", [0, 1, MAX_BYTES])
def test_any_length_up_to_the_limit_is_read(path: Path, length: int) -> None:
    """The limit is the last length allowed."""
    file.write(path, b"x" * length)

    assert len(file.read(path)) == length


def test_a_longer_file_is_refused(path: Path) -> None:
    """One byte is enough."""
    file.write(path, b"x" * (MAX_BYTES + 1))

    with pytest.raises(HeartbeatError, match="longer than"):
        file.read(path)


def test_a_file_of_a_gigabyte_costs_nothing(path: Path) -> None:
    """It is never read further than the limit."""
    with path.open("wb") as huge:
        huge.truncate(1024**3)
    began_s = time.process_time()

    with pytest.raises(HeartbeatError, match="longer than"):
        file.read(path)

    assert time.process_time() - began_s < 0.2


def a_link(path: Path) -> None:
    real = path.with_name("real.json")
    real.write_bytes(b"{}")
    path.symlink_to(real)


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


def a_circle_of_links(path: Path) -> None:
    path.symlink_to(path)


def a_fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def a_file_everybody_writes(path: Path) -> None:
    path.write_bytes(b"{}")
    path.chmod(0o666)


@pytest.mark.parametrize(
    "make",
    [
        a_link,
        a_link_to_nothing,
        a_circle_of_links,
        a_fifo,
        a_folder,
        a_socket,
        a_file_everybody_writes,
    ],
)
def test_what_is_no_file_of_ours_is_refused(path: Path, make: Callable[[Path], None]) -> None:
    """At once: opening a FIFO must not wait for a writer."""
    make(path)
    answer: list[Exception] = []

    def read() -> None:
        try:
            file.read(path)
        except HeartbeatFileError as error:
            answer.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(timeout=10.0)

    assert not reader.is_alive(), "the reader hangs"
    assert len(answer) == 1


def test_a_writer_at_the_other_end_of_a_fifo_is_not_read(path: Path) -> None:
    """Though there is something to read, it is no file."""
    os.mkfifo(path, 0o600)
    writer = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    os.write(writer, b"{}")

    try:
        with pytest.raises(HeartbeatFileError, match="regular"):
            file.read(path)
    finally:
        os.close(writer)


@pytest.mark.parametrize("device", ["null", "zero", "full", "random"])
def test_a_device_is_refused(device: str) -> None:
    """Some never end, some never answer."""
    with pytest.raises(HeartbeatFileError):
        file.read(Path("/dev") / device)


@needs_root
def test_a_device_within_the_folder_is_refused(path: Path) -> None:
    """Not only where devices usually are."""
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    except OSError:
        pytest.skip("devices can't be made here")

    with pytest.raises(HeartbeatFileError):
        file.read(path)


@needs_root
def test_a_file_of_another_owner_is_refused(path: Path) -> None:
    """Its content says what somebody else wants to be believed."""
    file.write(path, b"{}")
    os.chown(path, NOBODY, NOBODY)

    with pytest.raises(HeartbeatFileError, match="the file is owned"):
        file.read(path)


@needs_root
def test_a_folder_of_another_owner_is_refused(path: Path) -> None:
    """Its owner may put any of our files in place of the beat."""
    file.write(path, b"{}")
    os.chown(path.parent, NOBODY, NOBODY)

    with pytest.raises(HeartbeatFileError, match="folder is owned"):
        file.read(path)


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_a_folder_that_everybody_may_write_is_refused(path: Path, mode: int) -> None:
    """As its owner's, anybody's hands."""
    file.write(path, b"{}")
    path.parent.chmod(mode)

    try:
        with pytest.raises(HeartbeatFileError, match="folder is writable"):
            file.read(path)
    finally:
        path.parent.chmod(0o700)


def test_a_refused_beat_is_a_heartbeat_error() -> None:
    """Who catches the one catches both."""
    assert issubclass(HeartbeatFileError, HeartbeatError)


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(path: Path) -> None:
    """What it points to stays as it is."""
    victim = path.with_name("victim")
    victim.write_bytes(b"precious")
    path.with_name(f".{path.name}.{os.getpid()}").symlink_to(victim)

    file.write(path, b"beat")

    assert victim.read_bytes() == b"precious"
    assert file.read(path) == b"beat"


def test_a_fifo_in_the_place_of_the_temporary_file_does_not_hold_the_writer(path: Path) -> None:
    """It is removed, not opened."""
    os.mkfifo(path.with_name(f".{path.name}.{os.getpid()}"))

    file.write(path, b"beat")

    assert file.read(path) == b"beat"


def test_a_reader_sees_whole_beats_only(path: Path) -> None:
    """While a writer replaces the file as fast as it can, no reader ever finds a part."""
    contents = [bytes([65 + n]) * (10_000 + 997 * n) for n in range(8)]
    file.write(path, contents[0])
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            for content in contents:
                file.write(path, content)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = [file.read(path) for _ in range(2000)]
    finally:
        over.set()
        writer.join()

    assert set(seen) <= set(contents)


def test_two_processes_that_write_do_not_disturb_each_other(path: Path) -> None:
    """A leader that ends and one that begins may overlap for a moment."""
    program = (
        "import sys; from pathlib import Path; from watchdog.heartbeat import file\n"
        "for _ in range(300): file.write(Path(sys.argv[1]), sys.argv[2].encode() * 9000)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, path, c], cwd=ROOT) for c in "ab"]
    seen: set[bytes] = set()
    while any(writer.poll() is None for writer in writers):
        try:
            seen.add(file.read(path))
        except FileNotFoundError:
            continue

    assert {len(content) for content in seen} <= {9000}
    assert [writer.returncode for writer in writers] == [0, 0]
    assert os.listdir(path.parent) == ["heartbeat.json"]


def test_a_limit_on_file_sizes_leaves_the_old_beat(path: Path) -> None:
    """A write that ends within raises; the old content stays, nothing is left behind."""
    file.write(path, b"old")
    program = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from watchdog.heartbeat import file\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    file.write(Path(sys.argv[1]), b'x' * 10_000)\n"
        "except OSError as error:\n"
        "    sys.exit(error.errno)\n"
    )
    child = subprocess.run([sys.executable, "-c", program, path], cwd=ROOT, check=False)

    assert child.returncode == 27  # EFBIG
    assert file.read(path) == b"old"
    assert os.listdir(path.parent) == ["heartbeat.json"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB, where one may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    options = "size=64k,mode=0700"
    if (
        mount is None
        or os.geteuid() != 0
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", options, "none", place], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("a disk can't be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.parametrize("fleeting", [False, True])
def test_a_full_disk_leaves_the_old_beat_and_the_next_write_succeeds(
    tiny_disk: Path, fleeting: bool
) -> None:
    """Nothing is torn, and there is no need for a restart once there is room again."""
    path = tiny_disk / "heartbeat.json"
    file.write(path, b"old")
    filler = tiny_disk / "filler"
    with filler.open("wb", buffering=0) as full, contextlib.suppress(OSError):
        while full.write(b"x" * 4096):
            pass

    with pytest.raises(OSError, match="No space"):
        file.write(path, b"new" * 3000, fleeting=fleeting)
    during = file.read(path)
    filler.unlink()
    file.write(path, b"new")

    assert during == b"old"
    assert file.read(path) == b"new"
    assert os.listdir(tiny_disk) == ["heartbeat.json"]


def test_a_read_only_disk_raises_and_keeps_the_old_beat(tiny_disk: Path) -> None:
    """Remounted read-only, as kernels do after an error of the disk."""
    path = tiny_disk / "heartbeat.json"
    file.write(path, b"old")
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)

    with pytest.raises(OSError, match="Read-only"):
        file.write(path, b"new")

    assert file.read(path) == b"old"


def test_a_writer_killed_at_any_moment_leaves_a_whole_beat(path: Path) -> None:
    """`SIGKILL` in the middle of writing, ten times."""
    program = (
        "import sys; from pathlib import Path; from watchdog.heartbeat import file\n"
        "path = Path(sys.argv[1])\n"
        "file.write(path, b'a' * 60_000)\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    file.write(path, b'b' * 60_000)\n"
        "    file.write(path, b'c' * 60_000)\n"
    )
    found = []
    for round_number in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", program, path], cwd=ROOT, stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.003 * round_number)  # another moment each time; any will do
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        found.append(file.read(path))

    assert all(content in (b"a" * 60_000, b"b" * 60_000, b"c" * 60_000) for content in found)
