"""Answers to interactions: defers for a slow handler, and delivers what it says afterwards.

discord.py takes the adapter of its webhook calls from a context variable. Ours differs for what we
deferred: the handler's `interaction.response.send_message(…)` becomes an edit of the deferred
message or a follow-up, unnoticed. What is private never appears in a message that is not.
"""

from __future__ import annotations

import asyncio
import errno
from collections import OrderedDict
from typing import Any

import aiohttp
import discord
import structlog
from discord.http import MultipartParameters, Route
from discord.webhook.async_ import AsyncWebhookAdapter, async_context

from bot.commands import late
from bot.commands.exchange import Exchange, still_deferred
from bot.commands.message import Message
from bot.gateway.event import redelivered

log = structlog.get_logger(__name__)

__all__ = ["Answers", "Exchange", "TooLateForModalError"]

RETRY_DELAYS_S = (0.1, 0.4)  # a first answer has 3 s in all
BROKEN = (errno.ECONNRESET, errno.EPIPE)
ALREADY_ANSWERED = 40060
PLACEHOLDER = {"content": "…"}
KEPT_DEFERRED = 1000  # deferred interactions remembered; their tokens live 15 min


class TooLateForModalError(discord.ClientException):
    """A modal can be opened within 3 s only; the interaction had to be deferred before."""

    def __init__(self) -> None:
        super().__init__("the interaction was deferred before its handler opened a modal")


class Answers(AsyncWebhookAdapter):
    """The adapter, with the exchanges that are under way."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # discord.py left it without types
        self._exchanges: OrderedDict[str, Exchange] = OrderedDict()

    def enter_context(self) -> None:
        """Let the current task, and the tasks it creates, answer through this adapter."""
        if async_context.get() is not self:
            async_context.set(self)

    def open(self, interaction: discord.Interaction) -> Exchange:
        """Answer the exchange of *interaction*; one more handler works on it."""
        exchange = self._exchanges.get(interaction.token)
        if exchange is None:
            exchange = self._exchanges[interaction.token] = Exchange(
                id=interaction.id,
                kind=interaction.type.value,
                token=interaction.token,
                application_id=interaction.application_id,
            )
        exchange.handlers += 1
        return exchange

    def close(self, exchange: Exchange) -> None:
        """A handler of *exchange* has ended; deferred ones are kept for those who answer later."""
        exchange.handlers -= 1
        if exchange.handlers == 0 and exchange.deferred is None:
            self._exchanges.pop(exchange.token, None)
        while len(self._exchanges) > KEPT_DEFERRED:
            oldest = next(iter(self._exchanges.values()))
            if oldest.handlers:
                break
            del self._exchanges[oldest.token]

    def best_privately(self, interaction: discord.Interaction) -> bool:
        """Answer whether a word of our own takes the fewest calls when it is private."""
        exchange = self._exchanges.get(interaction.token)
        if exchange is None or exchange.answered or exchange.deferred is None:
            return True
        return exchange.deferred.callback != late.DEFERRED_MESSAGE or exchange.deferred.private

    async def defer(
        self, exchange: Exchange, deferral: late.Deferral, webhook: discord.Webhook
    ) -> bool:
        """Defer in the handler's place; answers whether that was still needed."""
        async with exchange.lock:  # an answer of the handler that is on its way goes first
            if exchange.answered or exchange.deferred is not None:
                return False
            payload: dict[str, Any] = {"type": deferral.callback}
            if deferral.private:
                payload["data"] = {"flags": late.EPHEMERAL}
            await super().create_interaction_response(
                exchange.id,
                exchange.token,
                session=webhook.session,
                proxy=webhook.proxy,
                proxy_auth=webhook.proxy_auth,
                params=MultipartParameters(payload=payload, multipart=None, files=None),
            )
            exchange.deferred = deferral
            return True

    # The calls of discord.py, in its own words

    async def request(self, route: Route, session: aiohttp.ClientSession, **call: Any) -> Any:
        """Make a call; what may be repeated is, when the connection breaks under it.

        A connection that was kept open may be closed by Discord just as it is used. discord.py
        knows that error by its numbers on Windows and macOS only.
        """
        for delay_s in RETRY_DELAYS_S if _repeatable(route, call) else ():
            try:
                return await super().request(route, session, **call)
            except (aiohttp.ServerDisconnectedError, OSError) as error:
                if isinstance(error, OSError) and error.errno not in BROKEN:
                    raise
                log.info("answer.retried", error=type(error).__name__, delay_s=delay_s)
                await asyncio.sleep(delay_s)
        return await super().request(route, session, **call)

    async def create_interaction_response(
        self, interaction_id: int, token: str, *, params: MultipartParameters, **http: Any
    ) -> Any:
        """Send the first answer, by another way where the interaction was deferred meanwhile."""
        exchange = self._exchanges.get(token)
        if exchange is None:
            return await super().create_interaction_response(
                interaction_id, token, params=params, **http
            )
        async with exchange.lock:
            if exchange.deferred is None:
                return await self._answer_first(exchange, params, http)
            return await self._answer_late(exchange, exchange.deferred, params, http)

    async def execute_webhook(self, webhook_id: int, token: str, **call: Any) -> Any:
        """Send a follow-up; the first one after a deferral has the privacy the handler wished."""
        exchange = self._exchanges.get(token)
        if exchange is None or exchange.deferred is None:
            return await super().execute_webhook(webhook_id, token, **call)
        async with exchange.lock:
            exchange.answered = True
            if exchange.wish is None:
                return await super().execute_webhook(webhook_id, token, **call)
            message = Message.of_call(call)
            http = {name: call.get(name) for name in ("session", "proxy", "proxy_auth")}
            return await self._fulfil_wish(exchange, message, http)

    async def get_original_interaction_response(
        self, application_id: int, token: str, **http: Any
    ) -> Any:
        """Fetch the first answer, or the message that stands for it."""
        exchange = self._exchanges.get(token)
        if exchange is not None and exchange.original is not None:
            return await self.get_webhook_message(application_id, token, exchange.original, **http)
        return await super().get_original_interaction_response(application_id, token, **http)

    async def edit_original_interaction_response(
        self, application_id: int, token: str, **call: Any
    ) -> Any:
        """Edit the first answer, or the message that stands for it."""
        exchange = self._exchanges.get(token)
        if exchange is None or exchange.deferred is None:
            return await super().edit_original_interaction_response(application_id, token, **call)
        async with exchange.lock:
            exchange.answered = True
            if exchange.wish is not None:
                message = Message.of_call(call)
                http = {name: call.get(name) for name in ("session", "proxy", "proxy_auth")}
                return await self._fulfil_wish(exchange, message, http)
            if exchange.original is not None:
                return await self.edit_webhook_message(
                    application_id, token, exchange.original, **call
                )
            return await super().edit_original_interaction_response(application_id, token, **call)

    async def delete_original_interaction_response(
        self, application_id: int, token: str, **http: Any
    ) -> None:
        """Delete the first answer, or the message that stands for it."""
        exchange = self._exchanges.get(token)
        if exchange is not None and exchange.deferred is not None:
            exchange.answered = True
            if exchange.original is not None:
                await self.delete_webhook_message(application_id, token, exchange.original, **http)
                return
        await super().delete_original_interaction_response(application_id, token, **http)

    # First answers, and late ones

    async def _answer_first(
        self, exchange: Exchange, params: MultipartParameters, http: dict[str, Any]
    ) -> Any:
        message, callback = Message.of_answer(params)
        answer: Any
        try:
            answer = await super().create_interaction_response(
                exchange.id, exchange.token, params=params, **http
            )
        except discord.HTTPException as error:
            if error.code != ALREADY_ANSWERED or exchange.answered:
                raise
            if redelivered():
                exchange.deferred = await self._left_deferred(exchange, http)
                if exchange.deferred is None:
                    raise  # an earlier process answered: nobody waits any more
                return await self._answer_late(exchange, exchange.deferred, params, http)
            if callback != late.MESSAGE:
                raise
            # Sent twice because its first answer was lost, taken once: ask for what is there.
            sent = await self.get_original_interaction_response(
                exchange.application_id, exchange.token, **http
            )
            if sent.get("content", "") != (message.payload.get("content") or ""):
                raise
            answer = exchange.receipt(sent, callback)
        exchange.answered = True
        return answer

    async def _left_deferred(
        self, exchange: Exchange, http: dict[str, Any]
    ) -> late.Deferral | None:
        """Answer how an earlier process deferred, if it died before it said any more."""
        try:
            sent = await self.get_original_interaction_response(
                exchange.application_id, exchange.token, **http
            )
        except discord.HTTPException:  # as for a modal, of which nothing is left
            return None
        return still_deferred(sent)

    async def _answer_late(
        self,
        exchange: Exchange,
        deferred: late.Deferral,
        params: MultipartParameters,
        http: dict[str, Any],
    ) -> dict[str, Any]:
        message, callback = Message.of_answer(params)
        private = bool(message.flags & late.EPHEMERAL)
        match late.way(deferred, callback, private=private):
            case late.Way.REFUSE:
                raise TooLateForModalError
            case late.Way.AGREE:
                exchange.answered = callback == late.DEFERRED_UPDATE
                return exchange.receipt(None, callback)
            case late.Way.AGREE_DIFFERENTLY:
                exchange.wish = private
                return exchange.receipt(None, callback)
            case late.Way.EDIT:
                message.make_private(False)  # the flag can't be edited, and needs not be
                sent: Any = await super().edit_original_interaction_response(
                    exchange.application_id, exchange.token, **message.call(), **http
                )
            case late.Way.REPLACE | late.Way.FOLLOW_UP:
                exchange.wish = private
                sent = await self._fulfil_wish(exchange, message, http)
        exchange.answered = True
        return exchange.receipt(sent, callback)

    async def _fulfil_wish(self, exchange: Exchange, message: Message, http: dict[str, Any]) -> Any:
        """Send *message* as one of its own, with the privacy that the handler wished."""
        deferred = exchange.deferred
        at = exchange.application_id, exchange.token
        replaces = deferred is not None and deferred.callback == late.DEFERRED_MESSAGE
        if replaces:
            # While a deferred message waits, Discord puts the next follow-up into it.
            await super().edit_original_interaction_response(*at, payload=PLACEHOLDER, **http)
        message.make_private(bool(exchange.wish))
        exchange.wish = None
        call: dict[str, Any] = {**http, **message.call(), "wait": True}
        sent: Any = await super().execute_webhook(*at, **call)
        exchange.original = int(sent["id"])
        if replaces:
            try:
                await super().delete_original_interaction_response(*at, **http)
            except discord.HTTPException as error:
                log.info("placeholder.not_deleted", code=error.code)
        return sent


def _repeatable(route: Route, call: dict[str, Any]) -> bool:
    """Answer whether a call may be made twice; a second first answer is refused by Discord."""
    return not call.get("files") and (route.method != "POST" or route.path.endswith("/callback"))
