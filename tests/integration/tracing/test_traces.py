"""Traces of tasks: the real handlers, the stand-in for Claude, a receiver and a collector on this machine."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from a2a_tasks.adapters.telemetry.powertools import PowertoolsTelemetry
from a2a_tasks.adapters.telemetry.span_outlet import SpanOutlet
from a2a_tasks.adapters.tracing.secret_headers import NOT_HEADERS
from a2a_tasks.adapters.tracing.span_exporter import SpanExporter
from a2a_tasks.adapters.tracing.wiring import build_exporter
from a2a_tasks.domain.task import Payload, Status, Task, TaskRef
from a2a_tasks.domain.tracing.span import Span
from a2a_tasks.domain.tracing.task_spans import LOST_WORKER, task_span_id
from a2a_tasks.domain.tracing.task_trace import TaskTrace
from a2a_tasks.domain.webhooks.push import StoredPushConfig
from local.standin.client import StandInClient
from tests.integration.support.a2a_caller import VERSIONED, A2ACaller
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.caller import Caller
from tests.integration.support.collector import Collector, Recorded, collecting
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.receiver import receiving, reply
from tests.integration.support.stored_task import claimed, completed, created
from tests.integration.support.worker import Worker

TRACE, CALLER_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADERS = {"traceparent": f"00-{TRACE}-{CALLER_SPAN}-01", "tracestate": "congo=t61rcWkgMzE"}
SECRET_TEXT = "a secret of the caller"
HELPER = "helper"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def settings(collector: Collector) -> dict[str, str]:
    return {"TRACING_ENDPOINT": collector.url, "TRACING_SAMPLE_PERCENT": "100"}


@pytest.fixture
def worker(start_worker: Callable[..., Worker], settings: dict[str, str]) -> Worker:
    return start_worker(**settings)


@pytest.fixture
def caller(start: Callable[..., ModuleType], worker: Worker, settings: dict[str, str]) -> Caller:
    worker.account.add_agent(AGENT, PROJECT, allowedTools=["call_agent", "Read", "Write"])
    worker.account.add_agent(HELPER, PROJECT)
    worker.account.registry.create_project(PROJECT, 0)
    worker.account.registry.set_project(PROJECT, callable_agents=frozenset({HELPER}))
    return Caller(start("api", **settings).handler, PROJECT)


def step(tool: str, **arguments: Any) -> str:
    return f"tool={tool}:{json.dumps(arguments, ensure_ascii=False)}"


def directive(*steps: str) -> str:
    return f"{SECRET_TEXT} [[standin: {' | '.join(steps)}]]"


def posted(caller: Caller, worker: Worker, message: str, **headers: str) -> Task:
    answer = caller.send(
        "POST", f"/a2a/{AGENT}/tasks", body=json.dumps({"message": message}), headers=headers
    )
    assert answer.status == 202, answer.text
    return now(worker.account, answer.body["taskId"])


def now(account: Account, task_id: str, agent_id: str = AGENT) -> Task:
    task = account.store.get(TaskRef(agent_id, task_id))
    assert task is not None
    return task


def by_id(collector: Collector) -> dict[str, Recorded]:
    return {span.span_id: span for span in collector.spans}


def path(collector: Collector, span: Recorded) -> list[str]:
    """The names from the caller's span down."""
    known, names = by_id(collector), [span.name]
    while (parent := known.get(span.parent_id)) is not None:
        span = parent
        names.append(span.name)
    assert span.parent_id == CALLER_SPAN
    return names[::-1]


def test_a_task_with_tools_two_workers_and_a_child_is_one_tree(
    caller: Caller, worker: Worker, collector: Collector, claude: StandInClient
) -> None:
    child = step("call_agent", agent=HELPER, message=f"{SECRET_TEXT} [[standin: say=42]]")
    message = directive(step("Read", file_path="x"), child, "say=done")
    task = posted(caller, worker, message, **HEADERS)

    worker.deliver(remaining_ms=59_000)  # hands over after one turn
    worker.work()

    done = now(worker.account, task.ref.task_id)
    assert done.status is Status.COMPLETED
    (root,) = collector.wait_for(f"invoke_agent {AGENT}")
    (helper,) = collector.wait_for(f"invoke_agent {HELPER}")
    assert {span.trace_id for span in collector.spans} == {TRACE}
    assert root.span.trace_state == "congo=t61rcWkgMzE"
    paths = [path(collector, span) for span in collector.spans]
    top = f"invoke_agent {AGENT}"
    assert path(collector, helper) == [top, "execute_tool call_agent", f"invoke_agent {HELPER}"]
    chat = f"chat {done.model}"
    assert paths.count([top, "attempt", chat]) == 3 == len(claude.calls()) - 1
    assert [top, "attempt", "execute_tool Read"] in paths
    assert [top, "submit"] in paths
    assert {name for _, *names in paths for name in names if name.startswith("wait")} == {
        "wait start",
        "wait handed_over",
        "wait awaits_tasks",
    }
    assert len(by_id(collector)) == len(collector.spans), "no span is sent twice"
    assert all(span.span.end_time_unix_nano >= span.span.start_time_unix_nano for span in collector.spans)


def test_spans_say_what_the_conventions_ask_and_nothing_that_was_said(
    caller: Caller, worker: Worker, collector: Collector
) -> None:
    task = posted(caller, worker, directive(step("Write", file_path="x", content=SECRET_TEXT), "say=done"))
    worker.work()

    (root,) = collector.wait_for(f"invoke_agent {AGENT}")
    assert root.trace_id == task.ref.task_id.replace("-", "")
    assert root.parent_id == ""
    done = now(worker.account, task.ref.task_id)
    assert root.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert root.attributes["gen_ai.agent.id"] == AGENT
    assert root.attributes["a2a_tasks.task.status"] == "completed"
    assert root.attributes["gen_ai.usage.output_tokens"] == done.usage.output_tokens
    chats = collector.wait_for(f"chat {done.model}", 2)
    for chat in chats:
        assert chat.attributes["gen_ai.provider.name"] == "anthropic"
        assert chat.attributes["gen_ai.request.model"] == done.model
        assert chat.attributes["gen_ai.usage.input_tokens"] > 0
    assert [chat.attributes["gen_ai.response.finish_reasons"] for chat in chats] == [
        ["tool_use"],
        ["end_turn"],
    ]
    assert sum(chat.attributes["gen_ai.usage.output_tokens"] for chat in chats) == done.usage.output_tokens
    (tool,) = collector.wait_for("execute_tool Write")
    assert tool.attributes["gen_ai.tool.name"] == "Write"
    assert tool.resource["service.name"] == "a2a-tasks"
    sent = b"".join(body for _, body in collector.requests).decode()
    assert SECRET_TEXT not in sent
    assert "test-key" not in sent


def test_what_fails_is_an_error_with_a_code(caller: Caller, worker: Worker, collector: Collector) -> None:
    task = posted(caller, worker, directive("err=400"))
    worker.work()

    (root,) = collector.wait_for(f"invoke_agent {AGENT}")
    failure = now(worker.account, task.ref.task_id).failure
    assert failure is not None
    assert root.error == root.attributes["error.type"] == failure.code.value
    (chat,) = (span for span in collector.spans if span.name.startswith("chat"))
    assert chat.error == failure.code.value
    assert failure.message not in b"".join(body for _, body in collector.requests).decode()


def test_after_a_crash_the_attempt_of_the_dead_worker_is_there_all_the_same(
    worker: Worker, collector: Collector, caller: Caller
) -> None:
    """The dead one has sent its turns, which are under a span that only the record can tell of."""
    task = posted(caller, worker, directive(step("Read", file_path="x"), "say=done"))
    claimed(worker.account.store, task, task.created_at + 1)
    worker.work()

    collector.wait_for(f"invoke_agent {AGENT}")
    attempts = collector.wait_for("attempt", 2)
    assert [attempt.error for attempt in attempts] == [LOST_WORKER, None]
    assert {attempt.parent_id for attempt in attempts} == {task_span_id(task.ref.task_id)}


@pytest.mark.parametrize("status", [500, 401, 302])
def test_a_collector_that_fails_costs_a_task_nothing(
    status: int, caller: Caller, worker: Worker, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status = status
    task = posted(caller, worker, directive("say=done"))
    worker.work()
    assert now(worker.account, task.ref.task_id).status is Status.COMPLETED
    exporter(worker.module.telemetry).wait(20)
    worker.module.telemetry.flush()

    assert problems(caplog) == [f"the endpoint answered {status}"]


def test_a_collector_that_hangs_costs_a_task_nothing(
    caller: Caller, worker: Worker, collector: Collector
) -> None:
    collector.hangs.set()
    task = posted(caller, worker, directive("say=done"))
    worker.work()

    assert now(worker.account, task.ref.task_id).status is Status.COMPLETED
    assert not collector.released.is_set(), "it has answered nothing yet"


def test_nothing_is_recorded_of_what_is_not_chosen(
    start: Callable[..., ModuleType], worker: Worker, collector: Collector
) -> None:
    none = {"TRACING_ENDPOINT": collector.url, "TRACING_SAMPLE_PERCENT": "0"}
    forced = Caller(start("api", **none).handler, PROJECT)
    task = posted(forced, worker, "[[standin: say=done]]", **HEADERS)
    worker.work()

    done = now(worker.account, task.ref.task_id)
    assert done.status is Status.COMPLETED
    assert done.trace is not None
    assert (done.trace.trace_id, done.trace.is_recorded) == (TRACE, False)
    exporter(worker.module.telemetry).wait(20)
    assert collector.requests == []


def test_lines_of_logs_name_the_trace(
    caller: Caller, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    posted(caller, worker, directive("say=done"), **HEADERS)
    worker.work()

    for name in ("task accepted", "task completed"):
        assert [vars(line)["trace_id"] for line in caplog.records if line.message == name] == [TRACE]


def test_a_message_by_a2a_brings_its_trace_too(
    start: Callable[..., ModuleType], worker: Worker, settings: dict[str, str], collector: Collector
) -> None:
    client = A2ACaller(start("a2a", **settings).handler, PROJECT)
    message = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "[[standin: say=done]]"}]}
    document = {"message": message, "configuration": {"returnImmediately": True}}
    answer = client.send("POST", "/v1/message:send", document, headers=VERSIONED | HEADERS)
    assert answer.status == 200, answer.text
    worker.work()

    (root,) = collector.wait_for(f"invoke_agent {AGENT}")
    assert (root.trace_id, root.parent_id) == (TRACE, CALLER_SPAN)
    assert root.attributes["gen_ai.conversation.id"] == answer.body["task"]["contextId"]


def test_a_webhook_s_request_is_a_span_and_names_it_to_the_receiver(
    account: Account, start: Callable[..., ModuleType], settings: dict[str, str], collector: Collector
) -> None:
    account.give_signing_secret()
    webhooks = start("webhooks", ALLOW_LOOPBACK_WEBHOOKS="true", **settings)
    trace = TaskTrace(TRACE, CALLER_SPAN, is_recorded=True, is_sampled=True, state="congo=t61rcWkgMzE")
    with receiving() as receiver:
        receiver.script[:] = [reply(503), reply(200)]
        task = notified(account, webhooks, f"{receiver.url}?token=of-the-receiver", trace)
        invoke(webhooks, account)
        account.notify(task)
        invoke(webhooks, account)

    requests = collector.wait_for("POST", 2)
    assert [span.parent_id for span in requests] == [task_span_id(task.ref.task_id)] * 2
    assert [span.error for span in requests] == ["503", None]
    assert [span.attributes["http.response.status_code"] for span in requests] == [503, 200]
    for received, span in zip(receiver.requests, requests, strict=True):
        assert received.headers["traceparent"] == f"00-{TRACE}-{span.span_id}-01"
        assert received.headers["tracestate"] == "congo=t61rcWkgMzE"
    assert b"of-the-receiver" not in b"".join(body for _, body in collector.requests)


def test_while_tracing_is_off_a_receiver_gets_the_caller_s_context_unchanged(
    account: Account, start: Callable[..., ModuleType]
) -> None:
    account.give_signing_secret()
    webhooks = start("webhooks", ALLOW_LOOPBACK_WEBHOOKS="true")
    trace = TaskTrace(TRACE, CALLER_SPAN, is_recorded=False, is_sampled=True)
    with receiving() as receiver:
        notified(account, webhooks, receiver.url, trace)
        invoke(webhooks, account)

    assert receiver.requests[0].headers["traceparent"] == HEADERS["traceparent"]


def notified(account: Account, webhooks: ModuleType, url: str, trace: TaskTrace) -> Task:
    """A completed task with a receiver, and a notification on its way."""
    at = webhooks.deliverer.clock.now()
    task = completed(
        account.store, created(account.store, at, trace=trace), at, Payload(inline='{"result":"42"}')
    )
    account.push.put(task.ref.task_id, StoredPushConfig("a", url), 2**41)
    account.notify(task)
    return task


def invoke(webhooks: ModuleType, account: Account) -> None:
    webhooks.handler({"Records": account.receive("NotificationQueue")}, LambdaContext(60_000))
    webhooks.deliverer.receivers._receivers.clear()  # one that has failed waits


@contextmanager
def with_headers(account: Account, collector: Collector, secret: str) -> Iterator[PowertoolsTelemetry]:
    """Telemetry of a deployment whose endpoint wants headers. One span is on its way."""
    arn = account.secrets.create_secret(Name="otlp", SecretString=secret)["ARN"]
    outlet = SpanOutlet(build_exporter(collector.url, arn))
    telemetry = PowertoolsTelemetry(Logger("traced"), outlet)
    telemetry.span(Span(TRACE, CALLER_SPAN, None, "submit", 1, 2))
    telemetry.flush()
    try:
        yield telemetry
    finally:
        outlet.close()


def test_headers_of_the_endpoint_come_from_a_secret_and_go_nowhere_else(
    account: Account, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    collector.status = 503
    with with_headers(account, collector, '{"x-api-key": "k3y-of-the-collector"}') as telemetry:
        exporter(telemetry).wait(20)
        telemetry.flush()

    ((headers, body),) = collector.requests
    assert headers["x-api-key"] == "k3y-of-the-collector"
    assert b"k3y-of-the-collector" not in body
    assert problems(caplog) == ["the endpoint answered 503"]
    assert "k3y-of-the-collector" not in caplog.text + str([vars(line) for line in caplog.records])


@pytest.mark.parametrize("secret", ["no JSON", "[]", '{"x": 1}', '{"x": "a\\r\\nb"}', '{"a b": "c"}'])
def test_a_secret_that_holds_no_headers_is_told_and_nothing_is_sent(
    secret: str, account: Account, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    with with_headers(account, collector, secret) as telemetry:
        exporter(telemetry).wait(20)
        telemetry.flush()

    assert problems(caplog) == [NOT_HEADERS]
    assert collector.requests == []


def exporter(telemetry: Any) -> SpanExporter:
    found: SpanExporter = telemetry._spans._exporter
    return found


def problems(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Why spans were not sent, as logged."""
    return [vars(line)["reason"] for line in caplog.records if line.message == "spans not sent"]
