"""While a model is overloaded, tasks go on with the next one of their agent's list."""

from decimal import Decimal

import pytest

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.overload.fallback import Overload, after_overload, models_behind
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.model import ModelBusy
from tests.twins.deployment import MODEL, Deployment, agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import Partly, after, answer, uses

TOO_MANY = ModelBusy("Too many requests", throttled=True)
OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"


def overloaded(retry_after: float | None = None) -> ModelBusy:
    return ModelBusy("Overloaded", retry_after, overloaded=True, throttled=True)


def listing(*models: str, first: str = OPUS) -> AgentRevision:
    return agent(model=first, on_overload=models, allowed_tools=("Read",), max_attempts=6)


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    deployment.registry.apply(listing(SONNET, HAIKU))
    return deployment


def work(deployment: Deployment, task: Task, rounds: int = 10) -> Task:
    """Work until the task has ended."""
    for _ in range(rounds):
        deployment.work()
        current = deployment.now_of(task)
        if current.is_terminal:
            return current
        deployment.clock.advance(60)
    raise AssertionError("the task does not end")


def models(deployment: Deployment) -> list[str]:
    return [request.prompt.model for request in deployment.model.requests]


def test_the_next_model_follows_after_two_overloads_in_a_row() -> None:
    assert after_overload(OPUS, 1, [SONNET]) == Overload(OPUS, 1)
    assert after_overload(OPUS, 2, [SONNET, HAIKU]) == Overload(SONNET, 0)
    assert after_overload(HAIKU, 7, []) == Overload(HAIKU, 7)


def test_the_list_is_gone_through_once() -> None:
    assert models_behind(OPUS, [SONNET, HAIKU]) == [SONNET, HAIKU]
    assert models_behind(SONNET, [SONNET, HAIKU]) == [HAIKU]
    assert models_behind(HAIKU, [SONNET, HAIKU]) == []


def test_a_task_goes_through_its_agents_list_and_the_next_task_begins_anew(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.model.then(*[overloaded() for _ in range(4)], answer())

    ended = work(deployment, task)

    assert ended.status is Status.COMPLETED
    assert models(deployment) == [OPUS, OPUS, SONNET, SONNET, HAIKU]
    assert (ended.attempt, ended.model, ended.overloads) == (1, HAIKU, 0)
    assert [entry.model for entry in ended.spent] == [HAIKU]
    switched = [event.details["model"] for event in ended.events if "model" in event.details]
    assert switched == [SONNET, HAIKU]

    other = deployment.submit()
    work(deployment, other)
    assert models(deployment)[-1] == OPUS


def test_only_overloads_count_and_only_in_a_row(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.model.then(
        overloaded(),
        ModelBusy("Too many requests", throttled=True),
        overloaded(),
        ModelBusy("cut off"),
        answer(),
    )

    ended = work(deployment, task)

    assert (ended.status, set(models(deployment))) == (Status.COMPLETED, {OPUS})


def test_a_turn_that_was_answered_ends_the_row(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.model.then(
        overloaded(),
        uses(("Read", {"file_path": "a"})),
        overloaded(),
        uses(("Read", {"file_path": "b"}), prefix="x"),
    )

    ended = work(deployment, task)

    assert (ended.status, set(models(deployment))) == (Status.COMPLETED, {OPUS})


def test_in_mid_task_the_conversation_goes_on_with_settings_of_the_next_model(deployment: Deployment) -> None:
    deployment.registry.apply(listing(HAIKU))
    task = deployment.submit()
    deployment.model.then(
        uses(("Read", {"file_path": "a"})),
        overloaded(),
        overloaded(),
        uses(("Read", {"file_path": "b"}), prefix="x"),
        answer(),
    )
    ended = work(deployment, task)

    requests = [r for r in deployment.model.requests if len(r.messages) > 1]
    assert ended.status is Status.COMPLETED
    assert [r.prompt.model for r in requests] == [OPUS, OPUS, HAIKU, HAIKU]
    assert requests[1].messages == requests[2].messages
    display = [(r.prompt.thinking or {}).get("display") for r in requests]
    assert display == ["updates", "updates", None, None]
    assert {entry.model for entry in ended.spent} == {OPUS, HAIKU}


@pytest.mark.parametrize("other", ["claude-opus-5", "claude-sonnet-5"])
def test_in_mid_task_a_model_is_left_out_that_would_refuse_the_thinking(
    deployment: Deployment, other: str
) -> None:
    deployment.registry.apply(listing(other))
    task = deployment.submit()
    deployment.model.then(uses(("Read", {"file_path": "a"})), *[overloaded() for _ in range(3)], answer())

    ended = work(deployment, task)

    assert (ended.status, set(models(deployment))) == (Status.COMPLETED, {OPUS})


def test_before_its_first_turn_a_task_may_take_any(deployment: Deployment) -> None:
    deployment.registry.apply(listing("claude-sonnet-5"))
    task = deployment.submit()
    deployment.model.then(overloaded(), overloaded(), answer())

    assert work(deployment, task).model == "claude-sonnet-5"


def test_attempts_that_the_caller_asked_for_limit_a_task(deployment: Deployment) -> None:
    deployment.registry.apply(listing(SONNET))
    task = deployment.submit(max_attempts=2)
    deployment.model.then(*[overloaded() for _ in range(3)])

    ended = work(deployment, task)

    assert ended.failure is not None
    assert (ended.failure.code, models(deployment)) == (FailureCode.MODEL_OVERLOADED, [OPUS, OPUS])


def test_what_the_first_model_asks_to_wait_is_not_for_the_next(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.model.then(overloaded(), overloaded(retry_after=250.0), answer())

    assert work(deployment, task).status is Status.COMPLETED


def test_a_model_without_a_price_is_left_out_where_cost_is_limited(deployment: Deployment) -> None:
    deployment.registry.put_project(ProjectSettings("demo", daily_cost_usd=Decimal(100)))
    deployment.registry.apply(listing("claude-unpriced-9", first=MODEL))
    task = deployment.submit()
    deployment.model.then(*[overloaded() for _ in range(3)], answer())

    ended = work(deployment, task)

    assert (ended.status, set(models(deployment))) == (Status.COMPLETED, {MODEL})


@pytest.mark.parametrize("is_after", [False, True])
def test_a_switch_survives_the_death_of_the_worker(deployment: Deployment, is_after: bool) -> None:
    task = deployment.submit()
    deployment.model.then(overloaded(), overloaded(), answer())
    deployment.work()
    deployment.clock.advance(60)
    points = Failpoints()
    points.fail("store.release", Crash("dead"), after=is_after)
    with pytest.raises(Crash):
        deployment.work(points)
    deployment.clock.advance(60)

    ended = work(deployment, task)

    assert ended.status is Status.COMPLETED
    assert models(deployment) == [OPUS, OPUS, SONNET if is_after else OPUS]


def test_a_turn_that_breaks_off_overloaded_is_billed_to_its_own_model(deployment: Deployment) -> None:
    task = deployment.submit()
    broken = Partly("Half", after(deployment.clock, 1, overloaded()))
    deployment.model.then(overloaded(), broken, answer())

    ended = work(deployment, task)

    assert ended.model == SONNET
    assert [entry.model for entry in ended.spent][-1] == SONNET
