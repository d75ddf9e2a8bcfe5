"""POST /messages, and GET and DELETE of conversations, through the real handlers and a worker."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.task import ContextRef
from local.standin.client import StandInClient
from tests.integration.support.account import AGENT, OTHER_AGENT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Answer, Caller
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.stored_task import completed
from tests.integration.support.worker import Worker

MESSAGES = f"/a2a/{AGENT}/messages"
TALK = f"/a2a/{AGENT}/contexts/talk"
TASK_ID = "01a20e77-f9e8-74fa-8a41-5b6c7d8e9f00"


@pytest.fixture
def working(api: ModuleType, start_worker: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker that works while the API waits."""
    worker = start_worker()

    def pause(_: float) -> None:
        with worker.account.calls.as_role(None):
            worker.deliver()

    waiting = replace(api.services.tasks, pause=pause)
    monkeypatch.setattr(api.services, "message_sender", replace(api.services.message_sender, tasks=waiting))
    return worker


@pytest.fixture
def idle(api: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No worker works, and time passes only as the API waits: its pauses in seconds."""
    begun = api.services.tasks.finalizer.clock.now()
    pauses: list[float] = []

    class PassingClock:
        def now(self) -> int:
            return int(begun + sum(pauses) * 1000)

    passing = replace(api.services.tasks.finalizer, clock=PassingClock())
    waiting = replace(api.services.tasks, finalizer=passing, pause=pauses.append)
    monkeypatch.setattr(api.services, "message_sender", replace(api.services.message_sender, tasks=waiting))
    return pauses


def send(caller: Caller, message: str, session: str | None = "talk", **options: Any) -> Answer:
    body = {"message": message} | ({"sessionId": session} if session else {}) | options.pop("fields", {})
    return caller.send("POST", MESSAGES, body=json.dumps(body), **options)


def test_an_answer(caller: Caller, working: Worker) -> None:
    answer = send(caller, "[[standin: say=Hello.]]")
    assert answer.status == 200
    body = dict(answer.body)
    metadata, task_id = body.pop("metadata"), body.pop("taskId")
    assert body == {"response": "Hello.", "sessionId": "talk", "status": "completed"}
    task = caller.get(f"/a2a/{AGENT}/tasks/{task_id}").body
    assert task["sessionId"] == "talk"
    kinds = ("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens")
    assert metadata["tokensUsed"] == sum(task["usage"][kind] for kind in kinds)
    assert metadata["processingTimeMs"] >= 0
    assert working.account.message_counts()["visible"] == 0


def test_a_conversation_over_both_ways_to_say_something(
    caller: Caller, working: Worker, claude: StandInClient
) -> None:
    first = send(caller, "[[standin: say=One. | say=Two. | say=Three.]] a-talk", None)
    session = first.body["sessionId"]
    accepted = caller.post(AGENT, {"message": "Second.", "sessionId": session})
    assert accepted.body == {
        "taskId": accepted.body["taskId"],
        "status": "pending",
        "checkUrl": f"/a2a/{AGENT}/tasks/{accepted.body['taskId']}",
        "sessionId": session,
    }
    working.work()
    third = send(caller, "Third.", session)
    assert (third.body["response"], third.body["sessionId"]) == ("Three.", session)
    bodies = claude.bodies("a-talk")
    assert [len(body["messages"]) for body in bodies] == [1, 3, 5]
    assert [message["role"] for message in bodies[-1]["messages"]] == ["user", "assistant"] * 2 + ["user"]
    assert bodies[-1]["messages"][:3] == bodies[1]["messages"]

    said = caller.get(f"/a2a/{AGENT}/contexts/{session}")
    assert said.status == 200
    assert [message["text"] for message in said.body["messages"]][1:] == [
        "One.",
        "Second.",
        "Two.",
        "Third.",
        "Three.",
    ]
    assert set(said.body["messages"][0]) == {"role", "text", "taskId", "at"}


def test_what_takes_longer_is_answered_before_the_gateway_gives_up(caller: Caller, idle: list[float]) -> None:
    answer = send(caller, "Hi.")
    assert (answer.status, answer.body) == (
        202,
        {
            "taskId": answer.body["taskId"],
            "status": "pending",
            "checkUrl": f"/a2a/{AGENT}/tasks/{answer.body['taskId']}",
            "sessionId": "talk",
        },
    )
    assert answer.headers["Location"] == f"tasks/{answer.body['taskId']}"
    assert sum(idle) == pytest.approx(25, abs=0.01)
    assert caller.get(answer.body["checkUrl"]).body["status"] == "pending"


@pytest.mark.parametrize(("remaining_ms", "waits"), [(29_000, 25), (12_000, 8), (3_000, 0)])
def test_the_wait_counts_from_the_start_of_the_invocation(
    caller: Caller, idle: list[float], remaining_ms: int, waits: float
) -> None:
    answer = send(replace(caller, remaining_ms=remaining_ms), "Hi.")
    assert answer.status == 202
    assert sum(idle) == pytest.approx(waits, abs=0.5)


def test_a_question_and_its_answer(caller: Caller, working: Worker) -> None:
    working.account.add_agent(AGENT, allowedTools=["ask_user"])
    script = '[[standin: tool=ask_user:{"question": "Where to?"} | say=${last_tool_result}]]'
    asked = send(caller, script)
    assert (asked.status, asked.body["status"], asked.body["response"]) == (
        200,
        "input_required",
        "Where to?",
    )
    answered = send(caller, "Paris.")
    assert (answered.status, answered.body["status"], answered.body["response"]) == (
        200,
        "completed",
        "Paris.",
    )
    assert answered.body["taskId"] == asked.body["taskId"]


def test_data_and_artifacts_come_with_the_answer(caller: Caller, working: Worker) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    working.account.add_agent(AGENT, allowedTools=["save_artifact"], outputSchema=schema)
    save = {"name": "a.txt", "media_type": "text/plain", "content": "a"}
    answer = send(caller, f'[[standin: tool=save_artifact:{json.dumps(save)} | data={{"n": 7}}]]')
    assert answer.body["data"] == {"n": 7}
    assert answer.body["artifacts"][0]["name"] == "a.txt"


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("err=400", "EXECUTION_ERROR"),
        ("err=401", "AGENT_MISCONFIGURED"),
        ("stop=refusal", "MODEL_REFUSED"),
        ("say=Half; stop=max_tokens", "OUTPUT_TRUNCATED"),
    ],
)
@pytest.mark.usefixtures("working")
def test_a_task_that_failed_is_an_error(caller: Caller, script: str, code: str) -> None:
    answer = send(caller, f"[[standin: {script}]]")
    assert (answer.status, answer.code) == (502, code)
    task = caller.get(f"/a2a/{AGENT}/tasks/{answer.body['taskId']}").body
    assert answer.body["error"] == task["errorDetails"]["message"]


def test_an_overloaded_model_is_503(caller: Caller, working: Worker) -> None:
    working.account.add_agent(AGENT, queueTimeoutMs=5_000)
    answer = send(caller, "[[standin: err=529]]")
    assert (answer.status, answer.code) == (503, "MODEL_OVERLOADED")


def test_a_task_that_was_not_started_in_time_is_504(
    caller: Caller, account: Account, idle: list[float]
) -> None:
    account.add_agent(AGENT, queueTimeoutMs=5_000)
    answer = send(caller, "Hi.")
    assert (answer.status, answer.code) == (504, "QUEUE_TIMEOUT")
    (task,) = account.store.page(AGENT, None, 2, None).tasks
    assert sum(idle) >= 5
    assert task.deadline <= (task.completed_at or 0) <= task.deadline + 1_000


def test_a_task_that_was_canceled_meanwhile_is_409(
    caller: Caller, api: ModuleType, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel(_: float) -> None:
        (task,) = account.store.page(AGENT, None, 2, None).tasks
        caller.delete(f"/a2a/{AGENT}/tasks/{task.ref.task_id}")

    waiting = replace(api.services.tasks, pause=cancel)
    monkeypatch.setattr(api.services, "message_sender", replace(api.services.message_sender, tasks=waiting))
    answer = send(caller, "Hi.")
    assert (answer.status, answer.code) == (409, "TASK_CANCELED")
    assert answer.body["taskId"]


@pytest.mark.usefixtures("working")
def test_the_same_key_gives_the_same_answer(caller: Caller, account: Account) -> None:
    key = {"Idempotency-Key": "order-7"}
    first = send(caller, "[[standin: say=Hello.]]", None, headers=key)
    again = send(caller, "[[standin: say=Hello.]]", None, headers=key)
    assert (first.status, again.status, again.text) == (200, 200, first.text)
    other = send(caller, "Another.", None, headers=key)
    assert (other.status, other.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(account.store.page(AGENT, None, 10, None).tasks) == 1


def test_a_task_of_the_same_key_and_message_is_another_request(caller: Caller, idle: list[float]) -> None:
    key = {"Idempotency-Key": "order-7"}
    assert caller.post(AGENT, {"message": "Hi."}, headers=key).status == 202
    answer = send(caller, "Hi.", None, headers=key)
    assert (answer.status, answer.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert idle == []


@pytest.mark.parametrize("session", ["", "a b", "x" * 129, "a/b", "键", "a#b"])
def test_a_session_that_cannot_be_is_named(caller: Caller, account: Account, session: str) -> None:
    for answer in (
        send(caller, "Hi.", None, fields={"sessionId": session}),
        caller.post(AGENT, {"message": "Hi.", "sessionId": session}),
    ):
        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
        (detail,) = answer.body["details"]
        assert detail == {
            "field": "sessionId",
            "message": "should be 1 to 128 letters, digits and any of . _ ~ : @ -",
        }
    assert not account.store.page(AGENT, None, 10, None).tasks


@pytest.mark.parametrize("session", ["a", "x" * 128, "order-7", "user@example.com:A_b~1"])
def test_sessions_that_can_be(caller: Caller, session: str) -> None:
    assert caller.post(AGENT, {"message": "Hi.", "sessionId": session}).body["sessionId"] == session
    assert caller.get(f"/a2a/{AGENT}/contexts/{session}").body["sessionId"] == session


def test_an_escaped_session_is_the_same(caller: Caller) -> None:
    caller.post(AGENT, {"message": "Hi.", "sessionId": "a@b:c"})
    assert len(caller.get(f"/a2a/{AGENT}/contexts/a%40b%3Ac").body["messages"]) == 1


def test_what_a_message_may_not_have_is_named(caller: Caller) -> None:
    answer = send(caller, "Hi.", fields={"timeout": 1_000})
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert "known are message, sessionId, context" in answer.body["error"]


def test_tasks_of_a_bulk_request_have_their_conversations(caller: Caller) -> None:
    body = {"tasks": [{"message": "One.", "sessionId": "a"}, {"message": "Two."}]}
    answer = caller.send("POST", f"/a2a/{AGENT}/tasks:batchCreate", body=json.dumps(body))
    assert [result.get("sessionId") for result in answer.body["results"]] == ["a", None]
    assert "sessionId" not in answer.body["results"][1]


def test_a_conversation_in_pages(caller: Caller) -> None:
    for n in range(3):
        caller.post(AGENT, {"message": f"Message {n}.", "sessionId": "talk"})
    first = caller.get(f"{TALK}?limit=2").body
    second = caller.get(f"{TALK}?limit=2&cursor={first['nextCursor']}").body
    texts = [[message["text"] for message in page["messages"]] for page in (first, second)]
    assert [len(page) for page in texts] == [2, 1]
    assert sorted(texts[0] + texts[1]) == [f"Message {n}." for n in range(3)]
    assert "nextCursor" not in second


@pytest.mark.parametrize(
    ("query", "field"), [("limit=0", "limit"), ("limit=101", "limit"), ("cursor=x", "cursor")]
)
def test_a_page_that_cannot_be_is_named(caller: Caller, query: str, field: str) -> None:
    answer = caller.get(f"{TALK}?{query}")
    assert (answer.status, answer.body["details"][0]["field"]) == (400, field)


@pytest.mark.parametrize("session", ["nothing", "a b", "a%23b"])
def test_a_conversation_that_never_was(caller: Caller, session: str) -> None:
    answer = caller.get(f"/a2a/{AGENT}/contexts/{session}")
    assert (answer.status, answer.code) == (404, "CONTEXT_NOT_FOUND")
    assert caller.delete(f"/a2a/{AGENT}/contexts/{session}").status == 200


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("agent_id", [AGENT, "nobody"])
def test_another_projects_conversation_is_one_that_does_not_exist(
    caller: Caller, rival: Caller, account: Account, method: str, agent_id: str
) -> None:
    caller.post(AGENT, {"message": "Secret.", "sessionId": "talk"})
    answer = rival.send(method, f"/a2a/{agent_id}/contexts/talk")
    assert (answer.status, answer.text) == (
        404,
        '{"error":"There is no such agent.","code":"AGENT_NOT_FOUND"}',
    )
    assert account.contexts.page(ContextRef(AGENT, "talk"), None, 1)


def test_a_session_of_the_same_name_is_another_one(caller: Caller, rival: Caller) -> None:
    caller.post(AGENT, {"message": "Secret.", "sessionId": "talk"})
    path = f"/a2a/{OTHER_AGENT}/contexts/talk"
    assert (rival.get(path).status, rival.get(path).code) == (404, "CONTEXT_NOT_FOUND")
    answer = rival.send("POST", MESSAGES, body='{"message": "Hi.", "sessionId": "talk"}')
    assert (answer.status, answer.code) == (404, "AGENT_NOT_FOUND")


def test_a_deleted_conversation(caller: Caller, account: Account, start: Callable[..., ModuleType]) -> None:
    done = caller.post(AGENT, {"message": "x" * 20_000, "sessionId": "talk"}).body["taskId"]
    live = caller.post(AGENT, {"message": "y" * 20_000, "sessionId": "talk"}).body["taskId"]
    (first,) = (task for task in account.store.page(AGENT, None, 5, None).tasks if task.ref.task_id == done)
    completed(account.store, first, first.created_at, first.input)
    kept = caller.post(AGENT, {"message": "Elsewhere.", "sessionId": "other"}).body["taskId"]

    answers = [caller.delete(TALK) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body["sessionId"] == "talk"
    assert answers[0].text == answers[1].text
    assert caller.get(TALK).status == 404
    assert caller.get(f"/a2a/{AGENT}/tasks/{live}").body["status"] == "canceled"
    start("cleanup").handler(load_event("cleanup_schedule"), LambdaContext())
    left = account.store.page(AGENT, None, 5, None).tasks
    assert [task.ref.task_id for task in left] == [kept]
    assert account.s3.list_objects_v2(Bucket=account.resources["PayloadBucket"])["KeyCount"] == 0


def test_a_deletion_that_fails_may_be_repeated(caller: Caller, account: Account) -> None:
    caller.post(AGENT, {"message": "Hi.", "sessionId": "talk"})
    account.calls.fail("DeleteItem", Fault.ANSWER_LOST, on="CONTEXT#")
    assert caller.delete(TALK).status == 503
    assert caller.delete(TALK).status == 200
    assert caller.get(TALK).status == 404


def test_an_entry_that_cannot_be_written_accepts_nothing(caller: Caller, account: Account) -> None:
    account.calls.fail("PutItem", on="CONTEXT#")
    answer = caller.post(AGENT, {"message": "Hi.", "sessionId": "talk"})
    assert answer.status == 503
    assert not account.store.page(AGENT, None, 10, None).tasks


def test_a_task_without_a_conversation_costs_no_more_calls(caller: Caller, account: Account) -> None:
    account.calls.made.clear()
    caller.post(AGENT, {"message": "Hi."})
    made = [call.operation for call in account.calls.made]
    assert made.count("PutItem") == 1
    assert made.count("Query") <= 1  # of the workers that are up
    assert "BatchGetItem" not in made
