"""Names and formats that outlive a release: what is stored, queued, logged, measured and deployed.

`tests/golden.json` has them. Older records, messages in flight, dashboards and alarms depend on each, so a
change of that file is a decision: docs/data-model.md says how a format may change. Where it is meant,
``GOLDEN=write`` before this test's command writes the file anew.
"""

import ast
import difflib
import json
import os
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.task import Lane, Payload
from a2a_tasks.wecom.connection import ConnectionKind
from local.standin.client import StandInClient
from local.wecom.client import WeComClient
from local.wecom.settings import Settings
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.caller import Caller
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.stored_task import new_task
from tests.integration.support.table_stream import TableStream
from tests.integration.support.template import ROOT, document
from tests.integration.support.texts import incompressible
from tests.integration.support.wecom.chat import GROUP_CHAT, Chats
from tests.integration.support.worker import Worker

GOLDEN = ROOT / "tests" / "golden.json"
QUEUES = ("UrgentTaskQueue", "TaskQueue", "NotificationQueue", "WecomQueue")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
IN_HAND = {"tasks", "disowned", "dueAt", "dueShard", "notes", "noteAll"}
TELEMETRY = ("event", "problem", "count", "milliseconds", "seconds")


def compare(part: str, found: object) -> None:
    """Fail unless this part of the golden file is what was found."""
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if os.environ.get("GOLDEN") == "write":
        golden[part] = found
        GOLDEN.write_text(json.dumps(golden, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    before, now = (json.dumps(each, indent=1, sort_keys=True).splitlines() for each in (golden[part], found))
    assert "\n".join(difflib.unified_diff(before, now, "golden", "found", lineterm="")) == ""


# ---------------------------------------------------------------- what is stored and queued


class Shapes:
    """The form of what was found so far: key patterns, attributes and their types."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.items: dict[str, dict[str, list[str]]] = {}
        self.messages: dict[str, dict[str, list[str]]] = {}

    def look(self) -> None:
        """Take in what both tables hold now."""
        with self.account.calls.as_role(None):
            for table in ("TasksTable", "RegistryTable"):
                items: Any = self.account.dynamodb.scan(TableName=self.account.resources[table])["Items"]
                for item in items:
                    if item["sk"] == {"S": "LEASE"}:  # what a worker has in hand depends on the moment
                        item = {name: item[name] for name in item if name not in IN_HAND}
                    key = " / ".join(pattern(item[name]["S"]) for name in ("pk", "sk"))
                    take_in(self.items.setdefault(f"{table}: {key}", {}), leaves(item))

    def read(self) -> None:
        """Take in the messages that are visible now, and let them be seen again."""
        with self.account.calls.as_role(None):
            for queue in QUEUES:
                records = self.account.receive(queue)
                for record in records:
                    self.account.sqs.change_message_visibility(
                        QueueUrl=self.account.resources[queue],
                        ReceiptHandle=record["receiptHandle"],
                        VisibilityTimeout=0,
                    )
                for record in records:
                    found: dict[str, str] = {"body": json.loads(record["body"])}
                    group = record["attributes"].get("MessageGroupId", "")
                    own = {name: value["dataType"] for name, value in record["messageAttributes"].items()}
                    forms = plain(found) | {"MessageGroupId": pattern(group), **own}
                    take_in(self.messages.setdefault(queue, {}), forms.items())


def take_in(known: dict[str, list[str]], found: Any) -> None:
    for name, form in found:
        known[name] = sorted({*known.get(name, []), form})


def pattern(key: str) -> str:
    """A key without what differs between two runs."""
    key = UUID.sub("<uuid>", key)
    key = re.sub(r"\b(toolu|msgbatch)_\w+", r"\1_<id>", key)
    key = re.sub(r"\b[0-9a-f]{16,}\b", "<hash>", key)
    return re.sub(r"\b\d{2,}\b", "<n>", key)


def leaves(item: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Attributes with their types, those of maps and lists too."""
    for name, attribute in item.items():
        ((kind, value),) = attribute.items()
        here = f"{path}{pattern(name)}"
        yield here, kind
        if kind == "M":
            yield from leaves(value, f"{here}.")
        if kind == "L":
            for one in value:
                yield from leaves({"[]": one}, here)


def plain(value: Any, path: str = "") -> dict[str, str]:
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for name, inner in value.items():
            found |= plain(inner, f"{path}.{name}" if path else name)
        return found
    return {path: type(value).__name__}


def directive(*steps: str) -> str:
    return f"[[standin: {' | '.join(steps)}]]"


def call(tool: str, **arguments: Any) -> str:
    return f"tool={tool}:{json.dumps(arguments)}"


@pytest.fixture
def shapes(account: Account) -> Shapes:
    return Shapes(account)


def test_what_is_stored_and_queued(
    start: Callable[..., ModuleType],
    worker: Worker,
    claude: StandInClient,
    shared_wecom: WeComClient,
    shapes: Shapes,
) -> None:
    """A task of each kind through the functions; the tables are looked at after each step."""
    account = worker.account
    set_up(account)
    api = start("api", ALLOW_LOOPBACK_WEBHOOKS="true")
    caller, notifier = Caller(api.handler, PROJECT), start("notifier")
    stream = TableStream(account)

    def step(action: Callable[[], object]) -> None:
        action()
        shapes.look()
        shapes.read()
        notifier.handler({"Records": stream.new()}, LambdaContext())
        shapes.read()

    def post(asked: dict[str, Any], agent_id: str = AGENT, **headers: str) -> str:
        answer = caller.post(agent_id, asked, headers=headers)
        assert answer.status == 202, answer.text
        path: str = answer.body["checkUrl"]
        return path

    def task_with_everything() -> str:
        asked = {
            "message": directive(
                call("report_progress", step="Reading", percent=40)
                + "; "
                + call("save_artifact", name="a.md", media_type="text/markdown", content="# A"),
                call("call_agent", agent="helper", message=directive("say=2")),
                call("ask_user", question="Which?"),
                "size=30000",
            ),
            "sessionId": "talk",
            "maxCostUsd": 1,
            "priority": "high",
            "pushNotificationConfig": {"url": "http://127.0.0.1:9/hook", "token": "t"},
        }
        return post(asked, **{"Idempotency-Key": "once"})

    paths: list[str] = []
    step(lambda: paths.append(task_with_everything()))
    step(worker.deliver)  # it has the conversation's slot until it ends, so the next one waits in line
    step(lambda: post({"message": directive("say=next"), "sessionId": "talk"}))
    for _ in range(4):
        step(worker.deliver)
    step(lambda: caller.send("POST", f"{paths[0]}/messages", body='{"message": "Left."}'))
    for _ in range(4):
        step(worker.deliver)
    assert caller.get(paths[0]).body["status"] == "completed"
    step(lambda: post({"message": incompressible(99_000)}))
    step(worker.deliver)  # alone: a large task is put back while others are executed and memory is short
    step(lambda: caller.delete(paths[0]))
    step(lambda: post({"message": directive("err=400")}))
    step(worker.deliver)
    claude.hold_batches()
    step(lambda: post({"message": directive("say=slow"), "lane": "batch"}, agent_id="helper"))
    batcher = start("batcher", CLAUDE_BASE_URL=claude.base_url)
    step(lambda: in_line_for_a_minute(account, batcher.batcher.clock.now()))
    for _ in range(2):
        step(lambda: batcher.handler(load_event("batcher_schedule"), LambdaContext(240_000)))
    chats_of_each_kind(account, shared_wecom, worker, step)

    compare("items", shapes.items)
    compare("messages", shapes.messages)


def in_line_for_a_minute(account: Account, now: int) -> None:
    """Only then does the batcher take a task of a short line."""
    since, text = now - 61_000, Payload(inline='{"message":"[[standin: say=1]]"}')
    task = new_task(since, number=5, lane=Lane.BATCH, deadline=now + 10**7, input=text)
    account.store.create(task)
    account.batches.enqueue(task, since)


def set_up(account: Account) -> None:
    tools = ["report_progress", "save_artifact", "ask_user", "call_agent", "Read"]
    account.add_agent(AGENT, PROJECT, allowedTools=tools, maxConcurrentTasks=3)
    account.add_agent("helper", PROJECT)
    account.give_signing_secret()
    account.add_key()
    account.registry.set_project(PROJECT, callable_agents=frozenset({"helper"}))


def chats_of_each_kind(
    account: Account, wecom: WeComClient, worker: Worker, step: Callable[[Callable[[], object]], None]
) -> None:
    wecom.use(Settings())
    chats = Chats(account, wecom, worker.module.executor.clock.now())
    for kind in ConnectionKind:
        step(lambda kind=kind: chats.connect(kind))  # type: ignore[misc]
    bot, app = (
        account.connections.connection(kind.value) for kind in (ConnectionKind.BOT, ConnectionKind.APP)
    )
    assert bot is not None
    assert app is not None
    tasks = [chats.asked(bot, chat_id=GROUP_CHAT), chats.asked(app, number=1)]
    for task in tasks:
        step(lambda task=task: chats.answered(task))  # type: ignore[misc]


# ---------------------------------------------------------------- what is logged and measured


def test_names_of_logs_and_metrics() -> None:
    """Each name that a function gives to its telemetry."""
    found: dict[str, set[str]] = {name: set() for name in TELEMETRY}
    for path in sorted([*(ROOT / "layers/core").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                on = node.func.value
                receiver = on.attr if isinstance(on, ast.Attribute) else getattr(on, "id", "")
                if receiver in {"telemetry", "_telemetry"} and node.func.attr in TELEMETRY:
                    found[node.func.attr].add(name_of(node.args[0]))
    compare("telemetry", {kind: sorted(names) for kind, names in found.items()})


def name_of(argument: ast.expr) -> str:
    """The text itself; of a name that is put together, its parts."""
    constants = [node.value for node in ast.walk(argument) if isinstance(node, ast.Constant)]
    texts = [value for value in constants if isinstance(value, str)]
    return " … ".join(texts) or f"({ast.unparse(argument)})"


# ---------------------------------------------------------------- what is deployed


def test_what_is_deployed() -> None:
    """Logical ids: where one changes, CloudFormation replaces what it stands for, with all that it holds."""
    resources: dict[str, Any] = document()["Resources"]
    compare("resources", {name: resource["Type"] for name, resource in sorted(resources.items())})
    compare(
        "environment",
        {
            name: sorted(resource["Properties"].get("Environment", {}).get("Variables", {}))
            for name, resource in sorted(resources.items())
            if resource["Type"] == "AWS::Serverless::Function"
        },
    )
    compare("parameters and outputs", sorted([*document()["Parameters"], *document()["Outputs"]]))
