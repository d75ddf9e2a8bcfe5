"""The API: hand a task over, follow it, cancel it. Routes only; what they do is in ``a2a_tasks.services``."""

import gc
import hashlib
import json
import time
from decimal import Decimal
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb_batch_line import DynamoDBBatchLine
from a2a_tasks.adapters.dynamodb_records import DynamoDBRecords, DynamoDBSpend
from a2a_tasks.adapters.dynamodb_registry import DynamoDBRegistry
from a2a_tasks.adapters.dynamodb_reservations import DynamoDBReservations
from a2a_tasks.adapters.dynamodb_slots import DynamoDBSlots
from a2a_tasks.adapters.dynamodb_tasks import DynamoDBTaskStore
from a2a_tasks.adapters.s3_payloads import S3Payloads
from a2a_tasks.adapters.sqs_queue import SQSTaskQueue
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.adapters.telemetry import PowertoolsTelemetry
from a2a_tasks.domain.backend import HAS_BATCHES, Backend
from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.task import Budget, Status, Task, iso8601
from a2a_tasks.services.answer import Answerer
from a2a_tasks.services.budgets import DailyBudgets
from a2a_tasks.services.ending import Ending
from a2a_tasks.services.slots import Slots
from a2a_tasks.services.submit import Idempotency, Submission, Submitter
from a2a_tasks.services.tasks import Tasks, task_of_project
from functions.api import errors
from functions.api.models import (
    MAX_CONTEXT_BYTES,
    MAX_DELAY_SECONDS,
    MAX_TIMEOUT_MS,
    Accepted,
    Canceled,
    Continued,
    ErrorBody,
    Health,
    NewMessage,
    NewTask,
    TaskList,
    TaskView,
)


def _serialize(body: Any) -> str:
    # Chinese stays Chinese: half the bytes of \u escapes, and readable in a terminal
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _deserialize(text: str) -> Any:
    """JSON and nothing else: Python's parser also takes NaN, and breaks on deep nesting or endless digits.

    Raises ``JSONDecodeError`` for all of these.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError(str(error), text, 0) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


logger = Logger()
telemetry = PowertoolsTelemetry(logger)
app = APIGatewayRestResolver(
    enable_validation=True, serializer=_serialize, json_body_deserializer=_deserialize
)
errors.install(app, logger)

_dynamodb = clients.dynamodb()
_clock, _entropy = SystemClock(), SystemEntropy()
_store = DynamoDBTaskStore(_dynamodb, environment.text("TASKS_TABLE"))
_registry = DynamoDBRegistry(_dynamodb, environment.text("REGISTRY_TABLE"))
_payloads = S3Payloads(clients.s3, environment.text("PAYLOAD_BUCKET"))
_queue = SQSTaskQueue(clients.sqs(), environment.text("TASK_QUEUE_URL"))
_tasks_table = environment.text("TASKS_TABLE")
_slots = Slots(DynamoDBSlots(_dynamodb, _tasks_table), _store, _queue, _registry, _clock, _entropy, telemetry)
submitter = Submitter(
    store=_store,
    registry=_registry,
    payloads=_payloads,
    queue=_queue,
    slots=_slots,
    batches=DynamoDBBatchLine(_dynamodb, _tasks_table),
    reservations=DynamoDBReservations(_dynamodb, _tasks_table),
    budgets=DailyBudgets(DynamoDBSpend(_dynamodb, _tasks_table), _registry, _clock),
    clock=_clock,
    entropy=_entropy,
    telemetry=telemetry,
    aliases=json.loads(environment.text("MODEL_ALIASES")),
    max_attempts=environment.integer("MAX_ATTEMPTS"),
    max_timeout_ms=MAX_TIMEOUT_MS,
    has_batches=Backend(environment.text("CLAUDE_BACKEND")) in HAS_BATCHES,
)
_ending = Ending(_store, _slots, _queue, _clock, _entropy, telemetry, environment.retention_ms())
tasks = Tasks(_store, _registry, _payloads, _payloads, _ending, pause=time.sleep)
answerer = Answerer(_store, DynamoDBRecords(_dynamodb, _tasks_table), _payloads, _queue, _ending, telemetry)

AgentId = Annotated[str, Path(description="The agent's id.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Repeating a request with its key gives the same task, for 24 hours.",
    ),
]
Wait = Annotated[
    int,
    Query(
        ge=0,
        le=20,
        description="Seconds to wait for the task's end, or its question, before it is answered as it is.",
    ),
]
TaskId = Annotated[str, Path(description="The task's id, as the answer to its creation gave it.")]


def _errors(*statuses: int) -> dict[int, Any]:
    content = {"application/json": {"model": ErrorBody}}
    return {status: {"description": "Refused", "content": content} for status in statuses}


@app.post(
    "/a2a/<agent_id>/tasks",
    summary="Hand a task over",
    description="Stores the task, queues it, and answers at once. It ends by its deadline, whatever happens.",
    status_code=202,
    responses={
        202: {"description": "Accepted", "content": {"application/json": {"model": Accepted}}},
        **_errors(400, 401, 404, 409, 413, 422, 429, 503),
    },
    operation_id="createTask",
    tags=["tasks"],
)
def create_task(
    agent_id: AgentId, body: Annotated[NewTask, Body()], idempotency_key: IdempotencyKey = None
) -> Response[Accepted]:
    _check_context(body.context)
    task = submitter.submit(
        Submission(
            project_id=_project(),
            agent_id=agent_id,
            message=body.message,
            context=body.context,
            timeout_ms=body.timeout,
            correlation_id=app.current_event.request_context.request_id,
            priority=body.priority,
            lane=body.lane,
            not_before=_start_of(body),
            max_attempts=body.max_attempts,
            budget=Budget(
                None if body.max_cost_usd is None else Decimal(str(body.max_cost_usd)), body.max_tokens
            ),
            idempotency=None if idempotency_key is None else Idempotency(idempotency_key, _digest(body)),
        )
    )
    return Response(
        status_code=202,
        content_type="application/json",
        # relative to the request (RFC 9110 §10.2.2), so it is right below every stage and custom domain
        headers={"Location": f"tasks/{task.ref.task_id}"},
        body=Accepted(
            task_id=task.ref.task_id,
            status="pending",
            check_url=_path_of(task),
        ),
    )


@app.get(
    "/a2a/<agent_id>/tasks",
    summary="List an agent's tasks, newest first",
    responses={
        200: {"description": "A page", "content": {"application/json": {"model": TaskList}}},
        **_errors(400, 401, 404, 429, 503),
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
        **_errors(400, 401, 404, 429, 503),
    },
    operation_id="getTask",
    tags=["tasks"],
)
def get_task(agent_id: AgentId, task_id: TaskId, wait: Wait = 0) -> dict[str, Any]:
    return tasks.get(_project(), agent_id, task_id, wait)


@app.post(
    "/a2a/<agent_id>/tasks/<task_id>/messages",
    summary="Answer an agent's question",
    description="For a task that is input_required. The same answer again, after a failure, is safe.",
    status_code=202,
    responses={
        202: {"description": "It goes on", "content": {"application/json": {"model": Continued}}},
        **_errors(400, 401, 404, 409, 413, 429, 503),
    },
    operation_id="answerTask",
    tags=["tasks"],
)
def answer_task(
    agent_id: AgentId, task_id: TaskId, body: Annotated[NewMessage, Body()]
) -> Response[Continued]:
    task = answerer.answer(task_of_project(_store, _project(), agent_id, task_id), body.message)
    return Response(
        status_code=202,
        content_type="application/json",
        body=Continued(task_id=task.ref.task_id, status=task.status, check_url=_path_of(task)),
    )


@app.delete(
    "/a2a/<agent_id>/tasks/<task_id>",
    summary="Cancel a task",
    description="Canceling a canceled task again answers the same.",
    responses={
        200: {"description": "Canceled", "content": {"application/json": {"model": Canceled}}},
        **_errors(401, 404, 409, 429, 503),
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


def _path_of(task: Task) -> str:
    return f"/a2a/{task.ref.agent_id}/tasks/{task.ref.task_id}"


def _digest(body: NewTask) -> str:
    """Of what was asked for, however it was written."""
    asked = json.dumps(body.model_dump(mode="json", exclude_unset=True), sort_keys=True)
    return hashlib.sha256(asked.encode(errors="surrogatepass")).hexdigest()


def _project() -> str:
    """The caller's project, as the authorizer found it."""
    project: str = app.current_event.request_context.authorizer["projectId"]
    return project


def _check_context(context: dict[str, Any] | None) -> None:
    size = 0 if context is None else len(_serialize(context).encode())
    if size > MAX_CONTEXT_BYTES:
        text = f"is {size} bytes of JSON; at most {MAX_CONTEXT_BYTES} are taken"
        detail = {"field": "context", "message": text}
        raise RequestRefused(ErrorCode.PAYLOAD_TOO_LARGE, f"context: {text}", [detail])


def _start_of(body: NewTask) -> int | None:
    """The earliest start in Unix milliseconds; None means at once."""
    now = _clock.now()
    if body.delay_seconds is not None:
        return now + body.delay_seconds * 1000
    if body.not_before is None:
        return None
    start = int(body.not_before.timestamp() * 1000)
    if start - now > MAX_DELAY_SECONDS * 1000:
        text = f"is more than 7 days ahead; at most {iso8601(now + MAX_DELAY_SECONDS * 1000)} is taken"
        detail = {"field": "notBefore", "message": text}
        raise RequestRefused(ErrorCode.VALIDATION_ERROR, f"notBefore: {text}", [detail])
    return max(start, now)


gc.enable()
gc.freeze()


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    try:
        return app.resolve(event, context)
    finally:
        telemetry.flush()
