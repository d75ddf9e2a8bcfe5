"""How long a function's process is used, by a clock of the test's."""

from dataclasses import dataclass, field
from typing import cast

import pytest

from local.gateway.deployed_function import DeployedFunction
from local.gateway.environment import Environment
from local.gateway.pool import IDLE_SECONDS, MAX_AGE_SECONDS, Pool


@dataclass
class Named:
    name: str = "f"
    revision: str = "1"


@dataclass
class Process:
    started_at: float
    function: Named = field(default_factory=Named)
    is_alive: bool = True

    def end(self) -> None:
        self.is_alive = False


@pytest.mark.parametrize(
    ("pauses", "same"),
    [
        ([IDLE_SECONDS - 1], True),
        ([IDLE_SECONDS], False),
        ([IDLE_SECONDS - 1] * int(MAX_AGE_SECONDS / (IDLE_SECONDS - 1)), True),
        ([IDLE_SECONDS - 1] * (int(MAX_AGE_SECONDS / (IDLE_SECONDS - 1)) + 1), False),
    ],
)
def test_a_process_is_used_again_for_a_time(pauses: list[float], same: bool) -> None:
    now = 0.0
    pool = Pool(lambda _: cast("Environment", Process(now)), clock=lambda: now)
    function = cast("DeployedFunction", Named())
    with pool.lent(function) as first:
        pass
    for pause in pauses:
        now += pause
        with pool.lent(function) as last:
            pass

    assert (last is first) == same
    assert first.is_alive == same
