"""What a project has used, on the twin of the store."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.task import Payload, Status, Task
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.tasks import usage
from a2a_tasks.tasks.usage import DayRange, UsageGrouping, UsagePage, UsageReports, UsageRow
from tests.integration.support.stored_task import canceled, completed, created, failed
from tests.twins.deployment import Deployment, agent

DAY_MS = 24 * 3_600_000
NOON = int(datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp() * 1000)
FIRST, SECOND = date(2026, 11, 1), date(2026, 11, 2)
USED = Usage(100, 50, 10, 5, 1, Decimal("0.25"))


@pytest.fixture
def deployment() -> Deployment:
    deployment = Deployment()
    deployment.registry.apply(agent("helper"))
    deployment.registry.apply(agent("spy", "rival"))
    return deployment


def reports(deployment: Deployment) -> UsageReports:
    return UsageReports(deployment.store, deployment.registry)


def done(
    deployment: Deployment, number: int, *spent: Spent, at: int = NOON, agent_id: str = "writer", **more: str
) -> Task:
    task = created(deployment.store, at, number=number, agent_id=agent_id, **more)
    return completed(deployment.store, task, at + 5, Payload(inline="{}"), spent)


def whole(page: UsagePage) -> list[UsageRow]:
    assert page.token is None
    return page.rows


def by_value(rows: Iterable[UsageRow]) -> dict[tuple[str, str | None], tuple[int, int]]:
    return {(row.day, row.value): (sum(row.ended.values()), row.usage.input_tokens) for row in rows}


def test_a_row_for_each_day(deployment: Deployment) -> None:
    done(deployment, 1, Spent(1, "m", USED), Spent(2, "m", USED))
    canceled(deployment.store, created(deployment.store, NOON, number=2, agent_id="writer"), NOON + 1)
    failed(deployment.store, created(deployment.store, NOON, number=3, agent_id="helper"), NOON + 1)
    done(deployment, 4, Spent(1, "m", USED), at=NOON + DAY_MS)
    created(deployment.store, NOON, number=5, agent_id="writer")

    first, second = whole(reports(deployment).page("demo", UsageGrouping.DAY, DayRange(FIRST, SECOND)))

    assert (first.day, first.value, second.day) == ("2026-11-01", None, "2026-11-02")
    assert first.ended == {Status.COMPLETED: 1, Status.CANCELED: 1, Status.FAILED: 1}
    assert first.usage == Usage(200, 100, 20, 10, 2, Decimal("0.50"))
    assert second.usage == USED


def test_only_the_days_that_are_asked_for(deployment: Deployment) -> None:
    midnight = int(datetime(2026, 11, 2, tzinfo=UTC).timestamp() * 1000)
    done(deployment, 1, at=midnight - 1)
    done(deployment, 2, at=midnight)

    def days_of(first: date, last: date) -> list[str]:
        return [
            row.day
            for row in whole(reports(deployment).page("demo", UsageGrouping.DAY, DayRange(first, last)))
        ]

    assert days_of(FIRST, FIRST) == ["2026-11-01"]
    assert days_of(SECOND, SECOND) == ["2026-11-02"]
    assert days_of(date(1, 1, 1), date(1, 1, 1)) == []
    assert days_of(date(9999, 12, 31), date(9999, 12, 31)) == []


def test_a_row_for_each_agent_model_and_key(deployment: Deployment) -> None:
    done(deployment, 1, Spent(1, "big", USED), Spent(1, "small", USED), key_id="k1")
    done(deployment, 2, Spent(1, "small", USED), agent_id="helper", key_id="k2")
    done(deployment, 3, agent_id="helper")
    days = DayRange(FIRST, FIRST)

    def found(by: UsageGrouping) -> dict[tuple[str, str | None], tuple[int, int]]:
        return by_value(whole(reports(deployment).page("demo", by, days)))

    day = "2026-11-01"
    assert found(UsageGrouping.AGENT) == {(day, "writer"): (1, 200), (day, "helper"): (2, 100)}
    assert found(UsageGrouping.MODEL) == {(day, "big"): (1, 100), (day, "small"): (2, 200)}
    assert found(UsageGrouping.KEY) == {(day, "k1"): (1, 200), (day, "k2"): (1, 100), (day, None): (1, 0)}


def test_a_started_task_counts_for_itself(deployment: Deployment) -> None:
    child = done(deployment, 1, Spent(1, "m", USED), agent_id="helper")
    done(deployment, 2, Spent(1, "m", USED), Spent(1, "m", USED, task_id=child.ref.task_id))

    (row,) = whole(reports(deployment).page("demo", UsageGrouping.DAY, DayRange(FIRST, FIRST)))

    assert row.usage.cost_usd == Decimal("0.50")


def test_a_turn_that_was_lost_counts_at_its_most(deployment: Deployment) -> None:
    done(deployment, 1, Spent(1, "m", USED), Spent(1, "m", USED, reserved=True))

    (row,) = whole(reports(deployment).page("demo", UsageGrouping.DAY, DayRange(FIRST, FIRST)))

    assert row.usage.cost_usd == Decimal("0.50")


def test_what_has_no_price_is_counted_apart(deployment: Deployment) -> None:
    done(deployment, 1, Spent(1, "m", USED))
    done(deployment, 2, Spent(1, "unknown", Usage(7, 7, turns=1)))
    done(deployment, 3)

    (row,) = whole(reports(deployment).page("demo", UsageGrouping.DAY, DayRange(FIRST, FIRST)))

    assert (row.usage.cost_usd, row.usage.input_tokens, row.unpriced) == (Decimal("0.25"), 107, 1)


def test_pages_add_up(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "LOOKED_AT", 3)
    for n in range(20):
        done(deployment, n, Spent(1, "m", USED), agent_id=["writer", "helper"][n % 2])
    created(deployment.store, NOON, number=50, agent_id="helper")

    pages, token = [], None
    while True:
        pages.append(reports(deployment).page("demo", UsageGrouping.AGENT, DayRange(FIRST, FIRST), (), token))
        if (token := pages[-1].token) is None:
            break

    sums: dict[str | None, int] = {}
    for row in (row for page in pages for row in page.rows):
        sums[row.value] = sums.get(row.value, 0) + sum(row.ended.values())
    assert sums == {"writer": 10, "helper": 10}
    assert len(pages) == 7


def test_a_page_reads_a_bounded_number_of_agents(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "AGENTS_READ", 2)
    for n in range(3):
        deployment.registry.apply(agent(f"idle-{n}"))
    done(deployment, 1, Spent(1, "m", USED))

    pages, token = [], None
    while True:
        pages.append(reports(deployment).page("demo", UsageGrouping.DAY, DayRange(FIRST, FIRST), (), token))
        if (token := pages[-1].token) is None:
            break

    assert [len(page.rows) for page in pages] == [0, 0, 1]


def test_of_one_agent(deployment: Deployment) -> None:
    done(deployment, 1, agent_id="writer")
    done(deployment, 2, agent_id="helper")

    page = reports(deployment).page("demo", UsageGrouping.AGENT, DayRange(FIRST, FIRST), ["helper"])

    assert [row.value for row in whole(page)] == ["helper"]


@pytest.mark.parametrize("agent_id", ["spy", "nobody"])
def test_a_foreign_agent_is_like_a_missing_one(deployment: Deployment, agent_id: str) -> None:
    with pytest.raises(RequestRefused, match="AGENT_NOT_FOUND"):
        reports(deployment).page("demo", UsageGrouping.DAY, DayRange(FIRST, FIRST), [agent_id])


@pytest.mark.parametrize("token", ["", "x", "spy/", "writer/nonsense", "/"])
def test_a_token_that_nobody_gave_is_refused(deployment: Deployment, token: str) -> None:
    with pytest.raises(RequestRefused, match="pageToken"):
        reports(deployment).page("demo", UsageGrouping.DAY, DayRange(FIRST, FIRST), (), token)


def test_days_that_cannot_be() -> None:
    with pytest.raises(RequestRefused, match="from: is after to"):
        DayRange(SECOND, FIRST)
    with pytest.raises(RequestRefused, match="366 days"):
        DayRange(date(2025, 11, 1), date(2026, 11, 2))
    assert DayRange(date(2025, 11, 2), date(2026, 11, 2))
