"""Tasks: hand them over, follow them, answer what they ask, cancel them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter
from pydantic import ValidationError

from a2a_tasks.access.server_errors import server_error
from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.tasks.queries import task_of_project
from a2a_tasks.tasks.submission import Submission, agent_of_project
from a2a_tasks.views.events import events_view
from a2a_tasks.views.tasks import task_view, tasks_view
from functions.api import errors, request, services
from functions.api.creation import to_submission
from functions.api.message_responses import path_of
from functions.api.models.conversations import AnswerAccepted, NewAnswer
from functions.api.models.task_view import TaskEvents, TaskList, TaskView
from functions.api.models.tasks import Accepted, Canceled, CreatedTasks, NewTask, NewTasks
from functions.api.parameters import AgentId, IdempotencyKey, TaskId, refusals

AT_A_TIME = 10
"""Tasks of one request that are created side by side."""
Wait = Annotated[
    int,
    Query(
        ge=0,
        le=20,
        description=("Seconds to wait for the task's end or question before the current state is returned."),
    ),
]

router = APIGatewayRouter()


@router.post(
    "/a2a/<agent_id>/tasks",
    summary="Create a task",
    description=(
        "Stores and queues the task, and responds at once. The task ends by its deadline in any case."
    ),
    status_code=202,
    responses={
        202: {"description": "Accepted", "content": {"application/json": {"model": Accepted}}},
        **refusals(400, 401, 404, 409, 413, 422, 429, 503),
    },
    operation_id="createTask",
    tags=["tasks"],
)
def create_task(
    agent_id: AgentId, body: Annotated[NewTask, Body()], idempotency_key: IdempotencyKey = None
) -> Response[dict[str, Any]]:
    # counted before the task is created, including retries that create none
    services.limits.caller.count_creation()
    task = services.submitter.submit(_submission(agent_id, body, idempotency_key))
    return Response(
        status_code=202,
        content_type="application/json",
        # relative to the request (RFC 9110 §10.2.2), so it is correct for every stage and custom domain
        headers={"Location": f"tasks/{task.ref.task_id}"},
        body=_accepted(task),
    )


@router.post(
    "/a2a/<agent_id>/tasks:batchCreate",
    summary="Create many tasks",
    description=(
        "Each task is accepted or refused individually; the results are in the order of "
        "the tasks. An Idempotency-Key applies to each task together with its position in"
        " the list."
    ),
    responses={
        200: {"description": "One result per task", "content": {"application/json": {"model": CreatedTasks}}},
        **refusals(400, 401, 404, 413, 429, 503),
    },
    operation_id="createTasks",
    tags=["tasks"],
)
def create_tasks(
    agent_id: AgentId, body: Annotated[NewTasks, Body()], idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    agent_of_project(services.wired.registry, request.project(), agent_id)  # fails for all of them
    # one write for all; tasks beyond the limit are refused individually
    allowed = services.limits.caller.count_creations(len(body.tasks))

    def create(number: int, item: Any) -> dict[str, Any]:
        if number >= allowed:
            return services.limits.caller.creation_refusal.to_body()
        if request.milliseconds_left() <= 0:  # the results of accepted tasks must still be returned
            return errors.BUSY.to_body()
        # the position is part of the key, so that a retry finds the result of each
        key = None if idempotency_key is None else f"{idempotency_key}#{number}"
        try:
            task = services.submitter.submit(_submission(agent_id, NewTask.model_validate(item), key))
        except ValidationError as error:
            return errors.to_refusal(errors.in_body(error), NewTask).to_body()
        except RequestRefused as refused:
            return refused.to_body()
        except errors.UNAVAILABLE as error:
            # unknown for this task; the others have their own results
            server_error(services.telemetry, "storage did not respond", error)
            return errors.BUSY.to_body()
        return _accepted(task)

    with ThreadPoolExecutor(AT_A_TIME) as callers:
        return {"results": list(callers.map(create, range(len(body.tasks)), body.tasks))}


@router.get(
    "/a2a/<agent_id>/tasks",
    summary="List an agent's tasks, newest first",
    responses={
        200: {"description": "A page", "content": {"application/json": {"model": TaskList}}},
        **refusals(400, 401, 404, 429, 503),
    },
    operation_id="listTasks",
    tags=["tasks"],
)
def list_tasks(
    agent_id: AgentId,
    status: Annotated[Status | None, Query(description="Only tasks in this state.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Maximum number of tasks.")] = 20,
    cursor: Annotated[str | None, Query(description="`nextCursor` of the previous page.")] = None,
) -> dict[str, Any]:
    return tasks_view(services.tasks.page(request.project(), agent_id, status, limit, cursor))


@router.get(
    "/a2a/<agent_id>/tasks/<task_id>",
    summary="Follow a task",
    responses={
        200: {"description": "The task", "content": {"application/json": {"model": TaskView}}},
        **refusals(400, 401, 404, 429, 503),
    },
    operation_id="getTask",
    tags=["tasks"],
)
def get_task(agent_id: AgentId, task_id: TaskId, wait: Wait = 0) -> dict[str, Any]:
    if wait:
        services.limits.caller.open_stream(wait)
    task = services.tasks.wait(request.project(), agent_id, task_id, wait)
    results = services.tasks.results
    return task_view(task, results.output(task), results.artifacts(task))


@router.get(
    "/a2a/<agent_id>/tasks/<task_id>/events",
    summary="Follow a task step by step",
    description=(
        "All events in order. Repeat with `nextCursor` for later events, until "
        "`taskStatus` is final and there are no more."
    ),
    responses={
        200: {"description": "Its events", "content": {"application/json": {"model": TaskEvents}}},
        **refusals(400, 401, 404, 429, 503),
    },
    operation_id="listTaskEvents",
    tags=["tasks"],
)
def list_events(
    agent_id: AgentId,
    task_id: TaskId,
    after: Annotated[
        int, Query(ge=0, description="`nextCursor` of the previous response; 0 begins at the first event.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=500, description="Maximum number of events.")] = 100,
    wait: Annotated[
        int, Query(ge=0, le=20, description="Seconds to wait for an event, if there is no new one.")
    ] = 0,
) -> dict[str, Any]:
    if wait:
        services.limits.caller.open_stream(wait)
    return events_view(services.tasks.events(request.project(), agent_id, task_id, after, limit, wait))


@router.post(
    "/a2a/<agent_id>/tasks/<task_id>/messages",
    summary="Answer an agent's question",
    description="For a task that is input_required. Retrying the same answer is safe.",
    status_code=202,
    responses={
        202: {"description": "It goes on", "content": {"application/json": {"model": AnswerAccepted}}},
        **refusals(400, 401, 404, 409, 413, 429, 503),
    },
    operation_id="answerTask",
    tags=["tasks"],
)
def answer_task(
    agent_id: AgentId, task_id: TaskId, body: Annotated[NewAnswer, Body()]
) -> Response[AnswerAccepted]:
    task = services.answerer.answer(
        task_of_project(services.wired.store.get, request.project(), agent_id, task_id), body.message
    )
    return Response(
        status_code=202,
        content_type="application/json",
        body=AnswerAccepted(task_id=task.ref.task_id, status=task.status, check_url=path_of(task)),
    )


@router.post(
    "/a2a/<agent_id>/tasks/<task_id>/retry",
    summary="Retry a task",
    description=(
        "A new task with the input, conversation, limits and WeCom groups of one that has failed or was "
        "canceled, on its agent as it is now, and without its webhooks. While it lives, retrying the same "
        "task again answers with it; with an Idempotency-Key that key alone decides."
    ),
    status_code=202,
    responses={
        202: {"description": "Accepted", "content": {"application/json": {"model": Accepted}}},
        **refusals(400, 401, 404, 409, 422, 429, 503),
    },
    operation_id="retryTask",
    tags=["tasks"],
)
def retry_task(
    agent_id: AgentId, task_id: TaskId, idempotency_key: IdempotencyKey = None
) -> Response[dict[str, Any]]:
    services.limits.caller.count_creation()
    task = services.retries.retry(
        services.tasks.find(request.project(), agent_id, task_id),
        correlation_id=router.current_event.request_context.request_id,
        key_id=services.limits.caller.key_id,
        idempotency_key=idempotency_key,
        trace=request.trace(),
    )
    return Response(
        status_code=202,
        content_type="application/json",
        headers={"Location": f"../{task.ref.task_id}"},
        body=_accepted(task),
    )


@router.delete(
    "/a2a/<agent_id>/tasks/<task_id>",
    summary="Cancel a task",
    description="Idempotent: canceling a canceled task again returns the same response.",
    responses={
        200: {"description": "Canceled", "content": {"application/json": {"model": Canceled}}},
        **refusals(401, 404, 409, 429, 503),
    },
    operation_id="cancelTask",
    tags=["tasks"],
)
def cancel_task(agent_id: AgentId, task_id: TaskId) -> dict[str, Any]:
    task = services.tasks.cancel(request.project(), agent_id, task_id)
    return {
        "taskId": task.ref.task_id,
        "status": task.status.value,
        "message": "The task is canceled; work under way stops within seconds.",
    }


def _submission(agent_id: str, body: NewTask, idempotency_key: str | None) -> Submission:
    return to_submission(
        body,
        project_id=request.project(),
        agent_id=agent_id,
        correlation_id=router.current_event.request_context.request_id,
        key_id=services.limits.caller.key_id,
        idempotency_key=idempotency_key,
        now=services.wired.clock.now(),
        trace=request.trace(),
    )


def _accepted(task: Task) -> dict[str, Any]:
    # as it was accepted, even if a repeated request finds it in a later state
    accepted = Accepted(
        task_id=task.ref.task_id, status="pending", check_url=path_of(task), session_id=task.context_id
    )
    return accepted.model_dump(by_alias=True, exclude_none=True)
