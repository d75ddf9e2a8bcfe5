"""Sends many messages in as few calls as possible."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from a2a_tasks.ports.queues import SendFailure

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

AT_ONCE = 10
"""Limit of SendMessageBatch."""


class HasProjectId(Protocol):
    """Content that belongs to a project, whose messages share the queue fairly with others
    (``MessageGroupId``)."""

    @property
    def project_id(self) -> str: ...


@dataclass(frozen=True)
class SQSSender[T: HasProjectId]:
    """``TimedSender``. ``to_message`` makes a message's JSON object."""

    client: "SQSClient"
    url: str
    to_message: Callable[[T], dict[str, Any]]

    def send(self, contents: Sequence[T]) -> list[SendFailure[T]]:
        unsent: dict[int, str] = {}
        for places in batched(range(len(contents)), AT_ONCE, strict=False):
            entries: list[Any] = [
                {
                    "Id": str(place),
                    "MessageBody": json.dumps(self.to_message(contents[place])),
                    "MessageGroupId": contents[place].project_id,
                }
                for place in places
            ]
            try:
                answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                # they may have been sent; a retry has the same ids, by which receivers drop duplicates
                unsent |= dict.fromkeys(places, str(error))
            else:
                # a batch is not a transaction: SQS may accept only some of its messages and return 200
                unsent |= {int(entry["Id"]): entry["Code"] for entry in answer.get("Failed", [])}
        return [SendFailure(contents[place], reason) for place, reason in unsent.items()]
