"""Answers as streams: in pieces on the runtime that streams, and whole through the emulator's gateway."""

import asyncio
import json
import time
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from a2a.types import (
    Message,
    Part,
    Role,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    TaskState,
)

from local.deployed import Deployed, Project
from tests.e2e.a2a_client import connected
from tests.e2e.streaming_gateway import streaming_gateway

A2A_ROUTES = [
    "/a2a/{agentId}/.well-known/agent-card.json",
    "/a2a/{agentId}",
    "/a2a/{agentId}/v1/{proxy+}",
]
SLOW = "[[standin: delay=6; say=%s]] " % ("四十二是答案。" * 6)


@pytest.fixture(scope="module")
def messages(deployed: Deployed) -> Iterator[str]:
    name = deployed.outputs["MessagesFunctionName"]
    with streaming_gateway(deployed, "MessagesFunction", name, ["/a2a/{agentId}/messages"]) as url:
        yield url


@pytest.fixture(scope="module")
def a2a(deployed: Deployed) -> Iterator[str]:
    with streaming_gateway(deployed, "A2AFunction", deployed.outputs["A2AFunctionName"], A2A_ROUTES) as url:
        yield url


def stream(url: str, project: Project, message: str) -> Iterator[tuple[float, str, dict[str, object]]]:
    """Each event of a streamed message: when it came, its name and its data."""
    headers = {"Authorization": f"Bearer {project.key}", "Accept": "text/event-stream"}
    path = f"{url}/a2a/{project.agent_id}/messages"
    with httpx.stream(
        "POST", path, json={"message": message}, headers=headers, timeout=60, trust_env=False
    ) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["Content-Type"] == "text/event-stream"
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: "):
                yield time.monotonic(), name, json.loads(line.removeprefix("data: "))


def test_what_the_agent_says_arrives_before_it_has_ended(messages: str, project: Project) -> None:
    events = list(stream(messages, project, SLOW + "e2e-streamed"))

    names = [name for _, name, _ in events]
    assert names[0] == "accepted"
    assert names[-1] == "answer"
    first_text = names.index("text")
    said = ""
    for _, name, data in events:
        if name == "text":
            said = said[: int(str(data["offset"]))] + str(data["text"])
    answer = str(events[-1][2]["response"])
    assert said
    assert answer.startswith(said)
    # two different moments, and an order: how long it took is the machine's business
    assert first_text < len(names) - 1
    assert events[first_text][0] < events[-1][0]


def test_a_key_that_is_none_opens_no_stream(messages: str, project: Project) -> None:
    answer = httpx.post(
        f"{messages}/a2a/{project.agent_id}/messages",
        json={"message": "Hi."},
        headers={"Authorization": "Bearer none", "Accept": "text/event-stream"},
        trust_env=False,
    )

    assert answer.status_code == 401


def test_the_emulators_gateway_gives_the_same_stream_at_its_end(deployed: Deployed, project: Project) -> None:
    events = list(stream(deployed.api_url, project, "[[standin: say=Hello.]] e2e-whole"))

    assert (events[0][1], events[-1][1]) == ("accepted", "answer")
    assert events[-1][2]["response"] == "Hello."


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
@pytest.mark.parametrize("way", ["streamed", "whole"])
def test_the_protocols_client_streams_and_subscribes(
    request: pytest.FixtureRequest, project: Project, binding: str, way: str
) -> None:
    url = request.getfixturevalue("a2a") if way == "streamed" else None

    async def story() -> list[StreamResponse]:
        async with connected(project, project.agent_id, binding, streaming=True, api_url=url) as client:
            text = f"{SLOW}e2e-a2a-{way}-{binding}"
            message = Message(message_id=uuid4().hex, role=Role.ROLE_USER, parts=[Part(text=text)])
            seen: list[StreamResponse] = []
            async for response in client.sdk.send_message(SendMessageRequest(message=message)):
                seen.append(response)
                if len(seen) == 1:  # another reader, from now on
                    task_id = response.task.id
                    again = client.sdk.subscribe(SubscribeToTaskRequest(id=task_id))
                    other = asyncio.ensure_future(_all(again)) if way == "streamed" else None
            if other is not None:
                last = (await other)[-1]
                assert last.status_update.status.state == TaskState.TASK_STATE_COMPLETED
            return seen

    async def _all(responses: object) -> list[StreamResponse]:
        return [each async for each in responses]  # type: ignore[attr-defined]

    seen = asyncio.run(asyncio.wait_for(story(), 60))

    assert seen[0].HasField("task")
    assert seen[-1].status_update.status.state == TaskState.TASK_STATE_COMPLETED
    results = [each.artifact_update for each in seen if each.HasField("artifact_update")]
    assert results[-1].last_chunk
    assert results[-1].artifact.parts[0].text.startswith("四十二是答案。")
