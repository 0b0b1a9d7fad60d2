"""Imports in a thread, beside a loop that serves."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
from collections.abc import Callable, Iterable, Iterator


async def import_beside(modules: Iterable[str]) -> tuple[str, ...]:
    """Import *modules* in a thread, one after the other; answers those that can't be imported.

    What is wrong with them is met again, and told, by whoever needs them.
    """
    with _no_collections():
        return tuple([name for name in modules if not await beside(importlib.import_module, name)])


async def beside(function: Callable[..., object], *args: object) -> bool:
    """Call *function* in a thread; answers whether it ended well.

    It is not awaited: a plugin may raise, or exit, when it is imported.
    """
    calling = asyncio.get_running_loop().run_in_executor(None, function, *args)
    await asyncio.wait({calling})
    return calling.exception() is None


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Have nothing collected meanwhile: what is imported lives for ever, and is much.

    To look at all of it again and again would hold the loop for 20 ms and more each time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
