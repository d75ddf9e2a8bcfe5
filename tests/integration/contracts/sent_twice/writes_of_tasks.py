"""Writes of tasks, and of what belongs to a task."""

from dataclasses import replace
from decimal import Decimal

from a2a_tasks.adapters.dynamodb.delivery_log import DynamoDBDeliveryLog
from a2a_tasks.adapters.dynamodb.tasks.live import DynamoDBLive
from a2a_tasks.adapters.dynamodb.tasks.pending import GOOD_FOR_MS, DynamoDBPending
from a2a_tasks.adapters.dynamodb.tasks.texts import DynamoDBTexts
from a2a_tasks.domain.dead_letter import Undelivered
from a2a_tasks.domain.guards import guard_of_cancel, guard_of_worker
from a2a_tasks.domain.history import events
from a2a_tasks.domain.history.event import IndexedEvent
from a2a_tasks.domain.task import ContextRef, Payload, Slot, Status, Task
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.domain.webhooks.delivery import DeliveryNote, DeliveryState
from a2a_tasks.domain.webhooks.push import StoredPushConfig
from a2a_tasks.ports.live import LiveChunk
from a2a_tasks.ports.payloads import item_key
from a2a_tasks.ports.tasks import Advance, Claim, InputRequest, Postponement, Record, Release, Reservation
from tests.integration.contracts.sent_twice.write import Write
from tests.integration.support.account import AGENT, KEPT_MS, PROJECT, Account
from tests.integration.support.stored_task import (
    DAY_MS,
    NOW,
    QUESTION,
    WORKER,
    asking,
    canceled,
    claimed,
    created,
    given_back,
    new_task,
    outcome,
)

TASK = new_task()
REF = TASK.ref
CHILD = new_task(number=1).ref
LATER = NOW + 9
SPENT = (Spent(1, "claude-sonnet-5-5", Usage(10, 20, 3, 4, 2, Decimal("0.012345"))),)
COUNTED = Usage(input_tokens=37, cost_usd=Decimal("0.5"))
SLOT = Slot(0, 0, NOW)
TEXT = Payload(inline="{}")
CONFIG = StoredPushConfig("a", "https://example.com/a", created_at=NOW)
FAILED = DeliveryNote("a", Status.COMPLETED, NOW, DeliveryState.RETRYING, 1, NOW + 5, 503, "503", NOW + 9)
TALK = ContextRef(AGENT, "talk")
MANY = 1_000
"""More than are counted by each request for itself."""


def there(account: Account) -> Task:
    return created(account.store)


def running(account: Account) -> Task:
    return claimed(account.store, there(account), NOW)


def ended(account: Account) -> Task:
    return canceled(account.store, running(account), NOW)


def called(account: Account) -> None:
    there(account)
    account.store.grant(REF, 0, NOW, SLOT, None)


def awaiting(account: Account) -> None:
    given_back(account.store, running(account), awaits=(CHILD,), keeps_attempt=True)


def counted_before(account: Account) -> None:
    """Counted when there was one; now there are two, and the time of that count is over."""
    created(account.store, counts_as_pending=True)
    pending(account).count(AGENT, MANY, NOW)
    created(account.store, number=1, counts_as_pending=True)


def pending(account: Account) -> DynamoDBPending:
    return DynamoDBPending(account.dynamodb, account.resources["TasksTable"])


def texts(account: Account) -> DynamoDBTexts:
    return DynamoDBTexts(account.dynamodb, account.resources["TasksTable"], KEPT_MS)


def live(account: Account) -> DynamoDBLive:
    return DynamoDBLive(account.dynamodb, account.resources["TasksTable"])


def deliveries(account: Account) -> DynamoDBDeliveryLog:
    return DynamoDBDeliveryLog(account.dynamodb, account.resources["TasksTable"])


OF_TASKS = [
    Write("DynamoDBTaskStore.create", lambda account: account.store.create(TASK)),
    Write(
        "DynamoDBTaskStore.claim",
        lambda account: account.store.claim(REF, Claim("mine", NOW, WORKER, 0, spent=SPENT, slot=SLOT)),
        there,
    ),
    Write(
        "DynamoDBTaskStore.claim",
        lambda account: account.store.claim(REF, Claim("mine", NOW, "other", 1, taken_from=WORKER)),
        running,
    ),
    Write("DynamoDBTaskStore.grant", lambda account: account.store.grant(REF, 0, NOW, SLOT, LATER), there),
    Write("DynamoDBTaskStore.grant", lambda account: account.store.grant(REF, 0, NOW, None, None), there),
    Write("DynamoDBTaskStore.withdraw", lambda account: account.store.withdraw(REF, SLOT), called),
    Write(
        "DynamoDBTaskStore.advance",
        lambda account: account.store.advance(
            REF, 1, Advance(LATER, spent=SPENT, turns=1, event=IndexedEvent(2, events.claimed(LATER)))
        ),
        running,
    ),
    Write(
        "DynamoDBTaskStore.release",
        lambda account: account.store.release(REF, 1, Release(LATER, LATER, LATER, SPENT)),
        running,
    ),
    Write(
        "DynamoDBTaskStore.release",
        lambda account: account.store.release(
            REF, 1, Release(LATER, LATER, LATER, SPENT, keeps_attempt=True, awaits=(CHILD,))
        ),
        running,
    ),
    Write(
        "DynamoDBTaskStore.postpone",
        lambda account: account.store.postpone(REF, 0, Postponement(NOW, NOW + 50_000, NOW + 80_000, 1)),
        called,
    ),
    Write(
        "DynamoDBTaskStore.request_input",
        lambda account: account.store.request_input(
            REF, 1, InputRequest(LATER, QUESTION, NOW + DAY_MS, 1_000)
        ),
        running,
    ),
    Write(
        "DynamoDBTaskStore.resume",
        lambda account: account.store.resume(REF, QUESTION.call_id, LATER),
        lambda account: asking(account.store, there(account), NOW),
    ),
    Write("DynamoDBTaskStore.wake", lambda account: account.store.wake(REF, 1, LATER), awaiting),
    Write("DynamoDBTaskStore.enable_live", lambda account: account.store.enable_live(REF), running),
    Write(
        "DynamoDBTaskStore.finish",
        lambda account: account.store.finish(REF, outcome(Status.CANCELED, LATER), guard_of_cancel(LATER)),
        running,
    ),
    Write(
        "DynamoDBTaskStore.finish",
        lambda account: account.store.finish(
            REF, outcome(Status.COMPLETED, LATER, output=TEXT, spent=SPENT), guard_of_worker(1)
        ),
        running,
    ),
    Write(
        "DynamoDBTaskStore.add_partial_output",
        lambda account: account.store.add_partial_output(REF, 1, TEXT, SPENT),
        ended,
        harmless="both callers go on with the ended task that the refusal brings",
    ),
    Write(
        "DynamoDBTaskStore.note_counted",
        lambda account: account.store.note_counted(REF, None, COUNTED),
        ended,
        harmless="a correction downwards is left out, and the day stays too high until it is over",
    ),
    Write(
        "DynamoDBTaskStore.enable_notifications",
        lambda account: account.store.enable_notifications(REF),
        there,
    ),
    Write(
        "DynamoDBTaskStore.reschedule",
        lambda account: account.store.reschedule(REF, TASK.due_at or 0, NOW + 60_000),
        there,
        harmless="the sweeper takes it for another's, and does what is due at the time that was written",
    ),
    Write(
        "DynamoDBTaskStore.note_undelivered",
        lambda account: account.store.note_undelivered(REF, 0, None, Undelivered(1, LATER), NOW + 90_000),
        there,
        harmless="the task is due by then, and the sweeper sends the message",
    ),
    Write("DynamoDBTaskStore.expire", lambda account: account.store.expire(REF, LATER), ended),
    Write("DynamoDBTaskStore.delete", lambda account: account.store.delete(REF), ended),
    Write(
        "DynamoDBTaskStore.delete_owned",
        lambda account: account.store.delete_owned(REF.task_id),
        lambda account: account.records.put_record(REF.task_id, 1, Record("TURN#0001", TEXT)),
    ),
    Write(
        "DynamoDBPending.count",
        lambda account: pending(account).count(AGENT, MANY, NOW),
        there,
    ),
    Write(
        "DynamoDBPending.count",
        lambda account: pending(account).count(AGENT, MANY, NOW + GOOD_FOR_MS),
        counted_before,
        harmless="the count before is good for two seconds more, as if another process counted",
    ),
    Write(
        "DynamoDBRecords.put_record",
        lambda account: account.records.put_record(REF.task_id, 1, Record("TURN#0001", TEXT)),
    ),
    Write(
        "DynamoDBRecords.put_record_once",
        lambda account: account.records.put_record_once(REF.task_id, 1, Record("TURN#0001", TEXT)),
        harmless="the record that is returned says the same, and the caller goes by what it says",
    ),
    Write(
        "DynamoDBSpend.add_spend",
        lambda account: account.spend.add_spend(PROJECT, "2026-11-24", COUNTED, REF.task_id),
        harmless="the day counts a turn twice: the side on which a budget may be wrong",
    ),
    Write(
        "DynamoDBReservations.reserve",
        lambda account: account.reservations.reserve(
            PROJECT, AGENT, "key", Reservation("task-1", "digest", LATER), NOW
        ),
    ),
    Write(
        "DynamoDBReservations.reserve",
        lambda account: account.reservations.reserve(
            PROJECT, AGENT, "key", Reservation("task-2", "digest", LATER), NOW, "task-1"
        ),
        lambda account: account.reservations.reserve(
            PROJECT, AGENT, "key", Reservation("task-1", "digest", LATER), NOW
        ),
    ),
    Write("DynamoDBTexts.put", lambda account: texts(account).put(item_key(REF.task_id, "INPUT#1"), b"{}")),
    Write("DynamoDBContexts.add", lambda account: account.contexts.add(TALK, REF.task_id)),
    Write(
        "DynamoDBContexts.remove",
        lambda account: account.contexts.remove(TALK, REF.task_id),
        lambda account: account.contexts.add(TALK, REF.task_id),
    ),
    Write(
        "DynamoDBLive.append",
        lambda account: live(account).append(REF.task_id, LiveChunk(1, 1, 0, "so far"), LATER),
    ),
    Write("DynamoDBPushConfigs.put", lambda account: account.push.put(REF.task_id, CONFIG, LATER)),
    Write(
        "DynamoDBPushConfigs.delete",
        lambda account: account.push.delete(REF.task_id, CONFIG.config_id, CONFIG),
        lambda account: account.push.put(REF.task_id, CONFIG, LATER),
    ),
    Write(
        "DynamoDBDeliveryLog.note",
        lambda account: deliveries(account).note(
            REF.task_id, replace(FAILED, state=DeliveryState.DELIVERED), LATER
        ),
    ),
    Write(
        "DynamoDBDeliveryLog.note",
        lambda account: deliveries(account).note(REF.task_id, FAILED, LATER),
        harmless="a try is counted twice, in a number that only people read",
    ),
]
