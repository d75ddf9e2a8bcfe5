"""Chat deliveries as SQS messages. Their queue is a standard one, fair by project (``MessageGroupId``)."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.sqs import timed_queue
from a2a_tasks.adapters.sqs.sender import SQSSender
from a2a_tasks.domain.task import Status, TaskRef
from a2a_tasks.ports.queues import TimedDelivery
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.ports import ChatDelivery, Resend

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def delivery_sender(client: "SQSClient", url: str) -> SQSSender[ChatDelivery]:
    """Into their queue. A message names what it is about; all else is in the records."""
    return SQSSender(client, url, to_message)


def to_message(delivery: ChatDelivery) -> dict[str, Any]:
    message = {
        "agentId": delivery.ref.agent_id,
        "taskId": delivery.ref.task_id,
        "projectId": delivery.project_id,
        "status": delivery.status.value,
        "at": delivery.at,
        "correlationId": delivery.correlation_id,
        "exchangeId": delivery.exchange_id,
        "group": delivery.group,
        "resend": _from_resend(delivery.resend) if delivery.resend else None,
    }
    return {name: value for name, value in message.items() if value is not None}


def chat_delivery_of(body: str) -> ChatDelivery:
    """The delivery of a message. Raises ``ValueError``, ``KeyError`` or ``TypeError`` if it is none."""
    message: Mapping[str, Any] = json.loads(body)
    return ChatDelivery(
        ref=TaskRef(message["agentId"], message["taskId"]),
        project_id=message["projectId"],
        status=Status(message["status"]),
        at=int(message["at"]),
        correlation_id=message["correlationId"],
        exchange_id=message.get("exchangeId"),
        group=message.get("group"),
        resend=_to_resend(message["resend"]) if "resend" in message else None,
    )


def _from_resend(resend: Resend) -> dict[str, str]:
    return {
        "connectionId": resend.connection_id,
        "userId": resend.user_id,
        "language": resend.language.value,
        "messageKey": resend.message_key,
    }


def _to_resend(value: Mapping[str, str]) -> Resend:
    return Resend(value["connectionId"], value["userId"], Language(value["language"]), value["messageKey"])


def delivery_of(record: Mapping[str, Any]) -> TimedDelivery[ChatDelivery]:
    """A delivery from a record of a Lambda SQS event."""
    return timed_queue.delivery_of(record, chat_delivery_of)
