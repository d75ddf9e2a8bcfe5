"""Notifications go to receivers on the internet: every other address is refused, in every notation."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain.webhooks.target import check_url, is_public, may_connect

PUBLIC = ["1.1.1.1", "8.8.8.8", "52.94.236.248", "2606:4700:4700::1111", "2a00:1450:4001:829::200e"]
INSIDE = {
    "this network": ["0.0.0.0", "0.1.2.3"],  # noqa: S104 (nothing binds to it)
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12:3456::1"],
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "link-local": ["169.254.1.1", "fe80::1", "fe80::1%eth0", "fec0::1"],
    "metadata": ["169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "100.100.100.200"],
    "carrier-grade NAT": ["100.64.0.1", "100.127.255.255"],
    "protocol assignments": ["192.0.0.1", "192.0.0.9", "192.0.0.192"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarks": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "multicast": ["224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "192.88.99.1", "100::1", "4000::1", "5f00::1", "::"],
    "scoped": ["2606:4700:4700::1111%eth0"],
    "IPv4 inside IPv6": [
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "::ffff:0:10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::1",
        "2001:0:53aa:64c:0:5efe:8080:8080",
        "2606:4700::5efe:10.0.0.1",
        "2606:4700::200:5efe:10.0.0.1",
    ],
}
ANY_V4 = st.integers(0, 2**32 - 1).map(IPv4Address)


@pytest.mark.parametrize("text", PUBLIC)
def test_a_host_on_the_internet_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", [text for texts in INSIDE.values() for text in texts])
def test_nothing_else_is(text: str) -> None:
    assert not is_public(ip_address(text))


@given(ANY_V4)
def test_no_form_of_an_ipv4_address_in_ipv6_is(address: IPv4Address) -> None:
    number = int(address)
    mapped, compatible, translated = 0xFFFF << 32 | number, number, 0xFFFF << 48 | number
    nat64, local_nat64 = 0x64FF9B << 96 | number, 0x64FF9B0001 << 80 | number
    sixtofour, teredo = 0x2002 << 112 | number << 80, 0x2001 << 112 | number ^ 0xFFFFFFFF
    isatap = 0x26064700 << 96 | 0x5EFE << 32 | number
    for form in (mapped, compatible, translated, nat64, local_nat64, sixtofour, teredo, isatap):
        assert not is_public(IPv6Address(form))


@given(ANY_V4)
def test_what_is_public_is_neither_private_nor_special(address: IPv4Address) -> None:
    if is_public(address):
        assert address.is_global
        special = (address.is_multicast, address.is_reserved, address.is_link_local, address.is_loopback)
        assert not any(special)


@pytest.mark.parametrize("text", ["127.0.0.1", "127.8.8.8", "::1"])
def test_the_local_stack_may_connect_to_its_own_machine(text: str) -> None:
    assert may_connect(ip_address(text), allow_loopback=True)
    assert not may_connect(ip_address(text), allow_loopback=False)


@pytest.mark.parametrize("text", ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "0.1.2.3", "fe80::1"])
def test_but_to_nothing_else_inside(text: str) -> None:
    assert not may_connect(ip_address(text), allow_loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/hook?key=1",
        "https://hooks.example.co.uk:8443/a/b",
        "https://a_b.xn--fiqs8s/",
        "HTTPS://Example.COM/",
        "https://1.1.1.1/hook",
        "https://[2606:4700:4700::1111]/hook",
        "https://example.com:443/",
    ],
)
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_an_address_on_the_internet_is_taken(url: str, allow_loopback: bool) -> None:
    assert check_url(url, allow_loopback=allow_loopback) is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.com/", "https://"),
        ("ftp://example.com/", "https://"),
        ("example.com/hook", "https://"),
        ("file:///etc/passwd", "https://"),
        ("", "https://"),
        ("https://user@example.com/", "user or a password"),
        ("https://user:word@example.com/", "user or a password"),
        ("https://@example.com/", "user or a password"),
        ("https://example.com/#part", "fragment"),
        ("https://example.com/#", "fragment"),
        ("https://example.com:22/", "port 443"),
        ("https://example.com:80/", "port 443"),
        ("https://example.com:0/", "port 443"),
        ("https://example.com:99999/", "such as https://"),
        ("https://example.com:abc/", "such as https://"),
        ("https://[::1/", "such as https://"),
        ("https://example.com/a b", "percent-encoded"),
        ("https://example.com/\n", "percent-encoded"),
        ("https://例子.中国/", "percent-encoded"),
        ("https://example.com\\@10.0.0.1/", "percent-encoded"),
        ("https://example.com/" + "a" * 2_048, "2048 characters"),
        ("https://", "internet"),
        ("https:///hook", "internet"),
        ("https://localhost/", "internet"),
        ("https://a.localhost/", "internet"),
        ("https://intranet/", "internet"),
        ("https://example.com./", "name a host"),
        ("https://exa%6dple.com/", "name a host"),
        ("https://-a.example.com/", "name a host"),
        ("https://a..example.com/", "name a host"),
        (f"https://{'a.' * 130}com/", "name a host"),
        ("https://127.1/", "internet"),
        ("https://2130706433/", "internet"),
        ("https://0x7f000001/", "internet"),
        ("https://0x7f.0.0.1/", "internet"),
        ("https://0177.0.0.1/", "internet"),
        ("https://127.0.0.0x1/", "internet"),
        ("https://[fe80::1%25eth0]/", "internet"),
        *((f"https://{text}/", "internet") for text in INSIDE["metadata"] if ":" not in text),
        *((f"https://[{text}]/", "internet") for text in INSIDE["IPv4 inside IPv6"]),
    ],
)
def test_anything_else_is_refused_in_words(url: str, words: str) -> None:
    problem = check_url(url, allow_loopback=False)
    assert problem is not None
    assert words in problem


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080/hook",
        "http://127.0.0.1:9000",
        "http://[::1]:9000/",
        "https://localhost/hook",
        "http://127.0.0.1/",
    ],
)
def test_the_local_stack_takes_receivers_on_its_own_machine(url: str) -> None:
    assert check_url(url, allow_loopback=True) is None
    assert check_url(url, allow_loopback=False) is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1:9000/",
        "https://192.168.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://example.com/",
        "https://intranet/",
        "http://user@localhost:8080/",
        "http://[::ffff:127.0.0.1]:9000/",
        "http://0.0.0.0:9000/",
    ],
)
def test_but_nothing_else_inside(url: str) -> None:
    assert check_url(url, allow_loopback=True) is not None


@given(st.text() | st.from_regex(r"https?://[^/]{0,40}(/.{0,20})?", fullmatch=True))
def test_no_text_breaks_the_check(url: str) -> None:
    check_url(url, allow_loopback=True)
    check_url(url, allow_loopback=False)
