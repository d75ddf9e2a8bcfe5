"""Short cuts through how a request of the SDK reaches moto."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.auth import SigV4Auth
from moto.core.base_backend import BaseBackend
from moto.core.parse import BaseJSONParser
from moto.core.request import Request

from tests.integration.support.moto.answers import is_json


@contextmanager
def quick_requests() -> Iterator[None]:
    """The URLs of a service are worked out once, a ``POST /`` becomes moto's request without a builder
    between, and an item's attribute is taken as it is. Nobody checks a signature, so it is one of nothing."""
    make, urls = Request.from_primitives, BaseBackend.urls
    parse: Any = BaseJSONParser._parse_structure
    found: dict[type, Any] = {}

    def make_quickly(kind: type[Request], method: str, url: str, headers: Any, body: Any = None) -> Request:
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        if (method, path, type(body)) == ("POST", "", bytes) and scheme == "https" and ":" not in host:
            return kind(_environ_of_post(host, headers, body))
        return make(method, url, headers, body)

    def parse_quickly(parser: Any, shape: Any, value: Any) -> Any:
        return value if shape.name == "AttributeValue" and is_json(value) else parse(parser, shape, value)

    def urls_of(backend: BaseBackend) -> Any:
        if type(backend) not in found:
            found[type(backend)] = urls.__get__(backend)
        return found[type(backend)]

    with (
        patch.object(Request, "from_primitives", classmethod(make_quickly)),
        patch.object(BaseJSONParser, "_parse_structure", parse_quickly),
        patch.object(BaseBackend, "urls", property(urls_of)),
        patch.object(SigV4Auth, "canonical_request", lambda *_: ""),
    ):
        yield


def _environ_of_post(host: str, headers: Any, body: bytes) -> dict[str, Any]:
    """The WSGI environment of an HTTPS ``POST /``."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "REQUEST_URI": "/",
        "RAW_URI": "/",
        "SERVER_NAME": host,
        "SERVER_PORT": "443",
        "HTTP_HOST": host,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "moto.preserved_header_names": {},
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = value.decode() if isinstance(value, bytes) else value
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ
