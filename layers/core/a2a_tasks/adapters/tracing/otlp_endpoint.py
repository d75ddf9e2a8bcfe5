"""An OTLP endpoint over HTTP: X-Ray's, which wants AWS's signature, or any other."""

import gzip
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from a2a_tasks.adapters.tracing.otlp_json import request_of
from a2a_tasks.domain.tracing.span import Span, Value

CONNECT_SECONDS = 1.0
READ_SECONDS = 2.0
RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
"""Those of the OTLP specification (429, 502, 503, 504), and what proxies answer in passing."""
_X_RAY = re.compile(r"https://xray\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/v1/traces")


class NotSent(Exception):
    """The endpoint did not take the spans. Its text names neither headers nor the endpoint's answer."""

    def __init__(self, reason: str, *, is_retryable: bool) -> None:
        super().__init__(reason)
        self.is_retryable = is_retryable


class OtlpEndpoint:
    """Sends spans to ``url``, whose path is usually ``/v1/traces``.

    Args:
        url: The endpoint.
        resource: What every span says of this process.
        headers: Reads the headers that the endpoint asks for. Raises ``NotSent``.
        credentials: Returns the function's credentials, for X-Ray.
    """

    def __init__(
        self,
        url: str,
        resource: Mapping[str, Value],
        *,
        headers: Callable[[], Mapping[str, str]],
        credentials: Callable[[], ReadOnlyCredentials],
    ) -> None:
        self._url = url
        self._resource = resource
        self._headers = headers
        self._credentials = credentials
        # no retries here: they would block other spans, and the exporter has its own pause
        self._http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS), retries=False
        )

    def send(self, spans: Sequence[Span]) -> int:
        """Send spans in one request. Returns how many of them the endpoint has rejected. Raises
        ``NotSent``."""
        body = gzip.compress(json.dumps(request_of(spans, self._resource)).encode(), compresslevel=5)
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", **self._headers()}
        if found := _X_RAY.fullmatch(self._url):
            headers = self._signed(headers, body, found[1])
        try:
            response = self._http.request(
                "POST", self._url, body=body, headers=headers, redirect=False, retries=False
            )
        except urllib3.exceptions.HTTPError as error:
            # a repeated span counts once, because its id is deterministic
            raise NotSent(f"no answer ({type(error).__name__})", is_retryable=True) from None
        if not 200 <= response.status < 300:
            raise NotSent(
                f"the endpoint answered {response.status}", is_retryable=response.status in RETRYABLE
            )
        return _rejected(response.data)

    def _signed(self, headers: Mapping[str, str], body: bytes, region: str) -> dict[str, str]:
        request = AWSRequest("POST", self._url, headers=dict(headers), data=body)
        SigV4Auth(self._credentials(), "xray", region).add_auth(request)
        return dict(request.headers.items())


def _rejected(answer: bytes) -> int:
    """How many spans a partial success leaves out."""
    try:
        document: Any = json.loads(answer or b"{}")
        return int(document.get("partialSuccess", {}).get("rejectedSpans", 0))
    except (ValueError, AttributeError, TypeError):
        return 0  # a Protobuf response: only its status matters
