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
    tree: ast.Module

    @property
    def docstring(self) -> str:
        """The module's docstring, empty without one."""
        return ast.get_docstring(self.tree) or ""

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
    return Source(path=path, module=module, text=text, tree=ast.parse(text, path))


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
    typing_only = {
        id(node)
        for block in ast.walk(source.tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(source, node)
            targets = [
                f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base
                for alias in node.names
            ]
        else:
            continue
        for target in dict.fromkeys(targets):
            yield Import(target=target, line=node.lineno, is_typing=id(node) in typing_only)


def _base(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = source.module.split(".")
    parts = parts[: len(parts) - node.level + source.is_package]
    return ".".join([*parts, node.module] if node.module else parts)
