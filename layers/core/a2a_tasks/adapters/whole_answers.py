"""Answers of AWS that have come whole.

The SDK does not compare an answer with its Content-Length: where the connection is closed after the head or
within the body, it takes it for an empty one, and an item that is there for one that is not. DynamoDB's
checksum, by which it calls again, does not help in the last try.
"""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectionClosedError

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.client import BaseClient
    from botocore.model import OperationModel

AGAIN_SECONDS = 0.05


def whole[C: "BaseClient"](client: C) -> C:
    """The client, which from now on calls again where an answer has broken off, as often as after other
    faults, and raises ``ConnectionClosedError`` if that does not help."""
    most = client.meta.config.retries["total_max_attempts"]  # type: ignore[attr-defined]

    def again(
        response: "tuple[AWSResponse, Any] | None",
        operation: "OperationModel",
        attempts: int,
        request_dict: dict[str, Any],
        **_: Any,
    ) -> float | None:
        if response is None or operation.has_streaming_output or not _has_broken_off(response[0]):
            return None
        if attempts < most:
            return AGAIN_SECONDS
        raise ConnectionClosedError(endpoint_url=request_dict["url"])

    client.meta.events.register_first("needs-retry", again)  # type: ignore[arg-type]
    return client


def _has_broken_off(answer: "AWSResponse") -> bool:
    announced = answer.headers.get("Content-Length", "")
    return announced.isdecimal() and len(answer.content) < int(announced)
