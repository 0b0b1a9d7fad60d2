"""To which addresses the token may be sent."""

from __future__ import annotations

import pytest
from discord.http import Route

from bot.gateway import endpoint

DISCORD = "https://discord.com/api/v10"
PROXY = "https://discord.proxy.example/api/v10"
SIMULATOR = "http://127.0.0.1:8765/api/v10"


@pytest.mark.parametrize(
    ("api_url", "address", "trusted"),
    [
        pytest.param(DISCORD, "wss://gateway.discord.gg", True, id="the gateway"),
        pytest.param(DISCORD, "wss://gateway-us-east1-b.discord.gg:443/", True, id="a session's"),
        pytest.param(DISCORD, "wss://GATEWAY.Discord.GG", True, id="capitals"),
        pytest.param(DISCORD, "ws://gateway.discord.gg", False, id="in the clear"),
        pytest.param(DISCORD, "wss://evil.example", False, id="foreign"),
        pytest.param(DISCORD, "wss://evildiscord.gg", False, id="ends like it"),
        pytest.param(DISCORD, "wss://discord.gg.evil.example", False, id="begins like it"),
        pytest.param(DISCORD, "wss://gateway.discord.gg@evil.example", False, id="as a user"),
        pytest.param(DISCORD, "wss://evil.example/?.discord.gg", False, id="as a query"),
        pytest.param(DISCORD, "wss://evil.example#.discord.gg", False, id="as a fragment"),
        pytest.param(DISCORD, "wss://127.0.0.1", False, id="this machine"),
        pytest.param(PROXY, "wss://discord.proxy.example/gateway", True, id="a proxy's own"),
        pytest.param(PROXY, "wss://gateway.discord.gg", True, id="behind a proxy"),
        pytest.param(PROXY, "wss://other.proxy.example", False, id="beside a proxy"),
        pytest.param(PROXY, "ws://discord.proxy.example", False, id="a proxy in the clear"),
        pytest.param(SIMULATOR, "ws://127.0.0.1:8765/gateway", True, id="a simulator's"),
        pytest.param(SIMULATOR, "ws://[::1]:1/", True, id="a simulator's of 6"),
        pytest.param(SIMULATOR, "ws://localhost:1/", True, id="a simulator by name"),
        pytest.param(SIMULATOR, "ws://192.0.2.1/", False, id="no simulator"),
        pytest.param(SIMULATOR, "wss://gateway.discord.gg", False, id="Discord with its token"),
    ],
)
def test_the_token_is_sent_to_discord_alone(
    monkeypatch: pytest.MonkeyPatch, api_url: str, address: str, trusted: bool
) -> None:
    """Encrypted, unless all of it stays on this machine."""
    monkeypatch.setattr(Route, "BASE", api_url)

    assert endpoint.trusted(address) == (address if trusted else None)


def test_no_address_is_none() -> None:
    """A READY without a usable one."""
    assert endpoint.trusted(None) is None
