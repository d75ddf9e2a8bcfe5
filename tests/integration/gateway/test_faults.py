"""The proxy on which calls of AWS fail: each fault is one that the SDK knows."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from a2a_tasks.adapters.truncation import retry_truncated
from local.faults.client import SERVICES, Faults, Kind
from local.stack.ports import Ports
from local.stack.process import BackgroundProcess
from local.tools import MICROBURST, ROOT

ONCE = Config(read_timeout=4, retries={"mode": "standard", "total_max_attempts": 1})
CALLS: dict[str, Callable[[Any], Any]] = {
    "dynamodb": lambda client: client.get_item(TableName="t", Key={"pk": {"S": "a"}}),
    "sqs": lambda client: client.send_message(QueueUrl=f"{client.meta.endpoint_url}/1/q", MessageBody="{}"),
    "s3": lambda client: client.put_object(Bucket="b", Key="k", Body=b"x"),
    "secretsmanager": lambda client: client.get_secret_value(SecretId="s"),
    "kms": lambda client: client.encrypt(KeyId="k", Plaintext=b"x"),
    "lambda": lambda client: client.get_function(FunctionName="f"),
}


class Upstream:
    """AWS, which does whatever comes: ``done`` are the hosts that requests were signed for."""

    def __init__(self, server: ThreadingHTTPServer, done: list[str]) -> None:
        self.url, self.done = f"http://127.0.0.1:{server.server_address[1]}", done


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    done: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if "Transfer-Encoding" in self.headers:  # the proxy's, of a request without a body
                while self.rfile.readline().strip():
                    pass
            done.append(self.headers["Host"])
            content = b"" if self.command == "PUT" else json.dumps({"Item": {}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, ExitStack() as ending:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        ending.callback(server.shutdown)
        yield Upstream(server, done)


@pytest.fixture(scope="module")
def proxy(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    MICROBURST.ensure()
    port = Ports.free().faults
    url = f"http://127.0.0.1:{port}"
    program = [MICROBURST.program("python"), "-P", str(ROOT / "local/faults/proxy.py")]
    process = BackgroundProcess(
        "faults",
        [*program, "--upstream", upstream.url, "--port", str(port), "--services", *SERVICES],
        "faults/proxy.py",
        tmp_path_factory.mktemp("faults"),
        f"{url}/_microburst/health",
    )
    process.start({"PATH": str(Path(sys.executable).parent)})
    try:
        yield url
    finally:
        process.stop()


@pytest.fixture
def faults(proxy: str) -> Iterator[Faults]:
    found = Faults(proxy)
    yield found
    found.clear()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("kind", [Kind.THROTTLED, Kind.FAILED])
def test_a_service_refuses_and_has_done_nothing(
    upstream: Upstream, proxy: str, faults: Faults, service: str, kind: Kind
) -> None:
    before = len(upstream.done)
    faults.set(1.0, [kind])
    with pytest.raises(ClientError) as caught:
        call(service, proxy)
    expected = SERVICES[service].throttled if kind is Kind.THROTTLED else SERVICES[service].failed
    assert caught.value.response["Error"]["Code"].endswith(expected)
    status = caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert status == 500 if kind is Kind.FAILED else status in (400, 403, 429, 503)
    assert len(upstream.done) == before


@pytest.mark.parametrize("service", SERVICES)
def test_a_connection_breaks_before_anything_is_done(
    upstream: Upstream, proxy: str, faults: Faults, service: str
) -> None:
    before = len(upstream.done)
    faults.set(1.0, [Kind.RESET])
    with pytest.raises(ConnectionClosedError):
        call(service, proxy)
    assert len(upstream.done) == before


@pytest.mark.parametrize("service", SERVICES)
def test_an_answer_is_lost_though_the_call_took_effect(
    upstream: Upstream, proxy: str, faults: Faults, service: str
) -> None:
    before = len(upstream.done)
    faults.set(1.0, [Kind.LOST])
    with pytest.raises((ConnectionClosedError, ReadTimeoutError)):
        call(service, proxy)
    assert len(upstream.done) == before + 1


def test_a_share_of_the_calls_fails_and_each_kind_is_as_frequent(proxy: str, faults: Faults) -> None:
    before, called = faults.fired().get("kms", 0), faults.calls().get("kms", 0)
    faults.set(0.4, [Kind.THROTTLED, Kind.FAILED], ["kms"])
    codes = []
    with closing(client("kms", proxy)) as kms:
        for _ in range(200):
            try:
                CALLS["kms"](kms)
            except ClientError as error:
                codes.append(error.response["Error"]["Code"])
    assert faults.fired()["kms"] - before == len(codes)
    assert faults.calls()["kms"] - called == 200
    assert 50 < len(codes) < 110
    assert 20 < codes.count("ThrottlingException") < 60
    call("dynamodb", proxy)  # of which nothing was said


def test_what_passes_keeps_the_host_that_it_is_signed_for(
    upstream: Upstream, proxy: str, faults: Faults
) -> None:
    faults.clear()
    call("dynamodb", proxy)
    assert f"http://{upstream.done[-1]}" == proxy


def call(service: Any, url: str) -> None:
    with closing(client(service, url)) as opened:
        CALLS[service](opened)


def client(service: Any, url: str) -> Any:
    return retry_truncated(boto3.client(service, endpoint_url=url, region_name="us-east-1", config=ONCE))
