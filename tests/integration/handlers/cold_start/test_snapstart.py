"""SnapStart: what the copies of one initialized process have in common, which is nothing that tells."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest

from a2a_tasks.adapters.snapstart import SNAP_START
from tests.integration.handlers.cold_start import snapshot
from tests.integration.support.account import Account
from tests.integration.support.cold_start import LOGICAL_IDS
from tests.integration.support.template import (
    ROOT,
    environment,
    known_values,
    resolve,
    resource_properties,
    resources_of_type,
)

CALLS = {"api": 3, "worker": 5}
"""Of the functions that may start from snapshots: one of the first process and of each copy; a copy of the
worker also opens its lease."""


class Tables(BaseHTTPRequestHandler):
    """DynamoDB without an item, which notes by whom it is called."""

    protocol_version = "HTTP/1.1"
    callers: ClassVar[list[tuple[str, int]]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.callers.append(self.client_address)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the base class's
        pass


@pytest.fixture
def tables() -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Its address, and the connections on which it was called, one entry a call."""
    Tables.callers = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Tables) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", Tables.callers
        server.shutdown()


@pytest.mark.parametrize("function", CALLS)
def test_each_copy_of_a_snapshot_is_a_process_of_its_own(
    function: str, account: Account, tables: tuple[str, list[tuple[str, int]]]
) -> None:
    address, callers = tables
    variables = environment(LOGICAL_IDS[function], account.resources) | {
        "AWS_ENDPOINT_URL": address,
        "AWS_LAMBDA_INITIALIZATION_TYPE": SNAP_START,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers/core")]),
    }

    command = [sys.executable, "-m", snapshot.__name__, f"functions.{function}.app"]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    assert len({first["jitter"], second["jitter"]}) == 2
    assert len({first["id"], second["id"]}) == 2
    assert first["now"] <= second["now"]
    if function == "worker":
        assert len({first["worker"], second["worker"]}) == 2
    assert len(set(callers)) == 3, "the first process and each copy have a connection of their own"
    assert len(callers) == CALLS[function], "nothing is read while a function initializes"


@pytest.mark.parametrize(("asked", "applied"), [("on", "PublishedVersions"), ("off", "None")])
def test_what_may_start_from_snapshots_does_if_asked(asked: str, applied: str) -> None:
    known = known_values({}, {"SnapStart": asked})
    settings = {
        name: resolve(resource_properties(name)["SnapStart"]["ApplyOn"], known)
        for name in resources_of_type("AWS::Serverless::Function")
        if "SnapStart" in resource_properties(name)
    }

    assert settings == {LOGICAL_IDS[function]: applied for function in CALLS}
