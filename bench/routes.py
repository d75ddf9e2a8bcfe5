"""Each route of the API and of A2A: its handler's latency and processor time, warm, with sequential requests.

The built functions run in processes of their own, invoked as by API Gateway; the emulator is another process,
so the processor time is the function's alone. Most of the latency is spent waiting for the emulator's
responses. The authorizer only makes one read of DynamoDB, so its processor time is the baseline for the
routes'. At 448 MB Lambda gives a function a quarter of a processor: there it takes four times as long.
"""

import itertools
import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any

from bench.report import p50_p95, step, table
from bench.support.built_function import BuiltFunction
from bench.support.event_source import EventSource
from bench.support.running_function import Handled, RunningFunction
from local.deployed import Project
from tests.integration.support.a2a_caller import CARD, A2ACaller
from tests.integration.support.caller import Answer, Caller
from tests.integration.support.event_files import load_event

SAMPLES, WARM = 60, 5
TOGETHER = 10
"""Tasks of one ``tasks:batchCreate``, and of the conversation."""
START_SECONDS = 300
"""Allows for workers that start, all at the same moment."""
TALK = "talk"
QUESTION = "[[standin: say=It is noon.]] What is the time?"
ASKING = '[[standin: tool=ask_user:{"question": "Where to?"} | say=done]]'
HOOK = {"url": "https://example.com/hook"}


@dataclass(frozen=True)
class Recorded:
    """A handler in another process, and the result of each call."""

    function: RunningFunction
    handled: list[Handled] = field(default_factory=list)

    def handler(self, event: dict[str, Any], _: Any) -> dict[str, Any]:
        """Lambda's context is created in that process."""
        self.handled.append(self.function.handle(event))
        answer: dict[str, Any] = self.handled[-1].answer
        return answer

    def measure(self, calls: Iterable[Callable[[], object]]) -> list[Handled]:
        """The results of these calls, without the first ones."""
        self.handled.clear()
        for call in calls:
            call()
        return self.handled[WARM:]


@dataclass(frozen=True)
class Agent:
    """The target of the calls: an agent, by its project's own API and by A2A."""

    project: Project
    api: Recorded
    a2a: Recorded

    @property
    def path(self) -> str:
        return f"/a2a/{self.project.agent_id}"

    def send(self, method: str, path: str, document: object = None) -> Answer:
        """By the project's own API."""
        body = None if document is None else json.dumps(document)
        return _accepted(Caller(self.api.handler, self.project.project_id).send(method, path, body=body))

    def speak(self, verb: str, rest: str, document: object = None) -> Answer:
        """By A2A, HTTP+JSON."""
        client = A2ACaller(self.a2a.handler, self.project.project_id)
        return _accepted(client.send(verb, rest, document, agent_id=self.project.agent_id))

    def rpc(self, method: str, params: dict[str, Any]) -> Any:
        """By A2A, JSON-RPC."""
        client = A2ACaller(self.a2a.handler, self.project.project_id)
        result = client.rpc(method, params, agent_id=self.project.agent_id)
        if "code" in result:
            raise RuntimeError(f"{method}: {result}")
        return result

    def create(self) -> str:
        """A new task's path."""
        return str(self.send("POST", f"{self.path}/tasks", {"message": QUESTION}).body["checkUrl"])


def run(project: Project) -> None:
    """Print the table."""
    measured: dict[str, list[Handled]] = {}
    with ExitStack() as running:

        def start(logical_id: str) -> Recorded:
            built = BuiltFunction.of(project.deployed, logical_id)
            return Recorded(running.enter_context(RunningFunction.of(built)))

        with step("Start the functions"):
            authorizer = start("AuthorizerFunction")
            agent = Agent(project, start("ApiFunction"), start("A2AFunction"))
        measured["authorizer"] = authorizer.measure(_often(partial(_authorize, authorizer, project.key)))
        with step("Create ended tasks, a conversation, and questions"):
            ended, asking = _ended(project), _asking(project)
        with step("Messages that are answered as soon as the worker has answered"):
            say = partial(agent.send, "POST", f"{agent.path}/messages", {"message": QUESTION})
            measured["POST …/messages, with the task"] = agent.api.measure(_often(say))
        with EventSource.of(project.deployed).disabled():
            with step("The API's routes"):
                measured |= _of_api(agent, ended, asking)
            with step("A2A's routes"):
                measured |= _of_a2a(agent, ended)
            EventSource.of(project.deployed).purge()
    one_read = _processor(measured["authorizer"])
    table(
        f"Routes, {SAMPLES} requests each, against the authorizer's one read; times are with the emulator",
        ["", "AWS calls", "p50", "p95", "processor", "ratio", "of it for AWS"],
        [_row(route, handled, one_read) for route, handled in measured.items()],
    )


def _row(route: str, handled: list[Handled], one_read: float) -> list[object]:
    cpu = _processor(handled)
    return [
        route,
        f"{median(each.aws_calls for each in handled):g}",
        *p50_p95([each.seconds for each in handled]),
        f"{cpu * 1000:.1f} ms",
        f"{cpu / one_read:.1f}",
        f"{median(each.aws_cpu for each in handled) / cpu:.0%}",
    ]


def _processor(handled: list[Handled]) -> float:
    return median(each.cpu for each in handled)


def _of_api(agent: Agent, ended: str, asking: list[str]) -> dict[str, list[Handled]]:
    """``ended`` is the path of a task, ``asking`` are paths of tasks that have asked."""
    post, get, delete = (partial(agent.send, method) for method in ("POST", "GET", "DELETE"))
    tasks, configs = f"{agent.path}/tasks", "pushNotificationConfigs"
    new = {"message": QUESTION}
    live = [agent.create() for _ in range(WARM + SAMPLES)]
    told = agent.create()
    calls: dict[str, Iterable[Callable[[], object]]] = {
        "POST …/tasks": _often(agent.create),
        "the same, with a webhook": _often(partial(post, tasks, new | {"pushNotificationConfig": HOOK})),
        f"POST …/tasks:batchCreate of {TOGETHER}": _often(
            partial(post, f"{tasks}:batchCreate", {"tasks": [new] * TOGETHER})
        ),
        "GET …/tasks/{taskId}": _often(partial(get, ended)),
        "GET …/tasks of 20": _often(partial(get, tasks)),
        "GET …/events": _often(partial(get, f"{ended}/events")),
        "POST …/tasks/{taskId}/messages": [
            partial(post, f"{path}/messages", {"message": "Paris."}) for path in asking
        ],
        "DELETE …/tasks/{taskId}": [partial(delete, path) for path in live],
        f"GET …/contexts/{{sessionId}} of {TOGETHER}": _often(partial(get, f"{agent.path}/contexts/{TALK}")),
        "POST …/pushNotificationConfigs": _often(partial(post, f"{told}/{configs}", HOOK | {"id": "a"})),
        "GET …/pushNotificationConfigs": _often(partial(get, f"{told}/{configs}")),
        "GET …/pushNotificationConfigs/{id}": _often(partial(get, f"{told}/{configs}/a")),
        "DELETE …/pushNotificationConfigs/{id}": _often(partial(delete, f"{told}/{configs}/a")),
    }
    return {route: agent.api.measure(each) for route, each in calls.items()}


def _of_a2a(agent: Agent, ended: str) -> dict[str, list[Handled]]:
    task_id = ended.rpartition("/")[2]
    at_once, page = {"returnImmediately": True}, {"pageSize": 20}

    def message() -> dict[str, Any]:
        parts = [{"text": QUESTION}]
        return {
            "message": {"messageId": "m", "role": "ROLE_USER", "parts": parts},
            "configuration": at_once,
        }

    calls: dict[str, Callable[[], object]] = {
        "A2A agent card": partial(agent.speak, "GET", CARD),
        "SendMessage, returned at once (JSON-RPC)": partial(agent.rpc, "SendMessage", message()),
        "GetTask": partial(agent.rpc, "GetTask", {"id": task_id}),
        "ListTasks of 20": partial(agent.rpc, "ListTasks", page),
        "message:send, returned at once (HTTP+JSON)": partial(
            agent.speak, "POST", "/v1/message:send", message()
        ),
        "GET tasks/{id}": partial(agent.speak, "GET", f"/v1/tasks/{task_id}"),
        "GET tasks of 20": partial(agent.speak, "GET", "/v1/tasks?pageSize=20"),
    }
    return {route: agent.a2a.measure(_often(call)) for route, call in calls.items()}


def _often(call: Callable[[], object]) -> Iterable[Callable[[], object]]:
    return itertools.repeat(call, WARM + SAMPLES)


def _authorize(authorizer: Recorded, key: str) -> None:
    authorizer.handler(load_event("authorizer_token") | {"authorizationToken": f"Bearer {key}"}, None)


def _ended(project: Project) -> str:
    """The path of an ended task in a conversation of several."""
    for _ in range(TOGETHER):
        task = project.wait(accepted := project.submit(QUESTION, sessionId=TALK), seconds=START_SECONDS)
        assert task["status"] == "completed"
    return str(accepted["checkUrl"])


def _asking(project: Project) -> list[str]:
    agent_id = project.id_of("toolbox")
    accepted = [project.submit(ASKING, agent_id) for _ in range(WARM + SAMPLES)]
    for task in accepted:
        project.wait(task, frozenset({"input_required"}), seconds=START_SECONDS)
    return [task["checkUrl"] for task in accepted]


def _accepted(answer: Answer) -> Answer:
    if answer.status >= 400:
        raise RuntimeError(f"{answer.status} {answer.text}")
    return answer
