"""What a project's tasks have used, through the real handler."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from a2a_tasks.domain.task import Payload
from a2a_tasks.domain.usage import Spent, Usage
from tests.integration.support.account import AGENT, OTHER_AGENT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Caller
from tests.integration.support.stored_task import completed, created

USED = Usage(100, 50, 10, 5, 1, Decimal("0.25"))
COUNTS = {
    "inputTokens": 100,
    "outputTokens": 50,
    "cacheReadTokens": 10,
    "cacheWriteTokens": 5,
    "turns": 1,
    "costUsd": 0.25,
}


@pytest.fixture
def today(account: Account, now: int) -> str:
    """The day on which a task of the caller's and one of somebody else's ended."""
    for agent_id, project_id in ((AGENT, "demo"), (OTHER_AGENT, "rival")):
        task = created(account.store, now, agent_id=agent_id, project_id=project_id, key_id="k1")
        completed(account.store, task, now, Payload(inline="{}"), (Spent(1, "claude-sonnet-5-5", USED),))
    return datetime.fromtimestamp(now / 1000, UTC).date().isoformat()


@pytest.mark.parametrize(
    ("by", "value"),
    [
        ("day", {}),
        ("agent", {"agentId": AGENT}),
        ("model", {"model": "claude-sonnet-5-5"}),
        ("key", {"keyId": "k1"}),
    ],
)
def test_a_report(caller: Caller, today: str, by: str, value: dict[str, str]) -> None:
    answer = caller.get(f"/usage?by={by}&from={today}&to={today}")

    row = {"day": today, **value, "tasks": 1, "completed": 1, "failed": 0, "canceled": 0, **COUNTS}
    assert (answer.status, answer.body) == (200, {"by": by, "from": today, "to": today, "rows": [row]})


def test_thirty_days_by_day_if_nothing_is_asked_for(caller: Caller, today: str) -> None:
    body = caller.get("/usage").body

    first = (datetime.fromisoformat(today) - timedelta(days=29)).date().isoformat()
    assert (body["by"], body["from"], body["to"], len(body["rows"])) == ("day", first, today, 1)


def test_the_key_of_a_request_is_that_of_its_task(caller: Caller) -> None:
    path = caller.post(AGENT, {"message": "hello"}).body["checkUrl"]
    caller.delete(path)

    (row,) = caller.get("/usage?by=key").body["rows"]

    assert (row["keyId"], row["canceled"], row["costUsd"]) == (caller.key_id, 1, 0)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("by=project", "by"),
        ("from=today", "from"),
        ("from=2026-02-30", "from"),
        ("to=20260101", "to"),
        ("from=2026-02-02&to=2026-02-01", "from"),
        ("from=2020-01-01&to=2026-01-01", "from"),
        ("to=0001-01-01", "to"),
        ("pageToken=x", "pageToken"),
        (f"pageToken={OTHER_AGENT}/", "pageToken"),
        (f"pageToken={AGENT}/9.x", "pageToken"),
    ],
)
def test_a_wrong_query_is_refused_by_name(caller: Caller, query: str, field: str) -> None:
    answer = caller.get(f"/usage?{query}")

    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert [detail["field"] for detail in answer.body["details"]] == [field]


@pytest.mark.usefixtures("today")
def test_a_foreign_agent_is_like_a_missing_one(caller: Caller) -> None:
    foreign, missing = (caller.get(f"/usage?agentId={agent_id}") for agent_id in (OTHER_AGENT, "nobody"))

    assert foreign.status == missing.status == 404
    assert foreign.code == missing.code == "AGENT_NOT_FOUND"


@pytest.mark.usefixtures("today")
def test_no_task_is_read(caller: Caller, account: Account) -> None:
    account.calls.made.clear()

    caller.get("/usage")

    # the agents' names, and the four partitions of the one that there is
    assert [call.operation for call in account.calls.made] == ["Query"] * 5


@pytest.mark.usefixtures("today")
def test_storage_that_does_not_answer_means_try_again(caller: Caller, account: Account) -> None:
    account.calls.fail("Query", Fault.THROTTLED)

    assert caller.get("/usage").status == 503
