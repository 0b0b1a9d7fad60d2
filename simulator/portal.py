"""The developer portal: the token, and the privileged intents that are switched on."""

from __future__ import annotations

import secrets

from simulator.settings import SimulatorSettings
from simulator.switchboard import Switchboard


class Portal:
    """What Discord knows of the application. The token is reset as Discord would do it."""

    def __init__(self, settings: SimulatorSettings, faults: Switchboard) -> None:
        self.token = settings.token
        self.token_resets = 0
        self.approved = frozenset(settings.approved_intents)
        self._faults = faults

    def accepts(self, token: str) -> bool:
        """Answer whether *token* opens the door now."""
        if self._faults.strike("wrong_token") is not None:
            return False
        return secrets.compare_digest(token.encode(), self.token.encode())

    def approved_now(self) -> frozenset[str]:
        """Answer the privileged intents that are allowed now."""
        fault = self._faults.peek("missing_intent")
        if fault is None:
            return self.approved
        intents = fault.parameters["intents"]
        assert isinstance(intents, list)  # noqa: S101 - the table of faults says so
        return self.approved - set(intents)

    def reset_token(self, token: str | None = None) -> str:
        """Make the old token worthless; answers the new one."""
        self.token = token or f"reset-{secrets.token_hex(16)}"
        self.token_resets += 1
        return self.token
