"""Conversations: a task knows what was said before it, and nothing else; what is deleted is forgotten."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.errors import ErrorCode, FailureCode, RequestRefused
from a2a_tasks.domain.task import ContextRef, Status, Task
from a2a_tasks.execution.model.history import MAX_BYTES, MAX_TASKS
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.model import ModelBusy, ModelRejected
from a2a_tasks.views.conversations import conversation_view
from tests.twins.deployment import RETENTION_MS, Deployment, agent, plenty
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import after, answer, uses
from tests.unit.execution.test_agent_loop import ALL_TOOLS

TALK = ContextRef("writer", "talk")
LARGE = "x" * 20_000
PICTURE = "iVBORw0KGgoAAAAA"


def never() -> bool:
    return False


def say(deployment: Deployment, message: str, reply: str | None = None, **changes: Any) -> Task:
    """A message of the conversation ``talk``, answered."""
    task = deployment.submit(message, **{"context_id": "talk"} | changes)
    if reply is not None:
        deployment.model.on(message, answer(reply))
    deployment.work()
    deployment.clock.advance(1)
    return deployment.now_of(task)


def sent(deployment: Deployment, call: int = -1) -> list[tuple[str, str]]:
    """The role and text of each message of a request."""
    return [
        (message["role"], message["content"][-1]["text"])
        for message in deployment.model.requests[call].messages
    ]


def read(deployment: Deployment, limit: int = 50, cursor: str | None = None) -> dict[str, Any]:
    return conversation_view(deployment.conversations().page("demo", "writer", "talk", limit, cursor))


def said(deployment: Deployment) -> list[tuple[str, str]]:
    return [(message["role"], message["text"]) for message in read(deployment)["messages"]]


def delete(deployment: Deployment, failpoints: Failpoints | None = None) -> None:
    deployment.conversations(failpoints).delete("demo", "writer", "talk", plenty)


class TestHistory:
    def test_each_task_knows_what_was_said_before(self, deployment: Deployment) -> None:
        say(deployment, "My name is Ada.", "Hello, Ada.")
        say(deployment, "What is it?", "Ada.")
        say(deployment, "Thank you.")
        assert [sent(deployment, n) for n in range(3)] == [
            [("user", "My name is Ada.")],
            [("user", "My name is Ada."), ("assistant", "Hello, Ada."), ("user", "What is it?")],
            [
                ("user", "My name is Ada."),
                ("assistant", "Hello, Ada."),
                ("user", "What is it?"),
                ("assistant", "Ada."),
                ("user", "Thank you."),
            ],
        ]

    def test_each_request_begins_as_the_one_before_was_sent(self, deployment: Deployment) -> None:
        """What the model has cached stays good."""
        deployment.registry.apply(agent(allowed_tools=ALL_TOOLS))
        say(deployment, "First.", context={"order": 7})
        deployment.model.on("Second.", uses(("Glob", {"pattern": "*"}), text="I look."), answer("Nothing."))
        say(deployment, "Second.")
        say(deployment, "Third.")
        first, second, _, third = (request.messages for request in deployment.model.requests)
        assert second[: len(first)] == first
        assert third[: len(second)] == second
        assert third[len(second) :][0]["content"] == [{"type": "text", "text": "Nothing."}]

    def test_of_two_at_once_the_second_sees_the_first(self, deployment: Deployment) -> None:
        deployment.model.on("One.", after(deployment.clock, 30, answer("First.")))
        tasks = [deployment.submit("One.", context_id="talk")]
        deployment.clock.advance(0.001)
        tasks += [deployment.submit("Two.", context_id="talk")]
        deployment.work()
        assert [deployment.now_of(task).status for task in tasks] == [Status.COMPLETED, Status.PENDING]
        deployment.work()
        assert sent(deployment) == [("user", "One."), ("assistant", "First."), ("user", "Two.")]

    @pytest.mark.parametrize("end", ["failed", "canceled", "blank"])
    def test_what_was_never_answered_is_left_out(self, deployment: Deployment, end: str) -> None:
        say(deployment, "First.", "One.")
        if end == "canceled":
            task = deployment.submit("Second.", context_id="talk")
            deployment.tasks().cancel("demo", "writer", task.ref.task_id)
        else:
            refusal = answer("Half a ", "max_tokens") if end == "failed" else answer(" \n")
            deployment.model.on("Second.", refusal)
            say(deployment, "Second.")
        say(deployment, "Third.")
        assert sent(deployment) == [("user", "First."), ("assistant", "One."), ("user", "Third.")]

    def test_other_conversations_are_not_seen(self, deployment: Deployment) -> None:
        deployment.registry.apply(agent("editor"))
        say(deployment, "Mine.", "Yes.")
        say(deployment, "Another.", context_id="other")
        say(deployment, "Another agent's.", agent_id="editor")
        say(deployment, "Nobody's.", context_id=None)
        assert [len(request.messages) for request in deployment.model.requests] == [1, 1, 1, 1]

    def test_a_delayed_message_knows_what_was_said_meanwhile(self, deployment: Deployment) -> None:
        in_a_minute = deployment.clock.now() + 60_000
        late = deployment.submit("Remind me.", context_id="talk", not_before=in_a_minute)
        say(deployment, "Of the cake.", "I shall.")
        deployment.clock.advance(60)
        deployment.work()
        assert deployment.now_of(late).status is Status.COMPLETED
        assert [text for _, text in sent(deployment)] == ["Of the cake.", "I shall.", "Remind me."]
        # it was answered last, so it is remembered last
        say(deployment, "And?")
        texts = [text for _, text in sent(deployment)]
        assert texts == ["Of the cake.", "I shall.", "Remind me.", "Done.", "And?"]

    def test_a_delayed_message_knows_the_newest_of_what_was_said_meanwhile(
        self, deployment: Deployment
    ) -> None:
        at = deployment.clock.now() + 800_000
        deployment.submit("Remind me.", context_id="talk", not_before=at)
        for n in range(MAX_TASKS + 40):
            say(deployment, f"Question {n}.", f"Answer {n}.")
        # they wait behind it, and count for nothing
        for n in range(MAX_TASKS + 10):
            deployment.submit(f"Later {n}.", context_id="talk", not_before=at + 600_000)
        deployment.clock.advance((at - deployment.clock.now()) / 1000)
        deployment.work()
        messages = sent(deployment)
        assert messages[-2:] == [("assistant", f"Answer {MAX_TASKS + 39}."), ("user", "Remind me.")]
        assert MAX_TASKS / 2 <= (len(messages) - 1) // 2 <= MAX_TASKS

    def test_an_entry_without_its_task_says_nothing(self, deployment: Deployment) -> None:
        points = Failpoints()
        points.fail("store.create", Crash("before the task"))
        with pytest.raises(Crash):
            deployment.submitter(points).submit(deployment.submission("Lost.", context_id="talk"))
        assert deployment.contexts.entries[TALK]
        say(deployment, "Hello?")
        assert sent(deployment) == [("user", "Hello?")]

    def test_a_conversation_that_cannot_be_read_is_tried_again(self, deployment: Deployment) -> None:
        say(deployment, "First.", "One.")
        task = deployment.submit("Second.", context_id="talk")
        points = Failpoints()
        points.fail("contexts.newest", StoreUnavailable("no answer"))
        deployment.work(points)
        deployment.clock.advance(60)
        deployment.work()
        assert deployment.now_of(task).status is Status.COMPLETED
        assert len(sent(deployment)) == 3
        assert deployment.model.bought == 2


class TestResume:
    @pytest.mark.parametrize("large", [False, True])
    def test_the_history_stays_as_it_was_when_the_task_began(
        self, deployment: Deployment, large: bool
    ) -> None:
        """Although an earlier task is deleted meanwhile."""
        deployment.registry.apply(agent(allowed_tools=ALL_TOOLS))
        first = say(deployment, "First.", LARGE if large else "One.")
        task = deployment.submit("Second.", context_id="talk")
        deployment.model.on("Second.", uses(("Glob", {"pattern": "*"})), answer("Two."), answer("Two."))
        points = Failpoints()
        points.fail("model.turn", Crash("in the second turn"), call=2)
        with pytest.raises(Crash):
            deployment.work(points)
        deployment.store.expire(first.ref, deployment.clock.now())
        deployment.cleaner().clean(plenty)
        assert first.ref not in deployment.store.tasks
        deployment.clock.advance(46)
        deployment.work()
        assert deployment.now_of(task).status is Status.COMPLETED
        before, resumed = deployment.model.requests[1:]
        assert resumed.messages[: len(before.messages)] == before.messages
        assert len(resumed.messages) == len(before.messages) + 2

    def test_a_retry_knows_the_same(self, deployment: Deployment) -> None:
        say(deployment, "First.", "One.")
        deployment.submit("Second.", context_id="talk")
        deployment.clock.advance(1)
        deployment.submit("Third.", context_id="talk")
        deployment.model.on("Second.", ModelBusy("Overloaded."), answer("Two."))
        for _ in range(5):
            deployment.work()
            deployment.clock.advance(60)
        assert [sent(deployment, n)[-1][1] for n in range(4)] == ["First.", "Second.", "Second.", "Third."]
        assert sent(deployment, 1) == sent(deployment, 2)
        assert len(sent(deployment, 3)) == 5


class TestLength:
    def test_the_oldest_are_left_out_where_there_are_too_many(self, deployment: Deployment) -> None:
        for n in range(MAX_TASKS + 40):
            say(deployment, f"Question {n}.", f"Answer {n}.")
        say(deployment, "And now?")
        messages = sent(deployment)
        pairs = (len(messages) - 1) // 2
        assert MAX_TASKS / 2 <= pairs <= MAX_TASKS
        assert messages[-2:] == [("assistant", f"Answer {MAX_TASKS + 39}."), ("user", "And now?")]
        assert messages[0] == ("user", f"Question {MAX_TASKS + 40 - pairs}.")
        assert {role for role, _ in messages[::2]} == {"user"}

    def test_a_long_one_mostly_begins_where_the_one_before_did(self, deployment: Deployment) -> None:
        """What begins elsewhere each time is never found in the model's cache."""
        for n in range(MAX_TASKS + 60):
            say(deployment, f"Question {n}.")
        begins = [sent(deployment, n)[0] for n in range(MAX_TASKS, MAX_TASKS + 60)]
        assert len(set(begins)) < 20

    def test_and_where_they_are_too_long(self, deployment: Deployment) -> None:
        for n in range(20):
            say(deployment, f"Question {n}.", "y" * 20_000)
        say(deployment, "And now?")
        request = deployment.model.requests[-1]
        text = sum(len(message["content"][0]["text"]) for message in request.messages)
        assert MAX_BYTES / 4 < text < MAX_BYTES
        assert sent(deployment)[-3][1] == "Question 19."

    @pytest.mark.parametrize("side", ["message", "context", "file", "answer"])
    def test_one_that_is_too_long_is_shortened_and_pushes_nothing_out(
        self, deployment: Deployment, side: str
    ) -> None:
        say(deployment, "My name is Ada.", "Hello, Ada.")
        long = "y" * (MAX_BYTES + 1)
        file = {"raw": base64.b64encode(long.encode()).decode(), "mediaType": "text/csv"}
        changes: dict[str, dict[str, Any]] = {
            "message": {"message": f"Long. {long}"},
            "context": {"context": {"page": long}},
            "file": {"parts": (file, {"text": "Long."})},
            "answer": {},
        }
        fields = {"message": "Long.", "reply": f"I see. {long if side == 'answer' else ''}"} | changes[side]
        say(deployment, **fields)
        say(deployment, "Who am I?")
        request = deployment.model.requests[-1]
        assert len(request.messages) == 5
        assert request.messages[0]["content"][0]["text"] == "My name is Ada."
        assert len(str(request.messages[2:4])) < 45_000
        assert request.messages[2]["content"][-1]["text"].startswith("Long.")
        assert request.messages[3]["content"][0]["text"].startswith("I see.")


class TestFiles:
    def test_a_file_is_shown_again_as_it_was_sent(self, deployment: Deployment) -> None:
        say(deployment, "See?", "A cat.", parts=({"raw": PICTURE}, {"text": "See?"}))
        say(deployment, "What was it?")
        first, second = (request.messages[0] for request in deployment.model.requests)
        assert second == first
        assert second["content"][0]["type"] == "image"

    def test_a_file_elsewhere_is_only_named(self, deployment: Deployment) -> None:
        """It may be gone by now."""
        address = "https://example.com/cat.png"
        say(deployment, "See?", "A cat.", parts=({"url": address}, {"text": "See?"}))
        say(deployment, "What was it?")
        assert deployment.model.requests[0].messages[0]["content"][0]["type"] == "image"
        assert deployment.model.requests[1].messages[0]["content"] == [
            {"type": "text", "text": f"(A file that was shown here: {address})"},
            {"type": "text", "text": "See?"},
        ]

    def test_the_oldest_files_are_only_named_where_there_are_too_many(self, deployment: Deployment) -> None:
        large = PICTURE + "A" * 1_000_000
        for n in range(3):
            say(deployment, f"{n}?", "A cat.", parts=({"raw": large}, {"text": f"{n}?"}))
        say(deployment, "Which one?")
        shown = [message["content"][0] for message in deployment.model.requests[-1].messages[::2]]
        assert [block["type"] for block in shown] == ["text", "image", "image", "text"]
        assert shown[0]["text"] == "(A file that was shown here: image/png)"
        assert len(sent(deployment)) == 7


class TestReading:
    def test_what_was_said_and_what_is_still_open(self, deployment: Deployment) -> None:
        first = say(deployment, "First.", "One.")
        deployment.model.on("Second.", ModelRejected(FailureCode.EXECUTION_ERROR, "No."))
        say(deployment, "Second.")
        third = deployment.submit("Third.", context_id="talk")
        assert said(deployment) == [("user", "First."), ("agent", "One."), ("user", "Third.")]
        whole = read(deployment)
        assert whole["sessionId"] == "talk"
        assert [message["taskId"] for message in whole["messages"]] == [first.ref.task_id] * 2 + [
            third.ref.task_id
        ]
        assert whole["messages"][0]["at"] == "2026-01-01T00:00:00.000Z"

    def test_in_pages(self, deployment: Deployment) -> None:
        for n in range(5):
            say(deployment, f"Question {n}.", f"Answer {n}.")
        texts: list[str] = []
        cursor, pages = None, 0
        while pages == 0 or cursor:
            page = read(deployment, 2, cursor)
            texts += [message["text"] for message in page["messages"]]
            cursor, pages = page.get("nextCursor"), pages + 1
        assert texts == [f"{kind} {n}." for n in range(5) for kind in ("Question", "Answer")]
        assert pages == 3

    def test_a_page_that_is_too_long_ends_early(self, deployment: Deployment) -> None:
        for n in range(3):
            say(deployment, f"Question {n}.", "z" * 300_000)
        page = read(deployment)
        assert len(page["messages"]) == 4
        assert [message["role"] for message in read(deployment, 50, page["nextCursor"])["messages"]] == [
            "user",
            "agent",
        ]

    def test_none_that_was_never_begun(self, deployment: Deployment) -> None:
        with pytest.raises(RequestRefused) as refused:
            read(deployment)
        assert refused.value.code is ErrorCode.CONTEXT_NOT_FOUND

    @pytest.mark.parametrize("what", ["page", "delete"])
    def test_none_of_another_project(self, deployment: Deployment, what: str) -> None:
        say(deployment, "Secret.")
        conversations = deployment.conversations()
        calls: dict[str, Callable[[], object]] = {
            "page": lambda: conversations.page("rival", "writer", "talk", 50, None),
            "delete": lambda: conversations.delete("rival", "writer", "talk", plenty),
        }
        with pytest.raises(RequestRefused) as refused:
            calls[what]()
        assert refused.value.code is ErrorCode.AGENT_NOT_FOUND
        assert len(said(deployment)) == 2


class TestEnd:
    def test_it_is_remembered_as_long_as_its_tasks(self, deployment: Deployment) -> None:
        say(deployment, "First.", "One.")
        deployment.clock.advance(RETENTION_MS / 2000)
        say(deployment, "Second.", "Two.")
        deployment.clock.advance(RETENTION_MS / 2000)
        deployment.let_ttl_pass()
        assert said(deployment) == [("user", "Second."), ("agent", "Two.")]
        say(deployment, "Third.")
        assert len(sent(deployment)) == 3

    @pytest.mark.parametrize("point", ["payloads.delete_all", "contexts.remove", "store.delete"])
    @pytest.mark.parametrize("after_it", [False, True], ids=["before", "after"])
    def test_a_clean_up_that_dies_leaves_nothing_behind(
        self, deployment: Deployment, point: str, after_it: bool
    ) -> None:
        task = say(deployment, "First.", LARGE)
        deployment.store.expire(task.ref, deployment.clock.now())
        points = Failpoints()
        points.fail(point, Crash(point), after=after_it)
        with pytest.raises(Crash):
            deployment.cleaner(points).clean(plenty)
        # and meanwhile nobody is disturbed by what is half gone
        say(deployment, "Second.")
        deployment.cleaner().clean(plenty)
        assert len(deployment.contexts.entries[TALK]) == 1
        assert len(deployment.store.tasks) == 1

    def test_a_deleted_one_begins_anew(self, deployment: Deployment) -> None:
        say(deployment, "First.", LARGE)
        running = deployment.submit("Second.", context_id="talk")
        waiting = deployment.submit("Third.", context_id="talk")
        other = say(deployment, "Elsewhere.", context_id="other")
        delete(deployment)
        assert {deployment.now_of(task).status for task in (running, waiting)} <= {
            Status.CANCELED,
            Status.COMPLETED,
        }
        with pytest.raises(RequestRefused):
            read(deployment)
        say(deployment, "Who am I?")
        assert sent(deployment) == [("user", "Who am I?")]
        deployment.cleaner().clean(plenty)
        assert [task.ref for task in deployment.store.tasks.values()][:1] == [other.ref]
        assert len(deployment.store.tasks) == 2
        assert not deployment.payloads.objects

    def test_a_task_under_way_is_canceled_and_kept_until_its_worker_has_noticed(
        self, deployment: Deployment
    ) -> None:
        task = deployment.submit("Long.", context_id="talk")
        deployment.model.on("Long.", after(deployment.clock, 100, answer("Late.")))
        deployment.clock.later(20, lambda: delete(deployment))
        deployment.clock.later(21, lambda: deployment.cleaner().clean(plenty))
        deployment.work()
        assert deployment.now_of(task).status is Status.CANCELED
        assert deployment.model.cancelled == 1
        deployment.clock.advance(60)
        deployment.cleaner().clean(plenty)
        assert not deployment.store.tasks
        assert deployment.slots().current(TALK) is None

    def test_deleting_is_repeatable(self, deployment: Deployment) -> None:
        delete(deployment)
        say(deployment, "First.")
        delete(deployment)
        delete(deployment)
        assert not deployment.contexts.entries[TALK]

    CALLS = ("store.finish", "store.expire", "contexts.remove")

    @pytest.mark.parametrize("point", CALLS)
    @pytest.mark.parametrize("after_it", [False, True], ids=["before", "after"])
    def test_a_deletion_that_died_is_finished_by_the_next(
        self, deployment: Deployment, point: str, after_it: bool
    ) -> None:
        say(deployment, "First.")
        say(deployment, "Second.")
        deployment.submit("Third.", context_id="talk")
        points = Failpoints()
        points.fail(point, Crash(point), after=after_it)
        with pytest.raises(Crash):
            delete(deployment, points)
        delete(deployment)
        assert not deployment.contexts.entries[TALK]
        deployment.cleaner().clean(plenty)
        assert not deployment.store.tasks

    @pytest.mark.parametrize("point", ["contexts.add", "slots.wait", "store.create", "queue.send"])
    def test_a_message_of_the_same_moment_is_said_before_it_or_after(
        self, deployment: Deployment, point: str
    ) -> None:
        """It is canceled, or it is the first of the new conversation; never is it forgotten and answered."""
        say(deployment, "First.")
        points = Failpoints()
        points.before(point, lambda: delete(deployment))
        task = deployment.submitter(points).submit(deployment.submission("Second.", context_id="talk"))
        deployment.work()
        if deployment.now_of(task).status is Status.COMPLETED:
            assert sent(deployment) == [("user", "Second.")]
            assert said(deployment) == [("user", "Second."), ("agent", "Done.")]
        else:
            assert deployment.now_of(task).status is Status.CANCELED
            assert not deployment.contexts.entries[TALK]

    def test_one_that_is_too_long_says_so_and_is_deleted_by_and_by(self, deployment: Deployment) -> None:
        for n in range(5):
            say(deployment, f"Question {n}.")
        left = iter([True, True, False])
        with pytest.raises(StoreUnavailable):
            deployment.conversations().delete("demo", "writer", "talk", lambda: next(left))
        assert len(deployment.contexts.entries[TALK]) == 3
        delete(deployment)
        assert not deployment.contexts.entries[TALK]


def test_what_was_answered_is_known_also_where_a_clock_ran_ahead(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids are made by many clocks: a later task may have the lower one."""
    monkeypatch.setattr(deployment.entropy, "bytes", lambda count: b"\xff" * count)
    first = deployment.submit("First.", context_id="talk")
    deployment.work()
    monkeypatch.setattr(deployment.entropy, "bytes", bytes)
    second = deployment.submit("Second.", context_id="talk")
    deployment.work()
    assert second.ref.task_id < first.ref.task_id

    assert sent(deployment)[0] == ("user", "First.")


def test_a_task_of_another_agent_has_no_part_in_the_conversation(deployment: Deployment) -> None:
    """What an agent has another one do is its own affair."""
    deployment.registry.apply(agent(allowed_tools=("call_agent",)))
    deployment.registry.apply(agent("helper"))
    deployment.registry.put_project(ProjectSettings("demo", callable_agents=frozenset({"helper"})))
    deployment.model.on(
        "First.", uses(("call_agent", {"agent": "helper", "message": "Help."})), answer("One.")
    )
    task = deployment.submit("First.", context_id="talk")
    for _ in range(3):
        deployment.work()
    assert deployment.now_of(task).status is Status.COMPLETED
    assert said(deployment) == [("user", "First."), ("agent", "One.")]
    (child,) = (task for task in deployment.store.tasks.values() if task.parent)
    assert child.context_id is None
