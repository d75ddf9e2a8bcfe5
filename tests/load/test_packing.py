"""The workers' time that a task costs, alone and among others."""

import pytest

from tests.load.packing import packed, settings_for
from tests.load.simulator.settings import Settings

WAIT_SECONDS = 5


def test_a_task_alone_has_a_worker_for_itself() -> None:
    packing = packed(1 / 60, WAIT_SECONDS, tasks=10)
    assert WAIT_SECONDS < packing.seconds < WAIT_SECONDS + 2
    assert packing.invocations == pytest.approx(1, abs=0.2)
    assert packing.receives == pytest.approx(1, abs=0.2)


def test_tasks_that_come_together_share_workers() -> None:
    packing = packed(4, WAIT_SECONDS, tasks=120)
    assert WAIT_SECONDS / packing.room <= packing.seconds < WAIT_SECONDS
    assert packing.invocations < 1
    assert packing.workers < 4 * WAIT_SECONDS


def test_there_are_as_many_workers_as_so_many_tasks_need() -> None:
    default = Settings().parameter("WorkerConcurrency")
    assert settings_for(1).parameter("WorkerConcurrency") == default
    room = packed(1, WAIT_SECONDS, tasks=30).room
    assert settings_for(room * default).parameter("WorkerConcurrency") > default
