"""Changes of tasks reach a receiver on this machine, signed, whoever made them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook

from local.deployed import Deployed, Project, wait_until

type Script = list[tuple[int, dict[str, str]]]

TOKEN, CREDENTIALS = "t0ken-of-the-receiver", "cr3dentials-of-the-receiver"
TOLD_SECONDS = 60
RETRY_SECONDS = 2


class Received:
    """One request: its headers, and its body once the project's secret has verified it."""

    def __init__(self, headers: dict[str, str], body: bytes) -> None:
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.raw = body
        self.body: dict[str, Any] = json.loads(body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def task(self) -> dict[str, Any]:
        """What is told: the task, or its new status."""
        told: dict[str, Any] = self.body.get("task") or self.body["statusUpdate"]
        return told

    @property
    def state(self) -> str:
        state: str = self.task["status"]["state"]
        return state.removeprefix("TASK_STATE_").lower()


class Receiver:
    """Answers each request as ``script`` says, and with 200 when it is over."""

    def __init__(self, url: str, script: Script) -> None:
        self.url = url
        self.script = script
        self.requests: list[Received] = []

    def answer(self, request: Received) -> tuple[int, dict[str, str]]:
        self.requests.append(request)
        return self.script.pop(0) if self.script else (200, {})

    def wait_for(self, *states: str) -> list[Received]:
        """All requests, once one for each of these states has come."""

        def look() -> list[Received]:
            return self.requests if set(states) <= {one.state for one in self.requests} else []

        return wait_until(look, TOLD_SECONDS, f"notifications of {states}; {self.requests} so far")


@contextmanager
def receiving(*script: tuple[int, dict[str, str]]) -> Iterator[Receiver]:
    found = Receiver("", list(script))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers = found.answer(Received(dict(self.headers), body))
            self.send_response(status)
            for name, value in (headers | {"Content-Length": "0"}).items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def hook(receiver: Receiver) -> dict[str, Any]:
    return {
        "url": receiver.url,
        "token": TOKEN,
        "authentication": {"scheme": "Bearer", "credentials": CREDENTIALS},
    }


def verify(deployed: Deployed, project: Project, request: Received) -> None:
    """Raises unless the project's secret has signed the request, a moment ago."""
    secret = deployed.webhook_secrets.read(project.project_id)
    assert secret is not None
    assert Webhook(secret.current).verify(request.raw, request.headers)


def configs_of(accepted: dict[str, Any]) -> str:
    return f"{accepted['checkUrl']}/pushNotificationConfigs"


def test_a_receiver_is_told_that_a_task_runs_and_has_completed(
    deployed: Deployed, project: Project, receiver: Receiver
) -> None:
    accepted = project.submit("[[standin: say=完成]] e2e-hook", pushNotificationConfig=hook(receiver))

    told = receiver.wait_for("working", "completed")

    assert sorted(one.state for one in told) == ["completed", "working"]
    for request in told:
        verify(deployed, project, request)
        assert request.headers["content-type"] == "application/a2a+json"
        assert request.headers["x-a2a-notification-token"] == TOKEN
        assert request.headers["authorization"] == f"Bearer {CREDENTIALS}"
    (done,) = [one for one in told if one.state == "completed"]
    assert done.task["id"] == accepted["taskId"]
    assert [part["text"] for part in done.task["artifacts"][0]["parts"]] == ["完成"]


def test_a_cancel_is_told_too(deployed: Deployed, project: Project, receiver: Receiver) -> None:
    accepted = project.submit("[[standin: delay=60]] e2e-hook-cancel", pushNotificationConfig=hook(receiver))
    receiver.wait_for("working")

    assert project.request("DELETE", accepted["checkUrl"]).status_code == 200

    told = receiver.wait_for("canceled")
    assert len({one.id for one in told}) == 2
    verify(deployed, project, told[-1])


def test_a_deadline_that_passes_is_told_though_no_worker_had_the_task(
    project: Project, receiver: Receiver
) -> None:
    accepted = project.submit(
        "[[standin: delay=60]] e2e-hook-deadline", timeout=3_000, pushNotificationConfig=hook(receiver)
    )

    project.wait(accepted, frozenset({"failed"}))

    (failed,) = [one for one in receiver.wait_for("failed") if one.state == "failed"]
    assert failed.task["metadata"]["errorCode"] == "TIMEOUT"


def test_a_receiver_that_is_added_is_told_until_it_is_removed(
    project: Project, other_project: Project, receiver: Receiver
) -> None:
    accepted = project.submit("[[standin: delay=60]] e2e-hook-crud")
    project.wait(accepted, frozenset({"running"}))
    with receiving() as removed:
        for one, name in ((receiver, "stays"), (removed, "goes")):
            body = hook(one) | {"id": name}
            assert project.request("POST", configs_of(accepted), json=body).status_code == 201
        listed = project.request("GET", configs_of(accepted))
        theirs = other_project.request("GET", configs_of(accepted))
        assert project.request("DELETE", f"{configs_of(accepted)}/goes").json() == {}
        project.request("DELETE", accepted["checkUrl"])

        told = receiver.wait_for("canceled")

        assert [one.state for one in told] == ["canceled"]
        assert removed.requests == []
    assert [config["id"] for config in listed.json()["configs"]] == ["goes", "stays"]
    assert TOKEN not in listed.text
    assert CREDENTIALS not in listed.text
    assert theirs.status_code == 404


def test_a_receiver_that_fails_is_told_again_under_the_same_id(deployed: Deployed, project: Project) -> None:
    with receiving((503, {"Retry-After": str(RETRY_SECONDS)})) as receiver:
        project.submit("[[standin: say=done]] e2e-hook-again", pushNotificationConfig=hook(receiver))

        def all_of_them() -> list[Received]:
            return receiver.requests if len(receiver.requests) >= 3 else []

        told = wait_until(all_of_them, TOLD_SECONDS, "two notifications and one more try")

    assert len(told) == 3
    first, second = [one for one in told if one.id == told[0].id]
    assert first.raw == second.raw
    times = [int(one.headers["webhook-timestamp"]) for one in (first, second)]
    assert times[1] - times[0] >= RETRY_SECONDS
    for request in told:
        verify(deployed, project, request)


@pytest.mark.parametrize(
    "url", ["https://169.254.169.254/latest", "http://example.com", "https://10.0.0.1:8443"]
)
def test_a_receiver_that_is_not_on_the_internet_is_refused(project: Project, url: str) -> None:
    answer = project.request(
        "POST",
        f"/a2a/{project.agent_id}/tasks",
        json={"message": "Hi.", "pushNotificationConfig": {"url": url}},
    )

    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "pushNotificationConfig.url")
