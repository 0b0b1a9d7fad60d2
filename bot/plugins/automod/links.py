"""Finds links and invites in a message, as a browser and Discord's client would read them. Pure."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Set
from urllib.parse import unquote

MAX_HOST = 253  # characters, RFC 1035
MAX_LABEL = 63
INVITE_HOSTS = frozenset(
    {"discord.gg", "dsc.gg", "invite.gg", "discord.io", "discord.li", "discord.me", "discord.link"}
)
DISCORD_HOSTS = frozenset({"discord.com", "discordapp.com", "watchanimeattheoffice.com"})
# A browser takes a backslash for a slash. What follows a host in Markdown ends it as well.
_LINKS = re.compile(r"https?://([^\s/\\?#<>()\[\]\"'`|]*)", re.IGNORECASE)
_CODE = r"[/\\]{1,3}(?:invite[/\\]{1,3})?([\w-]{2,64})"
_INVITES = re.compile(
    rf"(?<![\w-])(?:(?:{'|'.join(re.escape(host) for host in sorted(INVITE_HOSTS))}){_CODE}"
    rf"|(?:{'|'.join(re.escape(host) for host in sorted(DISCORD_HOSTS))})"
    r"[/\\]{1,3}invite[/\\]{1,3}([\w-]{2,64}))",
    re.IGNORECASE,
)
# What browsers leave out of an address or read as a dot (UTS 46).
_UNSEEN = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff\u180e\u034f")
_DOTS = frozenset("\u3002\uff0e\uff61")
_VARIANTS = range(0xFE00, 0xFE10)
# Where the characters are that are read as plain letters, digits and signs.
_COMPATIBLE = (
    (0xAA, 0xBF), (0x2B0, 0x2E5), (0x1D2C, 0x1D6B), (0x2010, 0x2060), (0x2070, 0x209D),
    (0x2100, 0x218C), (0x2460, 0x2500), (0x3000, 0x3001), (0xFE50, 0xFE70), (0xFF01, 0xFF5F),
    (0x1D400, 0x1D800), (0x1F100, 0x1F1AD),
)  # fmt: skip


@functools.cache
def _table() -> dict[int, str]:
    """Answer for `str.translate` how characters of an address are read; the others stay."""
    codes = itertools.chain.from_iterable(itertools.starmap(range, _COMPATIBLE))
    plain = {code: unicodedata.normalize("NFKC", chr(code)) for code in codes}
    table = {code: text for code, text in plain.items() if text.isascii()}
    table |= {ord(unseen): "" for unseen in _UNSEEN} | dict.fromkeys(_VARIANTS, "")
    return table | {ord(dot): "." for dot in _DOTS}


def plain(text: str) -> str:
    """Answer *text* as an address is read: without unseen characters, in plain letters."""
    return text if text.isascii() else text.translate(_table())


def hosts(text: str) -> frozenset[str]:
    """Answer the hosts of all links in *text*, which is `plain`; ``?`` for one that is no name."""
    found = {match.group(1) for match in _LINKS.finditer(text)}
    return frozenset(host_of(authority) for authority in found if authority)


def invites(text: str) -> tuple[str, ...]:
    """Answer the codes of all invites in *text*, which is `plain`, each once."""
    if "%" in text:
        text = unquote(text, errors="replace")
    codes = (match.group(1) or match.group(2) for match in _INVITES.finditer(text))
    return tuple(dict.fromkeys(codes))


def is_invite_host(host: str) -> bool:
    """Answer whether links to *host* are a matter of the rule for invites."""
    return host.removeprefix("www.") in INVITE_HOSTS


def host_of(authority: str) -> str:
    """Answer the host in ``user@host:port``, punycode decoded, or ``?`` if it can be none."""
    host = authority.rpartition("@")[2]
    if "%" in host:
        host = unquote(host, errors="replace")
    host = host.partition(":")[0].strip(".").casefold()
    if not host or len(host) > MAX_HOST:
        return "?"
    return ".".join(map(_label, host.split(".")))


def domain_of(text: str) -> str | None:
    """Answer the domain that a moderator wrote, as a name or a whole link; None if it is none."""
    text = plain(text.strip())
    match = _LINKS.match(text)
    host = host_of(match.group(1) if match else text.removeprefix("*.").partition("/")[0])
    labels = host.split(".")
    fits = len(labels) > 1 and all(re.fullmatch(r"[\w-]+", label) for label in labels)
    return host if fits else None


def listed(host: str, allowed: Set[str], denied: Set[str]) -> bool | None:
    """Answer whether *host*, or the nearest domain above it that is listed, is allowed."""
    name = host
    while name:
        if name in denied:
            return False
        if name in allowed:
            return True
        name = name.partition(".")[2]
    return None


def _label(label: str) -> str:
    if label.startswith("xn--") and len(label) <= MAX_LABEL:
        try:
            return label[4:].encode("ascii").decode("punycode").casefold()
        except UnicodeError:
            return label
    return label
