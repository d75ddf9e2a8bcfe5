"""HTTP responses that are sent while they are generated."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

CONTENT_TYPE = "application/vnd.awslambda.http-integration-response"
DELIMITER = bytes(8)
"""Between head and body (Amazon API Gateway Developer Guide, "Set up a Lambda proxy integration with payload
response streaming")."""


@dataclass(frozen=True)
class StreamedAnswer:
    """A handler's response. ``body`` yields pieces as they become available."""

    status: int
    body: Iterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_event(cls, answer: Mapping[str, Any]) -> "StreamedAnswer":
        """From a complete response in the format of Lambda proxy integrations."""
        many = {name: ",".join(values) for name, values in (answer.get("multiValueHeaders") or {}).items()}
        body = (answer.get("body") or "").encode(errors="surrogatepass")
        if answer.get("isBase64Encoded"):
            body = base64.b64decode(body)
        return cls(answer["statusCode"], iter([body]), {**(answer.get("headers") or {}), **many})

    def chunks(self) -> Iterator[bytes]:
        """Bytes for API Gateway: the head with its delimiter, then the body."""
        head = {"statusCode": self.status, "headers": dict(self.headers)}
        yield json.dumps(head, separators=(",", ":")).encode() + DELIMITER
        yield from self.body

    def to_buffered(self) -> dict[str, Any]:
        """The response for an integration without streaming. Waits for the end."""
        text = b"".join(self.body).decode()
        return {"statusCode": self.status, "headers": dict(self.headers), "body": text}
