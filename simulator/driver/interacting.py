"""What simulated people do with commands, buttons, selects and modals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simcord.actors import MemberActor
from simcord.backend.errors import BackendError, SetupError
from simcord.backend.models import Channel, Interaction, Message

from simulator.driver.base import Parts, as_id
from simulator.driver.modals import controls_by_name
from simulator.driver.stage import Stage
from simulator.driver.talking import MessageVerbs
from simulator.driver.values import resolve_option, resolve_value
from simulator.errors import RefusedError


class InteractionVerbs(MessageVerbs):
    """Interactions of users; each answers the interaction, with *wait_s* once it is answered.

    Each raises RefusedError when a real user could not do it, UnknownNameError when
    something is not there.
    """

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._newest: Interaction | None = None
        self._stage = Stage(parts.world.backend, self._began)

    def _began(self, record: Interaction) -> None:
        """Note an interaction just before the bot gets it."""
        self._newest = record
        self._parts.tracker.begin(record.id)

    def _take_newest(self) -> Interaction:
        if self._newest is None:
            raise RefusedError("nothing came of it")
        return self._newest

    async def slash(
        self,
        command: str,
        *,
        options: Mapping[str, Any] | None = None,
        user: str = "alice",
        channel: str = "general",
        guild: str | None = None,
        wait_s: float = 0.0,
    ) -> dict[str, Any]:
        """Run a slash command; `group sub` names a subcommand.

        Options of type user, channel, role and mentionable are names or ids.
        """
        author, place = self._at(user, channel, guild)
        world = self._parts.world
        declared = self._declared(command.removeprefix("/"), place)
        given = {
            name: resolve_option(self._stage, world, place, declared.get(name), value)
            for name, value in (options or {}).items()
        }
        actor, name = self._stage.actor(author, place), command.removeprefix("/")
        if isinstance(actor, MemberActor):
            act = actor.slash(self._stage.channel(place), name, **given)
        else:
            act = actor.slash(name, **given)
        return await self._interact(act, wait_s)

    async def autocomplete(
        self,
        command: str,
        option: str,
        text: str,
        *,
        options: Mapping[str, Any] | None = None,
        user: str = "alice",
        channel: str = "general",
        guild: str | None = None,
        wait_s: float = 3.0,
    ) -> dict[str, Any]:
        """Type *text* into an option that completes; `choices` holds what the bot offers."""
        author, place = self._at(user, channel, guild)
        actor, name = self._stage.actor(author, place), command.removeprefix("/")
        if not name.split():
            raise RefusedError("command must be a name")
        filled = dict(options or {})
        if isinstance(actor, MemberActor):
            act = actor.autocomplete(self._stage.channel(place), name, option, text, **filled)
        else:
            act = actor.autocomplete(name, option, text, **filled)
        return await self._interact(act, wait_s)

    async def context_menu(
        self,
        command: str,
        *,
        message: str | None = None,
        target: str | None = None,
        user: str = "alice",
        channel: str = "general",
        guild: str | None = None,
        wait_s: float = 0.0,
    ) -> dict[str, Any]:
        """Run a command of the context menu on a *message* (id) or on a *target* (user)."""
        if (message is None) == (target is None):
            raise RefusedError("give either a message or a target")
        author, place = self._at(user, channel, guild)
        actor = self._stage.actor(author, place)
        if not isinstance(actor, MemberActor):
            raise RefusedError("context menus are simulated in guilds only")
        on: Any
        if message is not None:
            on = self._stage.message(self._message(message))
        else:
            inside = self._parts.world.backend.get_guild(actor.guild.id)
            on = self._stage.member(inside, self._parts.world.user(str(target)))
        act = actor.context_menu(self._stage.channel(place), command, on)
        return await self._interact(act, wait_s)

    async def click(
        self,
        message: str,
        *,
        label: str | None = None,
        custom_id: str | None = None,
        user: str = "alice",
        wait_s: float = 0.0,
    ) -> dict[str, Any]:
        """Press a button of a message, by its label or custom id."""
        stored = self._message(message)
        actor = self._actor_at(user, stored)
        act = actor.click(self._stage.message(stored), label=label, custom_id=custom_id)
        return await self._interact(act, wait_s)

    async def select(
        self,
        message: str,
        values: Sequence[str],
        *,
        custom_id: str | None = None,
        user: str = "alice",
        wait_s: float = 0.0,
    ) -> dict[str, Any]:
        """Choose in a select menu; users, roles and channels by name or id."""
        stored = self._message(message)
        actor, world = self._actor_at(user, stored), self._parts.world
        place = world.backend.get_channel(stored.channel_id)
        chosen = [
            resolve_value(self._stage, world, place, stored.components, custom_id, value)
            for value in values
        ]
        act = actor.select(self._stage.message(stored), chosen, custom_id=custom_id)
        return await self._interact(act, wait_s)

    async def submit_modal(
        self,
        interaction: str,
        values: Mapping[str, Any],
        *,
        user: str | None = None,
        wait_s: float = 0.0,
    ) -> dict[str, Any]:
        """Fill and send the modal that an interaction showed; fields by custom id or label.

        What is chosen in a select is a list; users, roles and channels by name or id.
        """
        record = self._interaction(interaction)
        world = self._parts.world
        author = world.backend.users[record.user_id] if user is None else world.user(user)
        place = world.backend.get_channel(record.channel_id)
        names = controls_by_name(record.modal or {})
        by_id = {
            names.get(name, name): self._filled_in(record, place, names.get(name, name), value)
            for name, value in values.items()
        }
        actor = self._stage.actor(author, place)
        return await self._interact(actor.submit_modal(self._stage.shown(record), by_id), wait_s)

    def _filled_in(self, record: Interaction, place: Channel, custom_id: str, value: Any) -> Any:
        """Answer what a field of a modal holds; users, roles and channels by name or id."""
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            return value
        fields, world = (record.modal or {}).get("components") or [], self._parts.world
        return [resolve_value(self._stage, world, place, fields, custom_id, name) for name in value]

    async def _interact(self, act: Any, wait_s: float) -> dict[str, Any]:
        """Carry an actor's deed out, and wait for the bot's answer if asked to."""
        self._newest = None
        try:
            await act  # nothing in it suspends, so the newest interaction is the deed's
        except (BackendError, SetupError) as error:
            raise RefusedError(_explained(error)) from error
        record = self._take_newest()
        if wait_s > 0:
            await self.settled(record, wait_s)
        return self._show_interaction(record)

    async def settled(self, record: Interaction, timeout_s: float) -> bool:
        """Wait until the bot answered an interaction, a deferred one to its end."""
        done = await self._parts.waiters.until(
            ("interaction", record.id),
            lambda: True if record.responded and not record.loading else None,
            timeout_s=timeout_s,
        )
        return done is not None

    def _actor_at(self, user: str, message: Message) -> Any:
        world = self._parts.world
        place = world.backend.get_channel(message.channel_id)
        return self._stage.actor(world.user(user), place)

    def _interaction(self, interaction_id: str) -> Interaction:
        record = self._parts.world.backend.interactions.get(as_id("interaction", interaction_id))
        if record is None:
            raise RefusedError(f"there is no interaction {interaction_id}")
        return record

    def _declared(self, command: str, place: Channel) -> dict[str, dict[str, Any]]:
        """Answer the declared options of a command, by name; empty when it is not synced."""
        name, *path = command.split()
        node = self._parts.world.backend.find_command(name, place.guild_id) or {}
        for part in path:
            node = next((o for o in node.get("options") or [] if o["name"] == part), {})
        return {option["name"]: option for option in node.get("options") or []}


def _explained(error: Exception) -> str:
    return " ".join([str(error), *getattr(error, "__notes__", ())])
