"""Exchanges in the tasks' table, beside what their task says: a refresh reads both at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import call
from a2a_tasks.adapters.dynamodb.tasks.live import CHUNK_PREFIX, live_partition, to_chunk
from a2a_tasks.domain.task import Status
from a2a_tasks.wecom.exchange import (
    Claim,
    End,
    Exchange,
    ExchangeRef,
    Feedback,
    Means,
    State,
    state_after,
)
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.ports import NEWEST, Watched

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX = "EXCHANGE#"
_IS_THERE = "attribute_exists(pk)"


@dataclass(frozen=True)
class DynamoDBExchanges:
    """``ExchangeStore``. The table's TTL deletes exchanges when their time is over."""

    client: "DynamoDBClient"
    table: str

    def put(self, exchange: Exchange, until: int) -> Exchange:
        """Protects the exchange that is there: a message is delivered several times, and has one."""
        item = from_exchange(exchange) | {"ttl": until // 1000}
        try:
            call(
                self.client.put_item,
                TableName=self.table,
                Item=to_attributes(item),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return to_exchange(from_attributes(error.response["Item"]))  # type: ignore[typeddict-item]
        return exchange

    def remove(self, ref: ExchangeRef) -> bool:
        """Protects one that has ended: somebody may have been told already."""
        try:
            call(
                self.client.delete_item,
                TableName=self.table,
                Key=to_attributes(_key(ref)),
                ConditionExpression="attribute_not_exists(endedAt)",
            )
        except ClientError:
            return False
        return True

    def get(self, ref: ExchangeRef) -> Exchange | None:
        answer = call(
            self.client.get_item, TableName=self.table, Key=to_attributes(_key(ref)), ConsistentRead=True
        )
        return to_exchange(from_attributes(answer["Item"])) if "Item" in answer else None

    def watch(self, task_id: str) -> Watched:
        # backwards: exchanges sort behind the chunks, and of these the newest are wanted
        items = self._query(task_id, "", forward=False)
        chunks = [to_chunk(item) for item in reversed(items) if item["sk"]["S"].startswith(CHUNK_PREFIX)]
        return Watched(_exchanges(reversed(items)), chunks)

    def of_task(self, task_id: str) -> list[Exchange]:
        return _exchanges(self._query(task_id, PREFIX, forward=True))

    def end(self, ref: ExchangeRef, end: End) -> Exchange | None:
        """Protects the first end: a question that was told stays what was told."""
        values = {"endedAt": end.at, "endedAs": end.status.value, "question": end.question}
        return self._update(ref, values, "attribute_not_exists(endedAt)", {})

    def close(self, ref: ExchangeRef) -> Exchange | None:
        """Protects a delivery that somebody has taken on."""
        values = {"state": State.CLOSED.value}
        return self._update(ref, values, "#state = :open", {":open": State.OPEN.value})

    def claim(self, ref: ExchangeRef, claim: Claim, stale_before: int = 0) -> Exchange | None:
        """Protects what somebody else delivers: of the stream and all senders one has it."""
        values = {
            "state": state_after(claim).value,
            "means": claim.means.value,
            "claimId": claim.claim_id,
            "claimedAt": claim.at,
        }
        condition = "#state = :open"
        known: dict[str, Any] = {":open": State.OPEN.value}
        if claim.means is not Means.STREAM:
            known |= {
                ":closed": State.CLOSED.value,
                ":claimed": State.CLAIMED.value,
                ":stale": stale_before,
            }
            left = "(means = :means AND claimedAt < :stale)"
            held = f"(#state = :claimed AND (claimId = :claimId OR {left}))"
            condition = f"(#state IN (:open, :closed) OR {held})"
        return self._update(ref, values, f"attribute_exists(endedAt) AND {condition}", known)

    def settle(self, ref: ExchangeRef, claim_id: str, state: State) -> Exchange | None:
        """Protects the delivery of a later claim."""
        known = {":claimed": State.CLAIMED.value, ":mine": claim_id}
        return self._update(ref, {"state": state.value}, "#state = :claimed AND claimId = :mine", known)

    def rate(self, ref: ExchangeRef, feedback: Feedback) -> Exchange | None:
        """Needs no other condition: the last opinion counts."""
        value = {
            "type": feedback.type,
            "content": feedback.content,
            "reasons": list(feedback.reasons),
            "at": feedback.at,
        }
        return self._update(ref, {"feedback": value}, _IS_THERE, {})

    def _update(
        self, ref: ExchangeRef, values: Mapping[str, Any], condition: str, known: Mapping[str, Any]
    ) -> Exchange | None:
        """Set the values that there are, if the condition is met; the exchange as it stands then."""
        given = {name: value for name, value in values.items() if value is not None}
        # `state` is a reserved word, and not the only one
        names = {f"#{name}": name for name in given} | ({"#state": "state"} if "#state" in condition else {})
        try:
            answer = call(
                self.client.update_item,
                TableName=self.table,
                Key=to_attributes(_key(ref)),
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in given),
                ConditionExpression=f"{_IS_THERE} AND {condition}",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=to_attributes({f":{k}": v for k, v in given.items()} | dict(known)),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            found: dict[str, Any] | None = error.response.get("Item")  # type: ignore[assignment]
            return to_exchange(from_attributes(found)) if found else None
        return to_exchange(from_attributes(answer["Attributes"]))

    def _query(self, task_id: str, prefix: str, *, forward: bool) -> list[dict[str, Any]]:
        values = {":pk": live_partition(task_id)} | ({":prefix": prefix} if prefix else {})
        answer = call(
            self.client.query,
            TableName=self.table,
            KeyConditionExpression="pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else ""),
            ExpressionAttributeValues=to_attributes(values),
            ScanIndexForward=forward,
            ConsistentRead=True,
            Limit=NEWEST,
        )
        items: list[dict[str, Any]] = answer["Items"]
        return items


def from_exchange(exchange: Exchange) -> dict[str, Any]:
    """The item of a new exchange; what is not set is left out."""
    values = {
        "agentId": exchange.agent_id,
        "projectId": exchange.project_id,
        "connectionId": exchange.connection_id,
        "userId": exchange.user_id,
        "chatId": exchange.chat_id,
        "language": exchange.language.value,
        "startedAt": exchange.started_at,
        "state": exchange.state.value,
        "sealedUrl": exchange.sealed_url,
        "fromTurn": exchange.from_turn or None,
        "answers": exchange.answers,
    }
    return _key(exchange.ref) | {name: value for name, value in values.items() if value is not None}


def to_exchange(item: Mapping[str, Any]) -> Exchange:
    task_id = item["pk"].removeprefix(live_partition(""))
    return Exchange(
        ref=ExchangeRef(task_id, item["sk"].removeprefix(PREFIX)),
        agent_id=item["agentId"],
        project_id=item["projectId"],
        connection_id=item["connectionId"],
        user_id=item["userId"],
        chat_id=item.get("chatId"),
        language=Language(item["language"]),
        started_at=int(item["startedAt"]),
        state=State(item["state"]),
        sealed_url=bytes(item["sealedUrl"]) if "sealedUrl" in item else None,
        from_turn=int(item.get("fromTurn", 0)),
        answers=item.get("answers"),
        end=_end(item),
        claim=_claim(item),
        feedback=_feedback(item.get("feedback")),
    )


def _exchanges(items: Any) -> list[Exchange]:
    return [to_exchange(from_attributes(item)) for item in items if item["sk"]["S"].startswith(PREFIX)]


def _end(item: Mapping[str, Any]) -> End | None:
    if "endedAt" not in item:
        return None
    return End(int(item["endedAt"]), Status(item["endedAs"]), item.get("question"))


def _claim(item: Mapping[str, Any]) -> Claim | None:
    if "claimId" not in item:
        return None
    return Claim(Means(item["means"]), item["claimId"], int(item["claimedAt"]))


def _feedback(value: Mapping[str, Any] | None) -> Feedback | None:
    if value is None:
        return None
    reasons = tuple(int(reason) for reason in value["reasons"])
    return Feedback(int(value["type"]), value["content"], reasons, int(value["at"]))


def _key(ref: ExchangeRef) -> dict[str, str]:
    return {"pk": live_partition(ref.task_id), "sk": f"{PREFIX}{ref.exchange_id}"}
