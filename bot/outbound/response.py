"""What an external service answered. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A whole answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Answer the body as JSON.

        Raises:
            ValueError: it is not JSON, or nested too deep.
        """
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("nested too deep") from error

    def text(self) -> str:
        """Answer the body as UTF-8 text, with replacements where it is not."""
        return self.body.decode(errors="replace")
