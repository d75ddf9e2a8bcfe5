"""Cleanup: what is past its retention goes, with all it owns, and nothing else does."""

from dataclasses import replace

import pytest

from a2a_tasks.domain.task import Status
from a2a_tasks.ports.faults import PayloadUnavailable, StoreUnavailable
from a2a_tasks.services.cleanup import PAGE, CleanupReport
from a2a_tasks.services.submit import Submission
from tests.integration.texts import incompressible
from tests.twins.deployment import RETENTION_MS, Deployment, plenty
from tests.twins.failpoints import Crash, Failpoints
from tests.twins.model import answer

RETENTION_SECONDS = RETENTION_MS / 1000
LARGE = incompressible(20_000)


def clean(deployment: Deployment, failpoints: Failpoints | None = None) -> CleanupReport:
    return deployment.cleaner(failpoints).clean(plenty)


def completed(deployment: Deployment, count: int = 1) -> None:
    for n in range(count):
        deployment.submit(LARGE + str(n))
    deployment.model.then(*[answer(LARGE)] * count)
    for _ in range(count):
        deployment.work()  # as many at a time as the agent's limit allows
    assert {task.status for task in deployment.store.tasks.values()} == {Status.COMPLETED}
    assert len(deployment.payloads.objects) == 2 * count


def test_a_task_goes_after_its_retention_with_its_payloads(deployment: Deployment) -> None:
    completed(deployment)
    deployment.clock.advance(RETENTION_SECONDS - 0.001)
    assert clean(deployment) == CleanupReport()
    assert len(deployment.store.tasks) == 1
    deployment.clock.advance(0.001)
    assert clean(deployment) == CleanupReport(tasks=1, payloads=2)
    assert not deployment.store.tasks
    assert not deployment.payloads.objects
    assert deployment.telemetry.counts["TasksCleanedUp"] == 1


def test_a_live_task_stays_however_old(deployment: Deployment) -> None:
    deployment.submit()
    deployment.clock.advance(10 * RETENTION_SECONDS)
    assert clean(deployment) == CleanupReport()
    assert len(deployment.store.tasks) == 1


@pytest.mark.parametrize("count", [1, PAGE + 1])
def test_what_is_live_is_not_deleted_whatever_leads_to_it(deployment: Deployment, count: int) -> None:
    """A wrong or lagging entry of the index, or a writer of the tasks' table."""
    ref = deployment.submit(LARGE).ref
    for number in range(count):
        copy = replace(ref, task_id=f"{ref.task_id[:-4]}{number:04x}")
        deployment.store.tasks[copy] = replace(deployment.store.tasks[ref], ref=copy)
        deployment.store.retain_until[copy] = 0
    before, objects = dict(deployment.store.tasks), dict(deployment.payloads.objects)

    report = clean(deployment)

    assert (report.tasks, report.payloads) == (0, 0)
    assert report.errors == count
    assert deployment.store.tasks == before
    assert deployment.payloads.objects == objects


def test_payloads_go_before_the_record_that_leads_to_them(deployment: Deployment) -> None:
    completed(deployment)
    deployment.clock.advance(RETENTION_SECONDS)
    points = Failpoints()
    points.fail("store.delete", Crash("between the two"))
    with pytest.raises(Crash):
        clean(deployment, points)
    assert not deployment.payloads.objects
    assert len(deployment.store.tasks) == 1
    assert clean(deployment) == CleanupReport(tasks=1)


def test_more_than_a_page_goes_in_one_pass(deployment: Deployment) -> None:
    for _ in range(900):
        task = deployment.submit()
        deployment.tasks().cancel("demo", "writer", task.ref.task_id)
    deployment.clock.advance(RETENTION_SECONDS)
    assert clean(deployment).tasks == 900
    assert not deployment.store.tasks


def test_time_running_out_leaves_the_rest_for_the_next_pass(deployment: Deployment) -> None:
    completed(deployment, 5)
    deployment.clock.advance(RETENTION_SECONDS)
    budget = iter([True, True])
    report = deployment.cleaner().clean(lambda: next(budget, False))
    assert (report.tasks, report.finished, report.errors) == (2, False, 0)
    assert clean(deployment).tasks == 3


def test_one_broken_shard_stops_no_other(deployment: Deployment) -> None:
    completed(deployment, 20)
    deployment.clock.advance(RETENTION_SECONDS)
    points = Failpoints()
    points.fail("store.past_retention", StoreUnavailable("down"))
    report = clean(deployment, points)
    assert (report.errors, report.finished) == (1, False)
    assert 0 < report.tasks < 20
    assert clean(deployment).tasks == 20 - report.tasks


def test_payloads_that_cannot_be_deleted_keep_their_record(deployment: Deployment) -> None:
    completed(deployment)
    deployment.clock.advance(RETENTION_SECONDS)
    points = Failpoints()
    points.fail("payloads.delete_all", PayloadUnavailable("down"))
    assert clean(deployment, points).errors == 1
    assert len(deployment.store.tasks) == 1
    assert clean(deployment).tasks == 1


def test_orphaned_payloads_go_and_those_of_young_tasks_stay(deployment: Deployment) -> None:
    points = Failpoints()
    points.fail("store.create", StoreUnavailable("down"))
    with pytest.raises(StoreUnavailable):
        deployment.submitter(points).submit(Submission("demo", "writer", LARGE, None, None, "request-1"))
    deployment.clock.advance(2 * RETENTION_SECONDS)
    assert clean(deployment).orphans == 0
    young = deployment.submit(LARGE)
    deployment.clock.advance(0.001)
    assert clean(deployment) == CleanupReport(orphans=1)
    assert list(deployment.payloads.objects) == [young.input.key]
