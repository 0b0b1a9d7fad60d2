"""Regular expressions of moderators: in a thread, within a time limit.

A pattern can be written, by mistake or not, that takes years on a message of 4,000 characters. The
library `regex` stops at a limit, and lets go of the interpreter while it searches.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from bot.commands.refusals import Refused
from bot.plugins.channels.pattern_cost import objection

SEARCH_S = 0.05
TOTAL_S = 3.0  # of all messages that one purge looks at
TOO_SLOW = (
    "That pattern takes too long on the messages here. Patterns with repetitions inside"
    " repetitions, like `(a+)+`, do that; please write a simpler one."
)


class Pattern:
    """A compiled pattern and the time that is left to it.

    Raises:
        Refused: it is too long, or would cost too much.
    """

    def __init__(self, text: str) -> None:
        refusal = objection(text)
        if refusal is not None:
            raise Refused(refusal)
        self.text, self._left_s = text, TOTAL_S
        self._compiled: Any = None

    async def matching(self, contents: Sequence[str]) -> list[bool]:
        """Answer for each text whether the pattern is found in it.

        Raises:
            Refused: it is no pattern, or it takes too long.
        """
        return await asyncio.to_thread(self._matching, contents)

    def _matching(self, contents: Sequence[str]) -> list[bool]:
        began_s = time.monotonic()
        search = self._compile().search
        found = []
        for content in contents:
            left_s = self._left_s - (time.monotonic() - began_s)
            if left_s <= 0:
                raise Refused(TOO_SLOW)
            try:
                limit_s = min(SEARCH_S, left_s)
                found.append(search(content, timeout=limit_s, concurrent=True) is not None)
            except TimeoutError:
                raise Refused(TOO_SLOW) from None
        self._left_s -= time.monotonic() - began_s
        return found

    def _compile(self) -> Any:
        if self._compiled is None:
            import regex  # type: ignore[import-untyped] # not for the first second

            try:
                self._compiled = regex.compile(self.text, regex.IGNORECASE)
            except regex.error as error:
                at = f" at character {error.pos + 1}" if error.pos is not None else ""
                raise Refused(f"That is no valid pattern: {error.msg}{at}.") from None
        return self._compiled
