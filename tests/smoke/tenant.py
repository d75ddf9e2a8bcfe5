"""The run's own project: its agents, its key, and the API as its callers use it."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain.access import api_key
from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.domain.agents.definition import parse_agent
from a2actl.projects.keys import KEY_RANDOM_BYTES
from tests.smoke.check import Failed
from tests.smoke.target import Target
from tests.smoke.time_limit import TimeLimit

PREFIX = "smoke-"
A2A_VERSION = "1.0"
TERMINAL = ("completed", "failed", "canceled")
TIMEOUT = httpx.Timeout(60, connect=10)
DAILY_TOKENS = 1_500_000
"""Of the whole project: below one dollar at the price of the smallest model."""
KEY_LIFE_MS = 6 * 3_600_000
AGENT = {
    "name": "Smoke test",
    "description": "Created by `make smoke`, which deletes it.",
    "systemPrompt": (
        "You are part of a test. Text in [[double brackets]] is meant for a test double of you: take no "
        "notice of it. Say exactly what is asked for, and nothing else."
    ),
    "model": "haiku",
    "maxTokens": 8_000,
    "maxTurns": 3,
    "maxConcurrentTasks": 20,
    "visibility": "private",
}


def pong() -> str:
    """A message that is answered at once, with the word pong."""
    return "[[standin: say=pong]] Answer with the single word: pong"


def story(seconds: int, words: int = 300) -> str:
    """A message whose answer takes some seconds: so many from the stand-in, and from Claude as many as its
    words take."""
    text = "Once upon a time there was a queue. " * 8
    return f"[[standin: delay={seconds}; say={text}]] Write a story of {words} words about a queue."


@dataclass(frozen=True)
class Tenant:
    """A project with one agent and one key. What the network raises passes through."""

    target: Target
    project_id: str
    key: str

    @classmethod
    def make(cls, target: Target, project_id: str) -> "Tenant":
        """The project, created if it is new, and a key that expires within hours."""
        now = SystemClock().now()
        deployment = target.deployment
        deployment.registry.create_project(project_id, now)
        deployment.webhook_secrets.ensure(project_id)
        deployment.registry.set_project(project_id, daily_tokens=DAILY_TOKENS)
        key_id, key, digest = api_key.issue(secrets.token_bytes(KEY_RANDOM_BYTES))
        deployment.registry.create_key(
            ApiKey(key_id, project_id, "smoke", digest, now, expires_at=now + KEY_LIFE_MS)
        )
        return cls(target, project_id, key)

    @property
    def agent_id(self) -> str:
        return self.project_id

    @property
    def agent_path(self) -> str:
        return f"/a2a/{self.agent_id}"

    def apply_agent(self) -> None:
        definition = parse_agent({"id": self.agent_id, **AGENT})
        registry = self.target.deployment.registry
        registry.apply_agent(self.agent_id, self.project_id, definition.to_stored(), SystemClock().now())

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request below the API's address with the key, unless other headers name another."""
        headers = {"Authorization": f"Bearer {self.key}"} | options.pop("headers", {})
        is_local = self.target.is_emulated
        return httpx.request(
            method,
            f"{self.target.api_url}{path}",
            headers=headers,
            timeout=TIMEOUT,
            trust_env=not is_local,
            **options,
        )

    def submit(self, message: str, **fields: Any) -> dict[str, Any]:
        """Create a task, in a conversation: by that the run's end finds it. Raises ``Failed`` if refused."""
        body = {"message": message, "sessionId": self.session()} | fields
        return self._body(self.request("POST", f"{self.agent_path}/tasks", json=body), 202)

    def get(self, accepted: dict[str, Any]) -> dict[str, Any]:
        return self._body(self.request("GET", accepted["checkUrl"]), 200)

    def wait(
        self,
        time_limit: TimeLimit,
        accepted: dict[str, Any],
        seconds: float = 120,
        statuses: tuple[str, ...] = TERMINAL,
    ) -> dict[str, Any]:
        """Poll until the task is in one of the states."""

        def look() -> dict[str, Any]:
            task = self.get(accepted)
            return task if task["status"] in statuses else {}

        what = f"task {accepted['taskId']} in {' or '.join(statuses)}"
        return time_limit.until(look, seconds, what)

    def completed(
        self, time_limit: TimeLimit, accepted: dict[str, Any], seconds: float = 120
    ) -> dict[str, Any]:
        """The task once it has ended. Raises ``Failed`` unless it has completed."""
        task = self.wait(time_limit, accepted, seconds)
        if task["status"] != "completed":
            raise Failed(f"task {task['taskId']} ended as {task['status']}: {task.get('errorDetails')}")
        return task

    def cancel(self, accepted: dict[str, Any]) -> None:
        self.request("DELETE", accepted["checkUrl"])

    def session(self) -> str:
        """The id of a new conversation."""
        return f"{self.project_id}-{next(_numbers)}-{secrets.token_hex(3)}"

    def tasks(self) -> Iterator[dict[str, Any]]:
        """All of the agent's tasks, newest first."""
        query = {"limit": "100"}
        while True:
            page = self._body(self.request("GET", f"{self.agent_path}/tasks", params=query), 200)
            yield from page["tasks"]
            if "nextCursor" not in page:
                return
            query["cursor"] = page["nextCursor"]

    @staticmethod
    def _body(answer: httpx.Response, expected: int) -> dict[str, Any]:
        if answer.status_code != expected:
            raise Failed(
                f"{answer.request.method} {answer.request.url.path} answered {answer.status_code}, not"
                f" {expected}: {answer.text[:300]}"
            )
        body: dict[str, Any] = answer.json()
        return body


_numbers = count(1)
