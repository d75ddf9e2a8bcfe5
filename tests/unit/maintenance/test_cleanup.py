"""Clean-up: what was deleted goes with all it owns, what is left in the bucket goes, and nothing else."""

from dataclasses import replace

import pytest

from a2a_tasks.domain.task import Status, Task
from a2a_tasks.maintenance.cleanup import PAGE, CleanupReport
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable
from a2a_tasks.tasks.submission import Submission
from tests.integration.support.texts import incompressible
from tests.twins.deployment import RETENTION_MS, Deployment, plenty
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import answer

RETENTION_SECONDS = RETENTION_MS / 1000
LARGE = incompressible(20_000)


def clean(deployment: Deployment, failpoints: Failpoints | None = None) -> CleanupReport:
    return deployment.cleaner(failpoints).clean(plenty)


def completed(deployment: Deployment, count: int = 1) -> list[Task]:
    for n in range(count):
        deployment.submit(LARGE + str(n))
    deployment.model.then(*[answer(LARGE)] * count)
    for _ in range(count):
        deployment.work()  # as many at a time as the agent's limit allows
    assert {task.status for task in deployment.store.tasks.values()} == {Status.COMPLETED}
    assert len(deployment.payloads.objects) == 2 * count
    return list(deployment.store.tasks.values())


def forgotten(deployment: Deployment, count: int = 1) -> list[Task]:
    """Completed tasks that their callers have deleted."""
    tasks = completed(deployment, count)
    for task in tasks:
        deployment.store.expire(task.ref, deployment.clock.now())
    return tasks


def test_a_deleted_task_goes_with_its_payloads(deployment: Deployment) -> None:
    (task,) = completed(deployment)
    deployment.store.expire(task.ref, deployment.clock.now() + 60_000)
    deployment.clock.advance(59)
    assert clean(deployment) == CleanupReport()
    deployment.clock.advance(1)
    assert clean(deployment) == CleanupReport(tasks=1, payloads=2)
    assert not deployment.store.tasks
    assert not deployment.payloads.objects
    assert deployment.telemetry.counts["TasksCleanedUp"] == 1


def test_payloads_go_when_nobody_can_read_their_task_any_more(deployment: Deployment) -> None:
    completed(deployment)
    kept = dict(deployment.payloads.objects)
    deployment.clock.advance(RETENTION_SECONDS - 0.001)
    deployment.let_ttl_pass()
    assert clean(deployment) == CleanupReport()
    assert deployment.payloads.objects == kept
    deployment.clock.advance(0.002)
    deployment.let_ttl_pass()
    assert clean(deployment) == CleanupReport(leftovers=1, payloads=2)
    assert not deployment.payloads.objects


def test_a_live_task_stays_however_old(deployment: Deployment) -> None:
    deployment.submit(LARGE)
    deployment.clock.advance(10 * RETENTION_SECONDS)
    assert clean(deployment) == CleanupReport()
    assert len(deployment.store.tasks) == len(deployment.payloads.objects) == 1


@pytest.mark.parametrize("count", [1, PAGE + 1])
def test_what_is_live_is_not_deleted_whatever_leads_to_it(deployment: Deployment, count: int) -> None:
    """A wrong or lagging entry of the index, or a writer of the tasks' table."""
    ref = deployment.submit(LARGE).ref
    for number in range(count):
        copy = replace(ref, task_id=f"{ref.task_id[:-4]}{number:04x}")
        deployment.store.tasks[copy] = replace(deployment.store.tasks[ref], ref=copy)
        deployment.store.forget_at[copy] = 0
    before, objects = dict(deployment.store.tasks), dict(deployment.payloads.objects)

    report = clean(deployment)

    assert report == CleanupReport(errors=count, finished=False)
    assert deployment.store.tasks == before
    assert deployment.payloads.objects == objects


def test_payloads_go_before_the_record_that_leads_to_them(deployment: Deployment) -> None:
    forgotten(deployment)
    points = Failpoints()
    points.fail("store.delete", Crash("between the two"))
    with pytest.raises(Crash):
        clean(deployment, points)
    assert not deployment.payloads.objects
    assert len(deployment.store.tasks) == 1
    assert clean(deployment) == CleanupReport(tasks=1)


def test_more_than_a_page_goes_in_one_pass(deployment: Deployment) -> None:
    for _ in range(100):
        task = deployment.submit()
        deployment.tasks().cancel("demo", "writer", task.ref.task_id)
    for number, ref in enumerate(list(deployment.store.tasks)):
        for more in range(30):
            copy = replace(ref, task_id=f"{ref.task_id[:-8]}{number:04x}{more:04x}")
            deployment.store.tasks[copy] = replace(deployment.store.tasks[ref], ref=copy)
            deployment.store.forget_at[copy] = deployment.clock.now()
    assert clean(deployment).tasks == 3_000
    assert len(deployment.store.tasks) == 100


def test_more_than_a_page_of_the_bucket_goes_in_one_pass(deployment: Deployment) -> None:
    """Also behind a page of tasks that are there still."""
    young = deployment.submit(LARGE)
    for number in range(3 * PAGE):
        task_id = f"{young.ref.task_id[:-4]}{number:04x}"
        deployment.payloads.put(f"tasks/{task_id}/input.json", b"{}")
        if number < PAGE:
            ref = replace(young.ref, task_id=task_id)
            deployment.store.tasks[ref] = replace(young, ref=ref)
    deployment.clock.advance(RETENTION_SECONDS + 1)
    assert clean(deployment) == CleanupReport(leftovers=2 * PAGE, payloads=2 * PAGE)
    assert len(deployment.payloads.objects) == PAGE + 1


def test_time_running_out_leaves_the_rest_for_the_next_pass(deployment: Deployment) -> None:
    forgotten(deployment, 5)
    points = Failpoints()
    report = deployment.cleaner(points).clean(lambda: points.calls["store.delete"] < 2)
    assert (report.tasks, report.finished, report.errors) == (2, False, 0)
    assert clean(deployment).tasks == 3


def test_one_broken_shard_stops_no_other(deployment: Deployment) -> None:
    tasks = forgotten(deployment, 20)
    points = Failpoints()
    points.down("store.past_retention", StoreUnavailable("down"))
    assert clean(deployment, points).tasks == 0
    points.up("store.past_retention")
    points.fail("payloads.delete_all", PayloadUnavailable("down"))
    report = clean(deployment, points)
    assert (report.errors, report.finished, report.tasks) == (1, False, len(tasks) - 1)
    assert clean(deployment).tasks == 1


def test_payloads_that_cannot_be_deleted_keep_their_record(deployment: Deployment) -> None:
    forgotten(deployment)
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
    deployment.clock.advance(RETENTION_SECONDS)
    assert clean(deployment).leftovers == 0
    young = deployment.submit(LARGE)
    deployment.clock.advance(0.001)
    assert clean(deployment) == CleanupReport(leftovers=1, payloads=1)
    assert list(deployment.payloads.objects) == [young.input.key]


def test_what_is_left_of_a_task_is_found_again_after_a_failure(deployment: Deployment) -> None:
    """What leads to it are its objects, so they go last."""
    completed(deployment)
    deployment.clock.advance(RETENTION_SECONDS + 0.001)
    deployment.let_ttl_pass()
    points = Failpoints()
    points.fail("store.delete_owned", StoreUnavailable("down"))
    assert clean(deployment, points) == CleanupReport(errors=1, finished=False)
    assert clean(deployment) == CleanupReport(leftovers=1, payloads=2)
