"""The public HTTP API, as for any caller."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from a2a_tasks.domain import ids
from a2actl.terminal.fault import Fault

TIMEOUT = httpx.Timeout(35, connect=5)
"""Seconds. API Gateway itself gives up after 29."""
PAGE = 100
"""The most tasks that the API lists at once."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Unreachable(Fault):
    """The API did not respond, or is busy: the effect is unknown, and a retry may succeed."""


class NotTaken(Unreachable):
    """The request had no effect."""


@dataclass(frozen=True)
class TaskApi:
    """Tasks on the wire (camelCase dicts, as the OpenAPI document shows them). Methods raise ``Fault``."""

    client: httpx.Client

    def submit(self, agent_id: str, task: dict[str, Any]) -> dict[str, Any]:
        """``{"taskId", "status", "checkUrl"}`` of a new task; what is None is left out."""
        given = {name: value for name, value in task.items() if value is not None}
        try:
            return self._call("POST", _tasks(agent_id), agent_id, json=given)
        except NotTaken:
            raise
        except Unreachable as error:
            raise Unreachable(
                f"{error} The task may have been created; check with `a2actl tasks list {agent_id}`."
            ) from error

    def get(self, agent_id: str, task_id: str) -> dict[str, Any]:
        return self._call("GET", _task(agent_id, task_id), agent_id)

    def newest(self, agent_id: str, status: str | None, limit: int) -> list[dict[str, Any]]:
        """Up to ``limit`` tasks without their output, newest first, over as many pages as that takes."""
        tasks: list[dict[str, Any]] = []
        query: dict[str, Any] = {"status": status} if status else {}
        while len(tasks) < limit:
            query["limit"] = min(limit - len(tasks), PAGE)
            page = self._call("GET", _tasks(agent_id), agent_id, params=query)
            tasks += page["tasks"]
            if "nextCursor" not in page:
                break
            query["cursor"] = page["nextCursor"]
        return tasks

    def cancel(self, agent_id: str, task_id: str) -> dict[str, Any]:
        """``{"taskId", "status", "message"}``; a task that has already ended is a ``Fault``."""
        return self._call("DELETE", _task(agent_id, task_id), agent_id)

    def retry(self, agent_id: str, task_id: str) -> dict[str, Any]:
        """``{"taskId", "status", "checkUrl"}`` of the new task; asking again while it lives answers with it.
        A task that is live or has completed is a ``Fault``."""
        return self._call("POST", f"{_task(agent_id, task_id)}/retry", agent_id)

    def _call(self, method: str, path: str, agent_id: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer = self.client.request(method, path, **arguments)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise Fault(f"The stack's API address {self.client.base_url} is wrong: {error}.") from error
        except httpx.TransportError as error:
            is_unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            raise (NotTaken if is_unsent else Unreachable)(
                f"The API at {self.client.base_url} does not answer ({error or type(error).__name__});"
                " check that the stack runs (`make run` starts the local one), and the network."
            ) from error
        body = _object(answer)
        if answer.is_success and body is not None:
            return body
        raise _refusal(answer.status_code, body or {}, agent_id, str(answer.url))


@contextmanager
def connected(api_url: str, api_key: str) -> Iterator[TaskApi]:
    """The API below ``api_url``, called with ``api_key``. Raises ``Fault`` if no header can carry the key."""
    if not api_key.isascii() or not api_key.isprintable():
        raise Fault("The API key contains characters that no key has; copy it again to --key or A2A_API_KEY.")
    is_local = urlsplit(api_url).hostname in _LOOPBACK
    with httpx.Client(
        base_url=api_url,
        headers={"Authorization": f"Bearer {api_key}"},
        timeout=TIMEOUT,
        trust_env=not is_local,  # a proxy of the environment cannot reach this machine's own ports
    ) as client:
        yield TaskApi(client)


def _tasks(agent_id: str) -> str:
    if not ids.AGENT_ID.fullmatch(agent_id):
        raise Fault(
            f"{agent_id!r} is no agent id: that is 1 to 64 lower-case letters, digits, '-' or '_', beginning"
            " and ending with a letter or digit, such as 'report-writer'."
        )
    return f"/a2a/{agent_id}/tasks"


def _task(agent_id: str, task_id: str) -> str:
    if not ids.is_task_id(task_id):
        raise Fault(f"{task_id!r} is not a task id; `a2actl tasks list {agent_id}` shows the agent's tasks.")
    return f"{_tasks(agent_id)}/{task_id}"


def _object(answer: httpx.Response) -> dict[str, Any] | None:
    try:
        body = answer.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _refusal(status: int, body: dict[str, Any], agent_id: str, url: str) -> Fault:
    code, text = body.get("code"), str(body.get("error") or "").rstrip(".")
    match status, code:
        case ((401 | 403), _):
            return Fault(
                "The API rejected the key; set another with --key or A2A_API_KEY."
                " `a2actl keys create --project ID` makes one."
            )
        case _, "AGENT_NOT_FOUND":
            return Fault(
                f"There is no agent {agent_id!r} in this key's project;"
                " `a2actl agents list --project ID` lists a project's agents."
            )
        case _, "AGENT_DISABLED":
            return Fault(
                f"The agent {agent_id!r} is disabled and accepts no new tasks;"
                " `a2actl agents apply` with its definition enables it."
            )
        case _, "TASK_NOT_FOUND":
            return Fault(
                f"There is no such task of {agent_id!r} in this key's project;"
                f" `a2actl tasks list {agent_id}` shows its tasks."
            )
        case _, "BUDGET_EXCEEDED":
            return Fault(
                f"The API refused the task: {text} ({code}). `a2actl projects show --project ID` shows what"
                " was spent, and `a2actl projects set` changes the limit."
            )
        case 429, _:
            return NotTaken(f"The API is throttling requests: {text or url} (429); try again in a moment.")
        case _, str() if status >= 500:
            return Unreachable(f"The API is busy: {text} ({code}); try again in a moment.")
        case _, str():
            return Fault(f"The API rejected the request: {text} ({code}).")
        case _ if status >= 500:
            return Unreachable(f"The API at {url} returned {status}; try again in a moment.")
        case _:
            return Fault(
                f"The response from {url} is not from the API of a2a-tasks ({status}); check the stack."
            )
