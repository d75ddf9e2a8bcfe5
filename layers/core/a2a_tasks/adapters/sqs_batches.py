"""Many messages into a queue, in as few calls as SQS allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

AT_ONCE = 10
"""Messages that SQS takes in one call."""


@dataclass(frozen=True)
class OutgoingMessage:
    """``group_id``: whose messages share the queue fairly with those of others."""

    body: str
    group_id: str


def send_all(client: "SQSClient", url: str, messages: Sequence[OutgoingMessage]) -> Mapping[int, str]:
    """The places of those that may not be in the queue, each with the reason."""
    unsent: dict[int, str] = {}
    for places in batched(range(len(messages)), AT_ONCE, strict=False):
        entries: list[Any] = [
            {
                "Id": str(place),
                "MessageBody": messages[place].body,
                "MessageGroupId": messages[place].group_id,
            }
            for place in places
        ]
        try:
            answer = client.send_message_batch(QueueUrl=url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            unsent |= dict.fromkeys(places, str(error))
        else:
            unsent |= {int(entry["Id"]): entry["Code"] for entry in answer.get("Failed", [])}
    return unsent
