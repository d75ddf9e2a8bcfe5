"""Which addresses notifications may be sent to: receivers on the internet, never internal ones (SSRF
protection).

The rules apply to the address that is actually connected to, after each DNS resolution, because a name
that was public when its configuration was accepted may resolve to an internal address later.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

MAX_URL = 2_048
HTTPS_PORT = 443
HTTP_PORT = 80
FIRST_UNPRIVILEGED_PORT = 1_024

type Address = IPv4Address | IPv6Address

_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
# Passed by `is_global`, but never the address of a receiver.
_REFUSED_V4 = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # "this" network
        "100.64.0.0/10",  # carrier-grade NAT, and metadata services
        "169.254.0.0/16",  # link-local: metadata and credentials of functions and containers
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # relays of 6to4
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Of all IPv6 only this is given out; mapped, translated (NAT64), unique-local (which has a metadata service)
# and link-local addresses are outside.
_GIVEN_OUT_V6 = ip_network("2000::/3")
_REFUSED_V6 = tuple(
    ip_network(network)
    for network in (
        "2001::/23",  # Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which leads to any IPv4 address
        "3fff::/20",  # documentation
    )
)
# RFC 5214: an interface identifier that leads to any IPv4 address.
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")


def check_url(url: str, *, allow_loopback: bool) -> str | None:
    """What is wrong with a receiver's address, to follow the field's name in a message; None if it is
    valid. ``allow_loopback`` (local stack only) permits receivers on the same machine, also over plain
    HTTP."""
    if len(url) > MAX_URL:
        return f"must have at most {MAX_URL} characters"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "must be an address such as https://example.com/hook, with other characters percent-encoded"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "must be an address such as https://example.com/hook"
    is_loopback = allow_loopback and _is_loopback_host(host)
    return (
        _problem_of_scheme(parts, is_loopback=is_loopback)
        or _problem_of_rest(url, parts)
        or _problem_of_port(parts.scheme, port, is_loopback=is_loopback)
        or (None if is_loopback else _problem_of_host(host))
    )


def may_connect(address: Address, *, allow_loopback: bool) -> bool:
    """Whether notifications may be sent to this IP address."""
    return is_public(address) or (allow_loopback and _is_loopback(address))


def is_public(address: Address) -> bool:
    """Whether it is a public unicast address: not private, shared, link-local, reserved or multicast, and
    no IPv6 address that embeds an IPv4 address, which a translator might route anywhere."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _REFUSED_V4)
    return (
        address.scope_id is None
        and address.is_global
        and address in _GIVEN_OUT_V6
        and not any(address in network for network in _REFUSED_V6)
        and int(address) >> 32 & 0xFFFFFFFF not in _ISATAP
    )


def _problem_of_scheme(parts: SplitResult, *, is_loopback: bool) -> str | None:
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback):
        return None
    return "must begin with https://"


def _problem_of_rest(url: str, parts: SplitResult) -> str | None:
    if "@" in parts.netloc:
        return "must not hold a user or a password; give credentials in authentication"
    if "#" in url:
        return "must not have a fragment (#…)"
    return None


def _problem_of_port(scheme: str, port: int | None, *, is_loopback: bool) -> str | None:
    port = (HTTPS_PORT if scheme == "https" else HTTP_PORT) if port is None else port
    if port == HTTPS_PORT or port >= FIRST_UNPRIVILEGED_PORT or is_loopback:
        return None
    return f"must use port {HTTPS_PORT}, or one from {FIRST_UNPRIVILEGED_PORT}"


def _problem_of_host(host: str) -> str | None:
    address = _address(host)
    if address is not None:
        return None if is_public(address) else "must be a receiver on the internet"
    labels = host.split(".")
    # one label is a name of the inside; a number at the end is an IPv4 address in one of its other notations
    if len(labels) < 2 or labels[-1] == "localhost" or _NUMBER.fullmatch(labels[-1]):
        return "must name a receiver on the internet, such as example.com"
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return "must name a host, such as example.com (in Punycode where it has other letters)"
    return None


def _is_loopback_host(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else _is_loopback(address)


def _is_loopback(address: Address) -> bool:
    return any(address in network for network in _LOOPBACK)


def _address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
