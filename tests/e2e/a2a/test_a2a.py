"""A2A 1.0 with the protocol's own client, by both bindings, on the real template."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable

import httpx
import pytest
from a2a.types import (
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTasksRequest,
    Part,
    SendMessageConfiguration,
    Task,
    TaskPushNotificationConfig,
    TaskState,
)
from a2a.utils.errors import (
    ContentTypeNotSupportedError,
    InvalidParamsError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
)

from local.deployed import Deployed, Project
from tests.e2e.a2a.a2a_client import A2AClient, connected

BINDINGS = ["JSONRPC", "HTTP+JSON"]
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
MISSING_ID = "01a20e77-f9e8-74fa-8a41-5b6c7d8e9f00"


@pytest.fixture(params=BINDINGS)
def binding(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def asks(project: Project) -> str:
    return project.id_of("toolbox")


def result_of(task: Task) -> str:
    (artifact,) = task.artifacts
    return artifact.parts[0].text


async def ended(client: A2AClient, task: Task) -> Task:
    """The task when it has ended or asks."""
    while task.status.state in (TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING):
        await asyncio.sleep(0.2)
        task = await client.sdk.get_task(GetTaskRequest(id=task.id))
    return task


def run(project: Project, agent_id: str, binding: str, story: Callable[[A2AClient], Awaitable[None]]) -> None:
    async def tell() -> None:
        async with connected(project, agent_id, binding) as client:
            await story(client)

    asyncio.run(asyncio.wait_for(tell(), 90))


def test_a_message_is_answered_when_the_task_has_ended(project: Project, binding: str) -> None:
    async def story(client: A2AClient) -> None:
        task = await client.send("[[standin: say=四十二]] e2e-a2a-blocking")

        assert task.status.state == TaskState.TASK_STATE_COMPLETED
        assert result_of(task) == "四十二"
        assert task.context_id
        assert [message.parts[0].text for message in task.history] == [
            "[[standin: say=四十二]] e2e-a2a-blocking"
        ]
        # the same store: the other API knows it, with its conversation
        seen = project.request("GET", f"/a2a/{project.agent_id}/tasks/{task.id}").json()
        assert (seen["status"], seen["output"]["result"]) == ("completed", "四十二")

    run(project, project.agent_id, binding, story)


def test_a_task_of_the_other_api_is_seen(project: Project, binding: str) -> None:
    accepted = project.submit("[[standin: say=done]] e2e-a2a-rest")
    project.wait(accepted)

    async def story(client: A2AClient) -> None:
        task = await client.sdk.get_task(GetTaskRequest(id=accepted["taskId"]))

        assert (task.status.state, result_of(task)) == (TaskState.TASK_STATE_COMPLETED, "done")
        assert task.history[0].parts[0].text == "[[standin: say=done]] e2e-a2a-rest"

    run(project, project.agent_id, binding, story)


def test_a_caller_that_does_not_wait_polls(project: Project, binding: str) -> None:
    async def story(client: A2AClient) -> None:
        at_once = SendMessageConfiguration(return_immediately=True)
        task = await client.send("[[standin: delay=1; say=later]] e2e-a2a-polling", configuration=at_once)

        assert task.status.state == TaskState.TASK_STATE_SUBMITTED
        done = await ended(client, task)
        assert (done.status.state, result_of(done)) == (TaskState.TASK_STATE_COMPLETED, "later")

    run(project, project.agent_id, binding, story)


def test_a_question_is_answered_in_its_task(project: Project, binding: str) -> None:
    ask = f"tool=ask_user:{json.dumps({'question': '哪一年?'})}"

    async def story(client: A2AClient) -> None:
        asking = await client.send(f"[[standin: {ask} | say=${{last_tool_result}}]] e2e-a2a-question")

        assert asking.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        assert asking.status.message.parts[0].text == "哪一年?"
        with pytest.raises(InvalidParamsError):
            await client.send("2026", task_id=asking.id, context_id="another")
        done = await client.send("2026", task_id=asking.id)
        assert (done.status.state, result_of(done)) == (TaskState.TASK_STATE_COMPLETED, "2026")
        assert (done.id, done.context_id) == (asking.id, asking.context_id)
        assert [message.parts[0].text for message in done.history][1:] == ["哪一年?", "2026"]
        with pytest.raises(UnsupportedOperationError):
            await client.send("2027", task_id=asking.id)

    run(project, asks(project), binding, story)


def test_a_second_message_goes_on_in_its_context(project: Project, binding: str) -> None:
    async def story(client: A2AClient) -> None:
        first = await client.send("[[standin: say=one]] e2e-a2a-context")
        second = await client.send("And then?", context_id=first.context_id)

        assert (second.context_id, second.status.state) == (
            first.context_id,
            TaskState.TASK_STATE_COMPLETED,
        )
        assert second.id != first.id
        listed = await client.sdk.list_tasks(ListTasksRequest(context_id=first.context_id))
        assert [task.id for task in listed.tasks] == [second.id, first.id]

    run(project, project.agent_id, binding, story)


def test_files_reach_the_model(deployed: Deployed, project: Project, binding: str) -> None:
    marker = f"e2e-a2a-files-{binding}"

    async def story(client: A2AClient) -> None:
        picture = Part(raw=base64.b64decode(PNG), media_type="image/png", filename="点.png")
        await client.send(f"[[standin: say=ok]] {marker}", parts=(picture,))

        (body,) = deployed.standin.bodies(marker)
        assert [block["type"] for block in body["messages"][-1]["content"]] == ["text", "image"]
        with pytest.raises(ContentTypeNotSupportedError):
            await client.send("Watch.", parts=(Part(raw=b"x", media_type="video/mp4"),))

    run(project, project.agent_id, binding, story)


def test_a_task_is_canceled_once(project: Project, binding: str) -> None:
    async def story(client: A2AClient) -> None:
        at_once = SendMessageConfiguration(return_immediately=True)
        task = await client.send("[[standin: delay=60]] e2e-a2a-cancel", configuration=at_once)

        canceled = await client.sdk.cancel_task(CancelTaskRequest(id=task.id))

        assert canceled.status.state == TaskState.TASK_STATE_CANCELED
        with pytest.raises(TaskNotCancelableError):
            await client.sdk.cancel_task(CancelTaskRequest(id=task.id))

    run(project, project.agent_id, binding, story)


def test_a_list_is_paged_filtered_and_counted(project: Project, binding: str) -> None:
    async def story(client: A2AClient) -> None:
        context_id = (await client.send("[[standin: say=0]] e2e-a2a-list")).context_id
        for _ in range(2):
            await client.send("More.", context_id=context_id)

        wanted = ListTasksRequest(context_id=context_id, page_size=2, include_artifacts=True)
        first = await client.sdk.list_tasks(wanted)
        wanted.page_token = first.next_page_token
        second = await client.sdk.list_tasks(wanted)

        assert (len(first.tasks), len(second.tasks)) == (2, 1)
        assert (first.total_size, second.total_size, second.next_page_token) == (3, 3, "")
        assert all(task.artifacts and not task.history for task in [*first.tasks, *second.tasks])
        none = ListTasksRequest(context_id=context_id, status=TaskState.TASK_STATE_FAILED)
        assert (await client.sdk.list_tasks(none)).total_size == 0

    run(project, project.agent_id, binding, story)


def test_a_repeated_message_with_its_key_is_one_task(project: Project, binding: str) -> None:
    async def story(client: A2AClient) -> None:
        at_once = SendMessageConfiguration(return_immediately=True)
        key = {"Idempotency-Key": f"e2e-a2a-{binding}"}
        await client.send("[[standin: say=ok]] one", headers=key, configuration=at_once)
        with pytest.raises(InvalidParamsError):
            await client.send("two", headers=key, configuration=at_once)

    run(project, project.agent_id, binding, story)


def test_push_configurations_are_kept_with_their_task(project: Project, binding: str) -> None:
    async def story(client: A2AClient) -> None:
        hook = TaskPushNotificationConfig(url="https://hooks.example/1", token="t0ken")
        at_once = SendMessageConfiguration(return_immediately=True, task_push_notification_config=hook)
        task = await client.send("[[standin: say=ok]] e2e-a2a-push", configuration=at_once)
        second = TaskPushNotificationConfig(task_id=task.id, id="second", url="https://hooks.example/2")
        made = await client.sdk.create_task_push_notification_config(second)

        listed = await client.sdk.list_task_push_notification_configs(
            ListTaskPushNotificationConfigsRequest(task_id=task.id)
        )
        assert {config.url for config in listed.configs} == {hook.url, second.url}
        assert not any(config.token for config in listed.configs)
        named = GetTaskPushNotificationConfigRequest(task_id=task.id, id=made.id)
        assert (await client.sdk.get_task_push_notification_config(named)).url == second.url
        await client.sdk.delete_task_push_notification_config(
            DeleteTaskPushNotificationConfigRequest(task_id=task.id, id=made.id)
        )
        with pytest.raises(TaskNotFoundError):
            await client.sdk.get_task_push_notification_config(named)

    run(project, project.agent_id, binding, story)


def test_an_agent_that_takes_nothing_rejects(project: Project, binding: str) -> None:
    async def story(client: A2AClient) -> None:
        task = await client.send("Anything.")

        assert task.status.state == TaskState.TASK_STATE_REJECTED
        assert "disabled" in task.status.message.parts[0].text

    run(project, project.id_of("idle"), binding, story)


def test_what_is_not_yours_does_not_exist(project: Project, other_project: Project, binding: str) -> None:
    accepted = other_project.submit("[[standin: say=secret]] e2e-a2a-foreign")

    async def story(client: A2AClient) -> None:
        for task_id in (accepted["taskId"], MISSING_ID, "none"):
            with pytest.raises(TaskNotFoundError):
                await client.sdk.get_task(GetTaskRequest(id=task_id))

    run(project, project.agent_id, binding, story)


def test_the_extended_card_is_for_those_with_a_key(project: Project, binding: str) -> None:
    async def story(client: A2AClient) -> None:
        card = await client.sdk.get_extended_agent_card(GetExtendedAgentCardRequest())

        assert card.name == "Assistant"
        assert [each.protocol_binding for each in card.supported_interfaces][:2] == BINDINGS

    run(project, project.agent_id, binding, story)


def test_a_card_is_public_and_the_agent_is_not(deployed: Deployed, project: Project) -> None:
    url = f"{deployed.api_url}/a2a/{project.agent_id}"
    card = httpx.get(f"{url}/.well-known/agent-card.json", trust_env=False)
    assert card.status_code == 200
    known = httpx.get(
        f"{url}/.well-known/agent-card.json",
        headers={"If-None-Match": card.headers["ETag"]},
        trust_env=False,
    )
    assert (known.status_code, known.content) == (304, b"")
    refused = httpx.post(url, json={}, headers={"A2A-Version": "1.0"}, trust_env=False)
    assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("slash", ["", "/"])
def test_json_rpc_answers_with_and_without_a_slash_at_the_end(project: Project, slash: str) -> None:
    request = {"jsonrpc": "2.0", "id": "x", "method": "GetTask", "params": {"id": MISSING_ID}}
    answer = project.request(
        "POST", f"/a2a/{project.agent_id}{slash}", json=request, headers={"A2A-Version": "1.0"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, -32001)


def test_a_colon_may_come_encoded(project: Project) -> None:
    path = f"/a2a/{project.agent_id}/v1/tasks/{MISSING_ID}%3Acancel"
    answer = project.request("POST", path, headers={"A2A-Version": "1.0"})
    assert (answer.status_code, answer.json()["error"]["details"][0]["reason"]) == (404, "TASK_NOT_FOUND")


def test_another_version_is_refused(project: Project) -> None:
    answer = project.request("GET", f"/a2a/{project.agent_id}/v1/tasks/{MISSING_ID}")
    assert answer.json()["error"]["details"][0]["reason"] == "VERSION_NOT_SUPPORTED"
