"""The rules of docs/architecture.md, over the syntax tree of every file."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from collections.abc import Iterator, Mapping

import pytest

from tests.sources import ROOT, Source, imports, parse, sources, tracked

MODULE_LINES = 300
FUNCTION_LINES = 40
PROCESSES = ("bot", "watchdog", "simulator", "bench")

# What a module that only decides may import: no clock, no I/O, no randomness, no logger.
PURE_STDLIB = frozenset(
    {"__future__", "abc", "base64", "bisect", "collections", "dataclasses", "datetime", "difflib"}
    | {"enum", "functools", "hashlib", "heapq", "html", "ipaddress", "itertools", "json", "math"}
    | {"operator", "re", "shlex", "signal", "statistics", "string", "textwrap", "types", "typing"}
    | {"unicodedata", "urllib.parse"}
)
PURE_THIRD_PARTY = frozenset({"annotated_types", "discord", "orjson", "prometheus_client"})
# Exceptions, settings and data classes: nothing in them acts.
PURE_BY_NATURE = frozenset(
    {"bot.errors", "bot.settings", "simulator.errors", "simulator.settings"}
    | {"watchdog.errors", "watchdog.heartbeat.identity", "watchdog.settings"}
)
IMPURE_CALLS = re.compile(r"\b(?:datetime|date)\.(?:now|today|utcnow)$|^(?:open|print|input)$")

# The four borders that may catch everything, and one where code that is none of ours runs inside
# something that must go on. Each logs and counts.
BORDERS: Mapping[str, str] = {
    "bot/tasks/manager.py": "task done-callback",
    "watchdog/daemon.py": "watchdog tick",
    "watchdog/alerts/worker.py": "alert sink",
    "bot/commands/extensions.py": "plugin loader",
    "bot/pipeline/pipeline.py": "a stage of messages: what fails in it must not stop the next",
    "bot/gateway/wire.py": "discord.py's parsers: a malformed event would end the connection",
}
LONG_MODULES: Mapping[str, str] = {}
LONG_FUNCTIONS: Mapping[str, str] = {}
VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "manager2"})
VAGUE_PREFIXES = ("fixed_", "ultra_", "new_", "old_")


@functools.cache
def modules() -> frozenset[str]:
    """Answer the dotted names of all files."""
    return frozenset(source.module for source in sources())


def test_the_watchdog_knows_nothing_of_the_bot_and_of_discord() -> None:
    """The watchdog must stand when whatever the bot imports is broken."""
    found = [
        f"{source.path}:{each.line} imports {each.target}"
        for source in sources("watchdog")
        for each in imports(source)
        if each.target.split(".")[0] in ("bot", "simulator", "discord", "aiohttp", "tests")
    ]

    assert found == []


def test_the_bot_knows_only_the_heartbeat_of_the_watchdog() -> None:
    """The contract between the processes is one folder."""
    known = modules()
    found = [
        f"{source.path}:{each.line} imports {each.target}"
        for source in sources("bot")
        for each in imports(source, known)
        if each.target.split(".")[0] in ("watchdog", "simulator", "tests")
        and not each.target.startswith("watchdog.heartbeat")
    ]

    assert found == []


def test_the_simulator_knows_neither_of_the_two() -> None:
    """A stand-in for Discord must not be made of what it tests."""
    found = [
        f"{source.path}:{each.line} imports {each.target}"
        for source in sources("simulator")
        for each in imports(source)
        if each.target.split(".")[0] in ("bot", "watchdog", "tests")
    ]

    assert found == []


def test_plugins_do_not_import_plugins() -> None:
    """Every plugin loads, and breaks, by itself."""
    known = modules()

    def plugin(module: str) -> str:
        parts = module.split(".")
        return parts[2] if parts[:2] == ["bot", "plugins"] and len(parts) > 2 else ""

    found = [
        f"{source.path}:{each.line} imports {each.target}"
        for source in sources("bot")
        for each in imports(source, known)
        if plugin(each.target) and plugin(source.module) not in ("", plugin(each.target))
    ]

    assert found == []


def impurities(source: Source, known: frozenset[str], pure: frozenset[str]) -> Iterator[str]:
    """Answer a line for everything in *source* that a module which only decides must not have."""
    for each in imports(source, known):
        root = each.target.split(".")[0]
        allowed = (
            each.is_typing
            or each.target in PURE_STDLIB | PURE_BY_NATURE | pure
            or root in PURE_THIRD_PARTY
            or (root in PURE_STDLIB and root not in ("urllib",))
        )
        if not allowed:
            yield f"{source.path}:{each.line} imports {each.target}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and IMPURE_CALLS.search(ast.unparse(node.func)):
            yield f"{source.path}:{node.lineno} calls {ast.unparse(node.func)}"


def test_modules_that_decide_do_nothing_else() -> None:
    """A module whose first docstring line ends in `Pure.` imports a short list only."""
    pure = frozenset(source.module for source in sources() if source.is_pure)
    found = [
        line
        for source in sources(*PROCESSES)
        if source.is_pure
        for line in impurities(source, modules(), pure)
    ]

    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("import time", id="clock"),
        pytest.param("import random", id="randomness"),
        pytest.param("import os.path", id="files"),
        pytest.param("from pathlib import Path", id="paths"),
        pytest.param("import structlog", id="logger"),
        pytest.param("import urllib.request", id="network"),
        pytest.param("def f():\n    import socket", id="in a function"),
        pytest.param("from watchdog.health import probe", id="a module that acts"),
        pytest.param("from datetime import datetime\nnow = datetime.now()", id="wall clock"),
        pytest.param("open('x')", id="open"),
    ],
)
def test_an_impurity_is_found(line: str) -> None:
    """The check of the deciding modules can fail."""
    source = parse(f'"""Decides. Pure."""\n{line}', "watchdog/health/snippet.py")

    assert len(list(impurities(source, frozenset({"watchdog.health.probe"}), frozenset()))) == 1


def cycle(edges: Mapping[str, set[str]]) -> list[str]:
    """Answer one cycle of *edges*, empty when there is none."""
    done: set[str] = set()
    for start in sorted(edges):
        path: list[str] = []
        stack: list[tuple[str, Iterator[str]]] = [(start, iter(sorted(edges[start])))]
        path.append(start)
        while stack:
            node, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                done.add(node)
                path.pop()
                stack.pop()
            elif following in path:
                return [*path[path.index(following) :], following]
            elif following not in done and following in edges:
                path.append(following)
                stack.append((following, iter(sorted(edges[following]))))
    return []


def test_imports_form_no_cycle() -> None:
    """What is imported when a module is loaded, or later by its functions, never comes back."""
    known = modules()
    edges = {
        source.module: {
            each.target
            for each in imports(source, known)
            if not each.is_typing and each.target in known and each.target != source.module
        }
        for source in sources()
    }

    assert cycle(edges) == []


def test_a_cycle_is_found() -> None:
    """The check for cycles can fail."""
    assert cycle({"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}) == ["b", "d", "b"]


def test_names_say_what_is_inside() -> None:
    """No module is called after the fact that it did not fit elsewhere."""
    found = [
        source.path
        for source in sources()
        for part in source.module.split(".")
        if part in VAGUE_NAMES or part.startswith(VAGUE_PREFIXES)
    ]

    assert found == []


def test_every_module_says_what_it_is_for() -> None:
    """Every module that holds code has a docstring."""
    found = [source.path for source in sources() if source.text.strip() and not source.docstring]

    assert found == []


def long_modules() -> dict[str, int]:
    """Answer the modules that are too long, with their lines."""
    lines = {source.path: source.text.count("\n") for source in sources(*PROCESSES)}
    return {path: count for path, count in lines.items() if count > MODULE_LINES}


def test_modules_fit_on_a_few_screens() -> None:
    """A longer module is two; no reason is given for one that is short again."""
    assert long_modules().keys() == LONG_MODULES.keys()


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Answer the lines of *function* without its decorators and docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def long_functions() -> dict[str, int]:
    """Answer the functions that are too long, with their lines."""
    return {
        f"{source.path}:{node.name}": length(node)
        for source in sources(*PROCESSES)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and length(node) > FUNCTION_LINES
    }


def test_functions_fit_on_a_screen() -> None:
    """A longer function does two things; no reason is given for one that is short again."""
    assert long_functions().keys() == LONG_FUNCTIONS.keys()


def catches_all(handler: ast.ExceptHandler) -> bool:
    """Answer whether *handler* catches everything and does not raise it again."""
    kinds = [handler.type]
    if isinstance(handler.type, ast.Tuple):
        kinds = list(handler.type.elts)
    names = {ast.unparse(kind) if kind is not None else "BaseException" for kind in kinds}
    last = handler.body[-1]
    raises_again = isinstance(last, ast.Raise) and last.exc is None
    return bool(names & {"Exception", "BaseException"}) and not raises_again


def test_everything_is_caught_at_the_borders_only() -> None:
    """Elsewhere an error that nobody expected must be seen, not swallowed."""
    found = [
        f"{source.path}:{node.lineno}"
        for source in sources("bot", "watchdog")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler) and catches_all(node) and source.path not in BORDERS
    ]

    assert found == []


def pins(name: str) -> dict[str, str]:
    """Answer package → version of a requirements file."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+(?:\[[\w,]+\])?)==(\S+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("name", ["runtime", "demo", "dev"])
def test_the_other_watchdog_is_never_installed(name: str) -> None:
    """PyPI's package of that name would hide ours."""
    assert "watchdog" not in pins(name)


def test_requirements_hold_the_same_versions() -> None:
    """What is tested is what runs."""
    runtime, demo, dev = pins("runtime"), pins("demo"), pins("dev")

    assert runtime.items() <= demo.items()
    assert demo.items() <= dev.items()


def test_requirements_are_those_of_the_project_file() -> None:
    """The direct needs are written twice, and alike."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]

    def needs(name: str) -> list[str]:
        lines = (ROOT / "requirements" / f"{name}.in").read_text(encoding="utf-8").split("\n")
        return sorted(line for line in lines if line and not line.startswith(("-", "#")))

    assert needs("runtime") == sorted(project["dependencies"])
    assert needs("demo") == sorted(extras["demo"])
    assert needs("dev") == sorted(extras["dev"])


def test_runtime_files_are_not_tracked() -> None:
    """Only the empty folders of state/ and logs/ come with a checkout."""
    found = [
        name
        for name in tracked()
        if name.startswith(("state/", "logs/")) and not name.endswith("/.gitkeep")
    ]

    assert found == []


def test_files_name_no_machine_and_no_registry() -> None:
    """What is in the repository holds for every machine."""
    hosts = ("pypi" + ".org", "python" + "hosted.org", "index" + "-url", "find" + "-links")
    paths = re.compile(r"(?<![\w./-])/(?:work|root|opt/(?:pypi|wheels)|home/\w+)/")
    found = []
    for name in tracked():
        text = (ROOT / name).read_bytes().decode("utf-8", "replace")
        found += [f"{name} names {host}" for host in hosts if host in text]
        found += [f"{name} names {match.group()}" for match in paths.finditer(text)]

    assert found == []
