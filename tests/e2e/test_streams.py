"""Answers as streams, in pieces."""

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

from local.deployed import Project
from tests.e2e.a2a.a2a_client import connected

SLOW = "[[standin: delay=6; say=%s]] " % ("四十二是答案。" * 6)


def stream(project: Project, message: str) -> Iterator[tuple[float, str, dict[str, object]]]:
    """Each event of a streamed message: when it came, its name and its data."""
    headers = {"Authorization": f"Bearer {project.key}", "Accept": "text/event-stream"}
    path = f"{project.deployed.api_url}/a2a/{project.agent_id}/messages"
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


def test_what_the_agent_says_arrives_before_it_has_ended(project: Project) -> None:
    events = list(stream(project, SLOW + "e2e-streamed"))

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


def test_a_key_that_is_none_opens_no_stream(project: Project) -> None:
    answer = httpx.post(
        f"{project.deployed.api_url}/a2a/{project.agent_id}/messages",
        json={"message": "Hi."},
        headers={"Authorization": "Bearer none", "Accept": "text/event-stream"},
        trust_env=False,
    )

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["code"] == "UNAUTHORIZED"


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
def test_the_protocols_client_streams_and_subscribes(project: Project, binding: str) -> None:
    async def story() -> list[StreamResponse]:
        async with connected(project, project.agent_id, binding, streaming=True) as client:
            text = f"{SLOW}e2e-a2a-{binding}"
            message = Message(message_id=uuid4().hex, role=Role.ROLE_USER, parts=[Part(text=text)])
            seen: list[StreamResponse] = []
            async for response in client.sdk.send_message(SendMessageRequest(message=message)):
                seen.append(response)
                if len(seen) == 1:  # another reader, from now on
                    task_id = response.task.id
                    again = client.sdk.subscribe(SubscribeToTaskRequest(id=task_id))
                    other = asyncio.ensure_future(_all(again))
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
