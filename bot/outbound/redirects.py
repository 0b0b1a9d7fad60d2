"""Where a redirect may lead. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Headers that belong to the first host alone.
PRIVATE_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One request of a call; *keeps_body* is over when a redirect turns it into a GET."""

    method: str
    url: str
    headers: Mapping[str, str]
    keeps_body: bool = True


def host_of(url: str) -> str | None:
    """Answer `scheme://name:port` of an http or https address, None for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{name}:{port or _DEFAULT_PORTS[parts.scheme]}"


def next_hop(hop: Hop, *, status: int, location: str | None) -> Hop | None:
    """Answer the request that a redirect asks for, None when it is not to be followed.

    Never to another scheme than http and https, and never from https to http.
    """
    if status not in REDIRECTS or not location:
        return None
    try:
        url = urljoin(hop.url, location)
    except ValueError:  # brackets that hold no address
        return None
    before, after = host_of(hop.url), host_of(url)
    if after is None or _is_downgrade(urlsplit(hop.url), urlsplit(url)):
        return None
    headers = hop.headers
    if before != after:
        headers = {k: v for k, v in headers.items() if k.lower() not in PRIVATE_HEADERS}
    becomes_get = status == 303 or (status in (301, 302) and hop.method == "POST")
    if becomes_get and hop.method != "HEAD":
        return Hop(method="GET", url=url, headers=headers, keeps_body=False)
    return Hop(method=hop.method, url=url, headers=headers, keeps_body=hop.keeps_body)


def _is_downgrade(before: SplitResult, after: SplitResult) -> bool:
    return before.scheme == "https" and after.scheme != "https"
