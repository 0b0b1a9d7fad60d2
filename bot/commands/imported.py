"""Has discord.py load a module as an extension without executing it a second time.

`load_extension` executes a module even if it is imported. For a module that a spare has imported
that would be once more: what it registered with others, such as a metric or a table, is there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Handing(Loader):
    """Hands an imported module over in place of its own loader."""

    def __init__(self, module: ModuleType, spec: ModuleSpec) -> None:
        self._module, self._spec, self._loader = module, spec, spec.loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Answer the module that is there."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing but step back: its `setup` may look for the true loader."""
        self.step_back()

    def step_back(self) -> None:
        """Let the module's own loader be found again."""
        self._spec.loader = self._loader


@contextlib.contextmanager
def as_imported(module: ModuleType | None) -> Iterator[None]:
    """Let the next import of *module*, of which `sys.modules` knows, take what is there."""
    spec = module.__spec__ if module is not None else None
    if module is None or spec is None:
        yield
        return
    handing = spec.loader = _Handing(module, spec)
    try:
        yield
    finally:
        handing.step_back()
