"""The optional fields of POST /a2a/{agentId}/tasks, through the real handler, as API Gateway calls it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.access.budgets import day_of
from a2a_tasks.domain.task import Budget, Lane, Priority, Status, Task, TaskRef, iso8601
from a2a_tasks.domain.usage import Usage
from tests.integration.support.account import AGENT, OTHER_AGENT, OTHER_PROJECT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Answer, Caller

DAY_MS = 24 * 3_600_000


def stored(account: Account, answer: Answer) -> Task:
    task = account.store.get(TaskRef(AGENT, answer.body["taskId"]))
    assert task is not None
    return task


def accepted(caller: Caller, account: Account, **options: Any) -> Task:
    """The task that comes of a request with these options."""
    answer = caller.post(AGENT, {"message": "hello"} | options)
    assert answer.status == 202, answer.text
    return stored(account, answer)


def refused(caller: Caller, account: Account, **options: Any) -> str:
    """What is wrong with the one option of these that is."""
    answer = caller.post(AGENT, {"message": "hello"} | options)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    (detail,) = answer.body["details"]
    assert detail["field"] in options
    assert answer.body["error"] == f"{detail['field']}: {detail['message']}"
    assert account.store.page(AGENT, None, 10, None).tasks == []
    assert account.message_counts() == {"visible": 0, "in_flight": 0, "delayed": 0}
    message: str = detail["message"]
    return message


def test_without_options_a_task_is_as_usual(caller: Caller, account: Account) -> None:
    task = accepted(caller, account)

    assert (task.priority, task.lane, task.budget) == (Priority.NORMAL, Lane.STANDARD, Budget())
    assert (task.not_before, task.max_attempts, task.timeout_ms) == (0, 3, 300_000)


# ---------------------------------------------------------------- priority


@pytest.mark.parametrize("priority", list(Priority))
def test_a_priority_is_taken(caller: Caller, account: Account, priority: Priority) -> None:
    assert accepted(caller, account, priority=priority.value).priority is priority


@pytest.mark.parametrize("priority", ["urgent", "HIGH", "", 1, None, ["high"]])
def test_another_priority_is_refused(caller: Caller, account: Account, priority: object) -> None:
    assert "'high', 'normal' or 'low'" in refused(caller, account, priority=priority)


# ---------------------------------------------------------------- waiting time


@pytest.mark.parametrize("milliseconds", [1_000, 7 * DAY_MS])
def test_a_waiting_time_is_taken(caller: Caller, account: Account, milliseconds: int) -> None:
    task = accepted(caller, account, queueTimeout=milliseconds)

    assert (task.queue_timeout_ms, task.deadline - task.created_at) == (milliseconds, milliseconds)


def test_in_a_batch_each_task_has_its_own(caller: Caller, account: Account) -> None:
    tasks = [{"message": "hello", "queueTimeout": 60_000}, {"message": "hello"}]
    answer = caller.send("POST", f"/a2a/{AGENT}/tasks:batchCreate", body=json.dumps({"tasks": tasks}))

    assert answer.status == 200, answer
    found = account.store.page(AGENT, None, 10, None).tasks
    assert sorted(task.queue_timeout_ms for task in found) == [60_000, DAY_MS]


def test_left_out_it_is_the_agents(caller: Caller, account: Account) -> None:
    account.add_agent(queueTimeoutMs=90_000)

    assert accepted(caller, account).queue_timeout_ms == 90_000


@pytest.mark.parametrize("milliseconds", [999, 7 * DAY_MS + 1, "60000", 1.5, True])
def test_another_waiting_time_is_refused(caller: Caller, account: Account, milliseconds: object) -> None:
    assert refused(caller, account, queueTimeout=milliseconds).startswith("input should be")


# ---------------------------------------------------------------- delay


@pytest.mark.parametrize("seconds", [1, 60, 900])
def test_a_delay_that_the_queue_can_keep_is_the_queues(
    caller: Caller, account: Account, now: int, seconds: int
) -> None:
    task = accepted(caller, account, delaySeconds=seconds)

    assert now + seconds * 1000 <= task.not_before <= now + seconds * 1000 + 5_000
    assert task.deadline == task.not_before + DAY_MS
    assert task.due_at == task.not_before + 30_000
    (sent,) = account.calls.of("SendMessage")
    # rounded up, so that the message does not come too early and then wait for nothing
    assert task.not_before <= task.created_at + sent.parameters["DelaySeconds"] * 1000
    assert sent.parameters["DelaySeconds"] == seconds
    assert account.message_counts() == {"visible": 0, "in_flight": 0, "delayed": 1}


@pytest.mark.parametrize("seconds", [905, 3_600, 7 * 24 * 3_600])
def test_a_longer_delay_is_not_sent_and_looked_at_shortly_before(
    caller: Caller, account: Account, now: int, seconds: int
) -> None:
    task = accepted(caller, account, delaySeconds=seconds)

    assert now + seconds * 1000 <= task.not_before <= now + seconds * 1000 + 5_000
    assert task.due_at == task.not_before - 90_000
    assert task.deadline == task.not_before + DAY_MS
    assert account.calls.of("SendMessage") == []


def test_no_delay_is_no_delay(caller: Caller, account: Account) -> None:
    accepted(caller, account, delaySeconds=0)

    assert account.message_counts() == {"visible": 1, "in_flight": 0, "delayed": 0}


@pytest.mark.parametrize(
    ("seconds", "problem"),
    [
        (-1, "input should be greater than or equal to 0"),
        (7 * 24 * 3_600 + 1, "input should be less than or equal to 604800"),
        (1.0, "input should be a valid integer"),
        ("60", "input should be a valid integer"),
        (True, "input should be a valid integer"),
    ],
)
def test_another_delay_is_refused(caller: Caller, account: Account, seconds: object, problem: str) -> None:
    assert refused(caller, account, delaySeconds=seconds) == problem


@pytest.mark.parametrize("hours", [0, 8, -5])
def test_a_start_may_be_written_in_any_time_zone(
    caller: Caller, account: Account, now: int, hours: int
) -> None:
    start = datetime.fromtimestamp(now // 1000 + 600, timezone(timedelta(hours=hours)))

    task = accepted(caller, account, notBefore=start.isoformat())

    assert task.not_before == start.timestamp() * 1000
    assert task.deadline == task.not_before + DAY_MS
    (sent,) = account.calls.of("SendMessage")
    assert sent.parameters["DelaySeconds"] == 600


def test_a_start_in_utc_may_end_in_z(caller: Caller, account: Account, now: int) -> None:
    task = accepted(caller, account, notBefore=iso8601(now + 60_000))

    assert task.not_before == now + 60_000


@pytest.mark.parametrize("written", ["2020-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_a_start_in_the_past_is_at_once(caller: Caller, account: Account, written: str) -> None:
    task = accepted(caller, account, notBefore=written)

    assert task.not_before <= task.created_at
    assert task.deadline == task.created_at + DAY_MS
    assert account.message_counts()["visible"] == 1


def test_a_start_up_to_seven_days_ahead_is_taken_and_no_later_one(
    caller: Caller, account: Account, now: int
) -> None:
    too_late = refused(caller, account, notBefore=iso8601(now + 7 * DAY_MS + 60_000))
    far_too_late = refused(caller, account, notBefore="9999-12-31T23:59:59-23:59")

    assert too_late.startswith("is more than 7 days ahead; at most ")
    assert far_too_late.startswith("is more than 7 days ahead; at most ")
    assert accepted(caller, account, notBefore=iso8601(now + 7 * DAY_MS)).not_before == now + 7 * DAY_MS


def test_a_start_without_a_time_zone_is_refused_with_an_example(caller: Caller, account: Account) -> None:
    problem = refused(caller, account, notBefore="2026-05-01T08:00:00")

    assert problem == "needs a time zone, such as 2026-05-01T08:00:00Z"


@pytest.mark.parametrize(
    "written", [1_777_622_400, 1_777_622_400.5, "1777622400", "2026-05-01", "tomorrow", "", True, {}]
)
def test_a_start_that_is_no_date_and_time_is_refused(
    caller: Caller, account: Account, written: object
) -> None:
    problem = refused(caller, account, notBefore=written)

    assert problem == "should be an ISO 8601 date and time, such as 2026-05-01T08:00:00Z"


def test_a_start_that_does_not_exist_is_refused(caller: Caller, account: Account) -> None:
    assert refused(caller, account, notBefore="2026-02-30T08:00:00Z").startswith("input should be a valid")


def test_a_delay_and_a_start_contradict_each_other(caller: Caller, account: Account, now: int) -> None:
    problem = refused(caller, account, delaySeconds=60, notBefore=iso8601(now + 60_000))

    assert problem == "cannot be given together with delaySeconds; leave one of them out"


def test_a_delayed_task_is_accepted_although_the_queue_does_not_answer(
    caller: Caller, account: Account
) -> None:
    account.calls.fail("SendMessage", Fault.NOT_SENT)

    task = accepted(caller, account, delaySeconds=60)

    assert task.due_at == task.not_before + 30_000


# ---------------------------------------------------------------- attempts and budgets


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_fewer_attempts_than_the_agent_allows_are_taken(
    caller: Caller, account: Account, attempts: int
) -> None:
    assert accepted(caller, account, maxAttempts=attempts).max_attempts == attempts


def test_more_attempts_than_the_agent_allows_are_refused_with_what_it_does(
    caller: Caller, account: Account
) -> None:
    assert refused(caller, account, maxAttempts=4) == "is 4; this agent allows 3"
    account.add_agent(maxAttempts=5)
    assert accepted(caller, account, maxAttempts=5).max_attempts == 5


@pytest.mark.parametrize("attempts", [0, -1, 11, "2", 2.0, True])
def test_another_number_of_attempts_is_refused(caller: Caller, account: Account, attempts: object) -> None:
    assert refused(caller, account, maxAttempts=attempts).startswith("input should be ")


@pytest.mark.parametrize("cost", [0.000001, 0.1, 1, 2.5, 1_000_000])
def test_a_cost_limit_is_kept_exactly(caller: Caller, account: Account, cost: float) -> None:
    assert accepted(caller, account, maxCostUsd=cost).budget == Budget(cost_usd=Decimal(str(cost)))


@pytest.mark.parametrize("cost", [0, -0.5, 1e-7, 1e-300, 1_000_001, 1e300, "1", True, [1]])
def test_another_cost_limit_is_refused(caller: Caller, account: Account, cost: object) -> None:
    assert refused(caller, account, maxCostUsd=cost).startswith("input should be ")


def test_a_cost_limit_of_many_digits_is_kept(caller: Caller, account: Account) -> None:
    task = accepted(caller, account, maxCostUsd=0.1234567890123456789)

    assert task.budget.cost_usd == Decimal("0.12345678901234568")


@pytest.mark.parametrize("tokens", [1, 200_000, 10**12])
def test_a_token_limit_is_taken(caller: Caller, account: Account, tokens: int) -> None:
    assert accepted(caller, account, maxTokens=tokens).budget == Budget(tokens=tokens)


@pytest.mark.parametrize("tokens", [0, -1, 10**12 + 1, 10**50, 1.0, "5", False])
def test_another_token_limit_is_refused(caller: Caller, account: Account, tokens: object) -> None:
    assert refused(caller, account, maxTokens=tokens).startswith("input should be ")


def test_a_limit_is_never_wider_than_the_agents(caller: Caller, account: Account) -> None:
    account.add_agent(taskBudget={"maxCostUsd": "0.5", "maxTokens": 1_000})

    task = accepted(caller, account, maxCostUsd=2, maxTokens=500)

    assert task.budget == Budget(Decimal("0.5"), 500)


def allow(account: Account, **limits: Any) -> None:
    account.registry.create_project(PROJECT, 0)
    account.registry.set_project(PROJECT, **limits)


@pytest.mark.parametrize(
    ("limits", "used"),
    [
        ({"daily_cost_usd": Decimal("0.5")}, Usage(1, cost_usd=Decimal("0.5"))),
        ({"daily_tokens": 1_000}, Usage(1_000)),
        ({"daily_cost_usd": Decimal(9), "daily_tokens": 10}, Usage(11, cost_usd=Decimal(1))),
    ],
)
def test_a_project_that_has_used_up_its_day_must_wait_for_the_next(
    caller: Caller, account: Account, now: int, limits: dict[str, Any], used: Usage
) -> None:
    allow(account, **limits)
    account.spend.add_spend(PROJECT, day_of(now), used)

    answer = caller.post(AGENT, {"message": "hello"})

    assert (answer.status, answer.code) == (429, "BUDGET_EXCEEDED")
    assert "midnight UTC" in answer.body["error"]
    tomorrow = datetime.fromtimestamp(now / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    expected = (tomorrow + timedelta(days=1)).timestamp() - now / 1000
    assert abs(int(answer.headers["Retry-After"]) - expected) <= 1
    assert account.store.page(AGENT, None, 10, None).tasks == []
    assert account.message_counts()["visible"] == 0


def test_a_project_within_its_day_goes_on(caller: Caller, account: Account, now: int) -> None:
    allow(account, daily_cost_usd=Decimal("0.5"), daily_tokens=1_000)
    account.spend.add_spend(PROJECT, day_of(now), Usage(999, cost_usd=Decimal("0.499999")))
    account.spend.add_spend(PROJECT, day_of(now - DAY_MS), Usage(9_999, cost_usd=Decimal(9)))
    account.spend.add_spend(OTHER_PROJECT, day_of(now), Usage(9_999, cost_usd=Decimal(9)))

    assert accepted(caller, account).status is Status.PENDING


def test_a_used_up_project_stops_no_other(caller: Caller, rival: Caller, account: Account, now: int) -> None:
    allow(account, daily_tokens=1)
    account.spend.add_spend(PROJECT, day_of(now), Usage(1))

    assert caller.post(AGENT, {"message": "hello"}).status == 429
    assert rival.post(OTHER_AGENT, {"message": "hello"}).status == 202


# ---------------------------------------------------------------- lanes


def test_a_batch_task_waits_for_its_batch(caller: Caller, account: Account) -> None:
    task = accepted(caller, account, lane="batch")

    assert (task.lane, task.deadline) == (Lane.BATCH, task.created_at + DAY_MS)
    assert [entry.ref for entry in account.batches.waiting(PROJECT, task.created_at, 10)] == [task.ref]
    assert account.calls.of("SendMessage") == []


def test_a_batch_task_is_accepted_although_it_could_not_get_in_line(caller: Caller, account: Account) -> None:
    account.calls.fail("UpdateItem", Fault.NOT_SENT, on="BATCH#LINE")

    task = accepted(caller, account, lane="batch")

    assert account.batches.waiting(PROJECT, task.created_at, 10) == []
    assert task.due_at == task.created_at + 30_000


@pytest.mark.parametrize("lane", ["fast", "BATCH", "", None, 1])
def test_another_lane_is_refused(caller: Caller, account: Account, lane: object) -> None:
    assert "'standard' or 'batch'" in refused(caller, account, lane=lane)


def test_an_agent_with_tools_has_no_batches(caller: Caller, account: Account) -> None:
    account.add_agent(allowedTools=["report_progress"])

    problem = refused(caller, account, lane="batch")

    assert problem == "is batch, which is for agents without tools: a batch has a single turn"


def test_bedrock_has_no_batches(agents: Account, start: Callable[..., ModuleType]) -> None:
    caller = Caller(start("api", CLAUDE_BACKEND="bedrock").handler, PROJECT)

    problem = refused(caller, agents, lane="batch")

    assert problem == "is batch, which this deployment's Claude backend does not have"
    assert accepted(caller, agents, lane="standard").lane is Lane.STANDARD


@pytest.mark.parametrize("timeout", [1_000, 1_800_001, DAY_MS])
def test_a_batch_may_take_a_day(caller: Caller, account: Account, timeout: int) -> None:
    task = accepted(caller, account, lane="batch", timeout=timeout)

    assert task.timeout_ms == timeout


@pytest.mark.parametrize(
    ("lane", "timeout", "limit"),
    [
        ("batch", DAY_MS + 1, DAY_MS),
        ("standard", 1_800_001, 1_800_000),
        ("standard", DAY_MS + 1, 1_800_000),
        ("standard", 10**40, 1_800_000),
    ],
)
def test_each_lane_has_its_longest_timeout(
    caller: Caller, account: Account, lane: str, timeout: int, limit: int
) -> None:
    problem = refused(caller, account, lane=lane, timeout=timeout)

    assert problem == f"input should be less than or equal to {limit}"


@pytest.mark.parametrize("delay", [{"delaySeconds": 60}, {"notBefore": "2026-05-01T08:00:00Z"}])
def test_a_batch_is_not_delayed(caller: Caller, account: Account, delay: dict[str, Any]) -> None:
    problem = refused(caller, account, lane="batch", **delay)

    assert problem == "is not for the batch lane; leave one of them out"


def test_every_wrong_option_is_named_at_once(caller: Caller) -> None:
    wrong = {
        "priority": "urgent",
        "lane": "fast",
        "timeout": 10**9,
        "delaySeconds": -1,
        "notBefore": "soon",
        "maxAttempts": 0,
        "maxCostUsd": 0,
        "maxTokens": 0,
    }

    answer = caller.post(AGENT, {"message": "hello"} | wrong)

    assert {detail["field"] for detail in answer.body["details"]} == wrong.keys()
