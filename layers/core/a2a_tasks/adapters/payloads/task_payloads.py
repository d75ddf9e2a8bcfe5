"""Payloads of tasks: small texts in the tasks table, everything else in the bucket."""

from collections.abc import Iterable
from dataclasses import dataclass

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb.tasks.texts import DynamoDBTexts
from a2a_tasks.adapters.lazy import Lazy
from a2a_tasks.adapters.payloads.s3_payloads import S3Payloads
from a2a_tasks.ports.payloads import JSON, is_item


@dataclass(frozen=True)
class TaskPayloads:
    """``PayloadStore`` and ``ArtifactLinks``."""

    texts: DynamoDBTexts
    objects: S3Payloads

    def put(self, key: str, data: bytes, media_type: str = JSON) -> None:
        self._store(key).put(key, data, media_type)

    def get(self, key: str) -> bytes:
        return self._store(key).get(key)

    def get_items(self, keys: Iterable[str]) -> dict[str, bytes]:
        return self.texts.get_items(filter(is_item, keys))

    def link(self, key: str, name: str) -> str:
        return self.objects.link(key, name)

    def _store(self, key: str) -> DynamoDBTexts | S3Payloads:
        return self.texts if is_item(key) else self.objects


def payloads_of_function(texts: DynamoDBTexts) -> TaskPayloads:
    """From the function's environment. Raises ``Misconfigured``."""
    return TaskPayloads(texts, S3Payloads(Lazy(clients.s3), environment.text("PAYLOAD_BUCKET")))
