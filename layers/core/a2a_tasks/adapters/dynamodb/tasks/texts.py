"""Texts of tasks as items of the tasks table, next to their task's own item.

They are named by their digest and never change, so an eventually consistent read is good enough if it
finds one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import batched
from typing import Any

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.store import AT_ONCE, Item, Store
from a2a_tasks.adapters.dynamodb.tasks import task_items, task_values
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable
from a2a_tasks.ports.payloads import JSON, PayloadCorrupt, item_key, item_of


@dataclass(frozen=True)
class DynamoDBTexts(Store):
    """Part of a ``PayloadStore``, for keys made by ``item_key``. All methods raise ``PayloadUnavailable``."""

    kept_ms: int = 0
    """Longest life and retention of a task (milliseconds), for the time to live: older texts belong to no
    task. Readers need none."""

    def put(self, key: str, data: bytes, media_type: str = JSON) -> None:  # noqa: ARG002  all of them JSON
        """Needs no condition: repeated writes are identical."""
        item = _key(key) | task_values.text_value(data)
        item["ttl"] = task_items.kept_until(item_of(key)[0], self.kept_ms)
        self._put(item)

    def get(self, key: str) -> bytes:
        # a consistent read: it may have been written just now
        item = self._get(_key(key), consistent=False) or self._get(_key(key))
        if item is None:
            raise PayloadCorrupt(f"{key} is gone")
        return task_values.to_text(item)

    def get_items(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Texts found by an eventually consistent read; the others may have been written just now."""
        found: dict[str, bytes] = {}
        for some in batched(dict.fromkeys(keys), AT_ONCE, strict=False):
            request: Any = {self.table: {"Keys": [to_attributes(_key(key)) for key in some]}}
            # unprocessed keys are not requested again: callers read them one by one
            answer = self._call(self.client.batch_get_item, RequestItems=request)
            for item in map(from_attributes, answer["Responses"].get(self.table, [])):
                task_id = item["pk"].removeprefix(task_items.TASK_PREFIX)
                found[item_key(task_id, item["sk"])] = task_values.to_text(item)
        return found

    def _call(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return super()._call(operation, **arguments)
        except StoreUnavailable as error:
            # callers get the same error, wherever a payload is stored
            raise PayloadUnavailable(str(error)) from error


def _key(key: str) -> Item:
    task_id, name = item_of(key)
    return {"pk": task_items.partition(task_id), "sk": name}
