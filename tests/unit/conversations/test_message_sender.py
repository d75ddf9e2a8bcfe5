"""A message and its answer in one call: a task like any other, and one who waits for it."""

from typing import Any

import pytest

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.tasks.submission import Idempotency
from tests.twins.deployment import Deployment, agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import after, answer, hang, uses

WAIT = 25.0


@pytest.fixture
def asker(deployment: Deployment) -> Deployment:
    """An agent that asks twice before it answers ``Book.``."""
    deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    deployment.model.on(
        "Book.",
        uses(("ask_user", {"question": "Where to?"}), prefix="first"),
        uses(("ask_user", {"question": "When?"}), prefix="second"),
        answer("Booked."),
    )
    return deployment


def send(
    deployment: Deployment,
    message: str,
    failpoints: Failpoints | None = None,
    *,
    session: str | None = "talk",
    key: str | None = None,
    works: bool = True,
    **changes: Any,
) -> Task:
    """Say something and wait; a worker takes it after a second."""
    if works:
        deployment.clock.later(1, deployment.work)
    submission = deployment.submission(
        message,
        context_id=session,
        begins_context=session is None,
        idempotency=Idempotency(key, message) if key else None,
        **changes,
    )
    return deployment.message_sender(failpoints).send_and_wait(submission, lambda: WAIT)


def text(deployment: Deployment, task: Task) -> str:
    output = deployment.tasks().results.output(task) or {}
    return str(output.get("result"))


def answers_given(deployment: Deployment) -> list[str]:
    """The tool results that the last request carried, in order."""
    contents = [message["content"] for message in deployment.model.requests[-1].messages]
    return [block["content"] for content in contents for block in content if block["type"] == "tool_result"]


def test_the_answer_comes_with_the_call(deployment: Deployment) -> None:
    deployment.model.then(after(deployment.clock, 5, answer("Hello.")))
    task = send(deployment, "Hi.")
    assert (task.status, task.context_id, text(deployment, task)) == (Status.COMPLETED, "talk", "Hello.")


def test_a_conversation_without_a_name_is_named_after_its_first_task(deployment: Deployment) -> None:
    first = send(deployment, "Hi.", session=None)
    assert first.context_id == first.ref.task_id
    second = send(deployment, "Again.", session=first.context_id)
    assert second.context_id == first.context_id
    assert len(deployment.model.requests[-1].messages) == 3


def test_what_takes_longer_goes_on(deployment: Deployment) -> None:
    deployment.model.then(after(deployment.clock, 60, answer("At last.")))
    begun = deployment.clock.now()
    task = send(deployment, "Hi.", works=False)
    assert (task.status, deployment.clock.now() - begun) == (Status.PENDING, WAIT * 1000)
    deployment.work()
    assert text(deployment, deployment.now_of(task)) == "At last."


def test_a_task_that_cannot_be_done_is_answered_as_soon_as_it_has_failed(deployment: Deployment) -> None:
    deployment.model.then(hang)
    task = send(deployment, "Hi.", timeout_ms=5_000)
    assert (task.status, task.failure and task.failure.code) == (Status.FAILED, "TIMEOUT")


def test_a_question_is_answered_by_the_next_message(asker: Deployment) -> None:
    asked = send(asker, "Book.")
    assert asked.question is not None
    assert (asked.status, asked.question.text) == (Status.INPUT_REQUIRED, "Where to?")
    again = send(asker, "Paris.")
    assert again.question is not None
    assert (again.ref, again.question.text) == (asked.ref, "When?")
    done = send(asker, "Tomorrow.")
    assert (done.ref, done.status, text(asker, done)) == (asked.ref, Status.COMPLETED, "Booked.")
    assert answers_given(asker) == ["Paris.", "Tomorrow."]
    assert len(asker.store.tasks) == 1
    # and what is said after that is a new task
    assert send(asker, "Thanks.").ref != asked.ref


def test_a_question_of_another_conversation_is_left_alone(asker: Deployment) -> None:
    asked = send(asker, "Book.")
    other = send(asker, "Hi.", session="other")
    assert other.ref != asked.ref
    assert asker.now_of(asked).status is Status.INPUT_REQUIRED


def test_a_question_of_another_project_is_not_answered(asker: Deployment) -> None:
    send(asker, "Book.")
    with pytest.raises(RequestRefused) as refused:
        send(asker, "Rome.", project_id="rival")
    assert refused.value.code is ErrorCode.AGENT_NOT_FOUND
    assert len(asker.store.tasks) == 1


def test_a_question_that_nobody_answered_in_time_is_no_obstacle(asker: Deployment) -> None:
    asked = send(asker, "Book.")
    asker.clock.advance(25 * 3600)
    late = send(asker, "Hello?")
    assert late.ref != asked.ref
    assert late.status is Status.COMPLETED
    assert asker.now_of(asked).status is Status.FAILED


def test_an_answer_that_comes_second_is_said_after_it(asker: Deployment) -> None:
    asked = send(asker, "Book.")
    points = Failpoints()
    points.before("records.put_record_once", lambda: asker.answerer().answer(asker.now_of(asked), "Rome."))
    second = send(asker, "Paris.", points, works=False)
    assert second.ref != asked.ref
    asker.work()
    assert answers_given(asker) == ["Rome."]


class TestIdempotency:
    def test_the_same_message_again_is_the_same_task(self, deployment: Deployment) -> None:
        first = send(deployment, "Hi.", session=None, key="k")
        again = send(deployment, "Hi.", session=None, key="k")
        assert (again.ref, again.context_id) == (first.ref, first.context_id)
        assert deployment.model.bought == 1

    def test_two_of_one_moment_have_one_conversation(self, deployment: Deployment) -> None:
        points = Failpoints()
        others: list[Task] = []
        points.before(
            "contexts.add", lambda: others.append(send(deployment, "Hi.", session=None, key="k", works=False))
        )
        task = send(deployment, "Hi.", points, session=None, key="k")
        assert {(task.ref, task.context_id)} == {(other.ref, other.context_id) for other in others}
        assert len(deployment.store.tasks) == 1

    def test_an_answer_that_is_repeated_answers_no_other_question(self, asker: Deployment) -> None:
        asked = send(asker, "Book.")
        first = send(asker, "Paris.", key="k")
        again = send(asker, "Paris.", key="k")
        assert first == again
        assert again.question is not None
        assert (again.ref, again.question.text) == (asked.ref, "When?")
        send(asker, "Tomorrow.")
        # also once the task has ended
        assert text(asker, send(asker, "Paris.", key="k")) == "Booked."
        assert answers_given(asker) == ["Paris.", "Tomorrow."]
        assert len(asker.store.tasks) == 1

    @pytest.mark.parametrize(
        "point", ["reservations.reserve", "records.put_record_once", "store.resume", "queue.send"]
    )
    @pytest.mark.parametrize("after_it", [False, True], ids=["before", "after"])
    def test_an_answer_that_died_is_given_by_its_repetition(
        self, asker: Deployment, point: str, after_it: bool
    ) -> None:
        asked = send(asker, "Book.")
        points = Failpoints()
        points.fail(point, Crash(point), after=after_it)
        with pytest.raises(Crash):
            send(asker, "Paris.", points, key="k", works=False)
        again = send(asker, "Paris.", key="k", works=False)
        asker.sweep()
        asker.clock.advance(60)
        asker.sweep()
        asker.work()
        assert again.ref == asked.ref
        now = asker.now_of(asked)
        assert now.question is not None
        assert now.question.text == "When?"
        assert answers_given(asker) == ["Paris."]

    def test_an_answer_that_came_second_says_so(self, asker: Deployment) -> None:
        """The key stands for an answer that was never given, and the caller learns it."""
        asked = send(asker, "Book.")
        points = Failpoints()
        points.fail("records.put_record_once", Crash("before the answer"))
        with pytest.raises(Crash):
            send(asker, "Paris.", points, key="k", works=False)
        asker.answerer().answer(asker.now_of(asked), "Rome.")
        asker.work()
        with pytest.raises(RequestRefused) as refused:
            send(asker, "Paris.", key="k")
        assert refused.value.code is ErrorCode.TASK_NOT_WAITING
        assert answers_given(asker) == ["Rome."]
        assert len(asker.store.tasks) == 1

    def test_a_message_whose_own_task_asks_does_not_answer_it(self, asker: Deployment) -> None:
        asked = send(asker, "Book.", key="k")
        again = send(asker, "Book.", key="k")
        assert again == asked
        assert again.status is Status.INPUT_REQUIRED
