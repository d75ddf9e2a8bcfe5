"""Problems of a built website: dead links, and pages that load external resources."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Elements that make a browser load a resource, and the attribute with its URL."""


def problems(site: Path) -> list[str]:
    """One line for each problem; none if there are none. A missing page is reported once for each page."""
    return [
        f"{page.relative_to(site)}: {problem}"
        for page in sorted(site.rglob("*.html"))
        for problem in _problems(site, page)
    ]


def _problems(site: Path, page: Path) -> Iterator[str]:
    addresses = _Addresses()
    addresses.feed(page.read_text("utf-8"))
    for address in sorted(addresses.loaded):
        if urlsplit(address).netloc:
            yield f"loads {address} from another site"
    for address in sorted(addresses.loaded | addresses.linked):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or not parts.path:
            continue
        beside = site if parts.path.startswith("/") else page.parent
        target = beside / unquote(parts.path).lstrip("/")
        if not (target / "index.html" if target.is_dir() else target).is_file():
            yield f"links to {address}, which does not exist"


@dataclass
class _Addresses(HTMLParser):
    """The URLs in a page."""

    loaded: set[str] = field(default_factory=set)
    linked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a" and (address := values.get("href")):
            self.linked.add(address)
        elif address := values.get(LOADED.get(tag, "")):
            is_fetched = tag != "link" or values.get("rel") not in ("canonical", "alternate", "next", "prev")
            (self.loaded if is_fetched else self.linked).add(address)
