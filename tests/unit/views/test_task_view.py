"""A task, its usage and its artifacts as JSON: what is as usual, or not known yet, is left out."""

from dataclasses import replace
from decimal import Decimal

from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.task import Artifact, Lane, Priority, Progress, Question, Status, Task, iso8601
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.tasks.results import LinkedArtifact
from a2a_tasks.views.tasks import task_view
from a2a_tasks.views.usage import usage_view
from tests.integration.support.stored_task import NOW, new_task


def task(status: Status = Status.PENDING, **changes: object) -> Task:
    return replace(new_task(), status=status, **changes)  # type: ignore[arg-type]


def running(**changes: object) -> Task:
    return task(Status.RUNNING, **changes)


def test_a_new_task() -> None:
    assert task_view(task()) == {
        "taskId": "01977420-dc00-7fb3-ab66-ffc86f38d952",
        "agentId": "assistant",
        "status": "pending",
        "createdAt": "2025-06-15T15:06:40.000Z",
        "updatedAt": "2025-06-15T15:06:40.000Z",
        "attempts": 0,
    }


def test_an_ended_task() -> None:
    ended = task(
        Status.FAILED,
        attempt=2,
        started_at=NOW + 1,
        completed_at=NOW + 2,
        failure=Failure(FailureCode.OUTPUT_TRUNCATED, "Cut off."),
        spent=(Spent(1, "m", Usage(1, 2, turns=1, cost_usd=Decimal("0.5"))),),
    )
    view = task_view(ended, {"result": "Hal", "partial": True})
    assert view["errorDetails"] == {"message": "Cut off.", "code": "OUTPUT_TRUNCATED"}
    assert view["output"] == {"result": "Hal", "partial": True}
    assert view["startedAt"] == "2025-06-15T15:06:40.001Z"
    assert view["completedAt"] == "2025-06-15T15:06:40.002Z"
    assert view["attempts"] == 2
    assert view["usage"]["costUsd"] == 0.5


def test_a_running_task_says_what_it_does() -> None:
    used = running(started_at=NOW + 1, turns=2, progress=Progress("WebSearch", "Reading", 40))
    assert task_view(used)["progress"] == {
        "turn": 3,
        "tool": "WebSearch",
        "step": "Reading",
        "percent": 40,
    }
    silent = running(started_at=NOW + 1)
    assert task_view(silent)["progress"] == {"turn": 1}


def test_an_ended_task_has_no_progress_and_asks_nothing() -> None:
    ended = task(Status.CANCELED, started_at=NOW, progress=Progress(step="s"), question=Question("c", "?"))
    assert not {"progress", "question"} & task_view(ended).keys()


def test_a_question_is_while_it_is_asked() -> None:
    asking = task(Status.INPUT_REQUIRED, started_at=NOW, question=Question("call-1", "Which city?"))
    assert task_view(asking)["question"] == "Which city?"
    assert "options" not in task_view(asking)
    with_options = replace(asking, question=Question("call-1", "Which city?", ("Beijing", "Shanghai")))
    assert task_view(with_options)["options"] == ["Beijing", "Shanghai"]


def test_a_start_in_the_future_is_until_it_is_made() -> None:
    delayed = task(not_before=NOW + 60_000)
    assert task_view(delayed)["notBefore"] == iso8601(NOW + 60_000)
    assert "notBefore" not in task_view(replace(delayed, started_at=NOW + 60_000))
    assert "notBefore" not in task_view(task(not_before=NOW))


def test_what_is_as_usual_is_not() -> None:
    assert not {"priority", "lane"} & task_view(task()).keys()
    view = task_view(task(priority=Priority.LOW, lane=Lane.BATCH))
    assert (view["priority"], view["lane"]) == ("low", "batch")


def test_artifacts_are_part_of_the_output_also_before_there_is_a_result() -> None:
    linked = LinkedArtifact(Artifact("call-1", "a", "text/plain", key="key"), "https://example.com/")
    view = {"artifactId": "call-1", "name": "a", "mediaType": "text/plain", "url": "https://example.com/"}
    assert task_view(running(), None, [linked])["output"] == {"artifacts": [view]}
    assert task_view(task(Status.COMPLETED), {"result": "r"}, [linked])["output"] == {
        "result": "r",
        "artifacts": [view],
    }


def test_usage_is_also_by_model_and_by_attempt() -> None:
    spent = (
        Spent(1, "a", Usage(1, 0, turns=1, cost_usd=Decimal("0.1"))),
        Spent(2, "a", Usage(2, 0, turns=1, cost_usd=Decimal("0.2"))),
        Spent(2, "b", Usage(4, 0, turns=1, cost_usd=Decimal("0.4")), task_id="child"),
    )
    usage = task_view(running(spent=spent))["usage"]
    assert (usage["inputTokens"], usage["turns"], usage["costUsd"]) == (7, 3, 0.7)
    assert [(entry["model"], entry["inputTokens"]) for entry in usage["byModel"]] == [("a", 3), ("b", 4)]
    assert [(entry["attempt"], entry["inputTokens"]) for entry in usage["byAttempt"]] == [(1, 1), (2, 6)]


def test_a_model_that_was_never_reached_has_no_usage() -> None:
    assert "usage" not in task_view(running(spent=(Spent(1, "a", Usage()),)))


def test_usage_names_each_kind_of_tokens() -> None:
    assert usage_view(Usage(1, 2, 3, 4, 5)) == {
        "inputTokens": 1,
        "outputTokens": 2,
        "cacheReadTokens": 3,
        "cacheWriteTokens": 4,
        "turns": 5,
    }
    assert usage_view(Usage(1, 2, cost_usd=Decimal("0.25")))["costUsd"] == 0.25
    assert usage_view(Usage(1, 2, web_searches=3))["webSearches"] == 3
