"""Memory and processor time of the functions that mostly wait: the basis of their ``MemorySize``.

Each built function runs in a process of its own, on the emulator's Python, without Lambda's own runtime. Its
largest requests and responses come one after another, and then a wait for a task that does not
end. Lambda's share of a processor is the memory divided by 1,769 MB.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.report import step, table
from bench.support.built_function import BuiltFunction
from bench.support.event_source import EventSource
from bench.support.running_function import Handled, RunningFunction
from local.deployed import Project
from local.wecom.callbacks.envelope import Envelope, Sealed
from local.wecom.running import running_wecom
from local.wecom_connection import connect_bot
from tests.integration.support.a2a_caller import A2ACaller
from tests.integration.support.caller import Answer, Caller
from tests.integration.support.template import resource_properties
from tests.integration.support.wecom.callbacks import refresh, to_bot

PROCESSOR_MB = 1_769
"""Memory with which a function has one processor (Lambda Developer Guide, "Configure function memory")."""
WAIT_SECONDS = 20
LARGEST_MESSAGE = 100_000
FILE_BYTES = 3_800_000
"""In base64 the limit of a message's parts."""
TASKS = 100
"""One page."""
LARGE = 3
"""How many of the largest messages are sent, one after another."""
CONNECTION = "bench-waiting"
REFRESHED_SECONDS = 3
"""After this time a refresh is not answered from memory."""


@dataclass(frozen=True)
class Measured:
    """Of one function: the memory and processor time after loading, and the peak and processor time of each
    kind of event, in order."""

    loaded_mb: float
    loaded_cpu: float
    events: dict[str, Handled]


def run(project: Project) -> None:
    """Print the table."""
    with EventSource.of(project.deployed).disabled():
        measured = {
            "ApiFunction": _measure(project, "ApiFunction", _api),
            "MessagesFunction": _measure(project, "MessagesFunction", _messages),
            "A2AFunction": _measure(project, "A2AFunction", _a2a),
            "WecomFunction": _measure(project, "WecomFunction", _wecom),
        }
        EventSource.of(project.deployed).purge()
    rows = [row for name, each in measured.items() for row in _rows(name, each)]
    titles = ["", "AWS calls", "processor", "on Lambda", "peak", "MemorySize"]
    table(f"Functions that wait; a wait is one of {WAIT_SECONDS} s", titles, rows)


def _rows(logical_id: str, measured: Measured) -> Iterator[list[object]]:
    memory = int(resource_properties(logical_id)["MemorySize"])
    yield _row(f"{logical_id}, loaded", measured.loaded_cpu, 0, measured.loaded_mb, memory)
    for kind, each in measured.events.items():
        yield _row(kind, each.cpu, each.aws_calls, each.peak_mb, memory)


def _row(title: str, cpu: float, calls: int, peak_mb: float, memory: int) -> list[object]:
    on_lambda = cpu * max(1.0, PROCESSOR_MB / memory)
    times = f"{cpu * 1000:.0f} ms", f"{on_lambda * 1000:.0f} ms"
    return [title, calls, *times, f"{peak_mb:.0f} MB", f"{memory} MB"]


def _measure(project: Project, logical_id: str, call: Callable[[Project, "_Events"], None]) -> Measured:
    built = BuiltFunction.of(project.deployed, logical_id)
    with step(f"Measure {logical_id}"), RunningFunction.of(built) as function:
        events = _Events(function)
        call(project, events)
        return Measured(function.loaded_mb, function.loaded_cpu, events.handled)


@dataclass
class _Events:
    """A handler in another process, and the result of the last event of each kind."""

    function: RunningFunction
    handled: dict[str, Handled] = field(default_factory=dict)

    def handler(self, kind: str) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
        def handle(event: dict[str, Any], _: Any) -> dict[str, Any]:
            handled = self.handled[kind] = self.function.handle(event)
            answer: dict[str, Any] = handled.answer
            if int(answer["statusCode"]) >= 400:
                raise RuntimeError(f"{kind}: {answer}")
            return answer

        return handle


def _api(project: Project, events: _Events) -> None:
    def send(kind: str, method: str, path: str, document: object = None) -> Answer:
        body = None if document is None else json.dumps(document)
        return Caller(events.handler(kind), project.project_id).send(method, path, body=body)

    tasks = f"/a2a/{project.agent_id}/tasks"
    many = {"tasks": [{"message": "中" * (LARGEST_MESSAGE // 8)}] * TASKS}
    path = send("its first request", "POST", tasks, {"message": "hello"}).body["checkUrl"]
    send("a task", "POST", tasks, {"message": "hello"})
    send("the largest message", "POST", tasks, {"message": "中" * LARGEST_MESSAGE})
    send(f"{TASKS} tasks at once", "POST", f"{tasks}:batchCreate", many)
    send(f"a page of {TASKS}", "GET", f"{tasks}?limit={TASKS}")
    send("a wait", "GET", f"{path}?wait={WAIT_SECONDS}")


def _messages(project: Project, events: _Events) -> None:
    for kind, message in {
        "its first wait": "hello",
        "of the largest message": "中" * LARGEST_MESSAGE,
    }.items():
        caller = Caller(events.handler(kind), project.project_id)
        caller.send("POST", f"/a2a/{project.agent_id}/messages", body=json.dumps({"message": message}))


def _a2a(project: Project, events: _Events) -> None:
    def call(kind: str, method: str, params: dict[str, Any]) -> None:
        A2ACaller(events.handler(kind), project.project_id).rpc(method, params, project.agent_id)

    def send(kind: str, *, waits: bool = False, **part: str) -> None:
        message = {"messageId": "m", "role": "ROLE_USER", "parts": [part]}
        call(kind, "SendMessage", {"message": message, "configuration": {"returnImmediately": not waits}})

    send("its first message", text="hello")
    send("a message", text="hello")
    file = base64.b64encode(b"%PDF-" + bytes(FILE_BYTES)).decode()
    for _ in range(LARGE):
        send("the largest message", raw=file, mediaType="application/pdf")
    call(f"a page of {TASKS}", "ListTasks", {"pageSize": TASKS, "historyLength": 1})
    send("a wait", text="hello", waits=True)


def _wecom(project: Project, events: _Events) -> None:
    with running_wecom() as wecom:
        stack, deployment = project.deployed.stack, project.deployed.deployment
        connect_bot(stack, deployment, wecom, CONNECTION, project.project_id, project.agent_id)
        events.handler("its first message")(to_bot(CONNECTION, "first"), None)
        answer = json.loads(events.handler("a message")(to_bot(CONNECTION, "second"), None)["body"])
        bot = wecom.settings().bot
    said = Sealed(answer["encrypt"], answer["msgsignature"], str(answer["timestamp"]), answer["nonce"])
    stream_id = json.loads(Envelope(bot.token, bot.encoding_aes_key, "").open(said))["stream"]["id"]
    for kind in ("its first refresh", "a refresh", "a refresh from memory"):
        if kind == "a refresh":
            time.sleep(REFRESHED_SECONDS)
        events.handler(kind)(refresh(CONNECTION, stream_id), None)
