"""What kind of address a host is. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """Answer the address that *host* is, in brackets or not; None for a name."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Answer whether *host* names this machine only."""
    address = literal(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def web_host(url: str) -> str | None:
    """Answer the host of an http or https address, None for what can't be called.

    That is another scheme, no host, a port beyond 65535, or a name that no domain can have.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna").decode("idna")
    except ValueError:
        return None
    return host if parts.scheme in ("http", "https") and host and port != 0 else None
