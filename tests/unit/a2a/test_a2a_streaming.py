"""What a stream of A2A 1.0 says of a task: the task, its changes in order, its results, its end."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from a2a.types import StreamResponse
from google.protobuf.json_format import ParseDict

from a2a_tasks.a2a import view
from a2a_tasks.a2a.artifacts import InlineBudget, saved_views
from a2a_tasks.a2a.errors import A2AError, Problem
from a2a_tasks.a2a.streaming import StreamResponses, StreamResults
from a2a_tasks.conversations.follow import Follower
from a2a_tasks.domain.task import Task
from a2a_tasks.ports.live import LiveChunk
from tests.twins.deployment import Deployment, agent
from tests.twins.model import uses
from tests.unit.a2a.a2a_agent import A2AAgent

HOUR_MS = 3_600_000


@pytest.fixture
def deployment() -> Deployment:
    deployment = Deployment()
    deployment.registry.apply(agent(allowed_tools=("Read", "ask_user", "report_progress", "save_artifact")))
    return deployment


def results_of(deployment: Deployment) -> StreamResults:
    results = deployment.tasks().results
    return lambda task: (results.output(task), saved_views(results, task.artifacts, InlineBudget()))


def stream(deployment: Deployment, task: Task, after: int = 1) -> Iterator[dict[str, Any] | None]:
    def pause(seconds: float) -> None:
        deployment.clock.advance(seconds)
        deployment.work()

    follower = Follower(deployment.store, deployment.live, deployment.finalizer(), pause)
    responses = StreamResponses(results_of(deployment))
    updates = follower.follow(task, after, deployment.clock.now() + HOUR_MS)
    return responses.of(view.task_view(task, None), updates)


def said(responses: Iterator[dict[str, Any] | None]) -> list[dict[str, Any]]:
    """All responses, each checked by the protocol's own type: it takes no field that it does not know."""
    given = [response for response in responses if response is not None]
    for response in given:
        ParseDict(response, StreamResponse())
    return given


def test_the_task_comes_first_and_its_end_last(deployment: Deployment) -> None:
    task = deployment.submit(context_id="talk")

    responses = said(stream(deployment, task))

    assert responses[0]["task"]["status"]["state"] == "TASK_STATE_SUBMITTED"
    states = [each["statusUpdate"]["status"]["state"] for each in responses if "statusUpdate" in each]
    assert states == ["TASK_STATE_WORKING", "TASK_STATE_COMPLETED"]
    (artifact,) = [each["artifactUpdate"] for each in responses if "artifactUpdate" in each]
    assert artifact["artifact"]["parts"][0]["text"] == "Done."
    assert (artifact["append"], artifact["lastChunk"], artifact["contextId"]) == (False, True, "talk")
    assert "statusUpdate" in responses[-1]


def test_what_was_saved_comes_before_the_answer(deployment: Deployment) -> None:
    save = {"name": "a.md", "media_type": "text/markdown", "content": "# A"}
    deployment.model.then(uses(("save_artifact", save)))
    task = deployment.submit()

    updates = [each["artifactUpdate"] for each in said(stream(deployment, task)) if "artifactUpdate" in each]

    assert [each["artifact"]["parts"][0]["text"] for each in updates] == ["# A", "Done."]
    assert [each["lastChunk"] for each in updates] == [True, True]


def test_turns_tools_and_steps_are_work_that_goes_on(deployment: Deployment) -> None:
    deployment.model.then(uses(("report_progress", {"step": "读报告", "percent": 40})))
    task = deployment.submit()

    updates = [each["statusUpdate"] for each in said(stream(deployment, task)) if "statusUpdate" in each]

    told = [update["metadata"]["event"]["type"] for update in updates]
    assert told == ["status", "turn", "progress", "status"]
    assert updates[2]["status"]["message"]["parts"] == [{"text": "读报告"}]
    assert updates[2]["status"]["state"] == "TASK_STATE_WORKING"


def test_a_question_ends_the_stream(deployment: Deployment) -> None:
    deployment.model.then(uses(("ask_user", {"question": "Which year?"})))
    task = deployment.submit()

    last = said(stream(deployment, task))[-1]["statusUpdate"]["status"]

    assert last["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert last["message"]["parts"] == [{"text": "Which year?"}]


def test_what_is_said_grows_and_is_replaced_where_a_turn_begins_anew(deployment: Deployment) -> None:
    task = deployment.submit()
    chunks = [
        LiveChunk(1, 1, 0, "It is "),
        LiveChunk(1, 1, 1, "forty"),
        LiveChunk(1, 2, 0, "It was 42."),
    ]

    def pause(seconds: float) -> None:
        deployment.clock.advance(seconds)
        if chunks:
            deployment.live.append(task.ref.task_id, chunks.pop(0), 0)
        else:
            deployment.work()

    follower = Follower(deployment.store, deployment.live, deployment.finalizer(), pause)
    responses = StreamResponses(results_of(deployment))

    updates = follower.follow(task, 1, deployment.clock.now() + HOUR_MS)
    given = said(responses.of(view.task_view(task, None), updates))

    drafts = [each["artifactUpdate"] for each in given if "artifactUpdate" in each]
    assert [(each["append"], each["artifact"]["parts"][0]["text"]) for each in drafts] == [
        (False, "It is "),
        (True, "forty"),
        (False, "It was 42."),
        (False, "Done."),
    ]
    assert [each["lastChunk"] for each in drafts] == [False, False, False, True]


def test_two_streams_tell_the_same_changes(deployment: Deployment) -> None:
    deployment.model.then(uses(("Read", {"path": "a"})))
    task = deployment.submit()

    first = [each["statusUpdate"] for each in said(stream(deployment, task)) if "statusUpdate" in each]
    second = [each["statusUpdate"] for each in said(stream(deployment, task)) if "statusUpdate" in each]

    assert [each["metadata"] for each in first] == [each["metadata"] for each in second]


@pytest.fixture
def client(deployment: Deployment) -> A2AAgent:
    return A2AAgent(deployment, while_waiting=deployment.work)


def hello(text: str = "Write.", **more: Any) -> dict[str, Any]:
    return {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": text}]} | more}


def test_a_message_is_streamed_to_its_end(client: A2AAgent) -> None:
    first, *_, last = client.stream("SendStreamingMessage", hello())

    assert first["task"]["history"][0]["parts"] == [{"text": "Write."}]
    assert last["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"
    assert last["statusUpdate"]["taskId"] == first["task"]["id"]
    assert client.counted == ["SendStreamingMessage"]


def test_an_answer_to_a_question_is_streamed_too(client: A2AAgent, deployment: Deployment) -> None:
    deployment.model.then(uses(("ask_user", {"question": "Which year?"})))
    asked = client.stream("SendStreamingMessage", hello())[-1]["statusUpdate"]

    *_, last = client.stream("SendStreamingMessage", hello("2026", taskId=asked["taskId"]))

    assert asked["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert last["statusUpdate"]["taskId"] == asked["taskId"]
    assert last["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


def test_a_task_can_be_subscribed_to_again(client: A2AAgent, deployment: Deployment) -> None:
    task = deployment.submit()

    first, *_, last = client.stream("SubscribeToTask", {"id": task.ref.task_id})

    assert first["task"]["id"] == task.ref.task_id
    assert last["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


def test_a_task_that_asks_is_subscribed_to_until_it_is_answered_and_ends(deployment: Deployment) -> None:
    """A2A 1.0 §3.1.6: any task that has not ended can be subscribed to."""
    deployment.model.then(uses(("ask_user", {"question": "Which year?"})))
    task = deployment.submit()
    deployment.work()
    meanwhile: Iterator[Callable[[], object]] = iter(
        [
            lambda: None,
            lambda: deployment.answerer().answer(
                deployment.tasks().find("demo", "writer", task.ref.task_id), "2026"
            ),
            deployment.work,
        ]
    )
    client = A2AAgent(deployment, while_waiting=lambda: next(meanwhile)())

    first, *_, last = client.stream("SubscribeToTask", {"id": task.ref.task_id})

    assert first["task"]["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert last["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


def test_the_next_question_ends_a_subscription(deployment: Deployment) -> None:
    deployment.model.then(
        uses(("ask_user", {"question": "Which year?"})), uses(("ask_user", {"question": "Which month?"}))
    )
    task = deployment.submit()
    deployment.work()

    def answer() -> None:
        deployment.answerer().answer(deployment.tasks().find("demo", "writer", task.ref.task_id), "2026")
        deployment.work()

    client = A2AAgent(deployment, while_waiting=answer)

    *_, last = client.stream("SubscribeToTask", {"id": task.ref.task_id})

    assert last["statusUpdate"]["status"]["message"]["parts"] == [{"text": "Which month?"}]


def test_an_ended_task_cannot_be_subscribed_to(client: A2AAgent, deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.work()

    with pytest.raises(A2AError) as refused:
        client.stream("SubscribeToTask", {"id": task.ref.task_id})

    assert refused.value.problem is Problem.UNSUPPORTED_OPERATION


def test_another_projects_task_cannot_be_subscribed_to(client: A2AAgent, deployment: Deployment) -> None:
    task = deployment.submit()
    client.project_id = "rival"

    with pytest.raises(A2AError) as refused:
        client.stream("SubscribeToTask", {"id": task.ref.task_id})

    assert refused.value.problem is Problem.TASK_NOT_FOUND


def test_what_the_model_says_of_its_progress_is_a_message_of_the_work(deployment: Deployment) -> None:
    task = deployment.submit()
    chunks = ["I read", " the notes.\n\nI", " count."]
    for number, updates in enumerate(chunks):
        deployment.live.append(task.ref.task_id, LiveChunk(1, 1, number, "", updates=updates), 0)

    responses = said(stream(deployment, task))

    told = [each["statusUpdate"] for each in responses if "statusUpdate" in each]
    progress = [each for each in told if each["metadata"]["event"]["type"] == "thinking"]
    assert [each["status"]["message"]["parts"] for each in progress] == [[{"text": "I count."}]]
    assert progress[0]["status"]["message"]["messageId"] == f"{task.ref.task_id}-progress-2"
    assert progress[0]["status"]["state"] == "TASK_STATE_WORKING"
    assert "I count." not in str([each for each in responses if "artifactUpdate" in each])


def test_a_task_that_cannot_start_soon_ends_the_stream_and_says_when_to_come_back(
    client: A2AAgent, deployment: Deployment
) -> None:
    task = deployment.submit(not_before=deployment.clock.now() + HOUR_MS)

    responses = client.stream("SubscribeToTask", {"id": task.ref.task_id})

    last = responses[-1]["statusUpdate"]
    assert last["status"]["state"] == "TASK_STATE_SUBMITTED"
    assert last["metadata"] == {"retryAfterSeconds": 3_600}


def test_what_waits_or_streams_is_counted_before_anything_is_done(client: A2AAgent) -> None:
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "Hi."}]}
    client.while_waiting = client.deployment.work

    task = client.send("Hi.")
    client.get(task["id"])
    assert client.opened == [], "nothing is waited for"
    client.stream("SubscribeToTask", {"id": task["id"]})
    client.call("SendMessage", {"message": message})
    client.stream("SendStreamingMessage", {"message": message | {"messageId": "n"}})

    assert client.opened == [client.wait_seconds] * 3
