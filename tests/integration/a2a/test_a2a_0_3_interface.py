"""The interface for clients of A2A 0.3, through the real handler, read with the older types."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from a2a.compat.v0_3 import types
from pydantic import BaseModel

from a2a_tasks.domain.task import Payload, Status
from a2a_tasks.domain.webhooks.push import PushFormat
from tests.integration.support.a2a_caller import A2ACaller
from tests.integration.support.account import AGENT, OTHER_AGENT, PROJECT, Account
from tests.integration.support.caller import Answer
from tests.integration.support.stored_task import asking, completed, created

type Start = Callable[..., ModuleType]
HOST = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
MISSING_ID = "01a20e77-f9e8-74fa-8a41-5b6c7d8e9f00"
MESSAGE = {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "报告"}]}
HOOK = {"url": "https://hooks.example.com/1", "token": "t0ken"}
SEND = {"message": MESSAGE, "configuration": {"blocking": False}}
GET = {"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": {"id": MISSING_ID}}


def post(client: A2ACaller, document: object, rest: str = "/v0.3", **options: Any) -> Answer:
    # no version header: the address says it
    return client.send("POST", rest, document, headers={}, **options)


def call(client: A2ACaller, method: str, params: object = None, agent_id: str = AGENT) -> Any:
    """The result of a method, or its error."""
    asked = {} if params is None else {"params": params}
    answer = post(client, {"jsonrpc": "2.0", "id": "x", "method": method} | asked, agent_id=agent_id)
    assert (answer.status, answer.body["id"], answer.body["jsonrpc"]) == (200, "x", "2.0")
    assert set(answer.body) in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"})
    return answer.body["error"] if "error" in answer.body else answer.body["result"]


def strictly[T: BaseModel](document: Any, model: type[T]) -> T:
    """Read with the older version's types, which know all of it."""
    read = model.model_validate(document)
    assert read.model_dump(mode="json", by_alias=True, exclude_none=True) == document
    return read


def test_a_message_becomes_a_task_like_any_other(client: A2ACaller, agents: Account) -> None:
    task = strictly(call(client, "message/send", SEND), types.Task)

    stored = agents.store.page(AGENT, None, 10, None).tasks[0]
    assert (stored.ref.task_id, stored.context_id) == (task.id, task.context_id)
    assert (stored.status, task.status.state) == (Status.PENDING, types.TaskState.submitted)
    (said,) = task.history or []
    assert said.parts[0].root.text == "报告"  # type: ignore[union-attr]
    assert strictly(call(client, "tasks/get", {"id": task.id}), types.Task) == task


def test_what_a_task_has_done_is_read(client: A2ACaller, agents: Account, now: int) -> None:
    output = Payload(inline='{"result": "四十二"}')
    task = completed(agents.store, created(agents.store, now), now, output)
    read = strictly(call(client, "tasks/get", {"id": task.ref.task_id}), types.Task)
    assert read.status.state is types.TaskState.completed
    (artifact,) = read.artifacts or []
    assert artifact.parts[0].root.text == "四十二"  # type: ignore[union-attr]


def test_a_question_is_answered_in_its_task(client: A2ACaller, agents: Account, now: int) -> None:
    task = asking(agents.store, created(agents.store, now), now)
    read = strictly(call(client, "tasks/get", {"id": task.ref.task_id}), types.Task)
    assert read.status.state is types.TaskState.input_required

    answer = SEND | {"message": MESSAGE | {"taskId": task.ref.task_id}}
    goes_on = strictly(call(client, "message/send", answer), types.Task)

    assert (goes_on.id, goes_on.status.state) == (task.ref.task_id, types.TaskState.submitted)


def test_a_task_is_canceled_once(client: A2ACaller, agents: Account, now: int) -> None:
    task = created(agents.store, now)
    canceled = call(client, "tasks/cancel", {"id": task.ref.task_id})
    assert strictly(canceled, types.Task).status.state is types.TaskState.canceled
    assert call(client, "tasks/cancel", {"id": task.ref.task_id})["code"] == -32002


def test_receivers_are_told_in_the_older_form(client: A2ACaller, agents: Account) -> None:
    agents.give_signing_secret()
    inline = SEND | {"configuration": {"blocking": False, "pushNotificationConfig": HOOK | {"id": "first"}}}
    task_id = call(client, "message/send", inline)["id"]
    second = {"taskId": task_id, "pushNotificationConfig": HOOK | {"id": "second"}}
    made = strictly(
        call(client, "tasks/pushNotificationConfig/set", second), types.TaskPushNotificationConfig
    )
    assert (made.task_id, made.push_notification_config.id) == (task_id, "second")
    assert made.push_notification_config.token is None, "it is never shown again"

    listed = call(client, "tasks/pushNotificationConfig/list", {"id": task_id})
    assert [each["pushNotificationConfig"]["id"] for each in listed] == ["first", "second"]
    named = {"id": task_id, "pushNotificationConfigId": "second"}
    assert call(client, "tasks/pushNotificationConfig/get", named) == listed[1]
    assert call(client, "tasks/pushNotificationConfig/get", {"id": task_id}) == listed[0]
    assert {each.format for each in agents.push.all(task_id)} == {PushFormat.A2A_0_3}

    assert call(client, "tasks/pushNotificationConfig/delete", named) is None
    assert call(client, "tasks/pushNotificationConfig/get", named)["code"] == -32001
    call(client, "tasks/pushNotificationConfig/delete", named | {"pushNotificationConfigId": "first"})
    assert call(client, "tasks/pushNotificationConfig/get", {"id": task_id})["code"] == -32001


@pytest.mark.parametrize("slash", ["", "/"])
def test_it_answers_with_and_without_a_slash_at_the_end(client: A2ACaller, slash: str) -> None:
    assert post(client, GET, f"/v0.3{slash}").body["error"]["code"] == -32001


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"jsonrpc": "1.0"}, -32600),
        ({"id": None}, -32600),
        ({"method": None}, -32600),
        ({"method": "GetTask"}, -32601),
        ({"method": "tasks/list"}, -32601),
        ({"params": []}, -32602),
        ({"params": {}}, -32602),
        ({"params": {"id": "none"}}, -32001),
        ({"method": "tasks/cancel"}, -32001),
    ],
)
def test_errors_have_the_codes_of_the_version(client: A2ACaller, change: dict[str, Any], code: int) -> None:
    answer = post(client, GET | change)
    assert (answer.status, answer.body["error"]["code"]) == (200, code)
    types.JSONRPCErrorResponse.model_validate(answer.body)


def test_who_asks_for_a_stream_is_refused_in_one(client: A2ACaller) -> None:
    refused = post(client, GET | {"method": "tasks/resubscribe"})
    assert (refused.status, refused.headers["Content-Type"]) == (200, "text/event-stream")
    told = types.JSONRPCErrorResponse.model_validate_json(refused.text.removeprefix("data: "))
    assert (told.id, told.error.code) == (1, -32001)

    # but for what is no answer of the agent
    missing = post(client, GET | {"method": "message/stream", "params": SEND}, agent_id="nobody")
    assert (missing.status, missing.headers["Content-Type"]) == (404, "application/json")


def test_what_is_no_json_is_told_so(client: A2ACaller) -> None:
    answer = client.send("POST", "/v0.3", body="{", headers={})
    assert (answer.body["id"], answer.body["error"]["code"]) == (None, -32700)


def test_a_wrong_field_has_the_name_that_the_client_wrote(client: A2ACaller) -> None:
    part = {"kind": "file", "file": {"bytes": "%", "mimeType": "image/png"}}
    error = call(client, "message/send", {"message": MESSAGE | {"parts": [part]}})
    assert error["code"] == -32602
    assert error["data"]["fieldViolations"][0]["field"] == "message.parts[0].file.bytes"


def test_what_is_not_yours_does_not_exist(client: A2ACaller) -> None:
    missing, other = (
        post(client, GET | {"method": "message/send", "params": SEND}, agent_id=agent_id)
        for agent_id in ("nobody", OTHER_AGENT)
    )
    assert (missing.status, missing.text) == (other.status, other.text)
    assert missing.status == 404


def test_too_many_requests_are_told_by_the_status(app: ModuleType, start: Start) -> None:  # noqa: ARG001
    hasty = A2ACaller(start("a2a", REQUEST_BURST="1", REQUESTS_PER_HOUR="1").handler, PROJECT)
    answers = [post(hasty, GET) for _ in range(3)]
    assert answers[-1].status == 429
    assert "Retry-After" in answers[-1].headers
    assert answers[-1].body["error"]["code"] == -32603


class TestCard:
    @pytest.mark.parametrize("name", ["agent-card.json", "agent.json"])
    def test_it_is_for_everybody(self, app: ModuleType, name: str) -> None:
        anybody = A2ACaller(app.handler, None)
        answer = anybody.send("GET", f"/v0.3/.well-known/{name}", headers={})

        assert (answer.status, answer.headers["Cache-Control"]) == (200, "public, max-age=300")
        card = strictly(answer.body, types.AgentCard)
        assert (card.url, card.protocol_version) == (f"{HOST}/dev/a2a/{AGENT}/v0.3", "0.3.0")
        known = anybody.send(
            "GET", f"/v0.3/.well-known/{name}", headers={"If-None-Match": answer.headers["ETag"]}
        )
        assert (known.status, known.text) == (304, "")

    def test_it_is_not_the_other_versions(self, app: ModuleType) -> None:
        anybody = A2ACaller(app.handler, None)
        old = anybody.send("GET", "/v0.3/.well-known/agent-card.json", headers={})
        assert old.headers["ETag"] != anybody.card().headers["ETag"]
        assert "supportedInterfaces" not in old.body

    def test_the_other_version_names_the_door(self, app: ModuleType) -> None:
        interfaces = A2ACaller(app.handler, None).card().body["supportedInterfaces"]
        assert interfaces[-1] == {
            "url": f"{HOST}/dev/a2a/{AGENT}/v0.3",
            "protocolBinding": "JSONRPC",
            "protocolVersion": "0.3",
        }

    def test_the_one_for_those_with_a_key(self, client: A2ACaller) -> None:
        card = call(client, "agent/getAuthenticatedExtendedCard")
        assert strictly(card, types.AgentCard).supports_authenticated_extended_card

    def test_a_private_one_does_not_exist_for_others(self, app: ModuleType, agents: Account) -> None:
        agents.add_agent(AGENT, PROJECT, visibility="private")
        _, own = agents.add_key(PROJECT)
        anybody = A2ACaller(app.handler, None)
        path = "/v0.3/.well-known/agent-card.json"
        hidden = anybody.send("GET", path, headers={})
        missing = anybody.send("GET", path, agent_id="nobody", headers={})
        assert (hidden.status, hidden.text) == (missing.status, missing.text) == (404, missing.text)
        assert anybody.send("GET", path, headers={"Authorization": f"Bearer {own}"}).status == 200
