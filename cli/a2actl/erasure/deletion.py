"""Deletes tasks and their data, in an order in which an interrupted run can be repeated."""

from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.delivery_log import deliveries_partition
from a2a_tasks.adapters.dynamodb.store import Store
from a2a_tasks.adapters.dynamodb.tasks.live import live_partition
from a2a_tasks.adapters.payloads.s3_payloads import PREFIX
from a2a_tasks.domain.ids import oldest_task_id
from a2a_tasks.domain.schedule import NOTICE_MS
from a2a_tasks.domain.task import ContextRef, Task, TaskRef
from a2a_tasks.ports.tasks import Written
from a2actl.deployment.task_data import TaskData
from a2actl.terminal.fault import Fault

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ITEMS_AT_ONCE, OBJECTS_AT_ONCE, PAGE = 25, 1_000, 100


@dataclass
class Erased:
    """What was deleted. ``left`` are tasks that a worker may still execute: clean-up deletes the rest."""

    tasks: int = 0
    canceled: int = 0
    objects: int = 0
    items: int = 0
    left: int = 0


@dataclass(frozen=True)
class Eraser:
    """Deletes for good: objects with all their old versions. Repeating it is harmless. Raises
    ``StoreUnavailable``, ``Fault`` and what AWS raises."""

    data: TaskData
    bucket: str
    s3: "S3Client"

    def erase_task(self, ref: TaskRef, erased: Erased) -> None:
        """A live task is canceled first. Its record goes after what it leads to, and its place in a
        conversation last: both lead to the task until then."""
        services = self.data.services
        task = services.store.get(ref)
        ended = self._ended(task, erased) if task else None
        is_in_hand = ended is not None and self._expires(ended)
        erased.objects += self._objects(ref.task_id)
        for partition in (live_partition(ref.task_id), deliveries_partition(ref.task_id)):
            erased.items += self.erase_partition(partition)
        services.store.delete_owned(ref.task_id)
        if is_in_hand:
            erased.left += 1
        else:
            services.store.delete(ref)
        if ended is not None and ended.context is not None:
            services.contexts.remove(ended.context, ref.task_id)
        erased.tasks += 1

    def _expires(self, task: Task) -> bool:
        """Let clean-up find an ended task. Whether a worker may not have noticed its end, and still write."""
        now = self.data.services.clock.now()
        is_in_hand = task.held_by is not None and now < (task.completed_at or now) + NOTICE_MS
        self.data.services.store.expire(task.ref, now + NOTICE_MS if is_in_hand else now)
        return is_in_hand

    def forget(self, context: ContextRef) -> None:
        """Entries of a conversation whose tasks are gone. A task may come right after its entry, so what is
        young stays."""
        services = self.data.services
        old = oldest_task_id(services.clock.now() - NOTICE_MS)
        after: str | None = None
        while page := services.contexts.page(context, after, PAGE):
            for task_id in page:
                if task_id < old and not services.store.is_retained(task_id):
                    services.contexts.remove(context, task_id)
            after = page[-1]

    def erase_partition(self, partition: str) -> int:
        """All items of a partition of the tasks' table; how many there were."""
        return _Partition(self.data.dynamodb, self.data.table).delete(partition)

    def _ended(self, task: Task, erased: Erased) -> Task | None:
        if task.is_terminal:
            return task
        result = self.data.services.finalizer.cancel(task)
        if isinstance(result, Written):
            erased.canceled += 1
            return result.task
        if result.current is None:
            return None
        return self.data.services.finalizer.expire_if_overdue(result.current)

    def _objects(self, task_id: str) -> int:
        """All versions of a task's objects."""
        deleted = 0
        pages = self.s3.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self.bucket, Prefix=f"{PREFIX}{task_id}/"):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            for some in batched(found, OBJECTS_AT_ONCE, strict=False):
                objects: list[Any] = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in some]
                answer = self.s3.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True}
                )
                if errors := answer.get("Errors"):
                    raise Fault(
                        f"{len(errors)} objects of {task_id} were not deleted ({errors[0].get('Code')});"
                        " erase again. This needs s3:DeleteObjectVersion."
                    )
                deleted += len(objects)
        return deleted


class _Partition(Store):
    """Whole partitions of a table."""

    def delete(self, partition: str) -> int:
        """How many items there were."""
        keys = self._items(partition, ProjectionExpression="pk, sk")
        for some in batched(keys, ITEMS_AT_ONCE, strict=False):
            requests: list[Any] = [{"DeleteRequest": {"Key": to_attributes(key)}} for key in some]
            while requests:
                answer = self._call(self.client.batch_write_item, RequestItems={self.table: requests})
                requests = answer.get("UnprocessedItems", {}).get(self.table, [])
        return len(keys)
