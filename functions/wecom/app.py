"""WeCom: what people write to bots and applications, and the verification of their URLs.

Lean on purpose: WeCom waits one second for a URL to be verified, a cold start included. Neither Powertools
nor pydantic is imported at all, and what answers messages only when one comes.
"""

import gc
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.lazy import Lazy
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.adapters.telemetry.printed import PrintedTelemetry
from a2a_tasks.adapters.telemetry.span_outlet import SpanOutlet
from a2a_tasks.adapters.wecom.cached_connections import CachedConnections
from a2a_tasks.adapters.wecom.connection_secrets import CachedConnectionSecrets
from a2a_tasks.adapters.wecom.connections import DynamoDBConnections
from a2a_tasks.wecom.inbound.callbacks import CallbackHandler

if TYPE_CHECKING:
    from a2a_tasks.wecom.inbound.handlers import MessageHandlers

WECOM_SECONDS = 5.0
"""How long WeCom waits for the response to a message before it sends the message again."""

telemetry = PrintedTelemetry(
    "wecom",
    environment.text("POWERTOOLS_METRICS_NAMESPACE"),
    environment.text("LOG_LEVEL"),
    SpanOutlet.of_function(),
)
clock = SystemClock()


def _message_handlers() -> "MessageHandlers":
    from a2a_tasks.wiring.wecom import message_handlers_of_function

    return message_handlers_of_function(telemetry)


callbacks = CallbackHandler(
    connections=CachedConnections(
        DynamoDBConnections(clients.dynamodb(), environment.text("REGISTRY_TABLE")), clock
    ),
    secrets=CachedConnectionSecrets(Lazy(clients.secretsmanager), clock),
    handlers=Lazy(_message_handlers),
    clock=clock,
    entropy=SystemEntropy(),
    telemetry=telemetry,
)
gc.enable()
gc.freeze()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    # not the function's own timeout: WeCom gives up much earlier
    until = clock.now() + round(WECOM_SECONDS * 1000)
    try:
        return callbacks.answer(event, lambda: (until - clock.now()) / 1000)
    finally:
        telemetry.end_invocation()
