"""What a command, button or modal raises to say no: shown as it is, to the one who asked."""

from __future__ import annotations

from discord.ext import commands


class Refused(commands.UserInputError):
    """The request can't be done as asked; the text says why, and what can be done instead."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
