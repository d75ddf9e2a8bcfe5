"""Queues, as SQS counts their messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

WORKED = ("tasks", "urgent")
"""The queues that start workers."""
_ARN: "QueueAttributeNameType" = "QueueArn"
_WAITING: "QueueAttributeNameType" = "ApproximateNumberOfMessages"
_IN_FLIGHT: "QueueAttributeNameType" = "ApproximateNumberOfMessagesNotVisible"
_DELAYED: "QueueAttributeNameType" = "ApproximateNumberOfMessagesDelayed"


@dataclass(frozen=True)
class QueueState:
    """A queue's messages; the counts are approximate, as SQS gives them. Those of running tasks are in
    flight."""

    name: str
    arn: str
    waiting: int
    in_flight: int
    delayed: int

    @property
    def messages(self) -> int:
        """Those that anybody may have by now."""
        return self.waiting + self.in_flight

    @classmethod
    def of(cls, client: "SQSClient", name: str, url: str) -> "QueueState":
        names = [_ARN, _WAITING, _IN_FLIGHT, _DELAYED]
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        counts = (int(found[count]) for count in (_WAITING, _IN_FLIGHT, _DELAYED))
        return cls(name, found[_ARN], *counts)


@dataclass(frozen=True)
class TaskQueues:
    """``urls`` by name, in the order to show them. What AWS raises passes through."""

    client: "SQSClient"
    urls: Mapping[str, str]

    def states(self) -> list[QueueState]:
        return [QueueState.of(self.client, name, url) for name, url in self.urls.items()]
