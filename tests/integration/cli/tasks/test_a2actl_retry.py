"""``a2actl tasks retry`` over HTTP, against the real API function."""

import json

import pytest

from a2a_tasks.domain.task import Task, TaskRef
from tests.integration.cli.gateway import Gateway
from tests.integration.cli.terminal import Operator
from tests.integration.support.account import Account
from tests.integration.support.stored_task import canceled, created, failed


@pytest.fixture
def ended(account: Account) -> Task:
    from a2a_tasks.adapters.system import SystemClock

    now = SystemClock().now()
    return failed(account.store, created(account.store, now), now)


def retried(account: Account, task_id: str) -> Task:
    task = account.store.get(TaskRef("assistant", task_id))
    assert task is not None
    return task


def test_a_failed_task_is_handed_over_again(local_operator: Operator, account: Account, ended: Task) -> None:
    done = local_operator.run("tasks", "retry", ended.ref.task_id)
    assert done.exit_code == 0, done.output
    task_id = done.stdout.strip()
    assert retried(account, task_id).retry_of == ended.ref.task_id
    assert done.stderr == f"Follow it with: a2actl tasks follow {task_id}\n"


def test_repeated_it_is_the_same_one(local_operator: Operator, account: Account, ended: Task) -> None:
    first, second = (local_operator.run("tasks", "retry", ended.ref.task_id, "--json") for _ in range(2))
    assert json.loads(first.stdout) == json.loads(second.stdout)
    canceled(account.store, retried(account, json.loads(first.stdout)["taskId"]), ended.created_at + 1)
    third = local_operator.run("tasks", "retry", ended.ref.task_id, "--json")
    assert json.loads(third.stdout) != json.loads(first.stdout)


def test_a_live_one_is_refused(local_operator: Operator, account: Account, gateway: Gateway) -> None:
    live = created(account.store, gateway.api.services.submitter.clock.now())
    refused = local_operator.run("tasks", "retry", live.ref.task_id)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "only one that has failed or was canceled can be retried" in refused.stderr


def test_a_lost_answer_says_that_repeating_is_safe(
    local_operator: Operator, gateway: Gateway, ended: Task
) -> None:
    gateway.steps.append(lambda: (503, "{}"))
    refused = local_operator.run("tasks", "retry", ended.ref.task_id)
    assert refused.exit_code == 2
    assert "the same command again creates no second one" in refused.stderr


def test_with_its_agent_no_table_is_asked(
    local_operator: Operator, account: Account, ended: Task, gateway: Gateway
) -> None:
    account.calls.made.clear()
    done = local_operator.run("tasks", "retry", ended.ref.task_id, "--agent", "assistant")
    assert done.exit_code == 0, done.output
    assert account.calls.of("DescribeStacks") == []
    assert gateway.requests == [f"POST /a2a/assistant/tasks/{ended.ref.task_id}/retry"]


def test_a_deployed_stack_takes_a_key(operator: Operator, ended: Task) -> None:
    refused = operator.run("tasks", "retry", ended.ref.task_id)
    assert refused.exit_code == 2
    assert "The API requires a key" in refused.stderr
