"""The methods of A2A 1.0 on plain JSON objects, independent of the binding. Stateless between calls."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from a2a_tasks.a2a import card, requests, view
from a2a_tasks.a2a.artifacts import InlineBudget, saved_views
from a2a_tasks.a2a.card import Publisher
from a2a_tasks.a2a.errors import A2AError, Problem
from a2a_tasks.a2a.history import TaskHistory
from a2a_tasks.a2a.messages import IncomingMessage
from a2a_tasks.a2a.rejection import Rejecter
from a2a_tasks.a2a.streaming import StreamResponses
from a2a_tasks.a2a.times import Times
from a2a_tasks.access.server_errors import server_error
from a2a_tasks.conversations.answers import Answerer
from a2a_tasks.conversations.follow import Follower
from a2a_tasks.domain import ids
from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.history.events import last_number
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.tracing.trace_context import TraceContext
from a2a_tasks.domain.webhooks.push import Authentication, PushConfig, PushFormat
from a2a_tasks.ports.errors import PayloadUnavailable, SealingUnavailable, StoreUnavailable
from a2a_tasks.ports.registry import AgentReader
from a2a_tasks.ports.tasks import TaskSummary
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.latest import InvalidToken, LatestTasks, token_of
from a2a_tasks.tasks.queries import Tasks
from a2a_tasks.tasks.submission import Idempotency, Submission, agent_of_project
from a2a_tasks.views.push_configs import push_config_view
from a2a_tasks.webhooks.push_configs import PushConfigs

DEFAULT_PAGE_SIZE = 50
STREAMING = frozenset({"SendStreamingMessage", "SubscribeToTask"})
INLINE_PUSH = "configuration.taskPushNotificationConfig"
RETRY_AFTER_SECONDS = 5
MAX_LIST_BYTES = 4 * 1024 * 1024
"""Upper limit of the tasks on a page. A Lambda response is limited to 6 MB."""


@dataclass(frozen=True)
class CallContext:
    """Who calls, and how. ``address`` is the agent's without a trailing slash. ``wait_seconds`` and
    ``stream_seconds`` return for how many seconds a response may be waited for or streamed.
    ``count_creation`` is called before a task is created and ``open_stream`` before a wait or stream, with
    its seconds; both may raise ``RequestRefused``. ``push_format`` is the format of notifications, and
    ``trace`` the caller's span."""

    project_id: str
    agent_id: str
    address: str
    correlation_id: str
    wait_seconds: Callable[[], float]
    stream_seconds: Callable[[], float]
    count_creation: Callable[[], None]
    open_stream: Callable[[float], None]
    key_id: str | None = None
    idempotency_key: str | None = None
    push_format: PushFormat = PushFormat.A2A
    trace: TraceContext | None = None


@dataclass(frozen=True)
class Methods:
    """The methods that an agent's clients may call."""

    tasks: Tasks
    latest: LatestTasks
    rejecter: Rejecter
    answerer: Answerer
    history: TaskHistory
    registry: AgentReader
    push: PushConfigs
    follower: Follower
    telemetry: Telemetry
    publisher: Publisher

    def call(self, method: str, params: Mapping[str, Any], call: CallContext) -> dict[str, Any]:
        """The result of a method. Raises only ``A2AError``."""
        methods: dict[str, Callable[[dict[str, Any], CallContext], dict[str, Any]]] = {
            "SendMessage": self._send,
            "GetTask": self._get,
            "ListTasks": self._list,
            "CancelTask": self._cancel,
            "CreateTaskPushNotificationConfig": self._create_push,
            "GetTaskPushNotificationConfig": self._get_push,
            "ListTaskPushNotificationConfigs": self._list_push,
            "DeleteTaskPushNotificationConfig": self._delete_push,
            "GetExtendedAgentCard": self._card,
        }
        if method not in methods:
            known = ", ".join(requests.TYPES)
            raise A2AError(Problem.METHOD_NOT_FOUND, f"There is no method {method}; there are {known}.")
        with self._as_a2a_errors():
            return methods[method](requests.parse(method, params), call)

    @contextmanager
    def _as_a2a_errors(self) -> Iterator[None]:
        """Turns all errors into ``A2AError``."""
        try:
            yield
        except A2AError:
            raise
        except RequestRefused as refused:
            raise A2AError.of(refused) from None
        except (StoreUnavailable, PayloadUnavailable, SealingUnavailable) as error:
            server_error(self.telemetry, "storage did not respond", error)
            text = "The service is busy; try again in a moment."
            raise A2AError(Problem.UNAVAILABLE, text, retry_after=RETRY_AFTER_SECONDS) from error
        except Exception as error:
            server_error(self.telemetry, "request failed", error)
            raise A2AError(Problem.INTERNAL_ERROR, "The service met an unexpected error.") from error

    def stream(
        self, method: str, params: Mapping[str, Any], call: CallContext
    ) -> Iterator[dict[str, Any] | None]:
        """The responses of a method of ``STREAMING`` as they arise. None is a keep-alive.

        Before the first one it raises what ``call`` raises, after that ``StoreUnavailable`` and
        ``PayloadUnavailable``.
        """
        with self._as_a2a_errors():
            asked = requests.parse(method, params)
            # before the task is created: a refused stream must create no task
            call.open_stream(call.stream_seconds())
            subscribes = method == "SubscribeToTask"
            task, first = (self._subscribe if subscribes else self._send_streaming)(asked, call)
        # computed again, because creating the task has taken time
        until = self.follower.finalizer.clock.now() + int(call.stream_seconds() * 1000)
        # a subscriber to a task that asks a question waits for its continuation
        known = task.question if subscribes else None
        updates = self.follower.follow(task, last_number(task.events), until, known)
        return StreamResponses(self._results).of(first, updates)

    def _send_streaming(self, params: dict[str, Any], call: CallContext) -> tuple[Task, dict[str, Any]]:
        task = self._handle_message(params, call)
        return task, self._view(task, params.get("configuration", {}).get("historyLength"), InlineBudget())

    def _subscribe(self, params: dict[str, Any], call: CallContext) -> tuple[Task, dict[str, Any]]:
        task = self.tasks.find(call.project_id, call.agent_id, params["id"])
        if task.is_terminal:
            raise A2AError(
                Problem.UNSUPPORTED_OPERATION, f"The task has {task.status}; GetTask has its results."
            )
        return task, self._view(task, None, InlineBudget())

    def _results(
        self, task: Task, budget: InlineBudget | None = None
    ) -> tuple[Mapping[str, Any] | None, Sequence[Mapping[str, Any]]]:
        """Output and saved artifacts. ``budget`` is shared by all tasks of a response."""
        results = self.tasks.results
        return results.output(task), saved_views(results, task.artifacts, budget or InlineBudget())

    # -- messages

    def _send(self, params: dict[str, Any], call: CallContext) -> dict[str, Any]:
        configuration = params.get("configuration", {})
        # before the task is created: a refused wait must create no task
        if not configuration.get("returnImmediately"):
            call.open_stream(call.wait_seconds())
        task = self._handle_message(params, call)
        if not configuration.get("returnImmediately"):
            task = self.tasks.wait(call.project_id, call.agent_id, task.ref.task_id, call.wait_seconds())
        return {"task": self._view(task, configuration.get("historyLength"), InlineBudget())}

    def _handle_message(self, params: dict[str, Any], call: CallContext) -> Task:
        """The task that a message creates or continues."""
        message, configuration = params["message"], params.get("configuration", {})
        if message["role"] != "ROLE_USER":
            raise A2AError.invalid("message.role", "must be ROLE_USER: an agent's messages come from here")
        incoming = IncomingMessage.of(message)
        push = _push_config(configuration.get("taskPushNotificationConfig"), call)
        if push is not None:
            # before anything is stored, so that an invalid configuration is refused together with its message
            self.push.acceptance.check(call.project_id, push, INLINE_PUSH)
        if "taskId" in message:
            return self._answer_question(message, incoming, push, call)
        times = Times.of(params, self.rejecter.submitter.max_timeout_ms)
        return self._start(message, incoming, push, times, _idempotency(call.idempotency_key, params), call)

    def _start(
        self,
        message: dict[str, Any],
        incoming: IncomingMessage,
        push: PushConfig | None,
        times: Times,
        idempotency: Idempotency | None,
        call: CallContext,
    ) -> Task:
        context_id = message.get("contextId")
        if context_id is not None and not ids.CONTEXT_ID.fullmatch(context_id):
            raise A2AError.invalid(
                "message.contextId",
                "must be 1 to 128 letters, digits and any of . _ ~ : @ -; or leave it out",
            )
        # only here: an answer to a question creates no task
        call.count_creation()
        return self.rejecter.submit(
            Submission(
                project_id=call.project_id,
                agent_id=call.agent_id,
                message=incoming.text,
                context=None,
                timeout_ms=times.timeout_ms,
                queue_timeout_ms=times.queue_timeout_ms,
                correlation_id=call.correlation_id,
                context_id=context_id,
                begins_context=context_id is None,
                idempotency=idempotency,
                parts=incoming.parts,
                envelope=incoming.envelope,
                push=push,
                key_id=call.key_id,
                trace=call.trace,
            )
        )

    def _answer_question(
        self, message: dict[str, Any], incoming: IncomingMessage, push: PushConfig | None, call: CallContext
    ) -> Task:
        """Answer a task's question."""
        task = self.tasks.find(call.project_id, call.agent_id, message["taskId"])
        if message.get("contextId", task.context_id) != task.context_id:
            raise A2AError.invalid("message.contextId", "is not that of the task; leave it out")
        if task.is_terminal:
            raise A2AError(
                Problem.UNSUPPORTED_OPERATION,
                f"The task is {task.status} and takes no more messages; send this one without taskId, and "
                "with the task's contextId to go on from it.",
            )
        if push is not None and task.status is Status.INPUT_REQUIRED:
            # before the task continues, so that no change is missed
            self.push.create(call.project_id, call.agent_id, task.ref.task_id, push, INLINE_PUSH)
        return self.answerer.answer(task, incoming.text, parts=incoming.parts, envelope=incoming.envelope)

    # -- tasks

    def _get(self, params: dict[str, Any], call: CallContext) -> dict[str, Any]:
        task = self.tasks.find(call.project_id, call.agent_id, params["id"])
        return self._view(task, params.get("historyLength"), InlineBudget())

    def _list(self, params: dict[str, Any], call: CallContext) -> dict[str, Any]:
        def is_wanted(task: TaskSummary) -> bool:
            return (
                params.get("contextId") in (None, task.context_id)
                and params.get("status") in (None, view.state_of(task.status, task.failure))
                and task.updated_at >= params.get("statusTimestampAfter", 0)
            )

        size, token = params.get("pageSize", DEFAULT_PAGE_SIZE), params.get("pageToken")
        try:
            page = self.latest.page(
                call.project_id, call.agent_id, is_wanted, size, token, params.get("contextId")
            )
        except InvalidToken:
            raise A2AError.invalid(
                "pageToken", "is not one that this list gave; leave it out to begin at the latest task"
            ) from None
        views = self._views(page.tasks, params)
        # a page that would be too large ends early
        last = page.tasks[len(views) - 1] if len(views) < len(page.tasks) else None
        return {
            "tasks": views,
            "nextPageToken": (token_of(last) if last else page.token) or "",
            "pageSize": size,
            "totalSize": page.total,
        }

    def _views(self, tasks: list[Task], params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The tasks from the first on, as many as fit into a response."""
        views: list[dict[str, Any]] = []
        size = 0
        budget = InlineBudget() if params.get("includeArtifacts") else None
        length = params.get("historyLength", 0)
        has_texts = budget is not None or length != 0
        for task in payload.with_inlined(self.tasks.payloads, tasks) if has_texts else tasks:
            shown = self._view(task, length, budget)
            size += len(view.to_bytes(shown))
            # at least one, or the next page would be the same
            if views and size > MAX_LIST_BYTES:
                break
            views.append(shown)
        return views

    def _cancel(self, params: dict[str, Any], call: CallContext) -> dict[str, Any]:
        task = self.tasks.find(call.project_id, call.agent_id, params["id"])
        # also for a canceled task: the protocol has an error for it, unlike the REST API
        if task.is_terminal:
            raise A2AError(
                Problem.TASK_NOT_CANCELABLE, f"The task is {task.status} and cannot be canceled any more."
            )
        return self._view(
            self.tasks.cancel(call.project_id, call.agent_id, params["id"]), None, InlineBudget()
        )

    def _view(self, task: Task, history_length: int | None, budget: InlineBudget | None) -> dict[str, Any]:
        """``budget`` limits the contents of artifacts. None leaves all results out."""
        output, artifacts = (None, ()) if budget is None else self._results(task, budget)
        return view.task_view(task, output, artifacts, self.history.of(task, history_length))

    # -- push configurations

    def _create_push(self, params: dict[str, Any], call: CallContext) -> dict[str, Any]:
        task_id, config = _task_id(params), _push_config(params, call)
        if config is None:
            raise A2AError.invalid("url", "is required")
        return push_config_view(task_id, self.push.create(call.project_id, call.agent_id, task_id, config))

    def _get_push(self, params: dict[str, Any], call: CallContext) -> dict[str, Any]:
        task_id = params["taskId"]
        return push_config_view(task_id, self.push.get(call.project_id, call.agent_id, task_id, params["id"]))

    def _list_push(self, params: dict[str, Any], call: CallContext) -> dict[str, Any]:
        """All on one page, since a task has few."""
        task_id = params["taskId"]
        configs = self.push.list(call.project_id, call.agent_id, task_id)
        return {"configs": [push_config_view(task_id, config) for config in configs], "nextPageToken": ""}

    def _delete_push(self, params: dict[str, Any], call: CallContext) -> dict[str, Any]:
        self.push.delete(call.project_id, call.agent_id, params["taskId"], params["id"])
        return {}

    def _card(self, _params: dict[str, Any], call: CallContext) -> dict[str, Any]:
        agent = agent_of_project(self.registry, call.project_id, call.agent_id)
        return card.agent_card(agent, call.address, self.publisher)


def _task_id(params: Mapping[str, Any]) -> str:
    """Required here, because the protobuf type is shared with configurations inside messages, which have
    none."""
    task_id: str | None = params.get("taskId")
    if task_id is None:
        raise A2AError.invalid("taskId", "is required")
    return task_id


def _push_config(given: Mapping[str, Any] | None, call: CallContext) -> PushConfig | None:
    if not given:
        return None
    known = given.get("authentication")
    return PushConfig(
        url=given["url"],
        token=given.get("token"),
        authentication=Authentication(known["scheme"], known.get("credentials", "")) if known else None,
        format=call.push_format,
        config_id=given.get("id"),
    )


def _idempotency(key: str | None, params: Mapping[str, Any]) -> Idempotency | None:
    """Raises ``RequestRefused`` for an invalid key."""
    if key is None:
        return None
    if not 1 <= len(key) <= 255:
        raise RequestRefused(ErrorCode.VALIDATION_ERROR, "Idempotency-Key: must have 1 to 255 characters")
    asked = json.dumps(params, ensure_ascii=False, sort_keys=True)
    return Idempotency(key, hashlib.sha256(asked.encode()).hexdigest())
