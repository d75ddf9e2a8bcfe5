"""The exporter of a function."""

import os

from botocore.credentials import ReadOnlyCredentials

from a2a_tasks.adapters import clients
from a2a_tasks.adapters.lazy import Lazy
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.adapters.tracing.otlp_endpoint import NotSent, OtlpEndpoint
from a2a_tasks.adapters.tracing.secret_headers import SecretHeaders
from a2a_tasks.adapters.tracing.span_exporter import SpanExporter
from a2a_tasks.domain.tracing.span import Value


def build_exporter(url: str, secret_arn: str | None) -> SpanExporter:
    """Sends to ``url``, with the headers of the secret if there is one."""
    headers = SecretHeaders(Lazy(clients.secretsmanager), secret_arn, SystemClock()) if secret_arn else dict
    return SpanExporter(OtlpEndpoint(url, _resource(), headers=headers, credentials=_credentials))


def _resource() -> dict[str, Value]:
    """The process, named as OpenTelemetry's conventions ask."""
    given = {
        "service.name": os.environ.get("TRACING_SERVICE", "a2a-tasks"),
        "service.version": os.environ.get("RELEASE", ""),
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": os.environ.get("AWS_REGION", ""),
        "faas.name": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        "faas.version": os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
    }
    return {name: value for name, value in given.items() if value}


def _credentials() -> ReadOnlyCredentials:
    found = clients.credentials()
    if not found:
        raise NotSent("the function has no credentials", is_retryable=True)
    return found.get_frozen_credentials()
