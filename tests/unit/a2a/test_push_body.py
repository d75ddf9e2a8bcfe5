"""What a receiver is sent: the task where it ended or asks, else its status; always the same, and bounded."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.a2a import view
from a2a_tasks.a2a.artifacts import InlineBudget, saved_views
from a2a_tasks.a2a.push_body import MAX_BYTES, NotificationBodies
from a2a_tasks.a2a.v03 import objects as v03
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.task import Artifact, ArtifactForm, Payload, Progress, Question, Status, Task
from a2a_tasks.domain.webhooks.push import Notification, PushFormat
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.results import Results
from tests.integration.support.stored_task import NOW, QUESTION, new_task
from tests.twins.stores.payloads import MemoryPayloads

LATER = NOW + 5_000
PAYLOADS = MemoryPayloads()


def saved(text: str, call_id: str = "call-1") -> Artifact:
    data = text.encode()
    kept = payload.save_bytes(PAYLOADS, "x", f"artifact-1-{call_id}", data, "text/markdown")
    return Artifact(call_id, "report.md", "text/markdown", len(data), kept.key, form=ArtifactForm.TEXT)


def notified(task: Task, status: Status | None = None, at: int | None = None) -> Notification:
    return Notification(
        task.ref,
        task.project_id,
        "a",
        status or task.status,
        task.updated_at if at is None else at,
        "request-1",
        "msg_1",
    )


def encoded(task: Task, notification: Notification | None = None, form: PushFormat = PushFormat.A2A) -> bytes:
    bodies = NotificationBodies(Results(PAYLOADS, PAYLOADS))
    return bodies.body(task, notification or notified(task), form)


def body(
    task: Task, notification: Notification | None = None, form: PushFormat = PushFormat.A2A
) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(encoded(task, notification, form))
    return document


def done(text: str = "四十二", **changes: Any) -> Task:
    output = payload.save(PAYLOADS, "x", "output-1", {"result": text})
    return new_task(status=Status.COMPLETED, output=output, updated_at=LATER, **changes)


def test_an_ended_task_is_sent_whole() -> None:
    task = done(artifacts=(saved("# 报告"),), context_id="c")
    artifacts = saved_views(Results(PAYLOADS, PAYLOADS), task.artifacts, InlineBudget())
    assert artifacts[0]["parts"][0]["text"] == "# 报告"
    assert body(task) == {"task": view.task_view(task, {"result": "四十二"}, artifacts)}


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELED])
def test_every_end_is(status: Status) -> None:
    failure = Failure(FailureCode.TIMEOUT, "It took too long.") if status is Status.FAILED else None
    sent = body(new_task(status=status, failure=failure))
    assert sent["task"]["status"]["state"] == view.STATES[status]
    assert ("message" in sent["task"]["status"]) == (failure is not None)


def test_a_question_is_in_the_task_that_asks() -> None:
    task = new_task(status=Status.INPUT_REQUIRED, question=QUESTION)
    (part,) = body(task)["task"]["status"]["message"]["parts"]
    assert part == {"text": QUESTION.text}


@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING])
def test_anything_else_is_a_status_and_no_more(status: Status) -> None:
    task = new_task(status=status, context_id="c", updated_at=LATER, progress=Progress(step="reads"))
    assert body(task) == {
        "statusUpdate": {
            "taskId": task.ref.task_id,
            "contextId": "c",
            "status": {"state": view.STATES[status], "timestamp": "2025-06-15T15:06:45.000Z"},
        }
    }


def test_a_task_that_has_gone_on_does_not_change_what_is_told_of_before() -> None:
    running = new_task(status=Status.RUNNING, context_id="c", updated_at=LATER)
    news = notified(running)
    at_once = encoded(running, news)
    for gone_on in (
        replace(running, updated_at=LATER + 9, progress=Progress(step="writes")),
        replace(running, status=Status.INPUT_REQUIRED, updated_at=LATER + 9, question=QUESTION),
        done(context_id="c"),
        new_task(status=Status.FAILED, context_id="c", failure=Failure(FailureCode.TIMEOUT, "Late.")),
    ):
        assert encoded(gone_on, news) == at_once


def test_an_answered_question_is_not_told_as_the_next_one() -> None:
    asking = new_task(status=Status.INPUT_REQUIRED, question=QUESTION, updated_at=LATER)
    news = notified(asking)
    next_one = replace(asking, question=Question("call-2", "Which year?"), updated_at=LATER + 9)
    assert "Which year?" not in encoded(next_one, news).decode()
    assert body(next_one, news)["statusUpdate"]["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"


def test_artifacts_that_are_too_much_are_left_out_and_the_metadata_says_so() -> None:
    sent = body(done("x" * 30_000))
    assert "artifacts" not in sent["task"]
    assert sent["task"]["metadata"]["artifactsOmitted"] is True
    assert sent["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
    assert "artifactsOmitted" not in body(done("x" * 1_000))["task"]["metadata"]


def test_saved_files_that_are_too_much_are_sent_as_addresses() -> None:
    sent = body(done(artifacts=tuple(saved("x" * 12_000, f"call-{number}") for number in range(2))))
    first, second, answer = [artifact["parts"][0] for artifact in sent["task"]["artifacts"]]
    assert (len(first["text"]), "url" in second, answer["text"]) == (12_000, True, "四十二")


def test_addresses_take_the_place_of_contents_where_the_answer_needs_the_room() -> None:
    sent = body(done("x" * 15_000, artifacts=(saved("y" * 12_000),)))
    file, answer = [artifact["parts"][0] for artifact in sent["task"]["artifacts"]]
    assert ("url" in file, len(answer["text"])) == (True, 15_000)


def test_a_result_that_is_gone_does_not_keep_the_end_from_being_told() -> None:
    sent = body(new_task(status=Status.COMPLETED, output=Payload(key="tasks/gone", sha256="0")))
    assert sent["task"]["metadata"]["artifactsOmitted"] is True


@pytest.mark.parametrize("form", list(PushFormat))
@given(
    status=st.sampled_from(Status),
    text=st.text(max_size=50).map(lambda text: text * 1_000),
    reason=st.text(max_size=30).map(lambda text: text * 1_000),
)
def test_no_body_is_too_large(form: PushFormat, status: Status, text: str, reason: str) -> None:
    task = new_task(
        status=status,
        output=payload.save(PAYLOADS, "x", "output-2", {"result": text}),
        failure=Failure(FailureCode.EXECUTION_ERROR, reason) if status is Status.FAILED else None,
        question=Question("call-1", reason) if status is Status.INPUT_REQUIRED else None,
    )
    sent = encoded(task, form=form)
    assert len(sent) <= MAX_BYTES
    assert view.STATES[status] in sent.decode() or form is PushFormat.A2A_0_3


@pytest.mark.parametrize("task", [done(), new_task(status=Status.RUNNING)], ids=["done", "running"])
def test_a_receiver_of_the_older_protocol_gets_the_bare_task(task: Task) -> None:
    sent = body(task, form=PushFormat.A2A_0_3)
    assert (sent["kind"], sent["id"]) == ("task", task.ref.task_id)
    assert sent["status"]["state"] == v03.STATES.downgrade(view.STATES[task.status])
    assert ("artifacts" in sent) == (task.status is Status.COMPLETED)
