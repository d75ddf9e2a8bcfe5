"""The API: hand a task over, follow it, cancel it. Routes only; what they do is in ``a2a_tasks.tasks``."""

import gc
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from pydantic import ValidationError

from a2a_tasks.access.server_errors import server_error
from a2a_tasks.adapters import environment
from a2a_tasks.adapters.dynamodb.tasks.live import DynamoDBLive
from a2a_tasks.adapters.telemetry import PowertoolsTelemetry
from a2a_tasks.adapters.wecom.connections import DynamoDBConnections
from a2a_tasks.conversations.answers import Answerer
from a2a_tasks.conversations.conversations import Conversations
from a2a_tasks.conversations.follow import Follower
from a2a_tasks.conversations.message_exchange import Exchanges
from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.text.json_text import deserialize, serialize
from a2a_tasks.runtime import sse
from a2a_tasks.runtime.answer import StreamedAnswer
from a2a_tasks.tasks.queries import Tasks, task_of_project
from a2a_tasks.tasks.submission import Submission, agent_of_project
from a2a_tasks.wecom.groups import Groups
from a2a_tasks.wiring.payloads import payloads_of_function
from a2a_tasks.wiring.push import push_configs_of_function
from a2a_tasks.wiring.rate_limiter import rate_limiter_of_function
from a2a_tasks.wiring.submitter import submitter_of_function
from a2a_tasks.wiring.tasks import TaskWiring
from functions.api import errors, push
from functions.api.base_path import below_base_path
from functions.api.creation import of_message, to_submission
from functions.api.exchange import answer_of, path_of
from functions.api.limits import Limits
from functions.api.models.conversations import (
    Answered,
    Continued,
    ConversationView,
    DeletedConversation,
    GoesOn,
    NewExchange,
    NewMessage,
)
from functions.api.models.operations import Health
from functions.api.models.task_view import TaskEvents, TaskList, TaskView
from functions.api.models.tasks import Accepted, Canceled, CreatedTasks, NewTask, NewTasks
from functions.api.parameters import AgentId, ContextId, IdempotencyKey, TaskId, refusals
from functions.api.streams import Streams

STREAM: Any = {"schema": {"type": "string", "description": "Server-sent events; the data of each is JSON."}}
AT_A_TIME = 10
"""Tasks of one request that are created side by side."""
ANSWER_MS = 4_000
"""Of the function's time, kept back for the answer where a request is waited for: the gateway waits no
longer than the function may run."""
LONGEST_WAIT_SECONDS = 25.0

logger = Logger()
telemetry = PowertoolsTelemetry(logger)
app = APIGatewayRestResolver(enable_validation=True, serializer=serialize, json_body_deserializer=deserialize)
errors.install(app, telemetry)

_wired = TaskWiring.of_function(telemetry)
_store, _ending = _wired.store, _wired.ending
limits = Limits(rate_limiter_of_function(_wired))
_payloads = payloads_of_function(_wired.texts)
push_configs = push_configs_of_function(_wired)
_connections = DynamoDBConnections(_wired.dynamodb, environment.text("REGISTRY_TABLE"))
submitter = submitter_of_function(_wired, _payloads, push_configs.acceptance, Groups(_connections))
tasks = Tasks(_store, _wired.registry, _payloads, _payloads, _ending, pause=time.sleep)
_records = _wired.records
answerer = Answerer(_store, _records, _payloads, _wired.queue, _ending, telemetry)
exchanges = Exchanges(submitter, answerer, _wired.slots, tasks, push_configs)
_live = DynamoDBLive(_wired.dynamodb, _wired.table)
streams = Streams(Follower(_store, _live, _ending, pause=time.sleep), tasks, telemetry)
conversations = Conversations(_wired.contexts, _store, _wired.registry, _payloads, _ending)

Wait = Annotated[
    int,
    Query(
        ge=0,
        le=20,
        description="Seconds to wait for the task's end, or its question, before it is answered as it is.",
    ),
]
DocsFormat = Literal["html", "json"]


@app.post(
    "/a2a/<agent_id>/tasks",
    summary="Hand a task over",
    description="Stores the task, queues it, and answers at once. It ends by its deadline, whatever happens.",
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
    limits.caller.count_creation()
    task = submitter.submit(_submission(agent_id, body, idempotency_key))
    return Response(
        status_code=202,
        content_type="application/json",
        # relative to the request (RFC 9110 §10.2.2), so it is right below every stage and custom domain
        headers={"Location": f"tasks/{task.ref.task_id}"},
        body=_accepted(task),
    )


@app.post(
    "/a2a/<agent_id>/tasks:batchCreate",
    summary="Hand many tasks over",
    description=(
        "Each is taken or refused by itself; the results are in the order of the tasks. With an "
        "Idempotency-Key each of them has it, with its place in the list."
    ),
    responses={
        200: {"description": "A result for each", "content": {"application/json": {"model": CreatedTasks}}},
        **refusals(400, 401, 404, 413, 429, 503),
    },
    operation_id="createTasks",
    tags=["tasks"],
)
def create_tasks(
    agent_id: AgentId, body: Annotated[NewTasks, Body()], idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    agent_of_project(_wired.registry, _project(), agent_id)  # nobody can take any of them
    allowed = limits.caller.count_creations(len(body.tasks))

    def create(number: int, item: Any) -> dict[str, Any]:
        if number >= allowed:
            return limits.caller.creation_refusal.to_body()
        if _milliseconds_left() <= 0:  # those that were taken must still be told
            return errors.BUSY.to_body()
        key = None if idempotency_key is None else f"{idempotency_key}#{number}"
        try:
            task = submitter.submit(_submission(agent_id, NewTask.model_validate(item), key))
        except ValidationError as error:
            return errors.to_refusal(errors.in_body(error), NewTask).to_body()
        except RequestRefused as refused:
            return refused.to_body()
        except errors.UNAVAILABLE as error:
            server_error(telemetry, "storage did not answer", error)
            return errors.BUSY.to_body()
        return _accepted(task)

    with ThreadPoolExecutor(AT_A_TIME) as callers:
        return {"results": list(callers.map(create, range(len(body.tasks)), body.tasks))}


@app.get(
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
    limit: Annotated[int, Query(ge=1, le=100, description="At most so many tasks.")] = 20,
    cursor: Annotated[str | None, Query(description="`nextCursor` of the page before.")] = None,
) -> dict[str, Any]:
    return tasks.page(_project(), agent_id, status, limit, cursor)


@app.get(
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
        limits.caller.open_stream(wait)
    return tasks.get(_project(), agent_id, task_id, wait)


@app.get(
    "/a2a/<agent_id>/tasks/<task_id>/events",
    summary="Follow a task step by step",
    description=(
        "Everything that has happened to it, in order. Ask again with `nextCursor` for what has happened "
        "since, until `taskStatus` is final and there are no more events."
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
        int, Query(ge=0, description="`nextCursor` of the answer before; 0 begins at the first event.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=500, description="At most so many events.")] = 100,
    wait: Annotated[
        int, Query(ge=0, le=20, description="Seconds to wait for an event, if there is no new one.")
    ] = 0,
) -> dict[str, Any]:
    if wait:
        limits.caller.open_stream(wait)
    return tasks.events(_project(), agent_id, task_id, after, limit, wait)


@app.post(
    "/a2a/<agent_id>/tasks/<task_id>/messages",
    summary="Answer an agent's question",
    description="For a task that is input_required. The same answer again, after a failure, is safe.",
    status_code=202,
    responses={
        202: {"description": "It goes on", "content": {"application/json": {"model": Continued}}},
        **refusals(400, 401, 404, 409, 413, 429, 503),
    },
    operation_id="answerTask",
    tags=["tasks"],
)
def answer_task(
    agent_id: AgentId, task_id: TaskId, body: Annotated[NewMessage, Body()]
) -> Response[Continued]:
    task = answerer.answer(task_of_project(_store.get, _project(), agent_id, task_id), body.message)
    return Response(
        status_code=202,
        content_type="application/json",
        body=Continued(task_id=task.ref.task_id, status=task.status, check_url=path_of(task)),
    )


@app.delete(
    "/a2a/<agent_id>/tasks/<task_id>",
    summary="Cancel a task",
    description="Canceling a canceled task again answers the same.",
    responses={
        200: {"description": "Canceled", "content": {"application/json": {"model": Canceled}}},
        **refusals(401, 404, 409, 429, 503),
    },
    operation_id="cancelTask",
    tags=["tasks"],
)
def cancel_task(agent_id: AgentId, task_id: TaskId) -> dict[str, Any]:
    task = tasks.cancel(_project(), agent_id, task_id)
    return {
        "taskId": task.ref.task_id,
        "status": task.status.value,
        "message": "The task is canceled; work under way stops within seconds.",
    }


@app.post(
    "/a2a/<agent_id>/messages",
    summary="Say something and wait for the answer",
    description=(
        "A task like any other, of a conversation: `sessionId` goes on with an earlier one, or answers what "
        "its agent asks. What takes longer than 25 seconds is answered 202, and goes on. With "
        "`Accept: text/event-stream` the answer is a stream of events: `accepted`; those of the task, as its "
        "events have them; `text` (`offset`, `text`): what the agent says from there on; `thinking`: the "
        "same of what it says of its progress, which is no part of the answer; and at its end `answer`, "
        "`error` or `unfinished`, as the body would be otherwise. A task that cannot go on soon ends the "
        "stream too, with `retryAfterSeconds` and the field `retry`."
    ),
    responses={
        200: {
            "description": "The answer, or a question",
            "content": {
                "application/json": {"model": Answered},
                sse.CONTENT_TYPE: STREAM,
            },
        },
        202: {"description": "It goes on", "content": {"application/json": {"model": GoesOn}}},
        **refusals(400, 401, 404, 409, 413, 422, 429, 502, 503, 504),
    },
    operation_id="sendMessage",
    tags=["conversations"],
)
def send_message(
    agent_id: AgentId, body: Annotated[NewExchange, Body()], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    wants_stream = sse.CONTENT_TYPE in app.current_event.headers.get("accept", "")
    limits.caller.open_stream(_milliseconds_left() / 1000 if wants_stream else _seconds_to_wait())
    limits.caller.count_creation()
    submission = of_message(
        body,
        project_id=_project(),
        agent_id=agent_id,
        correlation_id=app.current_event.request_context.request_id,
        idempotency_key=idempotency_key,
    )
    if wants_stream:
        return streams.begin(exchanges.begin(replace(submission, live=True)), limits.caller.close)
    return answer_of(tasks, exchanges.exchange(submission, _seconds_to_wait))


@app.get(
    "/a2a/<agent_id>/contexts/<context_id>",
    summary="Read a conversation, the oldest message first",
    responses={
        200: {"description": "A page", "content": {"application/json": {"model": ConversationView}}},
        **refusals(400, 401, 404, 429, 503),
    },
    operation_id="getConversation",
    tags=["conversations"],
)
def get_conversation(
    agent_id: AgentId,
    context_id: ContextId,
    limit: Annotated[int, Query(ge=1, le=100, description="Messages of at most so many tasks.")] = 50,
    cursor: Annotated[str | None, Query(description="`nextCursor` of the page before.")] = None,
) -> dict[str, Any]:
    return conversations.page(_project(), agent_id, unquote(context_id), limit, cursor)


@app.delete(
    "/a2a/<agent_id>/contexts/<context_id>",
    summary="Delete a conversation",
    description=(
        "Cancels its live tasks and forgets all of them; the next clean-up deletes them. Deleting again is "
        "safe, also what never was."
    ),
    responses={
        200: {
            "description": "Deleted",
            "content": {"application/json": {"model": DeletedConversation}},
        },
        **refusals(401, 404, 429, 503),
    },
    operation_id="deleteConversation",
    tags=["conversations"],
)
def delete_conversation(agent_id: AgentId, context_id: ContextId) -> dict[str, Any]:
    context_id = unquote(context_id)
    conversations.delete(_project(), agent_id, context_id, lambda: _milliseconds_left() > 0)
    return {
        "sessionId": context_id,
        "message": "The conversation is deleted; what is said under this id from now on begins a new one.",
    }


push.install(app, push_configs, lambda: _project())


@app.get(
    "/health",
    summary="Whether the API answers",
    responses={200: {"description": "It does", "content": {"application/json": {"model": Health}}}},
    operation_id="health",
    tags=["operations"],
    security=[],
)
def health() -> dict[str, Any]:
    return {"status": "ok"}


if environment.optional("API_DOCS") == "on":

    @app.get("/docs", include_in_schema=False)
    def docs(format_: Annotated[DocsFormat, Query(alias="format")] = "html") -> Response[str]:
        from functions.api import docs_page  # nothing else needs it

        known = app.current_event.headers.get("if-none-match", "")
        answer = docs_page.document_answer if format_ == "json" else docs_page.page_answer
        return answer(app, known)


def _submission(agent_id: str, body: NewTask, idempotency_key: str | None) -> Submission:
    return to_submission(
        body,
        project_id=_project(),
        agent_id=agent_id,
        correlation_id=app.current_event.request_context.request_id,
        idempotency_key=idempotency_key,
        now=_wired.clock.now(),
    )


def _accepted(task: Task) -> dict[str, Any]:
    # as it was accepted, also where a repeated request finds it further on
    accepted = Accepted(
        task_id=task.ref.task_id, status="pending", check_url=path_of(task), session_id=task.context_id
    )
    return accepted.model_dump(by_alias=True, exclude_none=True)


def _milliseconds_left() -> int:
    """Until the answer must be on its way."""
    left: int = app.lambda_context.get_remaining_time_in_millis()
    return left - ANSWER_MS


def _seconds_to_wait() -> float:
    return min(LONGEST_WAIT_SECONDS, _milliseconds_left() / 1000)


def _project() -> str:
    """The caller's project, as the authorizer found it."""
    project: str = app.current_event.request_context.authorizer["projectId"]
    return project


gc.enable()
gc.freeze()


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Where answers must be whole: a stream too, as far as it gets in the time that callers wait."""
    whole = _resolve(event, context)
    return streams.answer(whole, _seconds_to_wait()).to_buffered() if streams.has_begun else whole


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def stream(event: dict[str, Any], context: Any) -> StreamedAnswer:
    """On the runtime that streams (``a2a_tasks.runtime``)."""
    return streams.answer(_resolve(event, context), _milliseconds_left() / 1000)


def _resolve(event: dict[str, Any], context: Any) -> dict[str, Any]:
    streams.forget()  # one that a failed request has left behind
    try:
        return limits.answer(event, lambda: app.resolve(below_base_path(event), context))
    finally:
        if not streams.has_begun:
            limits.close()
        telemetry.flush()
