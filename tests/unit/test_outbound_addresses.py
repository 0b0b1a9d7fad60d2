"""Which addresses a call may reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.outbound.addresses import may_reach, networks


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("127.0.0.1", id="loopback"),
        pytest.param("127.8.8.8", id="all of loopback"),
        pytest.param("0.0.0.0", id="any"),
        pytest.param("10.0.0.1", id="private 10"),
        pytest.param("172.16.0.1", id="private 172"),
        pytest.param("192.168.1.1", id="private 192"),
        pytest.param("169.254.169.254", id="metadata of a cloud"),
        pytest.param("100.64.0.1", id="behind a provider's NAT"),
        pytest.param("192.0.0.192", id="metadata of another cloud"),
        pytest.param("224.0.0.1", id="multicast"),
        pytest.param("255.255.255.255", id="broadcast"),
        pytest.param("240.0.0.1", id="reserved"),
        pytest.param("::1", id="loopback of 6"),
        pytest.param("::", id="any of 6"),
        pytest.param("fe80::1%eth0", id="link local with its link"),
        pytest.param("fc00::1", id="unique local"),
        pytest.param("fec0::1", id="site local"),
        pytest.param("ff02::1", id="multicast of 6"),
        pytest.param("::ffff:127.0.0.1", id="mapped"),
        pytest.param("::ffff:a9fe:a9fe", id="mapped metadata"),
        pytest.param("::127.0.0.1", id="compatible"),
        pytest.param("64:ff9b::7f00:1", id="NAT64"),
        pytest.param("64:ff9b:1::1", id="local NAT64"),
        pytest.param("2002:7f00:1::", id="6to4"),
        pytest.param("2001:0:808:808::80ff:fffe", id="Teredo of loopback"),
        pytest.param("fd00:ec2::254", id="metadata of 6"),
        pytest.param("localhost", id="no address"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_is_not_the_internet_is_out_of_reach(address: str) -> None:
    """However it is written."""
    assert not may_reach(address, ())


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "162.159.128.233", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::"],
)
def test_the_internet_is_within_reach(address: str) -> None:
    """In both its versions, and through what translates between them."""
    assert may_reach(address, ())


def test_what_is_allowed_is_within_reach() -> None:
    """That network, in each way it can be written, and no other."""
    allowed = networks(["10.1.0.0/16", "::1"])

    assert may_reach("10.1.2.3", allowed)
    assert may_reach("::ffff:10.1.2.3", allowed)
    assert may_reach("::1", allowed)
    assert not may_reach("10.2.0.1", allowed)
    assert not may_reach("127.0.0.1", allowed)


def test_a_network_with_bits_too_many_is_refused() -> None:
    """It is more likely a slip than a wish."""
    with pytest.raises(ValueError, match="host bits"):
        networks(["10.1.2.3/8"])


@given(st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_nothing_private_hides_in_six(address: object) -> None:
    """Each way to write an IPv4 address into an IPv6 one leads to the same answer."""
    for form in (f"::ffff:{address}", f"::{address}", f"64:ff9b::{address}"):
        assert not may_reach(form, ())
