"""Converts request bodies to what the services take."""

import hashlib
import json
from decimal import Decimal
from typing import Any

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.task import Budget, iso8601
from a2a_tasks.domain.text.json_text import serialize
from a2a_tasks.domain.tracing.trace_context import TraceContext
from a2a_tasks.domain.webhooks.push import Authentication, PushConfig
from a2a_tasks.tasks.content import context_text
from a2a_tasks.tasks.submission import Idempotency, Submission
from functions.api.models.conversations import NewConversationMessage
from functions.api.models.fields import MAX_CONTEXT_BYTES, MAX_DELAY_SECONDS
from functions.api.models.push_configs import NewPushConfig
from functions.api.models.tasks import NewTask


def to_submission(
    body: NewTask,
    *,
    project_id: str,
    agent_id: str,
    correlation_id: str,
    key_id: str,
    idempotency_key: str | None,
    now: int,
    trace: TraceContext | None = None,
) -> Submission:
    """Raises ``RequestRefused`` for limits that the body's model cannot check: sizes, and start times too far
    ahead."""
    _check_context(body.context)
    cost = None if body.max_cost_usd is None else Decimal(str(body.max_cost_usd))
    return Submission(
        project_id=project_id,
        agent_id=agent_id,
        message=body.message,
        context=body.context,
        timeout_ms=body.timeout,
        queue_timeout_ms=body.queue_timeout,
        correlation_id=correlation_id,
        priority=body.priority,
        lane=body.lane,
        not_before=_start_of(body, now),
        max_attempts=body.max_attempts,
        budget=Budget(cost, body.max_tokens),
        context_id=body.session_id,
        push=_push_of(body),
        groups=tuple(body.notify),
        key_id=key_id,
        trace=trace,
        idempotency=None if idempotency_key is None else Idempotency(idempotency_key, digest_of(body)),
    )


def of_message(
    body: NewConversationMessage,
    *,
    project_id: str,
    agent_id: str,
    correlation_id: str,
    key_id: str,
    idempotency_key: str | None,
    trace: TraceContext | None = None,
) -> Submission:
    """A message whose answer is waited for. Raises ``RequestRefused`` if its context is too large."""
    _check_context(body.context)
    # with the same key a task with the same content is a different request
    digest = f"message {digest_of(body)}"
    return Submission(
        project_id=project_id,
        agent_id=agent_id,
        message=body.message,
        context=body.context,
        timeout_ms=None,
        correlation_id=correlation_id,
        context_id=body.session_id,
        begins_context=body.session_id is None,
        push=_push_of(body),
        key_id=key_id,
        trace=trace,
        idempotency=None if idempotency_key is None else Idempotency(idempotency_key, digest),
    )


def _push_of(body: NewTask | NewConversationMessage) -> PushConfig | None:
    given = body.push_notification_config
    return None if given is None else to_push_config(given)


def to_push_config(body: NewPushConfig) -> PushConfig:
    given = body.authentication
    authentication = None if given is None else Authentication(given.scheme, given.credentials or "")
    return PushConfig(body.url, body.token, authentication, config_id=body.id)


def _check_context(context: dict[str, Any] | None) -> None:
    size = 0 if context is None else len(serialize(context).encode())
    if size > MAX_CONTEXT_BYTES:
        text = f"is {size} bytes of JSON; at most {MAX_CONTEXT_BYTES} are taken"
        detail = {"field": "context", "message": text}
        raise RequestRefused(ErrorCode.PAYLOAD_TOO_LARGE, f"context: {text}", [detail])
    if context is not None:
        # refused here, because a task with it would fail
        context_text(context)  # the model sees it indented, which is larger the deeper it is nested


def _start_of(body: NewTask, now: int) -> int | None:
    """Earliest start in Unix milliseconds. None is at once."""
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


def digest_of(body: NewTask | NewConversationMessage | NewPushConfig) -> str:
    """Digest of a request's content, independent of its formatting."""
    # only fields that were set: a default added by a later release must not change the digest of a retry
    asked = body.model_dump(mode="json", exclude_unset=True, exclude={"context"})
    if not isinstance(body, NewPushConfig) and "context" in body.model_fields_set:
        asked["context"] = body.context  # used directly, without a second copy
    text = json.dumps(asked, sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
