"""What all forms of the bot have in common."""

from __future__ import annotations

import ast

from bot.views.forms import FORM_TIMEOUT_S, MAX_TITLE, Form
from tests.sources import sources

HOME = "bot/views/forms.py"


async def test_a_form_is_forgotten_and_its_title_fits() -> None:
    """Who closes it never sends it."""
    form = Form("x" * 100)

    assert form.timeout == FORM_TIMEOUT_S
    assert len(form.title) == MAX_TITLE


def test_every_form_is_such_a_form() -> None:
    """Nobody derives from discord.py's own."""
    found = [
        f"{source.path}:{node.lineno}"
        for source in sources("bot")
        if "Modal" in source.text
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).endswith("Modal") for base in node.bases)
    ]

    assert [each for each in found if not each.startswith(HOME)] == []
    assert found != []
