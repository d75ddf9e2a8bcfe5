"""Redrive of a whole queue by SQS, which continues after the command has ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from a2actl.terminal.fault import Fault

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

POLL_SECONDS = 2.0
LISTED_LATE = 15
"""Looks until a move that was started must be listed."""
_UNSUPPORTED = ("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", "InvalidAction")
_STARTED = "already a task running"
"""What SQS says of a queue that it moves: no code of its own stands for it."""
_RUNNING = ("RUNNING", "CANCELLING")


class NotSupported(Exception):
    """SQS does not move messages of this queue."""


@dataclass(frozen=True)
class MessageMove:
    """``StartMessageMoveTask`` from one queue. A queue has one at a time, so an earlier one is followed.

    ``destination_arn`` None sends each message to where SQS took it from.
    """

    client: "SQSClient"
    source_arn: str
    destination_arn: str | None
    sleep: Callable[[float], None] = time.sleep

    def run(self, show: Callable[[int, int | None], None]) -> int:
        """Number of messages moved, once finished; ``show`` gets the progress as moved and total.

        Raises ``NotSupported``, and ``Fault`` if it failed or was canceled.
        """
        before = self._newest()
        is_running = before.get("Status") in _RUNNING
        if not is_running:
            self._start()
        return self._followed(None if is_running else before.get("StartedTimestamp"), show)

    def _start(self) -> None:
        destination: Any = {"DestinationArn": self.destination_arn} if self.destination_arn else {}
        try:
            self.client.start_message_move_task(SourceArn=self.source_arn, **destination)
        except ClientError as error:
            # by the call before, whose response was lost, so that the SDK has repeated it
            if _STARTED in error.response["Error"].get("Message", ""):
                return
            if error.response["Error"]["Code"] in _UNSUPPORTED:
                raise NotSupported from error
            raise

    def _followed(self, earlier: int | None, show: Callable[[int, int | None], None]) -> int:
        """Until the move is over that is not the ``earlier`` one, which SQS may list for a while still."""
        for _ in range(LISTED_LATE):
            move = self._newest()
            if move and move.get("StartedTimestamp") != earlier:
                break
            self.sleep(POLL_SECONDS)
        while move.get("Status") in _RUNNING:
            show(_moved(move), move.get("ApproximateNumberOfMessagesToMove"))
            self.sleep(POLL_SECONDS)
            move = self._newest()
        if move.get("Status") != "COMPLETED" or move.get("StartedTimestamp") == earlier:
            reason = move.get("FailureReason") or f"its move is {move.get('Status', 'GONE')}"
            raise Fault(
                f"SQS stopped moving messages after {_moved(move)}: {reason}. The others are still in"
                " the queue."
            )
        return _moved(move)

    def _newest(self) -> Any:
        found: list[Any] = list(
            self.client.list_message_move_tasks(SourceArn=self.source_arn, MaxResults=1).get("Results", [])
        )
        return found[0] if found else {}


def _moved(move: Any) -> int:
    return int(move.get("ApproximateNumberOfMessagesMoved", 0))
