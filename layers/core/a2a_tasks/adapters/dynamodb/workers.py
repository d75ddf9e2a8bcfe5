"""Worker leases in the table of tasks: one small item a process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import call, call_if
from a2a_tasks.adapters.dynamodb.due import due_keys
from a2a_tasks.adapters.dynamodb.update import Update, when
from a2a_tasks.domain.lease import Lease, Notes
from a2a_tasks.domain.task import TaskRef

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DUE_SHARD = "due#workers"
"""Their partition of the index ``due``: each writes there once a minute."""
MOST_NOTES = 50
"""Tasks of a worker that are noted by name; of more it looks at everything it has."""
TTL_SECONDS = 3_600
"""After its end the table's TTL deletes a lease that nobody has looked at."""
_SORT_KEY = "LEASE"
_LIVING = "attribute_exists(pk) AND attribute_not_exists(#broken)"


@dataclass(frozen=True)
class DynamoDBWorkers:
    """``Workers``. Beside each conditional write stands what it protects."""

    client: "DynamoDBClient"
    table: str

    def open(self, lease: Lease) -> None:
        """Protects what has happened to the lease since an earlier try, whose answer was lost."""
        item = _key(lease.worker_id) | to_attributes(_values(lease))
        self._wrote(self.client.put_item, Item=item, **when("attribute_not_exists(pk)"))

    def renew(self, lease: Lease) -> Notes | None:
        """Protects those who have found the worker dead, and a later renewal from an earlier one that was
        under way for long."""
        values = _values(lease)
        left = ["notes", "noteAll"] + [name for name in ("tasks", "disowned") if name not in values]
        renewal = Update().set(**values).remove(*left).when(_LIVING).when("#until <= :until")
        answer = self._wrote(
            self.client.update_item,
            Key=_key(lease.worker_id),
            ReturnValues="ALL_OLD",
            **renewal.arguments(),
        )
        if answer is not None:
            return _notes(from_attributes(answer["Attributes"]))
        current = self.lease(lease.worker_id)
        return None if current is None or current.is_broken else Notes()

    def lease(self, worker_id: str) -> Lease | None:
        key = _key(worker_id)
        item = call(self.client.get_item, TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return _lease(item) if item else None

    def break_off(self, lease: Lease) -> bool:
        """Protects a worker that has renewed meanwhile."""
        end = Update().set(broken=True).when("attribute_exists(pk) AND #until = :seen", seen=lease.until)
        answer = self._wrote(self.client.update_item, Key=_key(lease.worker_id), **end.arguments())
        if answer is not None:
            return True
        current = self.lease(lease.worker_id)
        return current is None or current.is_broken

    def note(self, worker_id: str, task_id: str) -> Lease | None:
        """Protects the size of the item, and a lease that is gone from being made anew."""
        has_room = ("attribute_not_exists(#notes)", "size(#notes) < :most")
        named = Update().add(notes={task_id}).when(_LIVING).when(*has_room, most=MOST_NOTES)
        all_of_them = Update().set(noteAll=True).when(_LIVING)
        return self._note(worker_id, named) or self._note(worker_id, all_of_them)

    def due(self, now: int, limit: int) -> list[str]:
        found = due_keys(self.client, self.table, DUE_SHARD, now, limit)
        return [key["pk"]["S"].removeprefix("WORKER#") for key in found]

    def forget(self, worker_id: str) -> None:
        """Protects a lease that lives."""
        self._wrote(
            self.client.delete_item,
            Key=_key(worker_id),
            **when("attribute_exists(#broken)"),
        )

    def _note(self, worker_id: str, update: Update) -> Lease | None:
        answer = self._wrote(
            self.client.update_item, Key=_key(worker_id), ReturnValues="ALL_NEW", **update.arguments()
        )
        return None if answer is None else _lease(answer["Attributes"])

    def _wrote(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        """The answer; None where the condition did not hold."""
        return call_if(operation, TableName=self.table, **arguments)


def _key(worker_id: str) -> dict[str, Any]:
    return to_attributes({"pk": f"WORKER#{worker_id}", "sk": _SORT_KEY})


def _values(lease: Lease) -> dict[str, Any]:
    values: dict[str, Any] = {"until": lease.until, "ttl": lease.until // 1000 + TTL_SECONDS}
    if lease.tasks:
        values["tasks"] = {f"{ref.agent_id}/{ref.task_id}" for ref in lease.tasks}
    if lease.disowned:
        values["disowned"] = set(lease.disowned)
    if lease.due_at is not None:
        values |= {"dueShard": DUE_SHARD, "dueAt": lease.due_at}
    return values


def _lease(item: Mapping[str, Any]) -> Lease:
    values = from_attributes(item)
    return Lease(
        worker_id=values["pk"].removeprefix("WORKER#"),
        until=int(values["until"]),
        tasks=frozenset(_ref(value) for value in values.get("tasks", ())),
        disowned=frozenset(values.get("disowned", ())),
        due_at=int(values["dueAt"]) if "dueAt" in values else None,
        is_broken=bool(values.get("broken", False)),
    )


def _notes(values: Mapping[str, Any]) -> Notes:
    return Notes(frozenset(values.get("notes", ())), bool(values.get("noteAll", False)))


def _ref(value: str) -> TaskRef:
    agent_id, _, task_id = value.partition("/")
    return TaskRef(agent_id, task_id)
