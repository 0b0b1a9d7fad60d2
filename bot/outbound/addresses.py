"""Which addresses a call may reach: those of the Internet, and those that were allowed. Pure.

Handlers call addresses that users name. Without this, a user could have the bot read what only
this machine and its neighbours may: a service on loopback, a router, a cloud's metadata.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

_ASSIGNED = IPv4Network("192.0.0.0/24")  # RFC 6890; a cloud's metadata is in it
_UNICAST = IPv6Network("2000::/3")  # RFC 4291: all that is given out of IPv6 so far
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Answer *texts*, such as ``10.0.0.0/8`` or ``::1``, as networks.

    Raises:
        ValueError: one is none, or has bits behind its prefix.
    """
    return tuple(ip_network(text) for text in texts)


def may_reach(address: str, allowed: Sequence[Network]) -> bool:
    """Answer whether a call may be made to *address*, as the resolver or a URL names it."""
    try:
        meant = ip_address(address.partition("%")[0])  # fe80::1%eth0
    except ValueError:
        return False
    meanings = (meant,) if _is_in(meant, allowed) else tuple(_meanings(meant))
    return all(_is_in(each, allowed) or _is_internet(each) for each in meanings)


def _is_in(address: IPv4Address | IPv6Address, allowed: Sequence[Network]) -> bool:
    return any(address in network for network in allowed)


def _is_internet(address: IPv4Address | IPv6Address) -> bool:
    if address in _ASSIGNED or (isinstance(address, IPv6Address) and address not in _UNICAST):
        return False
    return address.is_global and not address.is_multicast


def _meanings(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """Answer what *address* leads to; IPv6 has several ways to write an IPv4 address into one."""
    if isinstance(address, IPv4Address):
        yield address
        return
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    found = [each for each in inner if each is not None]
    yield from found or [address]
