"""Where Discord is: `DISCORD_API_URL` instead of discord.py's own address."""

from __future__ import annotations

import structlog
import yarl
from discord.http import INTERNAL_API_VERSION, Route

from bot.errors import SettingsError
from watchdog.heartbeat.addresses import is_loopback

log = structlog.get_logger(__name__)

DISCORDS_DOMAIN = "discord.gg"  # of its gateways: gateway.discord.gg, gateway-us-east1-b.discord.gg


def use(api_url: str) -> None:
    """Send discord.py's REST calls to *api_url*; the gateway's address comes from there too.

    Raises:
        SettingsError: the path does not end with the API version that discord.py speaks.
    """
    base = api_url.rstrip("/")
    ending = f"/api/v{INTERNAL_API_VERSION}"
    if not base.endswith(ending):
        raise SettingsError([f"DISCORD_API_URL: must end with {ending}, got {base}"])
    # A class attribute, set from outside: discord.py reads the base nowhere else.
    Route.BASE = base


def trusted(address: str | None) -> str | None:
    """Answer *address* if the token may be sent there, else None.

    It comes from REST, from READY, or from a journal's file. It must be encrypted, and be one of
    Discord's or on the host that `DISCORD_API_URL` names; a simulator's must be on this machine.
    """
    if address is None:
        return None
    gateway, api = yarl.URL(address), yarl.URL(Route.BASE)
    host = (gateway.host or "").lower()
    if api.scheme == "http":  # by the settings only on loopback
        may = gateway.scheme in ("ws", "wss") and is_loopback(host)
    else:
        known = host in (DISCORDS_DOMAIN, api.host) or host.endswith(f".{DISCORDS_DOMAIN}")
        may = gateway.scheme == "wss" and known
    if not may:
        log.warning("gateway.address_refused", scheme=gateway.scheme, host=host)
    return address if may else None
