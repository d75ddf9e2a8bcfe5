"""A2A: agents for other agents and programs. The behaviour is in ``a2a_tasks.a2a``."""

import gc
import time
from collections.abc import Callable
from typing import Any

from a2a_tasks.a2a.card import Publisher
from a2a_tasks.a2a.handler import AgentHandler
from a2a_tasks.adapters import environment
from a2a_tasks.adapters.dynamodb.tasks.live import DynamoDBLive
from a2a_tasks.adapters.payloads.task_payloads import payloads_of_function
from a2a_tasks.adapters.telemetry.lean_logger import lean_logger
from a2a_tasks.adapters.telemetry.powertools import PowertoolsTelemetry
from a2a_tasks.adapters.telemetry.span_outlet import SpanOutlet
from a2a_tasks.runtime.answer import StreamedAnswer
from a2a_tasks.wiring.a2a import build_methods
from a2a_tasks.wiring.push import push_configs_of_function
from a2a_tasks.wiring.rate_limiter import rate_limiter_of_function
from a2a_tasks.wiring.submitter import submitter_of_function
from a2a_tasks.wiring.tasks import TaskWiring

logger = lean_logger()
telemetry = PowertoolsTelemetry(logger, SpanOutlet.of_function())
_wired = TaskWiring.of_function(telemetry)
_payloads = payloads_of_function(_wired.texts)
_push = push_configs_of_function(_wired)
agent_handler = AgentHandler(
    methods=build_methods(
        _wired,
        submitter_of_function(_wired, _payloads, _push.acceptance),
        links=_payloads,
        push=_push,
        live=DynamoDBLive(_wired.dynamodb, _wired.table),
        publisher=Publisher(
            organization=environment.optional("PROVIDER_NAME") or "",
            url=environment.optional("PROVIDER_URL") or "",
            documentation_url=environment.optional("DOCUMENTATION_URL") or "",
        ),
        pause=time.sleep,
    ),
    limiter=rate_limiter_of_function(_wired),
    agents=_wired.registry,
    keys=_wired.registry,
    clock=_wired.clock,
    telemetry=telemetry,
    public_base_url=environment.optional("PUBLIC_BASE_URL"),
)
gc.enable()
gc.freeze()


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """For integrations without streaming: a stream is cut off after the time that a request may wait."""
    try:
        return agent_handler.answer(event, _seconds_left(context), is_whole=True).to_buffered()
    finally:
        telemetry.end_invocation()


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def stream(event: dict[str, Any], context: Any) -> StreamedAnswer:
    """For the streaming runtime (``a2a_tasks.runtime``)."""
    try:
        return agent_handler.answer(event, _seconds_left(context), is_whole=False)
    finally:
        telemetry.end_invocation()


def _seconds_left(context: Any) -> Callable[[], float]:
    return lambda: context.get_remaining_time_in_millis() / 1000
