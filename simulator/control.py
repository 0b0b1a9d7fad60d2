"""The control API from a test: a synchronous client over the standard library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.errors import SimulatorError
from simulator.transport import Transport


class ControlClient(Transport):
    """Drives a simulator over HTTP; give it any of its addresses. Not shared by threads.

    Methods are the verbs of `GET /control`; those that are not written out here are reached
    by `call`.
    """

    def say(
        self,
        content: str,
        *,
        user: str = "alice",
        channel: str = "general",
        wait_s: float = 0.0,
        **more: Any,
    ) -> dict[str, Any]:
        """Post a message; with *wait_s* the answer holds the bot's `reply`, or None."""
        return self._dict("say", content=content, user=user, channel=channel, wait_s=wait_s, **more)

    def ask(
        self,
        content: str,
        *,
        user: str = "alice",
        channel: str = "general",
        timeout_s: float = 5.0,
    ) -> str:
        """Post a message and answer the text of the bot's reply; raises TimeoutError."""
        said = self.say(content, user=user, channel=channel, wait_s=timeout_s)
        if said["reply"] is None:
            raise TimeoutError(f"no reply within {timeout_s} s")
        return str(said["reply"]["content"])

    def slash(
        self,
        command: str,
        *,
        options: Mapping[str, Any] | None = None,
        user: str = "alice",
        channel: str = "general",
        wait_s: float = 0.0,
        **more: Any,
    ) -> dict[str, Any]:
        """Run a slash command; with *wait_s* until it is answered. Answers the interaction."""
        given = dict(options or {})
        return self._dict(
            "slash",
            command=command,
            options=given,
            user=user,
            channel=channel,
            wait_s=wait_s,
            **more,
        )

    def click(
        self,
        message: str,
        *,
        label: str | None = None,
        custom_id: str | None = None,
        user: str = "alice",
        wait_s: float = 0.0,
    ) -> dict[str, Any]:
        """Press a button of a message. Answers the interaction."""
        return self._dict(
            "click", message=message, label=label, custom_id=custom_id, user=user, wait_s=wait_s
        )

    def select(
        self,
        message: str,
        values: Sequence[str],
        *,
        custom_id: str | None = None,
        user: str = "alice",
        wait_s: float = 0.0,
    ) -> dict[str, Any]:
        """Choose in a select menu of a message. Answers the interaction."""
        return self._dict(
            "select",
            message=message,
            values=list(values),
            custom_id=custom_id,
            user=user,
            wait_s=wait_s,
        )

    def submit_modal(
        self,
        interaction: str,
        values: Mapping[str, Any],
        *,
        wait_s: float = 0.0,
    ) -> dict[str, Any]:
        """Fill and send the modal that an interaction showed; fields by id or label."""
        return self._dict(
            "submit_modal", interaction=interaction, values=dict(values), wait_s=wait_s
        )

    def messages(
        self, channel: str = "general", *, after: str = "0", limit: int = 50, **more: Any
    ) -> list[dict[str, Any]]:
        """Answer messages of a channel, oldest first."""
        found = self.call("messages", channel=channel, after=after, limit=limit, **more)
        return list(found)

    def wait_for_message(
        self,
        channel: str = "general",
        *,
        after: str = "0",
        timeout_s: float = 5.0,
        **more: Any,
    ) -> dict[str, Any]:
        """Answer the bot's first finished message after *after*; raises TimeoutError."""
        found = self.call(
            "wait_for_message", channel=channel, after=after, timeout_s=timeout_s, **more
        )
        return self._found(found, f"no message of the bot within {timeout_s} s")

    def interaction(self, interaction: str) -> dict[str, Any]:
        """Answer an interaction as it stands now."""
        return self._dict("interaction", interaction=interaction)

    def wait_for_interaction(
        self, interaction: str, *, until: str = "answered", timeout_s: float = 5.0
    ) -> dict[str, Any]:
        """Wait until it is `acknowledged` or `answered`; raises TimeoutError."""
        found = self.call(
            "wait_for_interaction", interaction=interaction, until=until, timeout_s=timeout_s
        )
        return self._found(found, f"interaction not {until} within {timeout_s} s")

    def wait_for_gateway(
        self, event: str, *, after: int = 0, count: int = 1, timeout_s: float = 10.0
    ) -> dict[str, Any]:
        """Wait for a gateway event: connect, identify, ready, resumed; raises TimeoutError."""
        found = self.call(
            "wait_for_gateway", event=event, after=after, count=count, timeout_s=timeout_s
        )
        return self._found(found, f"no {event} within {timeout_s} s")

    def wait_for_rest(
        self, *, after: int = 0, method: str = "*", path: str = "*", timeout_s: float = 5.0
    ) -> dict[str, Any]:
        """Wait for a REST request; raises TimeoutError."""
        found = self.call(
            "wait_for_rest", after=after, method=method, path=path, timeout_s=timeout_s
        )
        return self._found(found, f"no {method} {path} within {timeout_s} s")

    def gateway_log(self, *, after: int = 0, event: str = "*") -> list[dict[str, Any]]:
        """Answer the gateway's log."""
        return list(self.call("gateway_log", after=after, event=event))

    def rest_log(
        self, *, after: int = 0, method: str = "*", path: str = "*"
    ) -> list[dict[str, Any]]:
        """Answer the log of REST requests."""
        return list(self.call("rest_log", after=after, method=method, path=path))

    def commands(self, guild: str | None = None) -> list[dict[str, Any]]:
        """Answer the application commands that the bot synced."""
        return list(self.call("commands", guild=guild))

    def load(self, *, rate_per_s: float, messages: int, **more: Any) -> dict[str, Any]:
        """Begin to say `n 1`, `n 2`, … which the bot should answer `got NUMBER`, each once."""
        return self._dict("load", rate_per_s=rate_per_s, messages=messages, **more)

    def tally(self, *, timeout_s: float = 0.0) -> dict[str, Any]:
        """Answer what became of the loads; waits up to *timeout_s* until all are answered."""
        return self._dict("tally", timeout_s=timeout_s)

    def stats(self) -> dict[str, Any]:
        """Answer counts of connects, identifies, resumes, requests, and the sessions."""
        return self._dict("stats")

    def world(self) -> dict[str, Any]:
        """Answer guilds, channels and people."""
        return self._dict("world")

    def fault(self, name: str, /, **parameters: Any) -> dict[str, Any]:
        """Switch a standing fault on, or cause an instant one."""
        return self._dict("fault", name=name, parameters=parameters)

    def clear_fault(self, name: str) -> dict[str, Any]:
        """Switch one standing fault off."""
        return self._dict("clear_fault", name=name)

    def clear_faults(self) -> dict[str, Any]:
        """Switch every standing fault off."""
        return self._dict("clear_faults")

    def session_start_limit(self, **numbers: Any) -> dict[str, Any]:
        """Change total, remaining, reset_after_s, max_concurrency or interval_s."""
        return self._dict("session_start_limit", **numbers)

    def portal(
        self, *, token: str | None = None, intents: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Change the token or the privileged intents that are switched on."""
        chosen = None if intents is None else list(intents)
        return self._dict("portal", token=token, intents=chosen)

    def _dict(self, verb: str, /, **given: Any) -> dict[str, Any]:
        answer = self.call(verb, **given)
        if not isinstance(answer, dict):
            raise SimulatorError(f"{verb} answered {type(answer).__name__}")
        return answer

    def _found(self, answer: Any, otherwise: str) -> dict[str, Any]:
        if answer is None:
            raise TimeoutError(otherwise)
        return dict(answer)
