"""The first of the two steps: the token, tried until Discord's REST side takes it.

The client's own `setup_hook` is not called: it belongs to the second step.
"""

from __future__ import annotations

import re

import discord
import structlog

from bot.errors import PermanentError
from bot.gateway import rest
from bot.gateway.actions import Action, BackOff, Fail, Hold, LogIn, Stop
from bot.gateway.failures import MALFORMED, RECOVERABLE, signal_of
from bot.gateway.pace import Pace
from bot.gateway.signals import LoggedIn, PayloadBroken, Signal, StopAsked, Unauthorized
from bot.gateway.transitions import Phase, Standing, begin, decide
from bot.gateway.waits import Waits

log = structlog.get_logger(__name__)

_PRINTABLE = re.compile(r"[!-~]+")
PATIENCE_S = 5.0  # a longer wait is told, and written to disk for the next process


class Login:
    """Logs a client in; waits out what passes by itself, and says what does not."""

    def __init__(self, client: discord.Client, token: str, waits: Waits, *, pace: Pace) -> None:
        self._client, self._token, self._waits, self._pace = client, token, waits, pace
        self._standing = Standing()

    @property
    def phase(self) -> Phase:
        """Where the login stands."""
        return self._standing.phase

    async def run(self) -> None:
        """Log in, or return when the client was closed meanwhile.

        Raises:
            PermanentError: Discord refuses the token.
        """
        if isinstance(await self._waits.honour_disk(), StopAsked):
            return
        action = begin(self._standing)
        if not _PRINTABLE.fullmatch(self._token):  # would break the header it is sent in
            action = self._follow(Unauthorized())
        while True:
            signal: Signal
            match action:
                case LogIn():
                    signal = await self._try()
                case BackOff() | Hold():
                    signal = await self._waits.carry_out(action)
                case Fail():
                    raise PermanentError(action.kind, action.advice)
                case Stop():
                    return
                case _:  # Connect: the second step
                    await self._waits.forget()
                    return
            action = self._follow(signal)

    def _follow(self, signal: Signal) -> Action:
        step = decide(self._standing, signal, now_s=self._pace.clock())
        self._standing = step.standing
        return step.action

    async def _try(self) -> Signal:
        patience = rest.patience.set(lambda: PATIENCE_S)
        # `login` calls the client's hook, which may start work and take long: that is for later.
        hook = self._client.setup_hook
        self._client.setup_hook = _nothing  # type: ignore[method-assign] # put back below
        try:
            await self._client.login(self._token)
        except discord.LoginFailure:
            return Unauthorized()
        except RECOVERABLE as error:
            self._drop_session()
            return signal_of(error)
        except RuntimeError:
            if self._client.is_closed():  # somebody closed its session under this call
                return StopAsked()
            raise
        except MALFORMED:  # not an answer of Discord's: a proxy or a portal page in between
            self._drop_session()
            return PayloadBroken(reason="bad_login_answer")
        finally:
            self._client.setup_hook = hook  # type: ignore[method-assign]
            rest.patience.reset(patience)
        log.info("client.logged_in")
        return LoggedIn()

    def _drop_session(self) -> None:
        # Every try makes a session and forgets the one before, which would warn when collected;
        # closing it would close the connector, which may be the client's own.
        session = getattr(self._client.http, "_HTTPClient__session", None)
        if session:
            session.detach()


async def _nothing() -> None:
    """In place of the hook."""
