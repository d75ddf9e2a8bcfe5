"""The methods of A2A on the services: what a client is told, and what of it is the same for other callers."""

import json
from typing import Any

import pytest

from a2a_tasks.a2a.errors import A2AError, Problem
from a2a_tasks.domain.task import Status, TaskRef
from a2a_tasks.ports.errors import StoreUnavailable
from tests.twins.deployment import Deployment, agent
from tests.twins.model import answer, uses
from tests.unit.a2a.a2a_agent import A2AAgent

ASK = uses(("ask_user", {"question": "Which year?"}))
MISSING_ID = "01a20e77-f9e8-74fa-8a41-5b6c7d8e9f00"


@pytest.fixture
def client(deployment: Deployment) -> A2AAgent:
    deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    return A2AAgent(deployment)


def refusal(client: A2AAgent, method: str, params: dict[str, Any]) -> A2AError:
    with pytest.raises(A2AError) as refused:
        client.call(method, params)
    return refused.value


def refused_message(client: A2AAgent, text: str = "x", **more: Any) -> A2AError:
    with pytest.raises(A2AError) as refused:
        client.send(text, **more)
    return refused.value


def request(text: str, **more: Any) -> dict[str, Any]:
    message = {"role": "ROLE_USER", "messageId": "m1", "parts": [{"text": text}]}
    return {"message": message, "configuration": {"returnImmediately": True}} | more


def asking(client: A2AAgent) -> Any:
    """A task that asks."""
    task = client.send(contextId="talk")
    client.deployment.model.then(ASK)
    client.deployment.work()
    return client.get(task["id"])


def texts(messages: list[Any]) -> list[str]:
    return [message["parts"][0]["text"] for message in messages]


class TestSending:
    def test_a_message_becomes_a_task_in_a_context(self, client: A2AAgent) -> None:
        task = client.send("写报告")

        stored = client.deployment.store.get(TaskRef("writer", task["id"]))
        assert stored is not None
        assert (stored.status, stored.context_id) == (Status.PENDING, task["contextId"])
        assert task["status"]["state"] == "TASK_STATE_SUBMITTED"
        assert client.counted == ["SendMessage"]

    def test_a_context_that_is_given_is_kept(self, client: A2AAgent) -> None:
        assert client.send(contextId="my:talk@1")["contextId"] == "my:talk@1"
        assert client.send()["contextId"] != client.send()["contextId"]
        error = refused_message(client, contextId="a b")
        assert (error.problem, error.violations[0]["field"]) == (Problem.INVALID_PARAMS, "message.contextId")

    def test_its_times_are_in_the_requests_metadata(self, client: A2AAgent) -> None:
        metadata = {"timeout": 60_000, "queueTimeout": 90_000.0, "of": "the client"}
        sent = client.call("SendMessage", request("Hi.", metadata=metadata))

        stored = client.deployment.store.get(TaskRef("writer", sent["task"]["id"]))
        assert stored is not None
        assert (stored.timeout_ms, stored.queue_timeout_ms) == (60_000, 90_000)

    @pytest.mark.parametrize("name", ["timeout", "queueTimeout"])
    @pytest.mark.parametrize("value", ["5m", 999, 1.5, True, 10**12, [1_000]])
    def test_others_are_refused_by_name(self, client: A2AAgent, name: str, value: object) -> None:
        error = refusal(client, "SendMessage", request("Hi.", metadata={name: value}))

        assert (error.problem, error.violations[0]["field"]) == (Problem.INVALID_PARAMS, f"metadata.{name}")
        assert not client.deployment.store.tasks

    def test_a_blocking_message_is_answered_at_the_end(self, deployment: Deployment) -> None:
        client = A2AAgent(deployment, while_waiting=deployment.work)
        deployment.model.then(answer("四十二"))

        task = client.send(configuration={"returnImmediately": False})

        assert task["status"]["state"] == "TASK_STATE_COMPLETED"
        assert task["artifacts"][0]["parts"] == [{"text": "四十二", "mediaType": "text/plain"}]

    def test_a_blocking_message_is_answered_by_a_question(self, deployment: Deployment) -> None:
        deployment.registry.apply(agent(allowed_tools=("ask_user",)))
        client = A2AAgent(deployment, while_waiting=deployment.work)
        deployment.model.then(ASK)

        task = client.send(configuration={"returnImmediately": False})

        assert task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
        assert texts([task["status"]["message"]]) == ["Which year?"]

    def test_a_task_that_takes_longer_is_answered_as_it_stands(self, client: A2AAgent) -> None:
        began = client.deployment.clock.now()

        task = client.send(configuration={"returnImmediately": False})

        assert task["status"]["state"] == "TASK_STATE_SUBMITTED"
        assert client.deployment.clock.now() - began == 25_000

    def test_the_message_comes_back_as_it_was_sent(self, client: A2AAgent) -> None:
        parts = [{"text": "Look."}, {"data": {"n": 42}, "metadata": {"k": 1}}]
        own: dict[str, Any] = {
            "messageId": "m-7",
            "metadata": {"trace": 7},
            "extensions": ["https://a.b/x"],
            "referenceTaskIds": [MISSING_ID],
        }

        task = client.send(parts=parts, **own)

        (told,) = client.get(task["id"])["history"]
        same = own | {"role": "ROLE_USER", "parts": parts}
        assert told == same | {"taskId": task["id"], "contextId": task["contextId"]}

    def test_a_plain_text_is_kept_once(self, client: A2AAgent) -> None:
        task = client.send("hello", messageId="m-1")

        stored = client.deployment.store.get(TaskRef("writer", task["id"]))
        assert stored is not None
        assert json.loads(stored.input.inline or "") == {
            "message": "hello",
            "envelope": {"messageId": "m-1"},
        }

    def test_the_same_key_is_the_same_task(self, client: A2AAgent) -> None:
        first = client.send(messageId="m", key="k")

        assert client.send(messageId="m", key="k")["id"] == first["id"]
        with pytest.raises(A2AError) as refused:
            client.send("other", messageId="m", key="k")
        assert refused.value.problem is Problem.INVALID_PARAMS
        assert client.send(messageId="m")["id"] != first["id"]

    @pytest.mark.parametrize("key", ["", "k" * 256])
    def test_a_key_has_a_length(self, client: A2AAgent, key: str) -> None:
        with pytest.raises(A2AError) as refused:
            client.send(key=key)
        assert refused.value.problem is Problem.INVALID_PARAMS

    @pytest.mark.parametrize(
        ("parts", "problem"),
        [
            ([{"raw": "eA==", "mediaType": "video/mp4"}], Problem.CONTENT_TYPE_NOT_SUPPORTED),
            ([{"text": " "}], Problem.INVALID_PARAMS),
            ([{"text": "x" * 100_001}], Problem.INVALID_PARAMS),
            ([{"text": "x"}] * 51, Problem.INVALID_PARAMS),
        ],
    )
    def test_what_the_agent_cannot_read_is_refused(
        self, client: A2AAgent, parts: list[Any], problem: Problem
    ) -> None:
        error = refused_message(client, parts=parts)

        assert error.problem is problem
        assert error.violations[0]["field"].startswith("message.parts")
        assert not client.deployment.store.tasks
        assert not client.counted

    def test_an_agents_message_is_not_taken(self, client: A2AAgent) -> None:
        assert refused_message(client, role="ROLE_AGENT").problem is Problem.INVALID_PARAMS

    def test_a_disabled_agent_rejects(self, client: A2AAgent) -> None:
        client.deployment.registry.disable("writer")

        task = client.send()

        assert task["status"]["state"] == "TASK_STATE_REJECTED"
        assert texts([task["status"]["message"]]) == ["This agent is disabled and takes no new tasks."]
        assert client.get(task["id"])["metadata"]["errorCode"] == "REJECTED"

    def test_a_model_that_declines_rejects_too(self, client: A2AAgent) -> None:
        task = client.send()
        client.deployment.model.then(answer("", stop_reason="refusal"))
        client.deployment.work()

        assert client.get(task["id"])["status"]["state"] == "TASK_STATE_REJECTED"


class TestGoingOn:
    def test_an_answer_lets_the_task_go_on(self, client: A2AAgent) -> None:
        task = asking(client)
        client.deployment.model.then(answer("Done in 2026."))

        resumed = client.send("2026", taskId=task["id"], messageId="m-2", metadata={"by": "me"})
        client.deployment.work()

        assert (resumed["id"], resumed["contextId"]) == (task["id"], "talk")
        assert resumed["status"]["state"] == "TASK_STATE_SUBMITTED"
        done = client.get(task["id"])
        assert done["status"]["state"] == "TASK_STATE_COMPLETED"
        assert texts(done["history"]) == ["Write.", "Which year?", "2026"]
        assert done["history"][1] == task["status"]["message"]
        assert (done["history"][2]["messageId"], done["history"][2]["metadata"]) == ("m-2", {"by": "me"})
        assert client.counted == ["SendMessage"]

    def test_an_answer_of_the_other_api_is_in_the_history(self, client: A2AAgent) -> None:
        task = asking(client)
        stored = client.deployment.store.get(TaskRef("writer", task["id"]))
        assert stored is not None
        client.deployment.answerer().answer(stored, "1999")

        told = client.get(task["id"])["history"]

        assert texts(told) == ["Write.", "Which year?", "1999"]
        assert len({message["messageId"] for message in told}) == 3

    def test_the_context_must_be_the_tasks(self, client: A2AAgent) -> None:
        task = asking(client)

        error = refused_message(client, taskId=task["id"], contextId="another")

        assert (error.problem, error.violations[0]["field"]) == (Problem.INVALID_PARAMS, "message.contextId")
        assert client.get(task["id"])["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
        client.send("2026", taskId=task["id"], contextId="talk")

    def test_a_task_that_does_not_ask_takes_no_message(self, client: A2AAgent) -> None:
        task = client.send()

        assert refused_message(client, taskId=task["id"]).problem is Problem.UNSUPPORTED_OPERATION

    def test_a_task_that_has_ended_takes_no_message(self, client: A2AAgent) -> None:
        task = asking(client)
        client.send("2026", taskId=task["id"])
        client.deployment.work()

        # not even the answer that it got
        error = refused_message(client, "2026", taskId=task["id"])
        assert error.problem is Problem.UNSUPPORTED_OPERATION

    def test_the_same_answer_again_is_safe(self, client: A2AAgent) -> None:
        task = asking(client)

        first, second = (client.send("2026", taskId=task["id"]) for _ in range(2))

        assert first["id"] == second["id"]
        assert refused_message(client, "1999", taskId=task["id"]).problem is Problem.UNSUPPORTED_OPERATION

    @pytest.mark.parametrize("task_id", [MISSING_ID, "none", "../x"])
    def test_an_unknown_task_is_not_found(self, client: A2AAgent, task_id: str) -> None:
        assert refused_message(client, taskId=task_id).problem is Problem.TASK_NOT_FOUND


class TestHistory:
    def test_its_length_is_the_callers(self, client: A2AAgent) -> None:
        task = asking(client)
        client.send("2026", taskId=task["id"])

        def told(length: int) -> Any:
            return client.get(task["id"], historyLength=length).get("history")

        assert told(0) is None
        assert texts(told(1)) == ["2026"]
        assert texts(told(2)) == ["Which year?", "2026"]
        assert texts(told(99)) == ["Write.", "Which year?", "2026"]

    def test_the_oldest_messages_make_room_for_the_newest(self, client: A2AAgent) -> None:
        task = client.send(parts=[{"data": "x" * 2_000_000}])
        client.deployment.model.then(ASK)
        client.deployment.work()
        client.send(taskId=task["id"], parts=[{"data": "y" * 2_000_000}])

        told = client.get(task["id"])["history"]

        assert len(told) == 2
        assert told[1]["parts"][0]["data"][0] == "y"

    def test_a_task_of_the_other_api_has_one_too(self, client: A2AAgent) -> None:
        task = client.deployment.submit("Report?", context={"hidden": True})

        (message,) = client.get(task.ref.task_id)["history"]

        assert (message["role"], message["parts"]) == ("ROLE_USER", [{"text": "Report?"}])
        assert "contextId" not in message


class TestListing:
    def test_filters_are_combined(self, client: A2AAgent) -> None:
        first = client.send(contextId="one")
        client.deployment.clock.advance(10)
        second = client.send(contextId="one")
        client.send(contextId="two")
        client.call("CancelTask", {"id": second["id"]})

        def found(**params: Any) -> list[str]:
            return [task["id"] for task in client.call("ListTasks", params)["tasks"]]

        assert found(contextId="one") == [second["id"], first["id"]]
        assert found(contextId="one", status="TASK_STATE_CANCELED") == [second["id"]]
        since = second["status"]["timestamp"]
        assert found(contextId="one", statusTimestampAfter=since) == [second["id"]]
        assert found(contextId="three") == []
        assert found(status="TASK_STATE_AUTH_REQUIRED") == []

    def test_all_four_fields_are_always_there(self, client: A2AAgent) -> None:
        empty = client.call("ListTasks", {})

        assert empty == {"tasks": [], "nextPageToken": "", "pageSize": 50, "totalSize": 0}

    def test_pages_are_counted(self, client: A2AAgent) -> None:
        tasks = [client.send() for _ in range(3)]

        first = client.call("ListTasks", {"pageSize": 2})
        second = client.call("ListTasks", {"pageSize": 2, "pageToken": first["nextPageToken"]})

        assert (len(first["tasks"]), len(second["tasks"])) == (2, 1)
        assert (first["totalSize"], second["totalSize"], second["nextPageToken"]) == (3, 3, "")
        seen = {task["id"] for task in [*first["tasks"], *second["tasks"]]}
        assert seen == {task["id"] for task in tasks}
        error = refusal(client, "ListTasks", {"pageToken": "made up"})
        assert error.violations[0]["field"] == "pageToken"

    def test_artifacts_and_history_are_there_where_asked_for(self, client: A2AAgent) -> None:
        client.send("Write.")
        client.deployment.work()

        (plain,) = client.call("ListTasks", {})["tasks"]
        (full,) = client.call("ListTasks", {"includeArtifacts": True, "historyLength": 1})["tasks"]

        assert not {"artifacts", "history"} & plain.keys()
        assert full["artifacts"]
        assert texts(full["history"]) == ["Write."]

    def test_a_page_that_would_be_too_large_ends_early(self, client: A2AAgent) -> None:
        for _ in range(3):
            client.send(parts=[{"data": "x" * 2_000_000}])

        first = client.call("ListTasks", {"historyLength": 1})
        second = client.call("ListTasks", {"historyLength": 1, "pageToken": first["nextPageToken"]})

        assert (len(first["tasks"]), len(second["tasks"])) == (2, 1)
        assert (first["pageSize"], first["totalSize"], second["nextPageToken"]) == (50, 3, "")

    def test_rejected_tasks_are_found_by_their_state(self, client: A2AAgent) -> None:
        client.deployment.registry.disable("writer")
        client.send()

        found = client.call("ListTasks", {"status": "TASK_STATE_REJECTED"})
        assert found["totalSize"] == 1
        assert client.call("ListTasks", {"status": "TASK_STATE_FAILED"})["totalSize"] == 0


class TestCanceling:
    def test_a_live_task_is_canceled_once(self, client: A2AAgent) -> None:
        task = asking(client)

        canceled = client.call("CancelTask", {"id": task["id"]})

        assert canceled["status"]["state"] == "TASK_STATE_CANCELED"
        assert refusal(client, "CancelTask", {"id": task["id"]}).problem is Problem.TASK_NOT_CANCELABLE

    def test_an_ended_task_is_not_canceled(self, client: A2AAgent) -> None:
        task = client.send()
        client.deployment.work()

        assert refusal(client, "CancelTask", {"id": task["id"]}).problem is Problem.TASK_NOT_CANCELABLE
        assert client.get(task["id"])["status"]["state"] == "TASK_STATE_COMPLETED"


class TestPushConfigurations:
    HOOK = "https://hooks.example/a2a"

    def create(self, client: A2AAgent, task_id: str, **more: Any) -> Any:
        params = {"taskId": task_id, "url": self.HOOK} | more
        return client.call("CreateTaskPushNotificationConfig", params)

    def urls(self, client: A2AAgent, task_id: str) -> list[str]:
        listed = client.call("ListTaskPushNotificationConfigs", {"taskId": task_id})
        return [config["url"] for config in listed["configs"]]

    def test_they_are_created_read_listed_and_deleted(self, client: A2AAgent) -> None:
        task_id = client.send()["id"]

        made = self.create(client, task_id)
        named = {"taskId": task_id, "id": made["id"]}
        read = client.call("GetTaskPushNotificationConfig", named)
        listed = client.call("ListTaskPushNotificationConfigs", {"taskId": task_id})

        assert made == read == {"id": made["id"], "taskId": task_id, "url": self.HOOK}
        assert listed == {"configs": [made], "nextPageToken": ""}
        assert [client.call("DeleteTaskPushNotificationConfig", named) for _ in range(2)] == [{}, {}]
        error = refusal(client, "GetTaskPushNotificationConfig", named)
        assert error.problem is Problem.TASK_NOT_FOUND

    def test_an_id_of_the_clients_is_kept_and_replaces(self, client: A2AAgent) -> None:
        task_id = client.send()["id"]

        self.create(client, task_id, id="mine")
        self.create(client, task_id, id="mine", url="https://other.example/")

        assert self.urls(client, task_id) == ["https://other.example/"]

    def test_secrets_are_never_shown(self, client: A2AAgent) -> None:
        task_id = client.send()["id"]
        authentication = {"scheme": "Bearer", "credentials": "hush-1"}

        made = self.create(client, task_id, token="hush-2", authentication=authentication)

        assert made["authentication"] == {"scheme": "Bearer"}
        assert "hush" not in json.dumps(client.call("ListTaskPushNotificationConfigs", {"taskId": task_id}))

    def test_one_may_come_with_the_message(self, client: A2AAgent) -> None:
        task = client.send(configuration={"taskPushNotificationConfig": {"url": self.HOOK, "token": "x"}})

        assert self.urls(client, task["id"]) == [self.HOOK]
        stored = client.deployment.store.get(TaskRef("writer", task["id"]))
        assert stored is not None
        assert stored.notifies

    def test_one_may_come_with_an_answer(self, client: A2AAgent) -> None:
        task = asking(client)

        client.send(taskId=task["id"], configuration={"taskPushNotificationConfig": {"url": self.HOOK}})

        assert self.urls(client, task["id"]) == [self.HOOK]

    def test_one_that_comes_with_a_message_that_is_refused_is_not_kept(self, client: A2AAgent) -> None:
        task = client.send()

        with pytest.raises(A2AError):
            client.send(taskId=task["id"], configuration={"taskPushNotificationConfig": {"url": self.HOOK}})

        assert self.urls(client, task["id"]) == []

    def test_a_rejected_task_tells_so_too(self, client: A2AAgent) -> None:
        client.deployment.registry.disable("writer")

        task = client.send(configuration={"taskPushNotificationConfig": {"url": self.HOOK}})

        assert self.urls(client, task["id"]) == [self.HOOK]
        assert client.deployment.store.changes[-1].after.notifies

    @pytest.mark.parametrize(
        "url", ["http://hooks.example", "https://127.0.0.1/", "https://169.254.169.254/"]
    )
    def test_a_target_that_may_not_be_called_is_named(self, client: A2AAgent, url: str) -> None:
        task_id = client.send()["id"]

        error = refusal(client, "CreateTaskPushNotificationConfig", {"taskId": task_id, "url": url})
        inline = refused_message(client, configuration={"taskPushNotificationConfig": {"url": url}})

        assert [each["field"] for each in error.violations] == ["url"]
        assert [each["field"] for each in inline.violations] == [
            "configuration.taskPushNotificationConfig.url"
        ]

    def test_a_task_of_another_project_does_not_exist(self, client: A2AAgent) -> None:
        task_id = client.send()["id"]
        client.project_id = "rival"

        for method in ("Create", "Get", "List", "Delete"):
            name = f"{method}TaskPushNotificationConfig{'s' if method == 'List' else ''}"
            params = {"taskId": task_id} | ({"url": self.HOOK} if method == "Create" else {"id": "x"})
            assert refusal(client, name, params).problem is Problem.TASK_NOT_FOUND

    def test_a_task_must_be_named(self, client: A2AAgent) -> None:
        error = refusal(client, "CreateTaskPushNotificationConfig", {"url": self.HOOK})

        assert [each["field"] for each in error.violations] == ["taskId"]


class TestOthers:
    @pytest.mark.parametrize("method", ["GetTask", "CancelTask"])
    def test_another_projects_task_does_not_exist(self, client: A2AAgent, method: str) -> None:
        task = client.send()
        client.project_id = "rival"

        foreign, missing = (
            refusal(client, method, {"id": task["id"]}),
            refusal(client, method, {"id": MISSING_ID}),
        )

        assert (foreign.problem, foreign.message) == (missing.problem, missing.message)
        assert foreign.problem is Problem.TASK_NOT_FOUND

    def test_another_projects_agent_does_not_exist(self, client: A2AAgent) -> None:
        client.project_id = "rival"

        assert refused_message(client).problem is Problem.AGENT_NOT_FOUND
        assert refusal(client, "ListTasks", {}).problem is Problem.AGENT_NOT_FOUND
        assert refusal(client, "GetExtendedAgentCard", {}).problem is Problem.AGENT_NOT_FOUND

    def test_an_unknown_method_is_named(self, client: A2AAgent) -> None:
        error = refusal(client, "tasks/get", {})

        assert error.problem is Problem.METHOD_NOT_FOUND
        assert "tasks/get" in error.message

    def test_the_extended_card_is_the_agents(self, client: A2AAgent) -> None:
        assert client.call("GetExtendedAgentCard", {})["name"] == "Writer"

    def test_a_store_that_does_not_answer_means_try_again(
        self, client: A2AAgent, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            raise StoreUnavailable("throttled")

        monkeypatch.setattr(client.deployment.store, "get", fail)

        error = refusal(client, "GetTask", {"id": MISSING_ID})

        assert (error.problem, error.retry_after) == (Problem.UNAVAILABLE, 5)
        assert "throttled" not in error.message
