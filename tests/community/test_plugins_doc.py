"""The plugin of docs/plugins.md, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.community.stage import Stage, serving, simulated, words_of
from tests.integration.serving import until
from tests.sources import ROOT


async def test_the_plugin_of_the_page_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """Its command answers both ways, its button too, and its timer keeps its promise."""
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0]
    folder = tmp_path / "my_plugins"
    folder.mkdir()
    (folder / "eggs.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    async with (
        simulated(tmp_path) as stage,
        serving(stage, monkeypatch, ("my_plugins.eggs",), database_url=database_url),
    ):
        shown = await stage.driver.say("!egg 1", user="alice", wait_s=10)
        pressed = await stage.driver.click(
            shown["reply"]["id"], label="Peek", user="alice", wait_s=10
        )
        assert await stage.slash("egg", {"seconds": 1}, user="alice") == "It is in the water."
        refused = await stage.say("!egg 1000", user="alice")
        await again(stage, int(shown["id"]))  # as after a death
        await until(
            lambda: sum(each.content == "Your egg is ready." for each in stage.messages()) == 2
        )

        assert await timers(stage) == 2

    assert words_of(shown["reply"]) == "It is in the water."
    assert words_of(pressed["response"]) == "Still boiling."
    assert refused == "An egg takes 1 to 600 seconds."


async def again(stage: Stage, message_id: int) -> None:
    """Let the handler of a message run once more."""
    message = next(each for each in stage.bot.cached_messages if each.id == message_id)
    await stage.bot.invoke(await stage.bot.get_context(message))


async def timers(stage: Stage) -> int:
    """Answer how many timers there are or were."""
    from sqlalchemy import func, select

    from bot.storage.models import TimerRow

    async def count(session: Any) -> int:
        return int(await session.scalar(select(func.count()).select_from(TimerRow)))

    return await stage.services.storage.read(count)
