"""All errors as ``{"error", "code", "details"?}``: the only place that maps exceptions to HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
)
from pydantic import BaseModel, ValidationError

from a2a_tasks.access.server_errors import server_error
from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.text.json_text import serialize
from a2a_tasks.ports.errors import PayloadUnavailable, SealingUnavailable, StoreUnavailable
from a2a_tasks.ports.telemetry import Telemetry
from functions.api.models.conversations import NewAnswer, NewConversationMessage
from functions.api.models.push_configs import NewPushConfig
from functions.api.models.tasks import NewTask, NewTasks

JSON = "application/json"
UNAVAILABLE = (StoreUnavailable, PayloadUnavailable, SealingUnavailable)
BUSY = RequestRefused(ErrorCode.INTERNAL_ERROR, "The service is busy; try again in a moment.", retry_after=5)
NOT_JSON = RequestRefused(ErrorCode.VALIDATION_ERROR, "content-type: must be application/json")


def install(app: APIGatewayRestResolver, telemetry: Telemetry) -> None:
    """Register handlers for all exceptions that a route may raise."""

    @app.exception_handler(RequestRefused)
    def refused(error: RequestRefused) -> Response[Any]:
        return _answer(error)

    @app.exception_handler(RequestValidationError)
    def invalid(error: RequestValidationError) -> Response[Any]:
        # for a form, which curl sends without the header, field errors would not help
        return _answer(to_refusal(error.errors(), _body_of(app)) if _is_json(app) else NOT_JSON)

    @app.exception_handler(RequestUnsupportedContentType)
    def unsupported(_: RequestUnsupportedContentType) -> Response[Any]:
        return _answer(NOT_JSON)

    @app.exception_handler(UnicodeDecodeError)
    def unreadable(_: UnicodeDecodeError) -> Response[Any]:
        return _answer(RequestRefused(ErrorCode.VALIDATION_ERROR, "body: is not UTF-8 text"))

    @app.not_found
    def no_route(_: NotFoundError) -> Response[Any]:
        return _answer(RequestRefused(ErrorCode.NOT_FOUND, "There is no such route."))

    @app.exception_handler(list(UNAVAILABLE))
    def unavailable(error: Exception) -> Response[Any]:
        # 503, not 500: a retry with the same idempotency key is safe
        server_error(telemetry, "storage did not respond", error)
        return _answer(BUSY, status=503)

    @app.exception_handler(ValueError)
    def unparsed(error: ValueError) -> Response[Any]:
        # Powertools raises it for a multipart body that it cannot parse
        return unexpected(error) if _is_json(app) else _answer(NOT_JSON)

    @app.exception_handler(Exception)
    def unexpected(error: Exception) -> Response[Any]:
        server_error(telemetry, "request failed", error)
        return _answer(RequestRefused(ErrorCode.INTERNAL_ERROR, "The service met an unexpected error."))


def to_answer(refusal: RequestRefused) -> dict[str, Any]:
    """Response of a request that was refused before routing."""
    answer = _answer(refusal)
    return {
        "statusCode": answer.status_code,
        "multiValueHeaders": {name: [value] for name, value in answer.headers.items()},
        "body": serialize(answer.body),
        "isBase64Encoded": False,
    }


def _is_json(app: APIGatewayRestResolver) -> bool:
    """Whether the request has no body, no content type, or that of JSON."""
    content_type = app.current_event.headers.get("content-type") or JSON
    return not app.current_event.body or content_type.startswith(JSON)


def _body_of(app: APIGatewayRestResolver) -> type[BaseModel]:
    """The model of the route's body."""
    path = app.current_event.path
    if path.endswith(":batchCreate"):
        return NewTasks
    if path.endswith("/pushNotificationConfigs"):
        return NewPushConfig
    if path.endswith("/messages"):
        return NewAnswer if "/tasks/" in path else NewConversationMessage
    return NewTask


def in_body(error: ValidationError) -> list[Mapping[str, Any]]:
    """Errors of a part of the body, located as in the whole body."""
    return [{**found, "loc": ("body", *found["loc"])} for found in error.errors()]


def to_refusal(errors: Sequence[Mapping[str, Any]], model: type[BaseModel]) -> RequestRefused:
    """A refusal that names each invalid field and what is valid. ``model`` is the expected body."""
    details = [_detail(found, model) for found in errors]
    too_long = any(
        found["type"] == "string_too_long" and tuple(found["loc"]) == ("body", "message") for found in errors
    )
    code = ErrorCode.PAYLOAD_TOO_LARGE if too_long else ErrorCode.VALIDATION_ERROR
    text = "; ".join(f"{detail['field']}: {detail['message']}" for detail in details)
    return RequestRefused(code, text, details)


def _detail(found: Mapping[str, Any], model: type[BaseModel]) -> dict[str, str]:
    place, *location = (str(part) for part in found["loc"])
    field = ".".join(location) or place
    match found["type"]:
        case "extra_forbidden":
            place_of_it = _model_at(location[:-1], model)
            known = ", ".join(field.alias or name for name, field in place_of_it.model_fields.items())
            message = f"is not a field of this request; known are {known}"
        case "missing":
            message = "is required"
        case "json_invalid":
            field, message = "body", found["ctx"]["error"]
        case "value_error":
            message = found["msg"].removeprefix("Value error, ")
        case _:
            message = found["msg"][0].lower() + found["msg"][1:]
    return {"field": field, "message": message}


def _model_at(location: Sequence[str], model: type[BaseModel]) -> type[BaseModel]:
    """The expected model at a place inside the body."""
    for name in location:
        field = next((field for field in model.model_fields.values() if field.alias == name), None)
        kinds = get_args(field.annotation) or (field.annotation,) if field else ()
        models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        model = models[0] if models else model
    return model


def _answer(
    refusal: RequestRefused, *, status: int | None = None, headers: dict[str, str] | None = None
) -> Response[Any]:
    return Response(
        status_code=status or refusal.code.http_status,
        content_type="application/json",
        headers=dict(headers or {}) | _wait(refusal),
        body=refusal.to_body(),
    )


def _wait(refusal: RequestRefused) -> dict[str, str]:
    return {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
