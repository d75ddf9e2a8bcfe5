"""Detects truncated responses of AWS.

The SDK does not compare a response with its Content-Length: if the connection is closed after the head or
within the body, it sees an empty response, and so a missing item. DynamoDB's checksum, which triggers a
retry, is not checked on the last attempt.
"""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectionClosedError

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.client import BaseClient
    from botocore.model import OperationModel

AGAIN_SECONDS = 0.05


def retry_truncated[C: "BaseClient"](client: C) -> C:
    """The client, which from now on retries truncated responses as often as other errors, and then raises
    ``ConnectionClosedError``."""
    most = client.meta.config.retries["total_max_attempts"]  # type: ignore[attr-defined]

    def again(
        response: "tuple[AWSResponse, Any] | None",
        operation: "OperationModel",
        attempts: int,
        request_dict: dict[str, Any],
        **_: Any,
    ) -> float | None:
        # a streamed body is read later by the caller; without a response the SDK's own rules apply
        if response is None or operation.has_streaming_output or not _has_broken_off(response[0]):
            return None
        if attempts < most:
            return AGAIN_SECONDS
        raise ConnectionClosedError(endpoint_url=request_dict["url"])

    # registered before the SDK's own handler, because the first result that is not None counts
    client.meta.events.register_first("needs-retry", again)  # type: ignore[arg-type]
    return client


def _has_broken_off(answer: "AWSResponse") -> bool:
    announced = answer.headers.get("Content-Length", "")
    return announced.isdecimal() and len(answer.content) < int(announced)
