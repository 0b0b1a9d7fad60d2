"""Welcome and leave messages with placeholders. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

PLACEHOLDERS = ("user", "mention", "server", "count")
MAX_LENGTH = 1500  # of the template; what it becomes is cut to Discord's 2000
MAX_MESSAGE = 2000
_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class TemplateError(ValueError):
    """The template can't be used; the text says where and what to write instead."""


def check(template: str) -> None:
    """Do nothing for a template that can be used.

    Raises:
        TemplateError: says what is wrong with it.
    """
    if not template.strip():
        raise TemplateError("The text is empty.")
    if len(template) > MAX_LENGTH:
        raise TemplateError(f"The text has {len(template)} characters; at most {MAX_LENGTH} fit.")
    for part in _PART.finditer(template):
        name, at = part.group(1), part.start() + 1
        if part.group() in ("{{", "}}"):
            continue
        if name is None:
            raise TemplateError(
                f"The brace at character {at} has no partner; write `{{{{` or `}}}}` for a brace."
            )
        if name not in PLACEHOLDERS:
            known = ", ".join(f"`{{{each}}}`" for each in PLACEHOLDERS)
            raise TemplateError(f"`{{{name[:40]}}}` at character {at} is none of {known}.")


def render(template: str, values: Mapping[str, object]) -> str:
    """Answer the message; *values* are by name, and what they hold is not read as a template."""

    def put(part: re.Match[str]) -> str:
        if part.group() in ("{{", "}}"):
            return part.group()[0]
        return str(values.get(part.group(1) or "", part.group()))

    return _PART.sub(put, template)[:MAX_MESSAGE]
