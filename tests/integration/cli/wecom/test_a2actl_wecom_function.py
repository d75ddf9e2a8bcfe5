"""Connections that ``a2actl`` makes, and the function that WeCom calls: what one writes, the other reads."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.adapters.wecom.cached_connections import CachedConnections
from a2a_tasks.adapters.wecom.connection_secrets import CachedConnectionSecrets
from a2a_tasks.wecom.connection import ConnectionSecrets
from a2actl.terminal.language import Language
from a2actl.wecom.trial import Trial
from tests.integration.cli.terminal import API_URL, Operator, deploy, stack_outputs
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.wecom.gateway import serving
from tests.twins.clock import FakeClock

STACK = "a2a-tasks"
BOT = ("helper", "--kind", "bot")
APP = ("desk", "--kind", "app", "--corp-id", "ww0123456789abcdef", "--app-id", "1000002", "--secret-later")


@dataclass(frozen=True)
class Deployed:
    """An operator, and the function behind an address; ``clock`` is that of what its process keeps."""

    operator: Operator
    account: Account
    url: str
    clock: FakeClock

    def run(self, *command: str) -> Any:
        return self.operator.run("wecom", "connections", *command)

    def create(self, *options: str) -> None:
        assert self.run("create", *options, "--agent", AGENT, "--project", PROJECT).exit_code == 0
        found = self.account.connections.connection(options[0])
        assert found is not None
        # a2actl refuses addresses of this machine, but the function is here
        self.account.connections.replace(replace(found, public_url=self.url))

    def secrets(self) -> ConnectionSecrets:
        text = self.account.secrets.get_secret_value(SecretId=f"{STACK}/wecom/helper")["SecretString"]
        return ConnectionSecrets.from_named(json.loads(text))

    def opens(self, secrets: ConnectionSecrets) -> bool:
        """Whether the function answers to this token and key."""
        found = self.account.connections.connection("helper")
        assert found is not None
        url = f"{self.url}/wecom/helper/callback"
        trial = Trial(found, url, secrets, Language.EN, SystemClock(), SystemEntropy(), stopwatch=lambda: 0.0)
        [finding] = trial.findings(send=False)
        return finding.is_good


@pytest.fixture
def deployed(visitor: Operator, agents: Account, start: Callable[..., ModuleType]) -> Iterator[Deployed]:
    agents.registry.create_project(PROJECT, 1)
    deploy(STACK, stack_outputs(agents) | {"ApiUrl": API_URL, "ApiId": "abc123"})
    function: Any = start("wecom")
    clock = FakeClock()
    function.callbacks = replace(
        function.callbacks,
        connections=CachedConnections(agents.connections, clock),
        secrets=CachedConnectionSecrets(lambda: agents.secrets, clock),
    )
    with serving(function, threading.RLock()) as url:
        yield Deployed(Operator(visitor.directory, ("--stack", STACK)), agents, url, clock)


@pytest.mark.parametrize("options", [BOT, APP])
def test_the_function_answers_for_a_new_connection_at_once(
    deployed: Deployed, options: tuple[str, ...]
) -> None:
    deployed.create(*options)
    tried = deployed.run("test", options[0], "--language", "en")
    assert "✓ The callback answers correctly" in tried.stdout


def test_a_rotation_is_known_within_seconds_and_the_old_keys_are_good_until_they_are_retired(
    deployed: Deployed,
) -> None:
    deployed.create(*BOT)
    before = deployed.secrets()
    assert deployed.opens(before)
    assert deployed.run("rotate", "helper").exit_code == 0
    after = deployed.secrets()
    assert not deployed.opens(after), "its secrets were read just before"
    deployed.clock.advance(10)
    assert deployed.opens(after)
    assert deployed.opens(before)
    assert deployed.run("rotate", "helper", "--retire-previous").exit_code == 0
    deployed.clock.advance(300)
    assert deployed.opens(after)
    assert not deployed.opens(before)


def test_a_connection_that_is_switched_off_is_refused_within_half_a_minute(deployed: Deployed) -> None:
    deployed.create(*BOT)
    assert deployed.opens(deployed.secrets())
    found = deployed.account.connections.connection("helper")
    assert found is not None
    deployed.account.connections.replace(replace(found, enabled=False))
    deployed.clock.advance(30)
    tried = deployed.run("test", "helper", "--language", "en")
    assert tried.exit_code == 1
    assert "✗ The function rejected the request (403)" in tried.stdout


def test_a_deleted_connection_is_refused_like_one_that_never_was(deployed: Deployed) -> None:
    deployed.create(*BOT)
    kept = deployed.secrets()
    found = deployed.account.connections.connection("helper")
    assert found is not None
    assert deployed.run("delete", "helper").exit_code == 0
    url = f"{deployed.url}/wecom/helper/callback"
    trial = Trial(found, url, kept, Language.EN, SystemClock(), SystemEntropy())
    never = replace(trial, url=f"{deployed.url}/wecom/never/callback")
    for finding in (*trial.findings(send=False), *never.findings(send=False)):
        assert finding.text.startswith("The function rejected the request (403)")
