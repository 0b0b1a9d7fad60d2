"""One event loop, made in one place; tasks and timeouts only by the parts that track them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.sources import Source, parse, sources

LOOPS = {
    "run": "only __main__.py makes the loop, by asyncio.Runner; inside it, await the coroutine",
    "run_until_complete": "await the coroutine; only __main__.py makes the loop",
    "run_forever": "await something that ends; only __main__.py makes the loop",
    "new_event_loop": "there is one loop, made in __main__.py; use asyncio.get_running_loop()",
    "set_event_loop": "there is one loop, made in __main__.py",
    "get_event_loop": "use asyncio.get_running_loop(), which never makes a second one",
    "Runner": "only __main__.py makes the loop",
}
TIMEOUTS = {
    "timeout": "use bot.tasks.timeouts.with_timeout, which works outside a task too",
    "timeout_at": "use bot.tasks.timeouts.with_timeout, which works outside a task too",
    "wait_for": "use bot.tasks.timeouts.with_timeout, or wait_for_safe for a client's event",
}
TASKS = {
    "create_task": "use TaskManager.create_task(coro, name=...), which tracks, names and ends it",
    "ensure_future": "use TaskManager.create_task(coro, name=...), which tracks and names it",
    "TaskGroup": "use TaskManager.managed_task_context(), which tracks its tasks",
    "run_coroutine_threadsafe": "use bot.tasks.bridge, which is bounded and drained at the end",
}
WATCHED = LOOPS | TIMEOUTS | TASKS
LOOP_MAKERS = {"bot/__main__.py": {"Runner"}, "simulator/__main__.py": {"run"}}
CLIENTS = {"bot", "client", "self", "ctx", "interaction"}


def misuses(source: Source) -> Iterator[str]:
    """Answer a line for each misuse in *source*: where, what, and what to use instead."""
    tree = source.tree
    imported, aliases = _imported_from_asyncio(tree), _names_of_asyncio(tree)
    may_make = LOOP_MAKERS.get(source.path, set())
    owns_tasks = source.path.startswith(("bot/tasks/", "simulator/"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called, owner = _called(node.func, imported, aliases)
        if called in may_make:
            continue
        advice = _advice(called, owner)
        if advice is None or (owns_tasks and called in TASKS | TIMEOUTS):
            continue
        yield f"{source.path}:{node.lineno}: {owner}.{called}: {advice}"


def _advice(called: str, owner: str) -> str | None:
    if owner == "asyncio":
        return WATCHED.get(called)
    if called in ("run_until_complete", "run_forever"):
        return LOOPS[called]
    if called == "wait_for" and owner.rpartition(".")[2] in CLIENTS:
        return TIMEOUTS["wait_for"]
    if called == "create_task" and owner.rpartition(".")[2] in ("loop", "get_running_loop()"):
        return TASKS["create_task"]
    return None


def _called(function: ast.expr, imported: dict[str, str], aliases: set[str]) -> tuple[str, str]:
    """Answer what is called and on what; names imported from asyncio are asyncio's."""
    if isinstance(function, ast.Name):
        name = imported.get(function.id)
        return (name, "asyncio") if name else (function.id, "")
    if isinstance(function, ast.Attribute) and function.attr in WATCHED:
        owner = ast.unparse(function.value)
        return function.attr, "asyncio" if owner in aliases else owner
    return "", ""


def _imported_from_asyncio(tree: ast.Module) -> dict[str, str]:
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "asyncio"
        for alias in node.names
    }


def _names_of_asyncio(tree: ast.Module) -> set[str]:
    return {"asyncio"} | {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "asyncio" and alias.asname
    }


@pytest.mark.parametrize(
    "snippet",
    [
        pytest.param("import asyncio\nasyncio.run(main())", id="run"),
        pytest.param("import asyncio as a\na.run(main())", id="run of an alias"),
        pytest.param("from asyncio import run\nrun(main())", id="run imported"),
        pytest.param("from asyncio import wait_for as w\nawait w(x, 1)", id="wait_for renamed"),
        pytest.param("import asyncio\nloop = asyncio.new_event_loop()", id="second loop"),
        pytest.param("loop.run_until_complete(main())", id="run_until_complete"),
        pytest.param("client.loop.run_forever()", id="run_forever"),
        pytest.param("import asyncio\nasync with asyncio.timeout(5): pass", id="timeout"),
        pytest.param("import asyncio\nawait asyncio.wait_for(x, 5)", id="wait_for"),
        pytest.param("await bot.wait_for('message')", id="bot.wait_for"),
        pytest.param("await self.bot.wait_for('message')", id="self.bot.wait_for"),
        pytest.param("await client.wait_for('message')", id="client.wait_for"),
        pytest.param("await ctx.bot.wait_for('message')", id="ctx.bot.wait_for"),
        pytest.param("import asyncio\nasyncio.create_task(x())", id="create_task"),
        pytest.param("import asyncio\nasyncio.ensure_future(x())", id="ensure_future"),
        pytest.param("self.loop.create_task(x())", id="loop.create_task"),
        pytest.param(
            "import asyncio\nasyncio.get_running_loop().create_task(x())", id="running loop"
        ),
        pytest.param(
            "import asyncio\nasync with asyncio.TaskGroup() as group: pass", id="task group"
        ),
        pytest.param(
            "def f():\n    from asyncio import Runner\n    Runner().run(x())", id="in a function"
        ),
    ],
)
def test_a_misuse_is_found_and_told_what_to_use_instead(snippet: str) -> None:
    """Each way around the task manager is one line with an advice."""
    (found,) = misuses(parse(snippet, "bot/plugins/snippet.py"))

    assert found.startswith("bot/plugins/snippet.py:")


@pytest.mark.parametrize(
    ("snippet", "path"),
    [
        pytest.param("self.tasks.create_task(x(), name='x')", "bot/client.py", id="manager"),
        pytest.param("await event.wait()", "bot/client.py", id="event"),
        pytest.param("subprocess.run(['true'])", "bot/client.py", id="another run"),
        pytest.param("import asyncio\nasyncio.create_task(x())", "bot/tasks/a.py", id="tasks"),
        pytest.param("import asyncio\nasyncio.Runner().run(x())", "bot/__main__.py", id="main"),
        pytest.param("import asyncio\nasyncio.run(x())", "simulator/__main__.py", id="simulator"),
    ],
)
def test_the_right_way_is_no_misuse(snippet: str, path: str) -> None:
    """What the advice names is not complained about itself."""
    assert list(misuses(parse(snippet, path))) == []


def test_the_project_makes_one_loop_and_tracks_every_task() -> None:
    """No file of the processes goes around the task manager or the safe timeouts."""
    found = [line for source in sources("bot", "watchdog", "simulator") for line in misuses(source)]

    assert found == []
