"""The project's own files, as the tests over the source tree see them."""

from __future__ import annotations

import ast
import functools
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bot", "watchdog", "simulator", "bench")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One Python file; *module* is its dotted name."""

    path: str
    module: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """Its syntax tree, made anew: kept ones would slow the garbage collector in later tests."""
        return ast.parse(self.text, self.path)

    @property
    def docstring(self) -> str:
        """The module's docstring, empty without one."""
        return _outline(self).docstring

    @property
    def is_pure(self) -> bool:
        """Whether its first docstring line ends in `Pure.`."""
        return self.docstring.partition("\n")[0].endswith("Pure.")

    @property
    def is_package(self) -> bool:
        """Whether it is an `__init__.py`."""
        return self.path.endswith("__init__.py")


def parse(text: str, path: str) -> Source:
    """Answer *text* as if it were the file *path*."""
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return Source(path=path, module=module, text=text)


@functools.cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Answer the Python files of *folders* (all packages and the tests by default)."""
    found = []
    for folder in folders or (*PACKAGES, "tests", "deploy", "docs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            found.append(parse(path.read_text(encoding="utf-8"), name))
    return tuple(found)


@functools.cache
def tracked() -> tuple[str, ...]:
    """Answer the files that git tracks or would; empty outside a git checkout."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        return ()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    names = (name for name in listed.stdout.split("\0") if name)
    return tuple(name for name in names if (ROOT / name).is_file())


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import of one module; *is_typing* when only type checkers see it."""

    target: str
    line: int
    is_typing: bool


def imports(source: Source, known: frozenset[str] = frozenset()) -> Iterator[Import]:
    """Answer the imports of *source*, those in functions too.

    Args:
        known: Modules that exist, to tell `from package import module` from `import a_name`.
    """
    for base, names, line, is_typing in _outline(source).imports:
        targets = [f"{base}.{name}" if f"{base}.{name}" in known else base for name in names]
        for target in dict.fromkeys(targets or [base]):
            yield Import(target=target, line=line, is_typing=is_typing)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outline:
    """Of the tree what is asked for often; an import is module, names, line, whether typing."""

    docstring: str
    imports: tuple[tuple[str, tuple[str, ...], int, bool], ...]


@functools.cache
def _outline(source: Source) -> _Outline:
    tree = source.tree
    nodes = list(ast.walk(tree))
    typing_only = {
        id(node)
        for block in nodes
        if isinstance(block, ast.If) and _is_typing(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    found = list[tuple[str, tuple[str, ...], int, bool]]()
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [(each.name, (), node.lineno, id(node) in typing_only) for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple(each.name for each in node.names)
            found.append((_base(source, node), names, node.lineno, id(node) in typing_only))
    return _Outline(docstring=ast.get_docstring(tree) or "", imports=tuple(found))


def _is_typing(test: ast.expr) -> bool:
    names = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(test)}
    return "TYPE_CHECKING" in names


def _base(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = source.module.split(".")
    parts = parts[: len(parts) - node.level + source.is_package]
    return ".".join([*parts, node.module] if node.module else parts)
