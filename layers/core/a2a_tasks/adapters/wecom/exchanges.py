"""Exchanges in the tasks' table, beside what their task says: a refresh reads both at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.tasks.live import chunk_key, is_chunk, live_partition, to_chunk
from a2a_tasks.adapters.dynamodb.update import ItemUpdate, when
from a2a_tasks.domain.task import Status
from a2a_tasks.ports.live import LiveChunk
from a2a_tasks.wecom.exchange import (
    LEFT,
    DeliveryClaim,
    DeliveryMeans,
    Exchange,
    ExchangeEnd,
    ExchangeRef,
    ExchangeState,
    Feedback,
    state_after,
)
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.ports import NEWEST, LiveExchanges

PREFIX = "EXCHANGE#"


@dataclass(frozen=True)
class DynamoDBExchanges(Store):
    """``ExchangeStore``. The table's TTL deletes exchanges when their time is over."""

    def put(self, exchange: Exchange, until: int) -> Exchange:
        """Protects an existing exchange: a repeated message has only one."""
        item = from_exchange(exchange) | {"ttl": until // 1000}
        is_put, there = self._put(item, when("attribute_not_exists(pk)"))
        return exchange if is_put else to_exchange(there)

    def remove(self, ref: ExchangeRef) -> bool:
        """Protects an ended exchange, which may be delivered already."""
        return self._delete(_key(ref), when("attribute_not_exists(endedAt)")).is_made

    def get(self, ref: ExchangeRef) -> Exchange | None:
        item = self._get(_key(ref))
        return to_exchange(item) if item else None

    def watch(self, task_id: str, since: LiveChunk | None = None) -> LiveExchanges:
        values = {"pk": live_partition(task_id), "since": chunk_key(since)}
        # in reverse: exchanges sort after the chunks, of which the newest are wanted
        options = {"Limit": NEWEST, "ScanIndexForward": False}
        items = self._query("pk = :pk AND sk >= :since", values, **options)[0][::-1]
        return LiveExchanges(_exchanges(items), [to_chunk(item) for item in items if is_chunk(item)])

    def of_task(self, task_id: str) -> list[Exchange]:
        values = {"pk": live_partition(task_id), "prefix": PREFIX}
        condition = "pk = :pk AND begins_with(sk, :prefix)"
        # a consistent read: a missed exchange would get no delivery
        return _exchanges(self._query(condition, values, ConsistentRead=True, Limit=NEWEST)[0])

    def end(self, ref: ExchangeRef, end: ExchangeEnd) -> Exchange | None:
        """Protects the first end, which may be delivered already."""
        update = ItemUpdate().set(endedAt=end.at, endedAs=end.status.value, question=end.question)
        if end.options:
            update = update.set(callId=end.call_id, options=list(end.options))
        return self._change(ref, update.when("attribute_not_exists(endedAt)"))

    def close(self, ref: ExchangeRef) -> Exchange | None:
        """Protects a claimed delivery."""
        update = ItemUpdate().set(state=ExchangeState.CLOSED.value)
        return self._change(ref, update.when("#state = :open", open=ExchangeState.OPEN.value))

    def claim(self, ref: ExchangeRef, claim: DeliveryClaim, stale_before: int = 0) -> Exchange | None:
        """Protects another claim: only the stream or one sender delivers."""
        update = (
            ItemUpdate()
            .set(state=state_after(claim).value, means=claim.means.value)
            .set(claimId=claim.claim_id, claimedAt=claim.at)
            # only an ended exchange can be delivered
            .when("attribute_exists(endedAt)")
        )
        if claim.means is DeliveryMeans.STREAM:
            return self._change(ref, update.when("#state = :open", open=ExchangeState.OPEN.value))
        update = update.when(
            "#state IN (:open, :closed)",
            # another sender's claim only if it was left or is stale, and by the same means: its attempt may
            # have arrived, and other means would deliver the answer twice
            "#state = :claimed AND (claimId = :claimId OR (means = :means AND claimedAt < :stale))",
            open=ExchangeState.OPEN.value,
            closed=ExchangeState.CLOSED.value,
            claimed=ExchangeState.CLAIMED.value,
            stale=stale_before,
        )
        return self._change(ref, update)

    def settle(self, ref: ExchangeRef, claim_id: str, state: ExchangeState) -> Exchange | None:
        return self._change_claimed(ref, claim_id, ItemUpdate().set(state=state.value))

    def leave(self, ref: ExchangeRef, claim_id: str) -> Exchange | None:
        return self._change_claimed(ref, claim_id, ItemUpdate().set(claimedAt=LEFT))

    def _change_claimed(self, ref: ExchangeRef, claim_id: str, update: ItemUpdate) -> Exchange | None:
        """Protects the delivery of a later claim."""
        mine = {"claimed": ExchangeState.CLAIMED.value, "mine": claim_id}
        return self._change(ref, update.when("#state = :claimed AND claimId = :mine", **mine))

    def rate(self, ref: ExchangeRef, feedback: Feedback) -> Exchange | None:
        """Needs no other condition: the last opinion counts."""
        value = {
            "type": feedback.type,
            "content": feedback.content,
            "reasons": list(feedback.reasons),
            "at": feedback.at,
        }
        return self._change(ref, ItemUpdate().set(feedback=value))

    def _change(self, ref: ExchangeRef, update: ItemUpdate) -> Exchange | None:
        """The exchange as it is then. None, and none is made, where there is none."""
        # written or refused, the caller sees the result by the item, also after a lost response
        _, item = self._update(_key(ref), update.when("attribute_exists(pk)"), "ALL_NEW")
        return to_exchange(item) if item else None


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
        "note": exchange.note,
    }
    return _key(exchange.ref) | values


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
        state=ExchangeState(item["state"]),
        sealed_url=bytes(item["sealedUrl"]) if "sealedUrl" in item else None,
        from_turn=int(item.get("fromTurn", 0)),
        answers=item.get("answers"),
        note=item.get("note"),
        end=_end(item),
        claim=_claim(item),
        feedback=_feedback(item.get("feedback")),
    )


def _exchanges(items: list[Item]) -> list[Exchange]:
    return [to_exchange(item) for item in items if item["sk"].startswith(PREFIX)]


def _end(item: Mapping[str, Any]) -> ExchangeEnd | None:
    if "endedAt" not in item:
        return None
    options = tuple(item.get("options", ()))
    return ExchangeEnd(
        int(item["endedAt"]), Status(item["endedAs"]), item.get("question"), item.get("callId"), options
    )


def _claim(item: Mapping[str, Any]) -> DeliveryClaim | None:
    if "claimId" not in item:
        return None
    return DeliveryClaim(DeliveryMeans(item["means"]), item["claimId"], int(item["claimedAt"]))


def _feedback(value: Mapping[str, Any] | None) -> Feedback | None:
    if value is None:
        return None
    reasons = tuple(int(reason) for reason in value["reasons"])
    return Feedback(int(value["type"]), value["content"], reasons, int(value["at"]))


def _key(ref: ExchangeRef) -> dict[str, str]:
    return {"pk": live_partition(ref.task_id), "sk": f"{PREFIX}{ref.exchange_id}"}
