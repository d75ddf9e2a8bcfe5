"""Payload store of functions that read or write texts and files of tasks."""

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb.tasks.texts import DynamoDBTexts
from a2a_tasks.adapters.lazy import Lazy
from a2a_tasks.adapters.s3_payloads import S3Payloads
from a2a_tasks.adapters.task_payloads import TaskPayloads


def payloads_of_function(texts: DynamoDBTexts) -> TaskPayloads:
    """The payload store. Raises ``Misconfigured``."""
    return TaskPayloads(texts, S3Payloads(Lazy(clients.s3), environment.text("PAYLOAD_BUCKET")))
