"""What a task may still spend: the rules that the worker and the batcher share."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from a2a_tasks.access.cost_limits import OVER_BUDGET, OVER_DAY, UNKNOWN_COST, CostLimits, left_of
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.pricing.bill import Bill, ModelCall
from a2a_tasks.domain.pricing.prices import LongPrompt, Price
from a2a_tasks.domain.pricing.table import TABLE
from a2a_tasks.domain.task import Budget, Task
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.model import ModelRequest, Prompt
from tests.twins.deployment import MODEL, Deployment, agent

PRICE = Price(Decimal(2), Decimal(10))
DEAR = Price(Decimal(10), Decimal(50))
CENT = Decimal("0.01")

type Make = Callable[..., CostLimits]


@pytest.fixture
def make(deployment: Deployment) -> Make:
    """Cost limits at a price for the task's model."""

    def made(price: Price | None = PRICE, *, in_batch: bool = False) -> CostLimits:
        prices = replace(TABLE, models={} if price is None else {MODEL: price})
        return CostLimits(deployment.budgets(), prices, deployment.telemetry, in_batch)

    return made


@pytest.mark.parametrize(
    ("fallbacks", "expected"),
    [(None, PRICE), ([{"model": "other"}], DEAR), ([{"model": "unknown"}], PRICE), ("default", DEAR)],
)
def test_a_turn_may_come_to_what_the_dearest_model_takes_that_may_answer(
    deployment: Deployment, make: Make, fallbacks: Any, expected: Price
) -> None:
    """With ``default`` the API chooses, so it may be any."""
    cost_limits = make()
    cost_limits = replace(
        cost_limits, prices=replace(cost_limits.prices, models={MODEL: PRICE, "other": DEAR})
    )
    request = ModelRequest(Prompt(MODEL, "", fallbacks=fallbacks), [], max_tokens=1_000_000)

    most = cost_limits.most(task(deployment, Budget()), request)

    factor = max(TABLE.geo.values())
    assert most.cost_usd is not None
    assert factor * expected.output <= most.cost_usd < factor * (expected.output + CENT)


def test_a_text_document_is_estimated_as_text(deployment: Deployment, make: Make) -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "数" * 1_000_000}
    message = {"role": "user", "content": [{"type": "document", "source": source}]}

    most = make().most(task(deployment, Budget()), ModelRequest(Prompt(MODEL, ""), [message], max_tokens=1))

    assert most.cache_write_tokens >= 1_000_000


def task(deployment: Deployment, budget: Budget) -> Task:
    return deployment.submit(budget=budget)


@pytest.mark.parametrize(
    ("budget", "used", "expected"),
    [
        (Budget(), Usage(500), 1_000),
        (Budget(tokens=1_500), Usage(700, 100), 700),
        (Budget(tokens=1_500), Usage(700, 100, 650), 50),
        (Budget(tokens=100), Usage(200), 1),
        (Budget(cost_usd=CENT), Usage(cost_usd=Decimal("0.004")), 600),
        (Budget(cost_usd=CENT), Usage(cost_usd=Decimal("0.02")), 1),
        (Budget(cost_usd=CENT, tokens=400), Usage(100, cost_usd=Decimal("0.009")), 100),
    ],
)
def test_an_answer_is_no_longer_than_the_budget_pays_for(
    deployment: Deployment, make: Make, budget: Budget, used: Usage, expected: int
) -> None:
    assert make().max_tokens(task(deployment, budget), agent(max_tokens=1_000), used) == expected


@pytest.mark.parametrize(
    ("price", "in_batch", "expected"),
    [
        (PRICE, True, 200),
        (Price(Decimal(2), Decimal(10), batch=Decimal("0.25")), True, 400),
        (Price(Decimal(2), Decimal(10), batch=Decimal(0)), True, 1_000),
        (Price(Decimal(2), Decimal(0)), False, 1_000),
        (replace(PRICE, long_prompt=LongPrompt(100, Decimal(10), Decimal(50))), False, 20),
        (replace(PRICE, long_prompt=LongPrompt(100, Decimal(10), Decimal(50))), True, 40),
        (None, False, 1_000),
    ],
)
def test_the_dearest_price_that_may_apply_limits_the_answer(
    deployment: Deployment, make: Make, price: Price | None, in_batch: bool, expected: int
) -> None:
    budget = Budget(cost_usd=CENT / 10)
    cost_limits = make(price, in_batch=in_batch)
    assert cost_limits.max_tokens(task(deployment, budget), agent(max_tokens=1_000), Usage()) == expected


def test_what_is_used_up_buys_no_turn(deployment: Deployment, make: Make) -> None:
    limited = task(deployment, Budget(tokens=10))
    assert make().refusal(limited, Usage(9)) is None
    assert make().refusal(limited, Usage(10)) == OVER_BUDGET


@pytest.mark.parametrize("settings", [{"daily_cost_usd": CENT}, {"daily_tokens": 100}])
def test_a_project_that_has_spent_its_day_buys_no_turn(
    deployment: Deployment, make: Make, settings: dict[str, Any]
) -> None:
    unlimited = task(deployment, Budget())
    deployment.registry.put_project(ProjectSettings("demo", **settings))
    assert make().refusal(unlimited, Usage()) is None
    deployment.budgets().count("demo", Usage(100, cost_usd=CENT), unlimited.ref.task_id)
    assert make().refusal(unlimited, Usage()) == OVER_DAY


def test_a_cost_limit_needs_a_price(deployment: Deployment, make: Make) -> None:
    limited, unlimited = task(deployment, Budget(cost_usd=CENT)), task(deployment, Budget())
    assert make(None).refusal(unlimited, Usage()) is None
    refusal = make(None).refusal(limited, Usage())
    assert refusal is not None
    assert refusal.code is FailureCode.AGENT_MISCONFIGURED
    assert MODEL in refusal.message
    assert "ModelPrices" in refusal.message


def test_a_cost_that_is_not_known_is_not_taken_for_none(deployment: Deployment, make: Make) -> None:
    """A turn that another model answered, whose price the deployment does not know."""
    used = Usage(100, 50, turns=1)
    assert make().refusal(task(deployment, Budget(cost_usd=CENT)), used) == UNKNOWN_COST
    by_tokens = task(deployment, Budget(tokens=1_000))
    assert make().refusal(by_tokens, used) is None
    deployment.registry.put_project(ProjectSettings("demo", daily_cost_usd=CENT))
    assert make().refusal(by_tokens, used) == UNKNOWN_COST


@pytest.mark.parametrize(("in_batch", "cost"), [(False, "0.0007"), (True, "0.00035")])
def test_a_turn_is_charged_once_at_its_price(
    deployment: Deployment, make: Make, in_batch: bool, cost: str
) -> None:
    turn = Bill((ModelCall(100, 50),), turns=1)
    charged = make(in_batch=in_batch).charge(task(deployment, Budget()), turn)
    assert charged == {MODEL: Usage(100, 50, turns=1, cost_usd=Decimal(cost))}
    counts = deployment.telemetry.counts
    assert (counts["InputTokens"], counts["OutputTokens"], counts["CostUsd"]) == (100, 50, float(cost))


def test_nothing_used_is_nothing_charged(deployment: Deployment, make: Make) -> None:
    assert make().charge(task(deployment, Budget()), Bill()) == {}
    assert "InputTokens" not in deployment.telemetry.counts


def test_what_is_left_of_a_budget() -> None:
    used = Usage(30, 20, cost_usd=Decimal("0.004"))
    assert left_of(Budget(CENT, 80), used) == Budget(Decimal("0.006"), 30)
    assert left_of(Budget(Decimal("0.001"), 10), used) == Budget(Decimal(0), 0)
    assert left_of(Budget(), used) == Budget()
