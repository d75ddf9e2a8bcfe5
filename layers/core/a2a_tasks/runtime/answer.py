"""An HTTP answer whose body is made while it is sent."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

CONTENT_TYPE = "application/vnd.awslambda.http-integration-response"
DELIMITER = bytes(8)
"""Between the head and the body (Amazon API Gateway Developer Guide, "Set up a Lambda proxy integration with
payload response streaming")."""


@dataclass(frozen=True)
class StreamedAnswer:
    """What a handler returns. ``body`` gives the pieces in order, each as soon as it is there."""

    status: int
    body: Iterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_event(cls, answer: Mapping[str, Any]) -> "StreamedAnswer":
        """Of a whole answer, as Lambda proxy integrations take it."""
        many = {name: ",".join(values) for name, values in (answer.get("multiValueHeaders") or {}).items()}
        body = (answer.get("body") or "").encode(errors="surrogatepass")
        if answer.get("isBase64Encoded"):
            body = base64.b64decode(body)
        return cls(answer["statusCode"], iter([body]), {**(answer.get("headers") or {}), **many})

    def chunks(self) -> Iterator[bytes]:
        """What goes to API Gateway: the head with its delimiter, then the body."""
        head = {"statusCode": self.status, "headers": dict(self.headers)}
        yield json.dumps(head, separators=(",", ":")).encode() + DELIMITER
        yield from self.body

    def to_buffered(self) -> dict[str, Any]:
        """The same for an integration that takes answers only when they are whole; waits for the end."""
        text = b"".join(self.body).decode()
        return {"statusCode": self.status, "headers": dict(self.headers), "body": text}
