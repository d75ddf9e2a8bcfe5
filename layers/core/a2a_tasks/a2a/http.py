"""HTTP requests and responses of API Gateway."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from json import JSONDecodeError
from typing import Any

from a2a_tasks.a2a.errors import A2AError, Problem
from a2a_tasks.a2a.view import to_bytes
from a2a_tasks.domain.text.json_text import deserialize
from a2a_tasks.runtime import sse
from a2a_tasks.runtime.answer import StreamedAnswer

JSON = "application/json"
A2A_JSON = "application/a2a+json"
VERSION = "a2a-version"
SUPPORTED = "1.0"


@dataclass(frozen=True)
class Request:
    """An HTTP request. ``rest`` is the decoded path below the agent's address without a trailing slash,
    ``headers`` have lower-case names, and ``address`` is the agent's as the client knows it."""

    method: str
    agent_id: str
    rest: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    address: str
    request_id: str

    @classmethod
    def of(cls, event: Mapping[str, Any], public_base_url: str | None) -> "Request":
        """From a REST API event. ``public_base_url`` is the API's address if it is not the gateway's own."""
        parameters, resource, context = event["pathParameters"], event["resource"], event["requestContext"]
        agent_id: str = parameters["agentId"]
        rest = resource.partition("{agentId}")[2].replace("{proxy+}", parameters.get("proxy", ""))
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        body = (event.get("body") or "").encode(errors="surrogatepass")
        # not from the Host header, because a card is cached for other callers
        base = public_base_url or _base_url(context, headers, agent_id, rest)
        return cls(
            method=event["httpMethod"],
            agent_id=agent_id,
            # gateways and clients may encode the colon of `tasks/{id}:cancel`
            rest=rest.rstrip("/").replace("%3A", ":").replace("%3a", ":"),
            headers=headers,
            query=event.get("queryStringParameters") or {},
            body=base64.b64decode(body) if event.get("isBase64Encoded") else body,
            address=f"{base}/a2a/{agent_id}",
            request_id=context["requestId"],
        )

    def json(self) -> Any:
        """The parsed body. Raises ``A2AError`` if it is not JSON or has another content type."""
        media_type = self.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if media_type not in (JSON, A2A_JSON):
            raise A2AError(Problem.UNSUPPORTED_MEDIA_TYPE, f"content-type: must be {JSON} or {A2A_JSON}")
        try:
            return deserialize(self.body.decode())
        except UnicodeDecodeError:
            raise A2AError(Problem.JSON_PARSE, "The body is not UTF-8 text.") from None
        except JSONDecodeError as error:
            raise A2AError(Problem.JSON_PARSE, f"The body {error.msg}.") from None

    def check_version(self) -> None:
        """Raises ``A2AError`` unless the client speaks 1.0. Without a version header it speaks 0.3."""
        query = {name.lower(): value for name, value in self.query.items()}
        asked = self.headers.get(VERSION) or query.get(VERSION) or "0.3"
        if ".".join(asked.strip().split(".")[:2]) != SUPPORTED:
            text = f"A2A {asked} is not spoken here; send A2A-Version: {SUPPORTED}."
            raise A2AError(Problem.VERSION_NOT_SUPPORTED, text, metadata={"supportedVersions": SUPPORTED})


@dataclass(frozen=True)
class Answer:
    """An HTTP response. ``pieces`` follow ``body`` as they are generated."""

    status: int
    body: bytes = b""
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Iterator[bytes] = field(default_factory=lambda: iter(()))

    @classmethod
    def of(cls, document: Mapping[str, Any], status: int = 200, media_type: str = JSON) -> "Answer":
        """A JSON response."""
        return cls(status, to_bytes(document), media_type)

    @classmethod
    def of_stream(cls, responses: Iterator[Mapping[str, Any] | None]) -> "Answer":
        """Server-sent events. None becomes a comment that keeps the connection open."""
        pieces = (sse.KEEP_ALIVE if each is None else sse.message(each) for each in responses)
        return cls(200, media_type=sse.CONTENT_TYPE, headers={"Cache-Control": "no-cache"}, pieces=pieces)

    def to_streamed(self, more: Mapping[str, str]) -> StreamedAnswer:
        """For API Gateway, with additional headers."""
        is_empty = not self.body and self.media_type != sse.CONTENT_TYPE
        headers = {} if is_empty else {"Content-Type": self.media_type}
        return StreamedAnswer(
            self.status, chain([self.body], self.pieces), headers | dict(self.headers) | dict(more)
        )


def retry_after(error: A2AError) -> dict[str, str]:
    """The ``Retry-After`` header, if the error has one."""
    return {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}


def _base_url(context: Mapping[str, Any], headers: Mapping[str, str], agent_id: str, rest: str) -> str:
    """The API's address as the gateway was called. The path of its ``context`` includes the stage or the
    custom domain's base path. Not taken from the client's headers, because caches may serve the card to
    others."""
    agent, path = f"/a2a/{agent_id}", context["path"]
    before, found, _ = path.rpartition(agent + rest)
    if not found:  # written otherwise there, such as with an encoded colon
        before = path.rpartition(agent)[0]
    if "domainName" in context:
        return f"https://{context['domainName']}{before}"
    # an emulator, which has no domain
    return f"{headers.get('x-forwarded-proto', 'https')}://{headers.get('host', '')}{before}"
