"""Operators: without a stack, with a deployed one on moto, beside the running local one."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from a2actl.tasks import waiting
from tests.integration.cli.gateway import Gateway, serving
from tests.integration.cli.terminal import API_URL, STACK, Operator, deploy, stack_outputs
from tests.integration.support.account import PROJECT, Account
from tests.twins.clock import FakeClock


@pytest.fixture
def visitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """An operator who has chosen no stack, in a directory without one."""
    for name in ("A2ACTL_STACK", "A2A_API_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Operator(tmp_path)


@pytest.fixture
def operator(visitor: Operator, account: Account) -> Operator:
    """An operator of a deployed stack."""
    deploy(STACK, stack_outputs(account) | {"ApiUrl": API_URL, "ApiId": "abc123"})
    return Operator(visitor.directory, ("--stack", STACK))


@pytest.fixture
def gateway(agents: Account, api: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    # Metrics are printed, and the runner takes what this process prints for the command's output.
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    clock = FakeClock(0)
    passing = partial(waiting.Waiting, lambda: clock.now() / 1000, clock.advance)
    monkeypatch.setattr(waiting, "Waiting", passing)
    with serving(Gateway(agents, api)) as running:
        yield running


@pytest.fixture
def local_operator(visitor: Operator, gateway: Gateway, account: Account) -> Operator:
    """An operator beside a running local stack."""
    deploy("a2a-tasks-local", stack_outputs(account))
    _, key = account.add_key()
    stored = {
        "api_url": gateway.api_url,
        "api_key": key,
        "agent_id": "assistant",
        "project_id": PROJECT,
        "claude_base_url": "http://127.0.0.1:1",
        "aws_endpoint_url": gateway.url,
    }
    visitor.write(".local/stack.json", json.dumps(stored))
    return visitor
