"""Slots on DynamoDB, in the tasks' table. Beside each conditional write stands what it protects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from a2a_tasks.adapters.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb_calls import call
from a2a_tasks.adapters.task_items import TTL_GRACE_SECONDS
from a2a_tasks.domain.task import Priority
from a2a_tasks.ports.slots import Freed, Holder, Scope, SlotState, Waiter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HOLDERS = "HOLDERS"
WAIT = "WAIT#"
RANKS = {Priority.HIGH: 1, Priority.NORMAL: 2, Priority.LOW: 3}
PRIORITIES = {rank: priority for priority, rank in RANKS.items()}

ROOM = "attribute_exists(holders) AND attribute_not_exists(holders.#id) AND size(holders) < :limit"
NOBODY_WAITS = "attribute_not_exists(arrivals)"
FIRST = "attribute_not_exists(holders)"
MINE = "holders.#id.fence < :below"


@dataclass(frozen=True)
class DynamoDBSlots:
    """``SlotStore``: one partition a scope, with an item for the holders and one for each waiter.

    An agent's item for its holders stays, a conversation's is deleted when it is empty.
    """

    client: "DynamoDBClient"
    table: str

    def state(self, scope: Scope) -> SlotState:
        answer = self._call(self.client.get_item, Key=_key(scope, HOLDERS), ConsistentRead=True)
        return _to_state(answer.get("Item", {}))

    def take(self, scope: Scope, task_id: str, fence: int, limit: int) -> bool:
        """Protects the limit, the turn of those who wait, and the fence of a later claim."""
        condition = f"holders.#id.fence <= :fence OR ({ROOM} AND {NOBODY_WAITS})"
        values = {":fence": fence, ":limit": limit}
        first = f"{FIRST} AND {NOBODY_WAITS}"
        written, state = self._hold(scope, task_id, Holder(fence), condition, values, first)
        return written or task_id in state.holders

    def grant(self, scope: Scope, task_id: str, holder: Holder, limit: int) -> bool:
        """Protects the limit, and a slot that the task has already."""
        written, state = self._hold(scope, task_id, holder, ROOM, {":limit": limit}, FIRST)
        return written or state.holders.get(task_id) == holder

    def free(self, scope: Scope, task_id: str, below: int) -> Freed:
        """Protects the slot of a later claim, and the mark that somebody waits."""
        names, values = {"#id": task_id}, {":below": below}
        if scope.context_id is not None:
            alone = f"{MINE} AND size(holders) = :one AND {NOBODY_WAITS}"
            if self._delete(scope, HOLDERS, alone, values | {":one": 1}, names):
                return Freed(held=True, arrivals=0)
        written, item = self._update(scope, "REMOVE holders.#id", MINE, values, names)
        return Freed(written, _to_state(item).arrivals)

    def wait(self, scope: Scope, waiter: Waiter, until: int) -> None:
        """Protects the entry of a later claim."""
        item = {"fence": waiter.fence, "ttl": until // 1000 + TTL_GRACE_SECONDS}
        try:
            self._call(
                self.client.put_item,
                Item=_key(scope, _sort_key(waiter)) | to_attributes(item),
                ConditionExpression="attribute_not_exists(pk) OR fence <= :fence",
                ExpressionAttributeValues=to_attributes({":fence": waiter.fence}),
            )
        except ClientError:
            return

    def arrive(self, scope: Scope) -> None:
        self._update(scope, "ADD arrivals :one", None, {":one": 1}, {})

    def settle(self, scope: Scope, arrivals: int) -> bool:
        """Protects whoever has arrived since."""
        values: dict[str, Any] = {":seen": arrivals}
        if scope.context_id is None:
            return self._update(scope, "REMOVE arrivals", "arrivals = :seen", values, {})[0]
        empty = f"arrivals = :seen AND ({FIRST} OR size(holders) = :none)"
        return self._delete(scope, HOLDERS, empty, values | {":none": 0}, {})

    def stop_waiting(self, scope: Scope, waiter: Waiter) -> None:
        """Protects the entry of a later claim."""
        self._delete(scope, _sort_key(waiter), "fence <= :fence", {":fence": waiter.fence}, {})

    def is_waiting(self, scope: Scope, waiter: Waiter) -> bool:
        answer = self._call(self.client.get_item, Key=_key(scope, _sort_key(waiter)), ConsistentRead=True)
        return "Item" in answer

    def waiting(self, scope: Scope, limit: int, priority: Priority | None = None) -> list[Waiter]:
        prefix = WAIT if priority is None else f"{WAIT}{RANKS[priority]}#"
        answer = self._call(
            self.client.query,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=to_attributes({":pk": _partition(scope), ":prefix": prefix}),
            ConsistentRead=True,
            Limit=limit,
        )
        return [_to_waiter(item) for item in answer["Items"]]

    def _hold(
        self,
        scope: Scope,
        task_id: str,
        holder: Holder,
        condition: str,
        values: dict[str, Any],
        first: str,
    ) -> tuple[bool, SlotState]:
        """Add a holder under ``condition``, or under ``first`` where there is no map yet to add it to;
        whether it was written, and the state after that."""
        value = {"fence": holder.fence} | ({"by": holder.granted_by} if holder.granted_by else {})
        values = values | {":holder": value}
        written, item = self._update(scope, "SET holders.#id = :holder", condition, values, {"#id": task_id})
        if not written and "holders" not in item:
            values = {":holders": {task_id: value}}
            written, item = self._update(scope, "SET holders = :holders", first, values, {})
        return written, _to_state(item)

    def _update(
        self,
        scope: Scope,
        expression: str,
        condition: str | None,
        values: dict[str, Any],
        names: dict[str, str],
    ) -> tuple[bool, dict[str, Any]]:
        """Whether the condition held, and the holders' item after the write, or as it stands."""
        optional = {
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": to_attributes(values),
        }
        try:
            answer = self._call(
                self.client.update_item,
                Key=_key(scope, HOLDERS),
                UpdateExpression=expression,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **{name: value for name, value in optional.items() if value},
            )
        except ClientError as error:
            return False, error.response.get("Item", {})  # type: ignore[return-value]
        return True, answer["Attributes"]

    def _delete(
        self, scope: Scope, sort_key: str, condition: str, values: dict[str, Any], names: dict[str, str]
    ) -> bool:
        """Whether the condition held, and the item is gone."""
        try:
            self._call(
                self.client.delete_item,
                Key=_key(scope, sort_key),
                ConditionExpression=condition,
                ExpressionAttributeValues=to_attributes(values),
                **({"ExpressionAttributeNames": names} if names else {}),
            )
        except ClientError:
            return False
        return True

    def _call(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        return call(operation, TableName=self.table, **arguments)


def _partition(scope: Scope) -> str:
    agent = f"SLOTS#{scope.agent_id}"
    return agent if scope.context_id is None else f"{agent}#{scope.context_id}"


def _key(scope: Scope, sort_key: str) -> dict[str, Any]:
    return to_attributes({"pk": _partition(scope), "sk": sort_key})


def _sort_key(waiter: Waiter) -> str:
    return f"{WAIT}{RANKS[waiter.priority]}#{waiter.task_id}"


def _to_waiter(item: Mapping[str, Any]) -> Waiter:
    rank, task_id = item["sk"]["S"].removeprefix(WAIT).split("#")
    return Waiter(task_id, PRIORITIES[int(rank)], int(item["fence"]["N"]))


def _to_state(item: Mapping[str, Any]) -> SlotState:
    values = from_attributes(item)
    holders = {
        task_id: Holder(int(value["fence"]), value.get("by"))
        for task_id, value in values.get("holders", {}).items()
    }
    return SlotState(holders, int(values.get("arrivals", 0)))
