"""Links that a model saves as results. Content that the model has read may have injected them, so an agent
lists the hosts that its links may point to. Without any, it can save no links."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

MAX_LINK = 2_000
_HOST = re.compile(r"(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)+[a-z](?!-)[a-z0-9-]{0,62}(?<!-)")
"""Host names only: a name that ends in a number is an IPv4 address in some notation."""
_INSIDE = frozenset({"localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa", "onion"})
"""Top-level names that do not exist on the internet."""
_ADDRESS = re.compile(r"[!#-&+-;=?-Z_a-z~]+")
"""Printable ASCII without characters that end a link in Markdown, HTML or a header, or are markup there."""


def is_public_host(text: str) -> bool:
    """Whether the text is a lower-case host name on the internet, such as ``files.example.com``."""
    return len(text) <= 253 and _HOST.fullmatch(text) is not None and text.rpartition(".")[2] not in _INSIDE


def is_safe(url: str) -> bool:
    """Whether callers can display it as a link anywhere: plain https to a public host name."""
    return _host_of(url) is not None


def problem_of(url: object, hosts: Collection[str]) -> str | None:
    """What is wrong with a link that a model wants to save, written for the model; None if it is allowed."""
    if not hosts:
        return (
            "This agent may save no links (artifactHosts is empty); save the content itself, or name the "
            "address in your answer."
        )
    host = _host_of(url) if isinstance(url, str) else None
    if host is None:
        return (
            f"url must be an https address of at most {MAX_LINK} ASCII characters: a host's name, no user, "
            "no port, and brackets, quotes and other special characters percent-encoded."
        )
    if host not in hosts:
        return f"Links may lead to {', '.join(sorted(hosts))} alone, not to {host}; save the content itself."
    return None


def _host_of(url: str) -> str | None:
    """The host of a link that is safe to show."""
    if len(url) > MAX_LINK or not _ADDRESS.fullmatch(url):
        return None
    parts = urlsplit(url)
    host = parts.netloc.lower()  # with a user or a port it is no host's name
    return host if parts.scheme == "https" and is_public_host(host) else None
