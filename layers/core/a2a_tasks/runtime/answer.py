"""An HTTP answer whose body is made while it is sent."""

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

    def chunks(self) -> Iterator[bytes]:
        """What goes to API Gateway: the head with its delimiter, then the body."""
        head = {"statusCode": self.status, "headers": dict(self.headers)}
        yield json.dumps(head, separators=(",", ":")).encode() + DELIMITER
        yield from self.body

    def to_buffered(self) -> dict[str, Any]:
        """The same for an integration that takes answers only when they are whole; waits for the end."""
        text = b"".join(self.body).decode()
        return {"statusCode": self.status, "headers": dict(self.headers), "body": text}
