"""Worker leases in the table of tasks: one small item a process."""

from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.update import ItemUpdate, when
from a2a_tasks.domain.lease import Lease, LeaseNotes
from a2a_tasks.domain.task import TaskRef

DUE_SHARD = "due#workers"
"""Their partition of the index ``due``: each writes there once a minute."""
MOST_NOTES = 50
"""Tasks of a worker that are noted by name; of more it looks at everything it has."""
TTL_SECONDS = 3_600
"""Time after its expiry until TTL deletes a lease that was never recovered."""
_SORT_KEY = "LEASE"
_LIVING = "attribute_exists(pk) AND attribute_not_exists(#broken)"


@dataclass(frozen=True)
class DynamoDBWorkers(Store):
    """``Workers``. Beside each conditional write stands what it protects."""

    def open(self, lease: Lease) -> None:
        """Protects what has happened to the lease since an earlier try, whose answer was lost."""
        self._put(_key(lease.worker_id) | _values(lease), when("attribute_not_exists(pk)"))

    def renew(self, lease: Lease) -> LeaseNotes | None:
        """Protects those who have found the worker dead, and a later renewal from an earlier one that was
        under way for long. The SDK repeats a call whose response was lost, and the first one took the notes,
        so a lease that has this very end already is one whose notes nobody knows."""
        # the same write returns and removes the notes, so that none is lost in between
        values = {"tasks": None, "disowned": None} | _values(lease)
        renewal = ItemUpdate().set_or_remove(**values).remove("notes", "noteAll")
        renewal = renewal.when(_LIVING).when("#until <= :until")
        is_made, item = self._update(_key(lease.worker_id), renewal, "ALL_OLD")
        if is_made:
            return LeaseNotes(everything=True) if _lease(item).until == lease.until else _notes(item)
        # a later renewal was faster, and has the notes
        return None if not item or _lease(item).is_broken else LeaseNotes()

    def lease(self, worker_id: str) -> Lease | None:
        item = self._get(_key(worker_id))
        return _lease(item) if item else None

    def break_lease(self, lease: Lease) -> bool:
        """Protects a worker that has renewed meanwhile."""
        end = ItemUpdate().set(broken=True).when("attribute_exists(pk) AND #until = :seen", seen=lease.until)
        is_made, item = self._update(_key(lease.worker_id), end)
        # broken or deleted already, by another process or by an earlier attempt of this call
        return is_made or not item or _lease(item).is_broken

    def note(self, worker_id: str, task_id: str) -> Lease | None:
        """Protects the size of the item, and a lease that is gone from being made anew."""
        has_room = ("attribute_not_exists(#notes)", "size(#notes) < :most")
        named = ItemUpdate().add(notes={task_id}).when(_LIVING).when(*has_room, most=MOST_NOTES)
        all_of_them = ItemUpdate().set(noteAll=True).when(_LIVING)
        # the first write is refused if there is no room or no lease; the second distinguishes the two
        return self._note(worker_id, named) or self._note(worker_id, all_of_them)

    def due(self, now: int, limit: int) -> list[str]:
        return [key["pk"].removeprefix("WORKER#") for key in self._due(DUE_SHARD, now, limit)]

    def forget(self, worker_id: str) -> None:
        """Protects a lease that lives."""
        self._delete(_key(worker_id), when("attribute_exists(#broken)"))

    def _note(self, worker_id: str, update: ItemUpdate) -> Lease | None:
        is_made, item = self._update(_key(worker_id), update, "ALL_NEW")
        return _lease(item) if is_made else None


def _key(worker_id: str) -> Item:
    return {"pk": f"WORKER#{worker_id}", "sk": _SORT_KEY}


def _values(lease: Lease) -> Item:
    values: Item = {"until": lease.until, "ttl": lease.until // 1000 + TTL_SECONDS}
    if lease.tasks:
        values["tasks"] = {f"{ref.agent_id}/{ref.task_id}" for ref in lease.tasks}
    if lease.disowned:
        values["disowned"] = set(lease.disowned)
    if lease.due_at is not None:
        values |= {"dueShard": DUE_SHARD, "dueAt": lease.due_at}
    return values


def _lease(values: Item) -> Lease:
    return Lease(
        worker_id=values["pk"].removeprefix("WORKER#"),
        until=int(values["until"]),
        tasks=frozenset(_ref(value) for value in values.get("tasks", ())),
        disowned=frozenset(values.get("disowned", ())),
        due_at=int(values["dueAt"]) if "dueAt" in values else None,
        is_broken=bool(values.get("broken", False)),
    )


def _notes(values: Item) -> LeaseNotes:
    return LeaseNotes(frozenset(values.get("notes", ())), bool(values.get("noteAll", False)))


def _ref(value: str) -> TaskRef:
    agent_id, _, task_id = value.partition("/")
    return TaskRef(agent_id, task_id)
