"""Slots on DynamoDB, in the tasks table. A docstring or comment at each conditional write says what it
protects."""

from collections.abc import Mapping
from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.tasks.task_items import TTL_GRACE_SECONDS
from a2a_tasks.adapters.dynamodb.update import ItemCondition, ItemUpdate, when
from a2a_tasks.domain.task import Priority
from a2a_tasks.ports.slots import FIRSTS, PAGE, Holder, PlaceInLine, Scope, ScopeState, Waiter

LINE, SLOT, WAIT = "LINE", "SLOT#", "WAIT#"
"""Sort keys, in this order: one query reads whether a line is watched, who has slots, and who is first."""
END = "X"
"""Sorts after them all."""
DUE_SHARD = "due#lines"
"""Where lines are in the index ``due``."""
RANKS = {Priority.HIGH: 1, Priority.NORMAL: 2, Priority.LOW: 3}
PRIORITIES = {rank: priority for priority, rank in RANKS.items()}


@dataclass(frozen=True)
class DynamoDBSlots(Store):
    """``SlotStore``: an item for each slot that is held and for each waiter, and one for the line. The first
    slots are in one partition with the line, others in pages of their own, so that no partition takes all
    writes."""

    def state(self, scope: Scope, slots: int) -> ScopeState:
        limit = 1 + min(slots, PAGE) + FIRSTS
        items, is_all = self._range(_partition(scope), LINE, limit)
        slots_held = {_number(item): _to_holder(item) for item in items if _is(item, SLOT)}
        waiters = tuple(_to_waiter(item) for item in items if _is(item, WAIT))
        until = next((int(item["until"]) for item in items if _is(item, LINE)), 0)
        if not waiters and not is_all:  # more slots are held than expected
            items, is_all = self._range(_partition(scope), WAIT, FIRSTS)
            waiters = tuple(_to_waiter(item) for item in items)
        return ScopeState(slots_held, waiters, is_all, until)

    def page(self, scope: Scope, number: int) -> Mapping[int, Holder]:
        items, _ = self._range(_partition(scope, number), SLOT, PAGE, last=WAIT)
        return {_number(item): _to_holder(item) for item in items}

    def take(self, scope: Scope, number: int, holder: Holder, until: int) -> Holder:
        """Protects the slot of another, and the fence of a later claim."""
        # a lower fence: the task held the slot in an earlier claim, as after a crash. A retry is refused and
        # finds its own entry. A borrowed slot without a task goes to the higher of two random fences.
        is_mine = "(task = :task AND fence < :fence)"
        free = when("attribute_not_exists(pk)", is_mine, task=holder.task_id, fence=holder.fence)
        return self._occupy(scope, number, holder, until, free)

    def pass_on(self, scope: Scope, number: int, giver: Holder, taker: Holder, until: int) -> bool:
        """Protects the slot of another, and of a later claim."""
        mine = when("task = :task AND fence = :fence", task=giver.task_id, fence=giver.fence)
        # refused, but the taker's already: the response to an earlier attempt was lost
        now = self._occupy(scope, number, taker, until, mine)
        return (now.task_id, now.fence) == (taker.task_id, taker.fence)

    def free(self, scope: Scope, number: int, task_id: str, below: int) -> bool:
        """Protects the slot of another, and of a later claim."""
        mine = when("task = :task AND fence < :below", task=task_id, below=below)
        return self._delete(_slot_key(scope, number), mine).is_made

    def wait(self, scope: Scope, waiter: Waiter) -> None:
        """Protects the entry of a later claim."""
        values = {
            "fence": waiter.fence,
            "deadline": waiter.deadline,
            "notBefore": waiter.not_before,
            "dueAt": waiter.due_at,
            "ttl": _ttl(waiter.deadline),
        }
        # an equal fence: it joins again after a duplicate message or a lost response
        latest = when("attribute_not_exists(pk)", "fence <= :fence", fence=waiter.fence)
        self._put(_waiter_key(scope, waiter) | values, latest)

    def stop_waiting(self, scope: Scope, waiter: Waiter) -> None:
        """Protects the entry of a later claim."""
        self._delete(_waiter_key(scope, waiter), when("fence <= :fence", fence=waiter.fence))

    def place(self, scope: Scope, waiter: Waiter) -> PlaceInLine:
        keys = [_key(scope, LINE), _slot_key(scope, 0), _waiter_key(scope, waiter)]
        found = {item["sk"]: item for item in self._get_all(keys)}
        line, slot, entry = (found.get(key["sk"]) for key in keys)
        # an older entry was written late by a slow process, and is not valid for the current claim
        waits = entry is not None and int(entry["fence"]) >= waiter.fence
        return PlaceInLine(waits, int(line["until"]) if line else 0, _to_holder(slot) if slot else None)

    def waiting(
        self, scope: Scope, limit: int, now: int = 0, first: Priority = Priority.HIGH
    ) -> tuple[Waiter, ...]:
        items, _ = self._range(_partition(scope), f"{WAIT}{RANKS[first]}", limit, now=now)
        return tuple(_to_waiter(item) for item in items)

    def watch(self, scope: Scope, until: int, due_at: int) -> None:
        line = ItemUpdate().set(until=until, ttl=_ttl(until), dueShard=DUE_SHARD)
        # an earlier due time stays, or a line that is joined constantly would never be swept
        line = line.assign("dueAt = if_not_exists(dueAt, :due)", due=due_at)
        self._update(_key(scope, LINE), line)

    def due_lines(self, now: int, limit: int) -> list[Scope]:
        return [_to_scope(key) for key in self._due(DUE_SHARD, now, limit)]

    def reschedule(self, scope: Scope, seen_until: int, until: int, due_at: int) -> bool:
        """Protects a watch that was extended since."""
        line = ItemUpdate().set(until=until, ttl=_ttl(until), dueAt=due_at)
        line = line.when("#until = :seen", seen=seen_until)
        return self._update(_key(scope, LINE), line).is_made

    def forget_line(self, scope: Scope, seen_until: int) -> bool:
        """Protects tasks that have joined since."""
        return self._delete(_key(scope, LINE), when("#until = :seen", seen=seen_until)).is_made

    def _occupy(
        self, scope: Scope, number: int, holder: Holder, until: int, condition: ItemCondition
    ) -> Holder:
        """Write a slot's holder under a condition. Returns the holder afterwards, an empty one for a missing
        slot."""
        item = {"task": holder.task_id, "fence": holder.fence, "at": holder.at, "ttl": _ttl(until)}
        is_put, there = self._put(_slot_key(scope, number) | item, condition)
        if is_put:
            return holder
        return _to_holder(there) if there else Holder("", -1, 0)

    def _range(
        self, partition: str, first: str, limit: int, *, last: str = END, now: int = 0
    ) -> tuple[list[Item], bool]:
        """Items from ``first`` to before ``last``, and whether that is all."""
        values: Item = {"pk": partition, "first": first, "last": last}
        # a consistent read: a process that frees a slot then reads the line, and one that joins the line then
        # reads the slots. One of the two must see the other's write.
        options: Item = {"ConsistentRead": True, "Limit": limit}
        if now:
            values["now"] = now
            options["FilterExpression"] = "deadline > :now"
        items, after = self._query("pk = :pk AND sk BETWEEN :first AND :last", values, **options)
        return items, after is None


def _partition(scope: Scope, page: int = 0) -> str:
    """Agents' ids hold neither of the two marks."""
    agent = f"SLOTS#{scope.agent_id}"
    if scope.context_id is not None:
        return f"{agent}#{scope.context_id}"
    return f"{agent}/{page}" if page else agent


def _to_scope(entry: Item) -> Scope:
    agent_id, _, context_id = entry["pk"].removeprefix("SLOTS#").partition("#")
    return Scope(agent_id, context_id or None)


def _key(scope: Scope, sort_key: str) -> Item:
    return {"pk": _partition(scope), "sk": sort_key}


def _slot_key(scope: Scope, number: int) -> Item:
    return {"pk": _partition(scope, number // PAGE), "sk": f"{SLOT}{number:04}"}


def _waiter_key(scope: Scope, waiter: Waiter) -> Item:
    return _key(scope, f"{WAIT}{RANKS[waiter.priority]}#{waiter.task_id}")


def _is(item: Item, kind: str) -> bool:
    return bool(item["sk"].startswith(kind))


def _number(item: Item) -> int:
    return int(item["sk"].removeprefix(SLOT))


def _to_holder(item: Item) -> Holder:
    return Holder(item["task"], int(item["fence"]), int(item["at"]))


def _to_waiter(item: Item) -> Waiter:
    rank, task_id = item["sk"].removeprefix(WAIT).split("#")
    return Waiter(
        task_id,
        PRIORITIES[int(rank)],
        int(item["fence"]),
        int(item["deadline"]),
        int(item["notBefore"]),
        int(item["dueAt"]),
    )


def _ttl(until: int) -> int:
    """Seconds, like every ``ttl``."""
    return until // 1000 + TTL_GRACE_SECONDS
