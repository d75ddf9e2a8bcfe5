"""Requests to OTLP endpoints: their names, the signature for X-Ray, and what their answers mean."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from botocore.credentials import ReadOnlyCredentials
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes

from a2a_tasks.adapters.tracing.otlp_endpoint import NotSent, OtlpEndpoint
from a2a_tasks.domain.tracing import task_spans
from a2a_tasks.domain.tracing.span import Span
from a2a_tasks.execution import run_spans
from tests.integration.support.collector import Collector, collecting

SPAN = Span("a" * 32, "b" * 16, None, "chat", 1, 2)
X_RAY = "https://xray.eu-central-1.amazonaws.com/v1/traces"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


def credentials() -> ReadOnlyCredentials:
    return ReadOnlyCredentials("AKIDEXAMPLE", "the-secret-key", "the-session-token")


def endpoint(url: str) -> OtlpEndpoint:
    return OtlpEndpoint(url, {"service.name": "a2a-tasks"}, headers=dict, credentials=credentials)


def test_requests_to_x_ray_are_signed_with_the_role_s_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []

    def request(_: object, verb: str, url: str, **given: Any) -> urllib3.HTTPResponse:
        sent.append({"verb": verb, "url": url} | given)
        return urllib3.HTTPResponse(b"", status=200)

    monkeypatch.setattr(urllib3.PoolManager, "request", request)
    endpoint(X_RAY).send([SPAN])

    (made,) = sent
    signed = made["headers"]["Authorization"]
    scope = r"Credential=AKIDEXAMPLE/\d{8}/eu-central-1/xray/aws4_request"
    assert re.match(rf"AWS4-HMAC-SHA256 {scope}, SignedHeaders=[a-z0-9;-]*host;", signed)
    assert made["headers"]["X-Amz-Security-Token"] == "the-session-token"
    assert "the-secret-key" not in str(made["headers"])


def test_requests_to_others_are_not(collector: Collector) -> None:
    assert endpoint(collector.url).send([SPAN]) == 0

    ((headers, _),) = collector.requests
    assert "authorization" not in headers
    assert "x-amz-security-token" not in headers


@pytest.mark.parametrize(
    ("status", "is_retryable"), [(400, False), (403, False), (302, False), (429, True), (503, True)]
)
def test_an_answer_says_whether_to_try_again(
    collector: Collector, status: int, *, is_retryable: bool
) -> None:
    collector.status = status

    with pytest.raises(NotSent, match=f"answered {status}") as caught:
        endpoint(collector.url).send([SPAN])

    assert caught.value.is_retryable is is_retryable


@pytest.mark.parametrize(
    ("answer", "rejected"),
    [
        (b'{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}', 3),
        (b"{}", 0),
        (b"", 0),
        (b"\x0a\x00", 0),
        (b"[]", 0),
    ],
)
def test_spans_that_were_rejected_are_told(collector: Collector, answer: bytes, rejected: int) -> None:
    collector.answer = answer

    assert endpoint(collector.url).send([SPAN]) == rejected


def test_nobody_at_home_is_no_answer() -> None:
    with pytest.raises(NotSent, match="no answer") as caught:
        endpoint("http://127.0.0.1:9/v1/traces").send([SPAN])

    assert caught.value.is_retryable


def test_names_of_attributes_are_those_of_the_conventions() -> None:
    known = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")}
    sources = inspect.getsource(task_spans) + inspect.getsource(run_spans)
    used = set(re.findall(r'"(gen_ai\.[a-z_.]+)"', sources))

    assert len(used) > 15
    assert used <= known
