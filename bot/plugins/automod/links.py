"""Finds links and invites in a message, as a browser and Discord's client would read them. Pure."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Set
from urllib.parse import unquote

MAX_HOST = 253  # characters, RFC 1035
MAX_LABEL = 63
INVITE_HOSTS = frozenset(
    {"discord.gg", "dsc.gg", "invite.gg", "discord.io", "discord.li", "discord.me", "discord.link"}
)
DISCORD_HOSTS = frozenset({"discord.com", "discordapp.com", "watchanimeattheoffice.com"})
# A browser takes a backslash for a slash, and one of them for two. A link may begin in another one.
_LINKS = re.compile(r"https?:[/\\]+(?=([^\s/\\?#<]+))", re.IGNORECASE)
_END = re.compile(r"[>()\[\]\"'`|]")  # what follows a host in Markdown
_NUMBERS = re.compile(r"\[[0-9a-f:.]+\]", re.IGNORECASE)  # IPv6
# People read an invite also with gaps in it; browsers one with a port or a dot behind the host.
_GAP = r"[^\S\n]{0,3}"
_SLASH = rf"{_GAP}[/\\]{{1,3}}{_GAP}"
_CODE = rf"(?:\.?(?::\d{{1,5}})?){_SLASH}"


def _any_of(hosts: Set[str]) -> str:
    dot = rf"{_GAP}\.{_GAP}"
    return "|".join(dot.join(map(re.escape, host.split("."))) for host in sorted(hosts))


_INVITES = re.compile(
    rf"(?<![a-z0-9_])(?:(?:{_any_of(INVITE_HOSTS)}){_CODE}(?:invite{_SLASH})?([\w-]{{2,64}})"
    rf"|(?:{_any_of(DISCORD_HOSTS)}){_CODE}invite{_SLASH}([\w-]{{2,64}}))",
    re.IGNORECASE,
)
_STEMS = frozenset(host.partition(".")[0] for host in INVITE_HOSTS | DISCORD_HOSTS)
# What is not seen (Unicode, Default_Ignorable_Code_Point); browsers leave most of it out.
_UNSEEN = (
    (0xAD, 0xAE), (0x34F, 0x350), (0x61C, 0x61D), (0x115F, 0x1161), (0x17B4, 0x17B6),
    (0x180B, 0x1810), (0x200B, 0x2010), (0x202A, 0x202F), (0x2060, 0x2070), (0x2800, 0x2801),
    (0x3164, 0x3165), (0xFE00, 0xFE10), (0xFEFF, 0xFF00), (0xFFA0, 0xFFA1), (0xE0000, 0xE01F0),
)  # fmt: skip
_DOTS = frozenset("\u3002\uff0e\uff61")
# Where the characters are that are read as plain letters, digits and signs.
_COMPATIBLE = (
    (0xAA, 0xBF), (0x2B0, 0x2E5), (0x1D2C, 0x1D6B), (0x2010, 0x2060), (0x2070, 0x209D),
    (0x2100, 0x218C), (0x2460, 0x2500), (0x3000, 0x3001), (0xFE50, 0xFE70), (0xFF01, 0xFF5F),
    (0x1D400, 0x1D800), (0x1F100, 0x1F1AD),
)  # fmt: skip


def _all(ranges: Iterable[tuple[int, int]]) -> Iterator[int]:
    return itertools.chain.from_iterable(itertools.starmap(range, ranges))


@functools.cache
def _table() -> dict[int, str]:
    """Answer for `str.translate` how characters of an address are read; the others stay."""
    plain = {code: unicodedata.normalize("NFKC", chr(code)) for code in _all(_COMPATIBLE)}
    table = {code: text for code, text in plain.items() if text.isascii()}
    return table | dict.fromkeys(_all(_UNSEEN), "") | {ord(dot): "." for dot in _DOTS}


def plain(text: str) -> str:
    """Answer *text* as an address is read: without unseen characters, in plain letters."""
    return text if text.isascii() else text.translate(_table())


def hosts(text: str) -> frozenset[str]:
    """Answer the hosts of all links in *text*, which is `plain`; ``?`` for one that is no name."""
    if ":" not in text:
        return frozenset()
    found = {match.group(1) for match in _LINKS.finditer(text)}
    return frozenset(itertools.chain.from_iterable(map(_hosts_of, found)))


def invites(text: str) -> tuple[str, ...]:
    """Answer the codes of all invites in *text*, which is `plain`, each once."""
    if "%" in text:
        text = unquote(text, errors="replace")
    lower = text.lower()
    if not any(stem in lower for stem in _STEMS):
        return ()
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
    host = host.partition(":")[0].strip(".")
    if not host or len(host) > MAX_HOST:
        return "?"
    return ".".join(map(_label, _read(host).split(".")))


def _hosts_of(authority: str) -> Iterator[str]:
    """Answer where Markdown ends the host, and where a browser does if there is an @ behind."""
    if _NUMBERS.match(authority):
        yield "?"
        return
    inside, end = authority, _END.search(authority)
    if end is not None:
        inside = authority[: end.start()]
        behind = _END.split(authority.rpartition("@")[2], 1)[0]
        if "@" in authority[end.start() :] and "." in behind:
            yield host_of(behind)
    if inside:
        yield host_of(inside)


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


def _read(name: str) -> str:
    """Answer a name as browsers compare it (UTS 46, without what it says of single scripts)."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFKC", name).lower()


def _label(label: str) -> str:
    if label.startswith("xn--") and len(label) <= MAX_LABEL:
        try:
            return _read(label[4:].encode("ascii").decode("punycode"))
        except UnicodeError:
            return label
    return label
