"""The REST API: create, follow and cancel tasks. Its routes are in ``routes``."""

import gc
from typing import Any

from a2a_tasks.adapters import snapstart
from a2a_tasks.runtime.answer import StreamedAnswer
from functions.api import errors, request, services
from functions.api.routes import conversations, history, operations, project, push_configs, tasks
from functions.api.services import app

errors.install(app, services.telemetry)
for routes in (tasks, conversations, push_configs, project, history, operations):
    app.include_router(routes.router)

# when all clients are made: each copy closes their connections
snapstart.register_hooks()
gc.enable()
gc.freeze()


@services.logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """For integrations without streaming: a stream is cut off after the time that a request may wait."""
    whole = _resolve(event, context)
    if not services.streams.has_begun:
        return whole
    return services.streams.answer(whole, request.seconds_to_wait()).to_buffered()


@services.logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def stream(event: dict[str, Any], context: Any) -> StreamedAnswer:
    """For the streaming runtime (``a2a_tasks.runtime``)."""
    return services.streams.answer(_resolve(event, context), request.milliseconds_left() / 1000)


def _resolve(event: dict[str, Any], context: Any) -> dict[str, Any]:
    services.streams.forget()  # one that a failed request has left behind
    try:
        return services.limits.answer(event, lambda: app.resolve(request.below_base_path(event), context))
    finally:
        # a stream keeps its place until it ends, and closes it itself
        if not services.streams.has_begun:
            services.limits.close()
        services.telemetry.end_invocation()
