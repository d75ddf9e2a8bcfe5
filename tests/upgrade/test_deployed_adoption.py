"""docs/restore.md rehearsed on a deployment: its tables are restored, adopted, and their tasks end."""

from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
from a2a_tasks.domain.pause import Pause
from a2actl.queue.queues import TaskQueues
from a2actl.queue.triggers import DISABLED, ENABLED, Triggers
from local.adoption.command import parameters_of, ready
from local.builds.previous_release import Release
from local.deployed import Deployed, make_project, wait_until
from local.standin.client import StandInClient
from local.template.transformed import transformed
from local.tools import ROOT
from tests.integration.support.receiver import receiving
from tests.upgrade.releases import Upgraded

AGENTS = ROOT / "tests" / "e2e" / "agents.yaml"
PARAMETERS = {"WorkerTimeoutSeconds": "120", "LeaseSeconds": "9"}

pytestmark = pytest.mark.timeout(1_800)


def switch(deployed: Deployed, wanted: str) -> None:
    """What `a2actl queue pause` and `resume` do to the triggers."""
    urls = {name: deployed.outputs[f"{name}Url"] for name in ("TaskQueue", "UrgentTaskQueue")}
    arns = [queue.arn for queue in TaskQueues(deployed.client("sqs"), urls).states()]
    Triggers(deployed.client("lambda")).switch(arns, wanted, print)


def restore(client: Any, table: str) -> str:
    name = f"{table}.restored"
    client.restore_table_to_point_in_time(
        SourceTableName=table, TargetTableName=name, UseLatestRestorableTime=True
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return name


def test_a_stack_goes_on_with_restored_tables(upgraded: Upgraded) -> None:
    here = Release("this one", ROOT)
    first = upgraded.deploy(here, **PARAMETERS)
    standin = StandInClient(f"http://127.0.0.1:{upgraded.stack.ports.stand_in}")
    deployed = Deployed(upgraded.stack, first, standin)
    project = make_project(deployed, "adoption", AGENTS)
    dynamodb = deployed.client("dynamodb")

    with receiving() as receiver:
        told: dict[str, Any] = {"pushNotificationConfig": {"url": receiver.url}}
        done = project.submit("[[standin: say=before]] adoption-done")
        project.wait(done)
        DynamoDBRegistry(dynamodb, first.outputs["RegistryTable"]).start_pause(Pause(deployed.now()))
        switch(deployed, DISABLED)
        waiting = [project.submit(f"[[standin: say=after {n}]] adoption-{n}.", **told) for n in range(3)]

        template, parameters = transformed({}), dict(PARAMETERS)
        for logical_id in ("TasksTable", "RegistryTable"):
            table = restore(dynamodb, first.outputs[logical_id])
            state = ready(dynamodb, table, logical_id, template)
            parameters |= dict(each.split("=", 1) for each in parameters_of(logical_id, state))
        second = upgraded.deploy(here, **parameters)
        assert second.outputs["TasksTable"] == f"{first.outputs['TasksTable']}.restored"

        assert project.get(done)["output"]["result"] == "before"
        assert {project.get(task)["status"] for task in waiting} == {"pending"}
        assert DynamoDBRegistry(dynamodb, second.outputs["RegistryTable"]).end_pause()
        switch(Deployed(upgraded.stack, second, standin), ENABLED)
        ended = [project.wait(task, seconds=120) for task in waiting]

        assert [task["output"]["result"] for task in ended] == [f"after {n}" for n in range(3)]
        wait_until(lambda: len(receiver.requests) >= len(waiting), 60, "ends told by the new table's stream")
