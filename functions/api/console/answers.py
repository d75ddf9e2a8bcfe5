"""The console's page and the files that it asks for, as HTTP answers."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from aws_lambda_powertools.event_handler import Response

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from functions.api.cached_answer import CachedText
from functions.api.console.linking import VENDORED, linked
from functions.api.console.vendored import vendored

STATIC = Path(__file__).parent / "static"
STYLES = ("theme.css", "base.css", "page.css", "list.css", "task.css", "waterfall.css", "usage.css")
MONTHS = "public, max-age=31536000, immutable"
"""For files whose address has their digest."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Texts of tasks are strangers' texts. Should one of them become a script all the same, it may not run; and
the page talks to its own API alone."""
SECURITY = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Site:
    """All that is sent. ``version`` is the digest of the files, and part of their addresses."""

    page: CachedText
    files: Mapping[str, CachedText]
    version: str


def page_answer(if_none_match: str) -> Response[str]:
    """The page, or 304 if the ``If-None-Match`` header matches it."""
    return _site().page.answer(if_none_match, SECURITY | {"Cache-Control": "no-cache"})


def file_answer(version: str, name: str, if_none_match: str) -> Response[str]:
    """A file of the page. Raises ``RequestRefused`` (NOT_FOUND).

    While a deployment is under way, the page may come from the other one: its files are then sent as they are
    here, and nobody keeps them.
    """
    site = _site()
    if name not in site.files:
        raise RequestRefused(ErrorCode.NOT_FOUND, "There is no such route.")
    keep = MONTHS if version == site.version else "no-store"
    return site.files[name].answer(if_none_match, SECURITY | {"Cache-Control": keep})


def elsewhere(location: str) -> Response[str]:
    """A redirection."""
    return Response(status_code=302, headers={"Location": location}, body="")


@cache
def _site() -> Site:
    """Put together once per process."""
    files = {
        "app.js": CachedText("text/javascript; charset=utf-8", linked(STATIC / "main.js")),
        "app.css": CachedText("text/css; charset=utf-8", _style()),
    }
    for name, library in vendored().items():
        if name.endswith(VENDORED):
            files[name] = CachedText("text/javascript; charset=utf-8", library.text())
    # over all of them, since a page must have the files that belong together
    version = hashlib.sha256("\0".join(file.text for file in files.values()).encode()).hexdigest()[:12]
    page = (STATIC / "index.html").read_text(encoding="utf-8").replace("{version}", version)
    return Site(CachedText("text/html; charset=utf-8", page), files, version)


def _style() -> str:
    own = [(STATIC / "style" / name).read_text(encoding="utf-8") for name in STYLES]
    return "\n".join([vendored()["uplot.css"].text(), *own])
