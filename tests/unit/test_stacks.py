"""Stacks as text."""

from __future__ import annotations

import linecache
import threading

from bot.tasks import stacks
from bot.tasks.stacks import format_stack, innermost_file


def recurse(depth: int) -> str:
    if depth:
        return recurse(depth - 1)
    return format_stack(threading.get_ident(), limit=5) or ""


def test_a_stack_names_file_line_function_and_source() -> None:
    """The innermost frame comes last, with the line that runs."""
    password = "never shown"
    text = format_stack(threading.get_ident()) or ""
    entry = next(line for line in text.splitlines() if "test_stacks.py" in line)

    assert entry.endswith("test_a_stack_names_file_line_function_and_source")
    assert 'text = format_stack(threading.get_ident()) or ""' in text
    assert password not in text


def test_a_deep_stack_is_cut_on_the_outside() -> None:
    """The innermost frames are kept, since they say where it hangs."""
    lines = recurse(50).splitlines()

    assert lines[0] == "..."
    assert sum(line.endswith((" recurse", " format_stack")) for line in lines) == 5
    assert "/stacks.py:" in lines[-2]


def test_a_long_source_line_is_cut() -> None:
    """One line of source can't fill the log."""
    namespace = {"format_stack": format_stack, "me": threading.get_ident()}
    source = "text = format_stack(me)  # " + "x" * 1000
    linecache.cache["<long>"] = (len(source), None, [source], "<long>")
    exec(compile(source, "<long>", "exec"), namespace)
    del linecache.cache["<long>"]

    (line,) = [line for line in str(namespace["text"]).splitlines() if "xxx" in line]
    assert len(line) == 4 + stacks.MAX_SOURCE


def test_a_thread_that_is_not_there_has_no_stack() -> None:
    """A thread that ended meanwhile is no error."""
    assert format_stack(-1) is None
    assert innermost_file(-1) is None


def test_the_innermost_file_is_where_the_thread_is() -> None:
    """It tells a loop that waits from one that is blocked."""
    assert (innermost_file(threading.get_ident()) or "").endswith("stacks.py")
