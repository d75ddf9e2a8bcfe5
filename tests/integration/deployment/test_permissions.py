"""Each function may call what it calls, as every test of a handler checks, and nothing else, as these do."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from moto.core.base_backend import BackendDict
from moto.core.models import MockAWS

from a2a_tasks.adapters.dynamodb.slots import DynamoDBSlots
from a2a_tasks.adapters.dynamodb.takers import DynamoDBTakers
from a2a_tasks.adapters.dynamodb.workers import DynamoDBWorkers
from a2a_tasks.adapters.secrets.kms_envelopes import Purpose
from a2a_tasks.adapters.sqs.task_queue import SQSTaskQueue
from a2a_tasks.adapters.wecom.delivery_messages import delivery_sender
from a2a_tasks.domain.ids import SHARDS, shard
from a2a_tasks.domain.lease import Lease
from a2a_tasks.domain.taker import Taker
from a2a_tasks.domain.task import Artifact, ContextRef, Lane, Parent, Payload, Priority, Status, Task
from a2a_tasks.domain.tools.catalog import McpServer
from a2a_tasks.domain.usage import NOTHING, Spent, Usage
from a2a_tasks.domain.webhooks.push import PushConfig, StoredPushConfig
from a2a_tasks.ports.slots import Holder, Scope, Waiter
from a2a_tasks.ports.tasks import Advance
from a2a_tasks.tasks import payload
from a2a_tasks.webhooks.push_secrets import sealed
from a2a_tasks.wecom.connection import Connection, ConnectionKind
from a2a_tasks.wecom.ports import ChatDelivery
from local.standin.client import StandInClient
from local.wecom.faults import Fault as WeComFault
from local.wecom.faults import Kind as FaultKind
from local.wecom.running import running_wecom
from tests.integration.support.a2a_caller import A2ACaller
from tests.integration.support.account import AGENT, PROJECT, Account, open_account
from tests.integration.support.aws_calls import AwsCalls
from tests.integration.support.caller import Caller
from tests.integration.support.cold_start import LOGICAL_IDS
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.permissions import Grant, Role, role_of
from tests.integration.support.receiver import receiving, reply
from tests.integration.support.stored_task import (
    ANYTHING,
    asking,
    canceled,
    claimed,
    completed,
    created,
    given_back,
    new_task,
    numbers_of_shard,
    outcome,
)
from tests.integration.support.table_stream import TableStream
from tests.integration.support.texts import incompressible
from tests.integration.support.wecom.chat import Chats
from tests.integration.support.worker import Worker

type Start = Callable[..., ModuleType]

EVENT_SOURCE = {
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
}
"""What Lambda itself does in the function's role to deliver messages."""
STREAM = {
    "dynamodb:DescribeStream",
    "dynamodb:GetShardIterator",
    "dynamodb:GetRecords",
    "dynamodb:ListStreams",
}
"""The same for changes of a table. What fails for good goes to a queue, and so do scheduled calls."""
LONG = incompressible(20_000)
"""An object's, not an item's."""


@pytest.fixture(scope="module")
def resources(moto: MockAWS) -> dict[str, str]:  # noqa: ARG001  switches it on
    """What the account's resources are called, for tests of roles that call nothing."""
    BackendDict.reset()
    return open_account(AwsCalls()).resources


def unused(account: Account, function: str) -> set[Grant]:
    """What a function may call and has not, apart from what Lambda does in its role."""
    role = role_of(LOGICAL_IDS[function], account.resources)
    consumers = ("worker", "dead_letter", "webhooks", "wecom_sender")
    by_lambda = EVENT_SOURCE if function in consumers else set()
    by_lambda |= STREAM if function == "notifier" else set()
    told = {account.resources[queue] for queue in ("NotifierDeadLetterQueue", "ScheduleDeadLetterQueue")}
    return {
        grant
        for grant in role.grants - account.calls.used
        if not grant.action.startswith("logs:")
        and grant.action not in by_lambda
        and grant.resource not in told
    }


def hold_and_wait(account: Account, holder: Task, *waiting: Task) -> None:
    """The agent's last slot is the first task's, and the others are in line for it."""
    slots = DynamoDBSlots(account.dynamodb, account.resources["TasksTable"])
    scope = Scope(AGENT)
    slots.take(scope, 0, Holder(holder.ref.task_id, 0, 0), holder.deadline)
    slots.watch(scope, holder.deadline, 0)
    for task in waiting:
        slots.wait(scope, Waiter(task.ref.task_id, Priority.NORMAL, 0, task.deadline))


def workers_of(account: Account) -> DynamoDBWorkers:
    return DynamoDBWorkers(account.dynamodb, account.resources["TasksTable"])


def a_worker_is_up(account: Account, now: int) -> None:
    takers = DynamoDBTakers(account.dynamodb, account.resources["TasksTable"])
    takers.put(Taker("up", 1, 9, now + 60_000))


def test_the_api(agents: Account, start: Start) -> None:
    api = start("api")
    caller, now = Caller(api.handler, PROJECT), api.services.submitter.clock.now()
    agents.add_agent(AGENT, PROJECT, maxConcurrentTasks=1, maxPendingTasks=10)
    agents.registry.create_project(PROJECT, now)
    agents.registry.set_project(PROJECT, daily_cost_usd=Decimal(1))

    group = Connection("group", PROJECT, ConnectionKind.GROUP, secret_arn="none", created_at=0)
    agents.connections.create(group)

    accepted = caller.post(AGENT, {"message": LONG, "notify": ["group"]})
    done = created(agents.store, now, number=1)
    output = payload.save(agents.payloads, done.ref.task_id, "output-1", {"result": LONG})
    completed(agents.store, done, now, output)
    read = caller.get(f"/a2a/{AGENT}/tasks/{done.ref.task_id}")
    listed = caller.get(f"/a2a/{AGENT}/tasks")
    assert caller.get("/agents").status == caller.get("/tasks").status == 200
    assert caller.get(f"/a2a/{AGENT}/tasks/{done.ref.task_id}/timeline").status == 200
    assert caller.get("/usage").status == 200
    question = asking(agents.store, created(agents.store, now, number=2), now)
    path = f"/a2a/{AGENT}/tasks/{question.ref.task_id}/messages"
    answered = caller.send("POST", path, body='{"message": "Paris"}')
    first, second = created(agents.store, now, number=3), created(agents.store, now, number=4)
    hold_and_wait(agents, first, second)
    canceled = caller.delete(f"/a2a/{AGENT}/tasks/{first.ref.task_id}")
    caller.post(AGENT, {"message": "Hi.", "sessionId": "talk"})
    said = caller.get(f"/a2a/{AGENT}/contexts/talk")
    assert caller.delete(f"/a2a/{AGENT}/contexts/talk").status < 300
    agents.give_signing_secret()
    configs = f"/a2a/{AGENT}/tasks/{done.ref.task_id}/pushNotificationConfigs"
    kept = caller.send("POST", configs, body='{"url": "https://example.com", "token": "t0ken"}')
    assert caller.get(f"/a2a/{AGENT}/tasks/{done.ref.task_id}/deliveries").status == 200
    assert caller.delete(f"{configs}/{kept.body['id']}").status < 300
    assert caller.delete(f"/a2a/{AGENT}/contexts/talk").status == 200

    answers = (accepted, read, listed, answered, canceled, said, kept)
    assert [answer.status for answer in answers] == [202, 200, 200, 202, 200, 200, 201]
    a_worker_is_up(agents, now)
    assert Caller(start("api").handler, PROJECT).post(AGENT, {"message": "Hi."}).status == 202
    assert unused(agents, "api") == set()


def test_the_a2a_function(agents: Account, start: Start) -> None:
    a2a = start("a2a")
    client, now = A2ACaller(a2a.handler, PROJECT), a2a.agent_handler.clock.now()
    agents.add_agent(AGENT, PROJECT, maxConcurrentTasks=1, maxPendingTasks=9, visibility="private")
    agents.give_signing_secret()
    agents.registry.set_project(PROJECT, daily_cost_usd=Decimal(1))
    _, key = agents.add_key()
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": LONG}]}

    card = client.card(headers={"Authorization": f"Bearer {key}"})
    push = {"url": "https://hooks.example/", "token": "t0ken"}
    configuration = {"returnImmediately": True, "taskPushNotificationConfig": push}
    sent = client.rpc("SendMessage", {"message": message, "configuration": configuration})
    path = f"/v1/tasks/{sent['task']['id']}/pushNotificationConfigs"
    configs = client.send("GET", path).body["configs"]
    deleted = client.send("DELETE", f"{path}/{configs[0]['id']}")
    question = asking(agents.store, created(agents.store, now, number=2), now)
    answer = {"message": message | {"taskId": question.ref.task_id}}
    answered = client.rpc("SendMessage", answer | {"configuration": {"returnImmediately": True}})
    listed = client.rpc("ListTasks", {"historyLength": 9, "includeArtifacts": True})
    first, second = created(agents.store, now, number=3), created(agents.store, now, number=4)
    hold_and_wait(agents, first, second)
    canceled = client.rpc("CancelTask", {"id": first.ref.task_id})

    assert (card.status, deleted.status, deleted.body, listed["totalSize"]) == (200, 200, {}, 2)
    assert "task" in answered
    assert canceled["status"]["state"] == "TASK_STATE_CANCELED"
    a_worker_is_up(agents, now)
    configuration = {"returnImmediately": True}
    A2ACaller(start("a2a").handler, PROJECT).rpc(
        "SendMessage", {"message": message, "configuration": configuration}
    )
    assert unused(agents, "a2a") == set()


def send_through_each_queue(queue: SQSTaskQueue, task: Task) -> None:
    assert queue.direct is not None
    opened = replace(queue, direct=replace(queue.direct, is_open=lambda: True))
    opened.send(task)
    opened.change_visibility(opened.receive_direct(1, 30, 1), 60)
    closed = replace(queue, direct=replace(queue.direct, is_open=lambda: False))
    closed.send(task)
    closed.send(replace(task, priority=Priority.HIGH))


def test_the_worker(worker: Worker, claude: StandInClient) -> None:
    account = worker.account
    arn = account.secrets.create_secret(Name="a2a-tasks/mcp/demo/docs", SecretString="t0ken")
    account.registry.create_project(PROJECT, 0)
    account.registry.set_project(PROJECT, daily_tokens=10**9, callable_agents=frozenset({"helper"}))
    account.add_agent("helper", PROJECT)
    server = McpServer("docs", "https://docs.example/mcp", arn["ARN"])
    account.registry.put_mcp_server(PROJECT, server)
    tools = ["ask_user", "mcp__docs__search", "Write", "call_agent"]
    agent = account.add_agent(AGENT, PROJECT, allowedTools=tools, maxConcurrentTasks=1)
    write = f"tool=Write:{json.dumps({'file_path': 'a', 'content': LONG})}"
    tasks = [
        worker.accept(f"[[standin: {write} | say=done]] {LONG} {n}", number=n, agent_revision=agent.revision)
        for n in range(2)
    ]
    worker.accept("Go on.", number=2, context_id="talk")
    call = f"tool=call_agent:{json.dumps({'agent': 'helper', 'message': 'Help.'})}"
    worker.accept(f"[[standin: {call} | say=done]]", number=3, agent_revision=agent.revision)
    account.contexts.add(ContextRef(AGENT, "talk"), tasks[0].ref.task_id)

    worker.deliver(remaining_ms=59_000)
    worker.work()

    # which queue a message of the tasks above went through depends on how fast they were
    with account.calls.as_role(role_of(LOGICAL_IDS["worker"], account.resources)):
        send_through_each_queue(worker.module._tasks.queue, tasks[0])

    assert [worker.now(task).status for task in tasks] == [Status.COMPLETED] * 2
    assert claude.bodies("tool=Write")[0]["mcp_servers"][0]["authorization_token"] == "t0ken"
    assert unused(account, "worker") == set()


def test_the_sweeper(agents: Account, start: Start) -> None:
    sweeper = start("sweeper")
    now = sweeper.sweeper.clock.now()
    agents.add_agent(AGENT, PROJECT, maxConcurrentTasks=1)
    holder = created(agents.store, now - 400_000)
    waiting = [created(agents.store, now - 31_000, number=number) for number in (1, 3)]
    hold_and_wait(agents, holder, *waiting)
    batched = created(agents.store, now - 31_000, number=2, lane=Lane.BATCH, deadline=now + 3_600_000)
    # not in line: their messages may be gone
    lost = [
        created(agents.store, now - 31_000, number=number, priority=priority)
        for number, priority in ((4, Priority.NORMAL), (5, Priority.HIGH))
    ]
    workers_of(agents).open(Lease("dead", now - 60_000, frozenset({holder.ref}), due_at=now - 1))
    taken = {shard(task.ref.task_id) for task in (holder, *waiting, batched, *lost)}
    full = next(number for number in range(SHARDS) if number not in taken)
    for number in numbers_of_shard(now - 31_000, full, count=50):
        created(agents.store, now - 31_000, number=number)

    report = sweeper.handler(load_event("sweeper_schedule"), LambdaContext())
    (event,) = agents.calls.events
    helper = sweeper.handler(event, LambdaContext())

    assert (report["timed_out"], report["errors"]) == (1, 0)
    assert (helper["looked_at"], helper["errors"]) == (50, 0)
    assert unused(agents, "sweeper") == set()


def test_the_dead_letter_function(agents: Account, start: Start) -> None:
    dead_letter = start("dead_letter")
    now = dead_letter.dead_letters.finalizer.clock.now()
    agents.add_agent(AGENT, PROJECT, maxConcurrentTasks=1)
    holder, waiting = created(agents.store, now - 400_000), created(agents.store, now, number=1)
    hold_and_wait(agents, holder, waiting)
    workers_of(agents).open(Lease("dead", now - 60_000))
    lost = claimed(agents.store, created(agents.store, now, number=2), now, held_by="dead")
    used = Usage(10, 5, turns=1, cost_usd=Decimal("0.01"))
    owing = created(agents.store, now, number=3, spent=(Spent(1, "claude-test-1", used),), counted=NOTHING)
    canceled(agents.store, owing, now)
    url = agents.resources["TaskDeadLetterQueue"]
    new = created(agents.store, now, number=4)
    for task in (holder, lost, owing, new):
        SQSTaskQueue(agents.sqs, url, url).send(task)

    dead_letter.handler({"Records": agents.receive("TaskDeadLetterQueue")}, LambdaContext())

    ended = agents.store.get(holder.ref)
    assert ended is not None
    assert ended.status is Status.FAILED
    assert unused(agents, "dead_letter") == set()


def test_the_notifier(agents: Account, start: Start) -> None:
    task = created(agents.store, notifies=True)
    agents.push.put(task.ref.task_id, StoredPushConfig("a", "https://example.com"), task.deadline)
    claimed(agents.store, task, task.created_at)
    watched = created(agents.store, number=1, notifies=True, live=True, groups=("group",))
    claimed(agents.store, watched, watched.created_at)
    canceled(agents.store, watched, watched.created_at)

    start("notifier").handler({"Records": TableStream(agents).new()}, LambdaContext())

    assert agents.message_counts("NotificationQueue")["visible"] == 1
    assert agents.message_counts("WecomQueue")["visible"] == 1
    assert unused(agents, "notifier") == set()


def test_the_webhooks_function(agents: Account, start: Start) -> None:
    webhooks = start("webhooks", ALLOW_LOOPBACK_WEBHOOKS="true", WEBHOOK_RETRY_HOURS="0")
    now = webhooks.deliverer.clock.now()
    agents.give_signing_secret()
    tasks = [created(agents.store, now, number=n) for n in range(3)]
    output = payload.save(agents.payloads, tasks[0].ref.task_id, "output-1", {"result": LONG})
    tasks[0] = completed(agents.store, tasks[0], now, output)
    config = PushConfig("http://127.0.0.1/", token="t0ken")
    with receiving(reply(200), reply(410), reply(503)) as receiver:
        for task in tasks:
            kept = sealed(agents.sealing(), task.ref.task_id, "a", config)
            agents.push.put(task.ref.task_id, StoredPushConfig("a", receiver.url, sealed=kept), 2**40)
            agents.notify(task)
            webhooks.handler({"Records": agents.receive("NotificationQueue")}, LambdaContext())

    assert agents.message_counts("NotificationDeadLetterQueue")["visible"] == 1
    assert unused(agents, "webhooks") == set()


def test_the_wecom_sender(agents: Account, start: Start) -> None:
    sender = start("wecom_sender")
    with running_wecom() as wecom:
        chats = Chats(agents, wecom, sender.worker.clock.now())
        app, bot = chats.connect(ConnectionKind.APP), chats.connect(ConnectionKind.BOT)
        group = chats.connect(ConnectionKind.GROUP)
        by_app, by_bot = chats.asked(app, number=1), chats.asked(bot, number=2)
        chats.exchanges.close(chats.exchange(by_bot).ref)
        chats.answered(by_app, LONG)
        chats.answered(by_bot)
        deliveries = [
            ChatDelivery(by_app.ref, PROJECT, Status.COMPLETED, chats.now, "request-1", exchange_id="1"),
            ChatDelivery(by_bot.ref, PROJECT, Status.COMPLETED, chats.now, "request-1", exchange_id="1"),
            ChatDelivery(
                by_app.ref, PROJECT, Status.COMPLETED, chats.now, "request-1", group=group.connection_id
            ),
        ]
        queue = agents.resources["WecomQueue"]
        delivery_sender(agents.sqs, queue).send(deliveries)
        wecom.plan("webhook/send", WeComFault(FaultKind.ERRCODE, 93000))
        sender.handler({"Records": agents.receive("WecomQueue")}, LambdaContext())

    assert agents.message_counts("WecomDeadLetterQueue")["visible"] == 1
    assert unused(agents, "wecom_sender") == set()


def test_the_batcher(agents: Account, start: Start, claude: StandInClient) -> None:
    batcher = start("batcher", CLAUDE_BASE_URL=claude.base_url)
    now = batcher.batcher.clock.now()
    agents.add_agent(AGENT, PROJECT, maxConcurrentTasks=1)
    agents.registry.create_project(PROJECT, now)
    agents.registry.set_project(PROJECT, daily_tokens=10**9)
    task = new_task(now - 61_000, lane=Lane.BATCH, deadline=now + 3_600_000)
    saved = payload.save(agents.payloads, task.ref.task_id, "input", {"message": f"[[standin: echo]]{LONG}"})
    parent = claimed(agents.store, created(agents.store, now, number=1), now)
    given_back(agents.store, parent, keeps_attempt=True, awaits=(task.ref,))
    task = replace(task, input=saved, parent=Parent(parent.ref, "call-1"), depth=1)
    agents.store.create(task)
    agents.batches.enqueue(task, now)

    for number, message in (8, "other"), (9, "poison-message"):
        other = new_task(now - 61_000, number=number, lane=Lane.BATCH, deadline=now + 3_600_000)
        agents.store.create(replace(other, input=Payload(inline=f'{{"message":"{message}"}}')))
        agents.batches.enqueue(other, now)

    claude.hold_batches()
    claude.refuse_batches(400, "poison-message")
    for _ in range(3):  # which is split twice
        batcher.handler(load_event("batcher_schedule"), LambdaContext(240_000))
    claude.release_batches()
    batcher.handler(load_event("batcher_schedule"), LambdaContext(240_000))

    ended = agents.store.get(task.ref)
    assert ended is not None
    assert ended.status is Status.COMPLETED
    assert unused(agents, "batcher") == set()


def test_the_clean_up(account: Account, start: Start) -> None:
    cleanup = start("cleanup")
    now = cleanup.cleaner.clock.now()
    task = created(account.store, now, context_id="talk")
    account.contexts.add(ContextRef(AGENT, "talk"), task.ref.task_id)
    account.store.finish(task.ref, outcome(Status.CANCELED, now - 2_000), ANYTHING)
    account.payloads.put(f"tasks/{task.ref.task_id}/input.json", b"{}")
    payload.save(account.payloads, task.ref.task_id, "output-1", {"result": incompressible(3_000)})
    item = {"pk": {"S": f"OWNED#{task.ref.task_id}"}, "sk": {"S": "TURN#0001"}}
    account.dynamodb.put_item(TableName=account.resources["TasksTable"], Item=item)
    account.store.expire(task.ref, now - 1_000)

    cleanup.handler(load_event("cleanup_schedule"), LambdaContext())

    assert account.store.get(task.ref) is None
    assert unused(account, "cleanup") == set()


def test_the_authorizer(account: Account, start: Start) -> None:
    _, key = account.add_key()
    event = load_event("authorizer_token") | {"authorizationToken": f"Bearer {key}"}

    start("authorizer").handler(event, LambdaContext())

    assert unused(account, "authorizer") == set()


def test_links_to_artifacts_need_the_permission_to_read_them(agents: Account) -> None:
    """A link is good for what its maker may do; making it calls nobody, so that no call would tell."""
    task = claimed(agents.store, created(agents.store), created(agents.store).created_at)
    saved = (Artifact("c", "a", "text/plain", key=f"tasks/{task.ref.task_id}/artifact-1-c"),)
    agents.store.advance(task.ref, 1, Advance(task.created_at, artifacts=saved))
    parameters = {"Bucket": agents.resources["PayloadBucket"], "Key": saved[0].key}

    assert role_of("ApiFunction", agents.resources).uses("GetObject", parameters)
    assert role_of("SweeperFunction", agents.resources).uses("GetObject", parameters) is None


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("GetItem", {"TableName": "registry", "Key": {"pk": {"S": "KEY#abc"}}}),
        ("PutItem", {"TableName": "registry", "Item": {"pk": {"S": "AGENT#assistant"}}}),
        ("Query", {"TableName": "tasks", "IndexName": "retention"}),
        ("GetObject", {"Bucket": "payloads", "Key": "other/x"}),
        (
            "GetSecretValue",
            {"SecretId": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other-AbCdEf"},
        ),
        ("DeleteMessage", {"QueueUrl": "https://sqs.example/other"}),
        ("Decrypt", {"KeyId": "arn:aws:kms:eu-central-1:123456789012:key/other"}),
        ("DeleteItem", {"TableName": "tasks", "Key": {"pk": {"S": "TASK#assistant"}}}),
    ],
)
@pytest.mark.parametrize(
    "function", ["ApiFunction", "WorkerFunction", "SweeperFunction", "DeadLetterFunction", "NotifierFunction"]
)
def test_what_no_role_covers_is_denied(
    resources: dict[str, str], function: str, operation: str, parameters: dict[str, Any]
) -> None:
    assert role_of(function, resources).uses(operation, parameters) is None


def test_a_call_that_the_role_does_not_cover_fails_and_is_noticed(account: Account) -> None:
    role = Role(frozenset({Grant("dynamodb:GetItem", "tasks", "TASK#*")}))
    task = created(account.store)

    with account.calls.as_role(role):
        assert account.store.get(task.ref) == task
        with pytest.raises(Exception, match="not in the function's role"):
            account.payloads.put("tasks/a/x", b"{}")

    assert [call.operation for call in account.calls.denied] == ["PutObject"]
    account.calls.denied.clear()


CLAUDE_SERVICES = {"aws-external-anthropic", "bedrock-mantle"}


@pytest.mark.parametrize(
    ("backend", "calls"),
    [
        ("claude-api", set()),
        ("claude-on-aws", {"aws-external-anthropic:CreateInference", "aws-external-anthropic:GetFile"}),
        ("bedrock", {"bedrock-mantle:CreateInference"}),
    ],
)
def test_the_worker_may_call_claude_where_the_deployment_has_it_and_nowhere_else(
    resources: dict[str, str], backend: str, calls: set[str]
) -> None:
    role = role_of("WorkerFunction", resources, {"ClaudeBackend": backend})

    claude = {grant.action for grant in role.grants if grant.action.partition(":")[0] in CLAUDE_SERVICES}
    assert claude == calls
    for function in set(LOGICAL_IDS.values()) - {"WorkerFunction", "BatcherFunction"}:
        other = role_of(function, resources, {"ClaudeBackend": backend})
        assert not any(grant.action.partition(":")[0] in CLAUDE_SERVICES for grant in other.grants)


@pytest.mark.parametrize(
    ("function", "operation", "purposes"),
    [
        ("ApiFunction", "GenerateDataKey", {Purpose.RECEIVER}),
        ("MessagesFunction", "GenerateDataKey", {Purpose.RECEIVER}),
        ("A2AFunction", "GenerateDataKey", {Purpose.RECEIVER}),
        ("WebhooksFunction", "Decrypt", {Purpose.RECEIVER, Purpose.SIGNING}),
        ("WecomFunction", "GenerateDataKey", {Purpose.RESPONSE_URL}),
        ("WecomSenderFunction", "Decrypt", {Purpose.RESPONSE_URL}),
    ],
)
def test_each_seals_or_opens_secrets_of_its_own_kind_alone(
    resources: dict[str, str], function: str, operation: str, purposes: set[Purpose]
) -> None:
    role = role_of(function, resources)

    def allows(operation: str, context: dict[str, str]) -> bool:
        call = {"KeyId": resources["PushKey"], "EncryptionContext": context}
        return role.uses(operation, call) is not None

    for other in ("Decrypt", "GenerateDataKey"):
        found = {purpose for purpose in Purpose if allows(other, {"purpose": purpose})}
        assert found == (purposes if other == operation else set())


@pytest.mark.parametrize("kind", ["SPEND", "RATE", "SLOTS", "IDEMPOTENCY", "WECOM", "BATCH", "CHAT"])
def test_the_clean_up_deletes_nothing_that_tasks_do_not_own(resources: dict[str, str], kind: str) -> None:
    role = role_of("CleanupFunction", resources)
    table, key = resources["TasksTable"], {"pk": {"S": f"{kind}#x"}}

    assert role.uses("DeleteItem", {"TableName": table, "Key": key}) is None
    many = {"RequestItems": {table: [{"DeleteRequest": {"Key": key}}]}}
    assert role.uses("BatchWriteItem", many) is None
