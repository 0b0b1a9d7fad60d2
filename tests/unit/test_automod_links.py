"""Links and invites as browsers and Discord's client read them."""

from __future__ import annotations

import pytest

from bot.plugins.automod import links


@pytest.mark.parametrize(
    ("text", "host"),
    [
        pytest.param("see https://Example.ORG/path", "example.org", id="path"),
        pytest.param("<http://example.org:8080>", "example.org", id="port"),
        pytest.param("[text](https://example.org)", "example.org", id="markdown"),
        pytest.param("https://good.example@evil.example", "evil.example", id="user"),
        pytest.param("https://evil.example\\@good.example", "evil.example", id="backslash"),
        pytest.param("https://evil.example?@good.example", "evil.example", id="query"),
        pytest.param("https://ex\u00adample.org", "example.org", id="soft hyphen"),
        pytest.param("https://example\u3002org", "example.org", id="other dot"),
        pytest.param("https://\uff45\uff58ample.org", "example.org", id="fullwidth"),
        pytest.param("https://%65xample.org", "example.org", id="percent"),
        pytest.param("https://xn--mnchen-3ya.example", "m\u00fcnchen.example", id="punycode"),
        pytest.param("https://example.org.", "example.org", id="root dot"),
        pytest.param("hTTps://example.org", "example.org", id="scheme"),
        pytest.param("https://" + "a." * 200, "?", id="too long to be one"),
        pytest.param("https://xn--\u00e9.example", "xn--\u00e9.example", id="broken punycode"),
        pytest.param("https://\ufb01lter.example", "filter.example", id="ligature"),
        pytest.param("https://fa\u00df.example", "fa\u00df.example", id="a letter of its own"),
        pytest.param("https://ex\u200eam\u2062ple.org", "example.org", id="marks of direction"),
        pytest.param("https:\\\\example.org", "example.org", id="backslashes"),
        pytest.param("http:/example.org/x", "example.org", id="one slash"),
        pytest.param("https://[2001:db8::1]/x", "?", id="IPv6"),
    ],
)
def test_the_host_is_the_one_a_browser_goes_to(text: str, host: str) -> None:
    """Whatever stands before and behind it."""
    assert links.hosts(links.plain(text)) == {host}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("https://good.example(@evil.example/x", id="bracket"),
        pytest.param("https://good.example'@evil.example", id="quote"),
        pytest.param("[x](https://evil.example)@good.example", id="markdown"),
        pytest.param("<https://evil.example>@good.example", id="angle"),
        pytest.param("[https://good.example](https://evil.example)", id="link in a link"),
    ],
)
def test_a_host_that_can_be_read_in_two_ways_is_two(text: str) -> None:
    """Both have to be allowed."""
    assert links.hosts(links.plain(text)) == {"good.example", "evil.example"}


@pytest.mark.parametrize("text", ["example.org", "a://b", "node.js is nice", "https://"])
def test_what_discord_does_not_link_is_no_link(text: str) -> None:
    """A dot does not make an address."""
    assert links.hosts(links.plain(text)) == frozenset()


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        pytest.param("discord.gg/abc", ("abc",), id="bare"),
        pytest.param("https://discord.gg/abc", ("abc",), id="link"),
        pytest.param("discord.com/invite/abc", ("abc",), id="discord.com"),
        pytest.param("ptb.discordapp.com/invite/abc", ("abc",), id="subdomain"),
        pytest.param("DISCORD.GG/aBc", ("aBc",), id="capitals"),
        pytest.param("discord\u200b.gg/abc", ("abc",), id="zero width"),
        pytest.param("\uff44iscord.gg/abc", ("abc",), id="fullwidth"),
        pytest.param("discord.gg\\abc", ("abc",), id="backslash"),
        pytest.param("discord.gg/invite/abc", ("abc",), id="both"),
        pytest.param("https://discord%2Egg/abc", ("abc",), id="percent"),
        pytest.param("dsc.gg/abc", ("abc",), id="other services"),
        pytest.param("discord.gg/abc discord.gg/abc discord.gg/x-1", ("abc", "x-1"), id="several"),
        pytest.param("discord . gg / abc", ("abc",), id="gaps"),
        pytest.param("discord.gg/ abc", ("abc",), id="a gap"),
        pytest.param("discord.com / invite / abc", ("abc",), id="gaps in a path"),
        pytest.param("https://discord.gg:443/abc", ("abc",), id="port"),
        pytest.param("https://discord.gg./abc", ("abc",), id="root dot"),
        pytest.param("disc\u200eord.gg/abc", ("abc",), id="mark of direction"),
        pytest.param("disc\ufe0ford\U000e0020.gg/abc", ("abc",), id="variation and tag"),
        pytest.param("\u044f-discord.gg/abc", ("abc",), id="behind another alphabet"),
        pytest.param("[x](https://discord.gg/abc)", ("abc",), id="masked"),
        pytest.param("mydiscord.gg/abc", (), id="another host"),
        pytest.param("discord.com/channels/1/2", (), id="a message"),
        pytest.param("discord.gg is nice", (), id="no code"),
    ],
)
def test_invites_are_found(text: str, codes: tuple[str, ...]) -> None:
    """Their codes, as they are written."""
    assert links.invites(links.plain(text)) == codes


@pytest.mark.parametrize(
    ("host", "verdict"),
    [
        pytest.param("example.org", True, id="listed"),
        pytest.param("a.b.example.org", True, id="beneath"),
        pytest.param("bad.example.org", False, id="denied beneath"),
        pytest.param("x.bad.example.org", False, id="beneath the denied"),
        pytest.param("ok.bad.example.org", True, id="allowed again"),
        pytest.param("notexample.org", None, id="ends alike"),
        pytest.param("org", None, id="above"),
        pytest.param("?", None, id="no name"),
    ],
)
def test_the_nearest_listed_domain_counts(host: str, verdict: bool | None) -> None:
    """What is beneath a domain is of its kind, until a list says otherwise."""
    allowed = {"example.org", "ok.bad.example.org"}

    assert links.listed(host, allowed, {"bad.example.org"}) is verdict


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        pytest.param("Example.org", "example.org", id="name"),
        pytest.param("https://www.example.org/x", "www.example.org", id="link"),
        pytest.param("*.example.org", "example.org", id="star"),
        pytest.param("xn--mnchen-3ya.example", "m\u00fcnchen.example", id="punycode"),
        pytest.param("localhost", None, id="one label"),
        pytest.param("two words.org", None, id="space"),
        pytest.param("", None, id="empty"),
    ],
)
def test_moderators_may_write_a_domain_in_any_way(text: str, domain: str | None) -> None:
    """It is kept as hosts are compared."""
    assert links.domain_of(text) == domain
