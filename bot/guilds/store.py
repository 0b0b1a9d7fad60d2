"""The settings of all guilds; a placeholder until its author writes it."""
from __future__ import annotations
from typing import Any
class GuildSettingsStore:
    def __init__(self, services: Any) -> None: ...
