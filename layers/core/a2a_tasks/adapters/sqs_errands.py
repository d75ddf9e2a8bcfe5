"""The queue of errands on SQS: a standard queue, fair by project (``MessageGroupId``)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.sqs_batches import OutgoingMessage, send_all
from a2a_tasks.domain.task import Status, TaskRef
from a2a_tasks.ports.errands import Errand, ErrandDelivery, UnsentErrand

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True)
class SQSErrands:
    """``ErrandSender``. A message names what it is about; all else is in the records."""

    client: "SQSClient"
    url: str

    def send(self, errands: Sequence[Errand]) -> list[UnsentErrand]:
        messages = [OutgoingMessage(json.dumps(to_message(one)), one.project_id) for one in errands]
        unsent = send_all(self.client, self.url, messages)
        return [UnsentErrand(errands[place], reason) for place, reason in unsent.items()]


def to_message(errand: Errand) -> dict[str, Any]:
    message = {
        "agentId": errand.ref.agent_id,
        "taskId": errand.ref.task_id,
        "projectId": errand.project_id,
        "status": errand.status.value,
        "at": errand.at,
        "correlationId": errand.correlation_id,
        "exchangeId": errand.exchange_id,
        "group": errand.group,
    }
    return {name: value for name, value in message.items() if value is not None}


def errand_of(body: str) -> Errand:
    """The errand of a message. Raises ``ValueError``, ``KeyError`` or ``TypeError`` if it is none."""
    message: Mapping[str, Any] = json.loads(body)
    return Errand(
        ref=TaskRef(message["agentId"], message["taskId"]),
        project_id=message["projectId"],
        status=Status(message["status"]),
        at=int(message["at"]),
        correlation_id=message["correlationId"],
        exchange_id=message.get("exchangeId"),
        group=message.get("group"),
    )


def delivery_of(record: Mapping[str, Any]) -> ErrandDelivery:
    """A delivery from a record of a Lambda SQS event."""
    attributes = record["attributes"]
    try:
        errand = errand_of(record["body"])
    except (ValueError, KeyError, TypeError):
        errand = None
    return ErrandDelivery(
        message_id=record["messageId"],
        receipt=record["receiptHandle"],
        body=record["body"],
        group_id=attributes.get("MessageGroupId"),
        errand=errand,
        sent_at=int(attributes["SentTimestamp"]),
        receive_count=int(attributes["ApproximateReceiveCount"]),
    )
