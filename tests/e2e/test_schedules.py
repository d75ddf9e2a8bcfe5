"""The scheduled functions as deployed, with the permissions that the template gives them."""

import json
from typing import Any

from a2a_tasks.adapters.dynamodb.tasks.task_items import retention_shard
from local.deployed import Deployed, Project
from tests.integration.support.texts import incompressible


def test_clean_up_deletes_a_forgotten_task_with_its_payloads_and_spares_the_others(
    deployed: Deployed, project: Project
) -> None:
    expired = project.submit(f"[[standin: size=20000]] e2e-expired {incompressible(20_000)}")
    kept = project.submit(f"[[standin: size=20000]] e2e-kept {incompressible(20_000)}")
    for accepted in (expired, kept):
        assert project.wait(accepted)["status"] == "completed"
    deployed.client("dynamodb").update_item(
        TableName=deployed.outputs["TasksTable"],
        Key={"pk": {"S": f"TASK#{expired['taskId']}"}, "sk": {"S": f"TASK#{project.agent_id}"}},
        UpdateExpression="SET expireAt = :past, expireShard = :shard",
        ExpressionAttributeValues={":past": {"N": "1"}, ":shard": {"S": retention_shard(expired["taskId"])}},
    )

    report = invoke(deployed, "CleanupFunctionName")

    assert (report["tasks"], report["payloads"], report["finished"]) == (1, 1, True)
    assert project.request("GET", expired["checkUrl"]).json()["code"] == "TASK_NOT_FOUND"
    assert payloads(deployed, expired["taskId"]) == 0
    assert len(project.get(kept)["output"]["result"]) == 20_000


def test_two_sweeps_of_a_quiet_system_do_nothing(deployed: Deployed, project: Project) -> None:
    project.wait(project.submit("[[standin: say=done]] e2e-quiet"))
    for _ in range(2):
        report = invoke(deployed, "SweeperFunctionName")
        assert (report["errors"], report["timed_out"], report["lost"]) == (0, 0, 0)
        assert report["unfinished_shards"] == []


def invoke(deployed: Deployed, function: str) -> dict[str, Any]:
    """Call a function as the scheduler does."""
    answer = deployed.client("lambda").invoke(FunctionName=deployed.outputs[function], Payload=b"{}")
    report: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, report
    return report


def payloads(deployed: Deployed, task_id: str) -> int:
    listed = deployed.client("s3").list_objects_v2(
        Bucket=deployed.outputs["PayloadBucket"], Prefix=f"tasks/{task_id}/"
    )
    return int(listed["KeyCount"])
