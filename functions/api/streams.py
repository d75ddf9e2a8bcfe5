"""Streamed answers to messages: server-sent events from the task's acceptance to its end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from a2a_tasks.access.server_errors import server_error
from a2a_tasks.conversations.follow import Follower, FollowUpdate
from a2a_tasks.domain.history.events import last_number
from a2a_tasks.domain.schedule import whole_seconds
from a2a_tasks.domain.task import Task
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.runtime import sse
from a2a_tasks.runtime.answer import StreamedAnswer
from a2a_tasks.tasks.queries import Tasks
from a2a_tasks.views.events import event_view
from functions.api.errors import UNAVAILABLE
from functions.api.message_responses import answer_of, pending_answer

UNFINISHED = "unfinished"


@dataclass(frozen=True)
class StartedStream:
    """A stream whose head was sent. ``close`` is called at its end."""

    task: Task
    close: Callable[[], None]


class Streams:
    """A route begins a stream, which is sent after the route has returned. A process handles one request at a
    time, so there is one stream."""

    def __init__(self, follower: Follower, tasks: Tasks, telemetry: Telemetry) -> None:
        self.follower = follower
        self.tasks = tasks
        self.telemetry = telemetry
        self._started: StartedStream | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the current request has started a stream."""
        return self._started is not None

    def begin(self, task: Task, close: Callable[[], None]) -> Response[Any]:
        """The head of the response. ``close`` is called at the end of the stream."""
        self._started = StartedStream(task, close)
        headers = {"Cache-Control": "no-cache"}
        return Response(status_code=200, content_type=sse.CONTENT_TYPE, headers=headers, body="")

    def forget(self) -> None:
        """Drop a stream that an earlier request left behind."""
        self._started = None

    def answer(self, whole: dict[str, Any], seconds: float) -> StreamedAnswer:
        """The route's response, followed by its stream for at most ``seconds``, if it began one."""
        # taken out first, so that no later request can find it
        started, self._started = self._started, None
        answer = StreamedAnswer.of_event(whole)
        if started is None:
            return answer
        # what was put around the route has refused it: nothing will be streamed that could free the place
        if answer.status != HTTPStatus.OK:
            started.close()
            return answer
        until = self.follower.finalizer.clock.now() + int(seconds * 1000)
        return StreamedAnswer(answer.status, self._events(started, until), answer.headers)

    def _events(self, started: StartedStream, until: int) -> Iterator[bytes]:
        """If the store does not respond any more, the stream ends as if its time were over."""
        task, rest = started.task, None
        try:
            # at once, so that the caller knows the task whatever happens to the stream
            yield sse.message(pending_answer(task), event="accepted")
            for update in self.follower.follow(task, last_number(task.events), until):
                if update is None:
                    yield sse.KEEP_ALIVE
                    continue
                task, rest = update.task, update.idle_ms
                yield from _messages(update)
            # the result whole, and not put together from the pieces, which may have been replaced or not been
            # written
            last = answer_of(self.tasks, task)
        except UNAVAILABLE as error:
            server_error(self.telemetry, "stream ended", error, task)
            yield sse.message(pending_answer(task), event=UNFINISHED)
        else:
            name = {200: "answer", 202: UNFINISHED}.get(last.status_code, "error")
            body = dict(last.body or {})
            body |= {} if rest is None else {"retryAfterSeconds": whole_seconds(rest)}
            yield sse.message(body, event=name, retry_ms=rest)
        finally:
            # however it ends; should the process die, the place ends by its time
            started.close()
            self.telemetry.flush()


def _messages(update: FollowUpdate) -> Iterator[bytes]:
    for name, added in (("thinking", update.progress), ("text", update.text)):
        if added is not None:
            yield sse.message({"offset": added.offset, "text": added.text}, event=name)
    for event in update.events:
        yield sse.message(event_view(event), event=event.type.value, event_id=str(event.number))
