"""The deployed system, from its callers' and its operators' side."""

import os
import secrets
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from botocore.config import Config

from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
from a2a_tasks.adapters.secrets.kms_envelopes import KmsEnvelopes, Purpose
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.domain.access import api_key
from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.domain.agents.definition import parse_agent
from a2actl.webhooks.secrets import WebhookSecrets
from local.stack.local_stack import Deployment, LocalStack
from local.standin.calls import Call
from local.standin.client import StandInClient

POLL_SECONDS = 0.2
PATIENCE = 0.05
"""As a share of the time waited so far. A poll costs 14 ms of CPU, and waiting another second costs none."""
TLS = ssl.create_default_context()
"""Shared by all requests: loading the certificate authorities for each takes 15 ms of CPU."""


class Refused(Exception):
    """The API answered with another status than expected; the message is its response."""


TERMINAL = frozenset({"completed", "failed", "canceled"})


def wait_until[T](
    look: Callable[[], T], seconds: float, what: str, every: float = POLL_SECONDS, *, patience: float = 0.0
) -> T:
    """The first truthy result of ``look``, which is called again after ``every`` seconds, or after the share
    ``patience`` of the time waited so far if that is longer. Raises ``TimeoutError`` after ``seconds``."""
    begun = time.monotonic()
    while not (found := look()):
        waited = time.monotonic() - begun
        if waited >= seconds:
            raise TimeoutError(f"{what} did not happen within {seconds} s")
        time.sleep(max(every, patience * waited))
    return found


@dataclass(frozen=True)
class Deployed:
    """A running local stack."""

    stack: LocalStack
    deployment: Deployment
    standin: StandInClient

    @property
    def api_url(self) -> str:
        return self.deployment.api_url

    @property
    def outputs(self) -> dict[str, str]:
        return dict(self.deployment.outputs)

    def client(self, service: Any) -> Any:
        """A boto3 client for the emulator."""
        # an invocation may take long
        patient = Config(read_timeout=120)
        return self.stack.session().client(service, endpoint_url=self.stack.endpoint_url, config=patient)

    @property
    def webhook_secrets(self) -> WebhookSecrets:
        """The secret that signs the project's notifications."""
        registry = DynamoDBRegistry(self.client("dynamodb"), self.outputs["RegistryTable"])
        clock, entropy, key = SystemClock(), SystemEntropy(), self.outputs["PushKey"]
        sealing = KmsEnvelopes(lambda: self.client("kms"), key, Purpose.SIGNING, clock, entropy)
        return WebhookSecrets(registry, sealing, clock, entropy)

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def calls(self, marker: str) -> list[Call]:
        """The model calls of conversations whose first text contains ``marker``."""
        return self.standin.calls(marker=marker)

    def worker_processes(self) -> list[int]:
        """The process ids of the worker function's environments, of this stack only."""
        return self.processes("worker")

    def processes(self, function: str) -> list[int]:
        """The same for another function of the emulator, by its name without the stack's."""
        mark = f"ministack-lambda-{self.stack.stack_name}-{function}-"
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if mark in command and str(self.stack.folder) in command:
                found.append(int(process.name))
        return found

    def signal_workers(self, number: signal.Signals) -> list[int]:
        """Send a signal to every worker process; returns those that received it."""
        processes = self.worker_processes()
        for process in processes:
            os.kill(process, number)
        return processes


@dataclass(frozen=True)
class Project:
    """A caller: a project with its API key."""

    deployed: Deployed
    project_id: str
    key: str
    key_id: str
    registry: DynamoDBRegistry

    @property
    def agent_id(self) -> str:
        return self.id_of("assistant")

    def id_of(self, agent: str) -> str:
        """The id of an agent that was applied under the project's name."""
        return f"{self.project_id}-{agent}"

    def apply(self, document: dict[str, Any]) -> str:
        """Apply an agent's definition under the project's name; its id."""
        agent = parse_agent(document | {"id": self.id_of(document["id"])})
        self.registry.apply_agent(agent.id, self.project_id, agent.to_stored(), self.deployed.now())
        return agent.id

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request relative to the API's base URL, with this project's key."""
        headers = {"Authorization": f"Bearer {self.key}"} | options.pop("headers", {})
        url = f"{self.deployed.api_url}{path}"
        return httpx.request(method, url, headers=headers, timeout=60, trust_env=False, verify=TLS, **options)

    def request_with_retries(
        self, method: str, path: str, seconds: float = 60, **options: Any
    ) -> httpx.Response:
        """A request that is retried while there is no response, or a retryable one (429, 5xx). Raises
        ``Refused`` after ``seconds``."""
        end = time.monotonic() + seconds
        while True:
            try:
                answer = self.request(method, path, **options)
                said = f"{answer.status_code}: {answer.text}"
                if answer.status_code != 429 and not answer.is_server_error:
                    return answer
            except httpx.TransportError as error:
                said = repr(error)
            if time.monotonic() >= end:
                raise Refused(f"{method} {path} for {seconds} s, in the end with {said}")
            time.sleep(POLL_SECONDS)

    def tasks(self, agent_id: str) -> Iterator[dict[str, Any]]:
        """All tasks of an agent, in their current state."""
        params: dict[str, Any] = {"limit": 100}
        while True:
            page = self.request_with_retries("GET", f"/a2a/{agent_id}/tasks", params=params).json()
            yield from page["tasks"]
            if "nextCursor" not in page:
                return
            params["cursor"] = page["nextCursor"]

    def submit(self, message: str, agent_id: str | None = None, **fields: Any) -> dict[str, Any]:
        """Create a task. Raises ``Refused`` unless it is accepted."""
        answer = self.request(
            "POST", f"/a2a/{agent_id or self.agent_id}/tasks", json={"message": message, **fields}
        )
        return _body(answer, 202)

    def get(self, accepted: dict[str, Any]) -> dict[str, Any]:
        return _body(self.request("GET", accepted["checkUrl"]), 200)

    def wait(
        self,
        accepted: dict[str, Any],
        statuses: frozenset[str] = TERMINAL,
        seconds: float = 60,
        *,
        every: float = POLL_SECONDS,
    ) -> dict[str, Any]:
        """Poll until the task is in one of the states; at growing intervals if they are final."""

        def look() -> dict[str, Any]:
            task = self.get(accepted)
            return task if task["status"] in statuses else {}

        what = f"{accepted['taskId']} in {sorted(statuses)}"
        return wait_until(look, seconds, what, every, patience=PATIENCE if statuses <= TERMINAL else 0.0)

    def wait_for_call(self, marker: str, count: int = 1, seconds: float = 30) -> list[Call]:
        """Wait until the model has been called this many times for a conversation."""

        def look() -> list[Call]:
            calls = self.deployed.calls(marker)
            return calls if len(calls) >= count else []

        return wait_until(look, seconds, f"{count} model calls for {marker}")


def make_project(deployed: Deployed, project_id: str, agents: Path) -> Project:
    """A project with a key and the agents of a YAML file, each under the project's name."""
    registry = DynamoDBRegistry(deployed.client("dynamodb"), deployed.outputs["RegistryTable"])
    now = deployed.now()
    registry.create_project(project_id, now)
    deployed.webhook_secrets.ensure(project_id)
    key_id, key, secret_sha256 = api_key.issue(secrets.token_bytes(42))
    registry.create_key(ApiKey(key_id, project_id, "local", secret_sha256, now))
    project = Project(deployed, project_id, key, key_id, registry)
    applied = [project.apply(document) for document in yaml.safe_load_all(agents.read_text())]
    registry.set_project(project_id, callable_agents=frozenset(applied))
    return project


def _body(answer: httpx.Response, expected: int) -> dict[str, Any]:
    if answer.status_code != expected:
        raise Refused(f"{answer.status_code}: {answer.text}")
    body: dict[str, Any] = answer.json()
    return body
