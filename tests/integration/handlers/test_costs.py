"""What tasks cost, from what the API bills to what a caller sees: the real worker and SDK on the stand-in."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import ModuleType

import pytest

from a2a_tasks.adapters.environment import Misconfigured
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.task import Budget, Status, Task
from a2a_tasks.domain.usage import Usage
from local.standin.client import StandInClient
from tests.integration.support.account import AGENT, PROJECT
from tests.integration.support.caller import Caller
from tests.integration.support.worker import Worker

HAIKU = "claude-haiku-5-5"


def without_output(task: Task) -> Usage:
    """What it used but for the few tokens of its answer, whose cost is below a thousandth of a cent."""
    assert task.status is Status.COMPLETED, task.failure
    cost = (task.usage.cost_usd or Decimal(0)).quantize(Decimal("0.0001"))
    return replace(task.usage, output_tokens=0, cost_usd=cost)


@pytest.mark.parametrize(
    ("tokens", "usd"),
    [
        (100_000, "0.0125"),  # 0.1 × 1.25, written to the cache
        (100_001, "0.0625"),  # 0.5 × 1.25
    ],
)
def test_a_long_prompt_costs_its_own_price(worker: Worker, tokens: int, usd: str) -> None:
    done = worker.run(f"[[standin: prompt={tokens}; say=ok]]", model=HAIKU)

    assert without_output(done) == Usage(1, cache_write_tokens=tokens - 1, turns=1, cost_usd=Decimal(usd))


def test_two_short_prompts_are_not_a_long_one(worker: Worker) -> None:
    worker.account.add_agent(AGENT, PROJECT, allowedTools=["report_progress"])

    steps = 'prompt=60000; tool=report_progress:{"step":"half"} | prompt=90000; say=ok'
    done = worker.run(f"[[standin: {steps}]]", model=HAIKU, agent_revision=2)

    assert done.usage.turns == 2
    assert done.usage.tokens > 100_000
    assert (done.usage.cost_usd or 0) < Decimal("0.02")


def test_where_the_model_runs_is_part_of_the_price(worker: Worker) -> None:
    done = worker.run("[[standin: prompt=100000; geo=us; say=ok]]", model="claude-opus-5-5")

    assert without_output(done).cost_usd == Decimal("0.55")  # 0.1 × 4 × 1.25 × 1.1


SEARCHES = "; ".join(["server=web_search"] * 5)


def test_searches_are_counted_and_paid_for(worker: Worker, start: Callable[..., ModuleType]) -> None:
    worker.account.add_agent(AGENT, PROJECT, allowedTools=["WebSearch"])

    done = worker.run(f"[[standin: {SEARCHES}; say=ok]]", agent_revision=2)

    assert done.usage.web_searches == 5
    assert Decimal("0.05") < (done.usage.cost_usd or 0) < Decimal("0.06")
    caller = Caller(start("api").handler, PROJECT)
    seen = caller.get(f"/a2a/{AGENT}/tasks/{done.ref.task_id}").body["usage"]
    assert seen["webSearches"] == seen["byModel"][0]["webSearches"] == 5


def test_searches_use_up_the_budget(worker: Worker, claude: StandInClient) -> None:
    worker.account.add_agent(AGENT, PROJECT, allowedTools=["WebSearch"])

    steps = f"{SEARCHES}; say=So far; stop=pause_turn | say=never bought"
    ended = worker.run(f"[[standin: {steps}]]", budget=Budget(Decimal("0.05")), agent_revision=2)

    assert ended.failure is not None
    assert ended.failure.code is FailureCode.BUDGET_EXCEEDED
    assert len(claude.calls()) == 1


def test_the_deployments_own_prices_are_used(start_worker: Callable[..., Worker]) -> None:
    worker = start_worker(MODEL_PRICES='{"claude-haiku-5-5": {"input": 100, "cacheWrite": 1}}')

    done = worker.run("[[standin: prompt=100000; say=ok]]", model=HAIKU)

    assert without_output(done).cost_usd == Decimal(10)


@pytest.mark.parametrize("function", ["worker", "batcher"])
def test_a_function_does_not_start_with_prices_that_mean_nothing(
    start: Callable[..., ModuleType], function: str
) -> None:
    with pytest.raises(Misconfigured, match=r"ModelPrices: claude-opus-5-5\.output must be a number"):
        start(function, MODEL_PRICES='{"claude-opus-5-5": {"output": "20"}}')
