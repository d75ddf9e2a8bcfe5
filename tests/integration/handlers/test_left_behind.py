"""What is left of tasks of every kind once they are deleted, or nobody can read them any more: nothing."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.adapters.wecom.exchanges import DynamoDBExchanges
from a2a_tasks.domain.schedule import LONGEST_LIFE_MS, NOTICE_MS
from a2a_tasks.domain.task import ContextRef, Status, TaskRef
from a2a_tasks.wecom.exchange import Exchange, ExchangeRef
from a2a_tasks.wecom.language import Language
from local.standin.client import StandInClient
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.caller import Caller
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.template import mapping, resource_properties
from tests.integration.support.texts import incompressible
from tests.integration.support.worker import Worker

DAY_MS = 24 * 3_600_000
RETENTION_MS = 30 * DAY_MS
TOOLS = ["save_artifact", "call_agent", "Write", "report_progress"]
LARGE = incompressible(20_000)
SESSION = {"sessionId": "talk"}

type Start = Callable[..., ModuleType]
type Item = dict[str, dict[str, Any]]


def step(tool: str, **arguments: Any) -> str:
    return f"tool={tool}:{json.dumps(arguments)}"


@pytest.fixture
def caller(start: Start, worker: Worker) -> Caller:
    account = worker.account
    account.give_signing_secret()
    account.add_agent(AGENT, PROJECT, allowedTools=TOOLS, maxConcurrentTasks=5, maxPendingTasks=900)
    account.add_agent("helper", PROJECT)
    account.registry.set_project(PROJECT, callable_agents=frozenset({"helper"}))
    return Caller(start("api").handler, PROJECT)


@pytest.fixture
def made(caller: Caller, worker: Worker, start: Start, claude: StandInClient) -> list[str]:
    """The ids of tasks of every kind: with files, artifacts, a child, listeners, a chat; answered, canceled,
    and in the batch lane."""
    call = step("call_agent", agent="helper", message="Add 1 and 1. [[standin: say=2]]")
    tools = step("Write", file_path="notes.md", content="# Notes")
    tools += "; " + step("save_artifact", name="report.md", media_type="text/markdown", content="# Report")
    hook = {"pushNotificationConfig": {"url": "https://example.com/hook", "token": "t0ken"}}
    key = {"Idempotency-Key": "order-7"}
    answers = [
        caller.post(
            AGENT,
            {"message": f"[[standin: {tools} | {call} | size=20000]]{LARGE}"} | SESSION | hook,
            headers=key,
        ),
        caller.post(AGENT, {"message": "Later.", "delaySeconds": 3_600} | SESSION),
        caller.post("helper", {"message": "Cheaply.", "lane": "batch"}),
    ]
    assert [answer.status for answer in answers] == [202, 202, 202], [answer.text for answer in answers]
    worker.work()
    ids = [answer.body["taskId"] for answer in answers]
    first = worker.account.store.get(TaskRef(AGENT, ids[0]))
    assert first is not None
    assert first.status is Status.COMPLETED
    chatted(worker.account, first.ref, first.created_at)
    (child,) = (task for task in worker.account.store.page("helper", None, 5, None).tasks if task.parent)
    worker.account.put_claude_key("sk-ant-integration-0123456789")
    batcher = start("batcher", CLAUDE_BASE_URL=claude.base_url)
    batcher.handler(load_event("batcher_schedule"), LambdaContext())
    return [*ids, child.ref.task_id]


def chatted(account: Account, ref: TaskRef, now: int) -> None:
    """Somebody asked for it in a chat."""
    exchange = Exchange(
        ExchangeRef(ref.task_id, "1"), ref.agent_id, PROJECT, "app", "LiLei", None, Language.EN, now
    )
    exchanges = DynamoDBExchanges(account.dynamodb, account.resources["TasksTable"])
    exchanges.put(exchange, now + DAY_MS)


def items(account: Account) -> list[Item]:
    return account.dynamodb.scan(TableName=account.resources["TasksTable"])["Items"]  # type: ignore[return-value]


def kinds_without_time(account: Account) -> set[tuple[str, str]]:
    """The kinds of items, by the beginnings of their keys, that no time to live ends."""
    found = (item for item in items(account) if "ttl" not in item)
    return {(item["pk"]["S"].partition("#")[0], item["sk"]["S"].partition("#")[0]) for item in found}


def let_ttl_pass(account: Account, at: int) -> None:
    """What DynamoDB does by itself, up to days later."""
    for item in items(account):
        if "ttl" in item and int(item["ttl"]["N"]) * 1000 <= at:
            key = {"pk": item["pk"], "sk": item["sk"]}
            account.dynamodb.delete_item(TableName=account.resources["TasksTable"], Key=key)


def that_name(account: Account, ids: list[str]) -> list[str]:
    """The keys of items that have a task's id anywhere."""
    return [
        f"{item['pk']['S']} {item['sk']['S']}"
        for item in items(account)
        if any(task_id in json.dumps(item, default=str) for task_id in ids)
    ]


def objects(account: Account) -> list[str]:
    answer = account.s3.list_objects_v2(Bucket=account.resources["PayloadBucket"])
    return [entry["Key"] for entry in answer.get("Contents", [])]


def test_whatever_a_task_writes_has_a_time_to_live(worker: Worker, made: list[str]) -> None:
    kinds = {item["pk"]["S"].partition("#")[0] for item in items(worker.account)}
    expected = {"TASK", "OWNED", "CONTEXT", "IDEMPOTENCY", "LIVE", "BATCH", "SLOTS", "WORKER"}
    assert kinds >= expected, "or else this test has become poorer"
    # that a project has tasks in the line for batches: it names none of them
    assert kinds_without_time(worker.account) == {("BATCH", PROJECT)}
    assert len(made) == 4


def test_in_the_end_nothing_is_left(worker: Worker, made: list[str]) -> None:
    """By time to live and lifecycle alone: nobody calls clean-up."""
    account = worker.account
    now = worker.module.executor.clock.now()
    assert len(that_name(account, made)) > 10
    let_ttl_pass(account, now + LONGEST_LIFE_MS + RETENTION_MS + 8 * DAY_MS)
    assert that_name(account, made) == []
    (rule,) = [rule for rule in lifecycle() if "ExpirationInDays" in rule]
    assert rule["Status"] == "Enabled"
    assert objects(account)
    assert all(key.startswith(rule["Prefix"]) for key in objects(account))


def lifecycle() -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = resource_properties("PayloadBucket")["LifecycleConfiguration"]["Rules"]
    return rules


def test_no_object_ends_before_its_task_may() -> None:
    """It is put when the task is created, at the earliest."""
    for days, settings in mapping("Retention").items():
        assert settings["ObjectDays"] >= int(days) + LONGEST_LIFE_MS / DAY_MS


def test_of_a_deleted_conversation_nothing_is_left(
    caller: Caller, worker: Worker, made: list[str], start: Start
) -> None:
    account, own = worker.account, made[:2]
    assert caller.delete(f"/a2a/{AGENT}/contexts/talk").status == 200
    cleanup = start("cleanup")
    # a worker that may be at one of them has noticed by then
    cleanup.cleaner.clock.now = lambda: worker.module.executor.clock.now() + NOTICE_MS

    report = cleanup.handler(load_event("cleanup_schedule"), LambdaContext())

    assert (report["tasks"], report["errors"]) == (2, 0)
    assert objects(account) == []
    assert account.contexts.page(ContextRef(AGENT, "talk"), None, 10) == []
    left = {key.partition("#")[0] for key in that_name(account, own)}
    # what is good for a day (a key, what was said meanwhile), the batch, and that the child has a parent
    assert left <= {"IDEMPOTENCY", "LIVE", "BATCH", "TASK"}
    assert [key for key in that_name(account, own) if key.startswith(("TASK", "OWNED"))] == [
        f"TASK#{made[3]} TASK#helper"
    ]
