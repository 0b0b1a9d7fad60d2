"""Where Discord is: `DISCORD_API_URL` instead of discord.py's own address."""

from __future__ import annotations

from discord.http import INTERNAL_API_VERSION, Route

from bot.errors import SettingsError


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
