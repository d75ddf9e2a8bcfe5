"""Conversations: say something and wait for the answer, read what was said, delete it."""

from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from a2a_tasks.runtime import sse
from a2a_tasks.views.conversations import conversation_view
from functions.api import request, services
from functions.api.creation import of_message
from functions.api.message_responses import answer_of
from functions.api.models.conversations import (
    AnswerView,
    ConversationView,
    DeletedConversation,
    NewConversationMessage,
    PendingAnswer,
)
from functions.api.parameters import AgentId, ContextId, IdempotencyKey, refusals

STREAM: Any = {"schema": {"type": "string", "description": "Server-sent events; the data of each is JSON."}}

router = APIGatewayRouter()


@router.post(
    "/a2a/<agent_id>/messages",
    summary="Send a message and wait for the answer",
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
                "application/json": {"model": AnswerView},
                sse.CONTENT_TYPE: STREAM,
            },
        },
        202: {"description": "It goes on", "content": {"application/json": {"model": PendingAnswer}}},
        **refusals(400, 401, 404, 409, 413, 422, 429, 502, 503, 504),
    },
    operation_id="sendMessage",
    tags=["conversations"],
)
def send_message(
    agent_id: AgentId, body: Annotated[NewConversationMessage, Body()], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    wants_stream = sse.CONTENT_TYPE in router.current_event.headers.get("accept", "")
    # first the wait, then the task: a wait that is refused must count no creation and make no task
    services.limits.caller.open_stream(
        request.milliseconds_left() / 1000 if wants_stream else request.seconds_to_wait()
    )
    services.limits.caller.count_creation()
    submission = of_message(
        body,
        project_id=request.project(),
        agent_id=agent_id,
        correlation_id=router.current_event.request_context.request_id,
        key_id=services.limits.caller.key_id,
        idempotency_key=idempotency_key,
        trace=request.trace(),
    )
    if wants_stream:
        return services.streams.begin(
            services.message_sender.begin(replace(submission, live=True)), services.limits.caller.close
        )
    return answer_of(
        services.tasks, services.message_sender.send_and_wait(submission, request.seconds_to_wait)
    )


@router.get(
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
    limit: Annotated[int, Query(ge=1, le=100, description="Messages of at most this many tasks.")] = 50,
    cursor: Annotated[str | None, Query(description="`nextCursor` of the previous page.")] = None,
) -> dict[str, Any]:
    page = services.conversations.page(request.project(), agent_id, unquote(context_id), limit, cursor)
    return conversation_view(page)


@router.delete(
    "/a2a/<agent_id>/contexts/<context_id>",
    summary="Delete a conversation",
    description=(
        "Cancels its live tasks and marks all of them for deletion by the next clean-up. "
        "Idempotent, also for an unknown conversation."
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
    services.conversations.delete(
        request.project(), agent_id, context_id, lambda: request.milliseconds_left() > 0
    )
    return {
        "sessionId": context_id,
        "message": "The conversation is deleted; what is said under this id from now on begins a new one.",
    }
