"""A restore, rehearsed on moto: a table restored beside the lost one takes its place, and its tasks end."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from moto import mock_aws
from moto.core.base_backend import BackendDict
from rich.console import Console

from a2a_tasks.adapters.system import SystemClock
from local.adoption.command import NotFit, adopt
from local.adoption.table import RECOVERY, STREAM, TIME_TO_LIVE, TableState, switch_on
from local.preflight.account import Account as Preflighted
from local.preflight.checks.adopted_storage import check_adopted_storage
from local.preflight.finding import State
from local.preflight.target import Target
from local.standin.client import StandInClient
from local.template.intrinsics import walk
from local.template.transformed import transformed
from tests.deployment_target import STACK
from tests.integration.support.account import AGENT, PROJECT, Account, account_of
from tests.integration.support.caller import Caller
from tests.integration.support.cold_start import LOGICAL_IDS, cold_start
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.template import environment
from tests.integration.support.worker import Worker

TABLES = {"TasksTable": "tasks", "RegistryTable": "registry"}
MOMENT = datetime(2026, 1, 31, tzinfo=UTC)
ADOPTED = {
    "TasksTableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/old.tasks",
    "TasksTableStreamArn": "arn:aws:dynamodb:us-east-1:123456789012:table/old.tasks/stream/2026-01-31T00:00",
    "RegistryTableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/old.registry",
    "PayloadBucketName": "old-payloads",
    "PushKeyArn": "arn:aws:kms:us-east-1:123456789012:key/0123-4567",
}


def wanted(logical_id: str) -> dict[str, Any]:
    properties: dict[str, Any] = transformed({})["Resources"][logical_id]["Properties"]
    return properties


def restored(account: Account) -> dict[str, str]:
    """Both tables as they were at a moment, beside those that are lost; their names by logical id."""
    client, names = account.dynamodb, {}
    for logical_id, table in TABLES.items():
        client.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        names[logical_id] = f"{table}-restored"
        client.restore_table_to_point_in_time(
            SourceTableName=table, TargetTableName=names[logical_id], RestoreDateTime=MOMENT
        )
    return names


# ---------------------------------------------------------------- the rehearsal


def test_tasks_of_a_restored_table_go_on_and_end(
    agents: Account, start: Callable[..., ModuleType], claude: StandInClient
) -> None:
    caller = Caller(start("api").handler, PROJECT)
    accepted = [caller.post(AGENT, {"message": f"[[standin: say=done {n}]]"}).body for n in range(3)]
    names = restored(agents)
    for table in TABLES.values():
        agents.dynamodb.delete_table(TableName=table)
    agents.sqs.purge_queue(QueueUrl=agents.resources["TaskQueue"])  # their messages are long gone

    for logical_id, table in names.items():
        switch_on(agents.dynamodb, table, wanted(logical_id))
    adopted = account_of(agents.calls, agents.resources | names)
    with (
        cold_start("api", adopted) as api,
        cold_start("sweeper", adopted) as sweeper,
        cold_start("worker", adopted, {"CLAUDE_BASE_URL": claude.base_url}) as worker,
    ):
        sweep_until_sent(sweeper, adopted, len(accepted))
        Worker(worker, adopted).work()
        caller = Caller(api.handler, PROJECT)
        ended = [caller.get(task["checkUrl"]).body for task in accepted]

    assert [task["status"] for task in ended] == ["completed"] * 3
    assert [task["output"]["result"] for task in ended] == [f"done {n}" for n in range(3)]


def sweep_until_sent(sweeper: ModuleType, account: Account, count: int) -> None:
    """A sweep half an hour later: all that is alive is due, and is announced again."""
    now = SystemClock.now
    with patch.object(SystemClock, "now", lambda self: now(self) + 1_800_000):
        sweeper.handler({}, LambdaContext())
    assert account.message_counts()["visible"] == count


# ---------------------------------------------------------------- what a restore leaves off


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        BackendDict.reset()  # it may be the module's, which the rehearsal has used
        yield boto3.client("dynamodb", "us-east-1")


def create(client: Any, table: str, logical_id: str, **changes: Any) -> None:
    """A table as a restore leaves it."""
    properties = wanted(logical_id) | changes
    names = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    client.create_table(TableName=table, **{name: properties[name] for name in names if name in properties})


@pytest.mark.parametrize(
    ("logical_id", "off"),
    [("TasksTable", [STREAM, TIME_TO_LIVE, RECOVERY]), ("RegistryTable", [TIME_TO_LIVE, RECOVERY])],
)
def test_what_is_off_is_switched_on_once(client: Any, logical_id: str, off: list[str]) -> None:
    create(client, "t", logical_id)
    assert TableState.read(client, "t").switched_off(wanted(logical_id)) == off

    first = switch_on(client, "t", wanted(logical_id))

    assert first.switched_off(wanted(logical_id)) == []
    assert switch_on(client, "t", wanted(logical_id)) == first, "a second time changes nothing"


def test_a_crash_in_between_is_made_up_for(client: Any) -> None:
    create(client, "t", "TasksTable")
    client.update_time_to_live(
        TableName="t", TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True}
    )

    assert switch_on(client, "t", wanted("TasksTable")).switched_off(wanted("TasksTable")) == []


def test_the_command_says_what_to_put_into_samconfig(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    create(client, "old.tasks", "TasksTable")
    create(client, "old.registry", "RegistryTable")
    console = Console(record=True, width=20)

    assert adopt({"TasksTable": "old.tasks", "RegistryTable": "old.registry"}, console) == 0

    text = console.export_text()
    lines = [line.strip().strip('",') for line in text.splitlines() if '="' in line or "Arn=" in line]
    given = dict(line.split("=", 1) for line in lines)
    described = client.describe_table(TableName="old.tasks")["Table"]
    assert given == {
        "TasksTableArn": described["TableArn"],
        "TasksTableStreamArn": described["LatestStreamArn"],
        "RegistryTableArn": client.describe_table(TableName="old.registry")["Table"]["TableArn"],
    }


def test_a_table_that_does_not_fit_is_left_as_it_is(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    keys_alone = {"Projection": {"ProjectionType": "KEYS_ONLY"}}
    indexes = [index | keys_alone for index in wanted("TasksTable")["GlobalSecondaryIndexes"]]
    create(client, "t", "TasksTable", GlobalSecondaryIndexes=indexes)

    with pytest.raises(NotFit, match="lacks the index list as this release has it"):
        adopt({"TasksTable": "t"}, Console(quiet=True))

    assert not TableState.read(client, "t").has_recovery


# ---------------------------------------------------------------- the template


@pytest.fixture(scope="module")
def adopting() -> Target:
    production = Target.of_environment("prod")
    return Target("prod", production.stack_name, production.template, {**production.given, **ADOPTED})


def test_a_stack_that_adopts_makes_none_of_its_own_and_speaks_of_none(adopting: Target) -> None:
    own = ("TasksTable", "RegistryTable", "PayloadBucket", "PushKey")
    assert set(own) & adopting.resources.keys() == set()
    assert adopting.of_type("AWS::S3::BucketPolicy") == {}

    made = json.dumps(adopting.resources)
    assert [name for name in own if f"-{name}-" in made] == []
    outputs = adopting.template["Outputs"]
    assert adopting.value(outputs["TasksTable"]["Value"]["Fn::If"][2]) == "old.tasks"


def test_every_function_of_it_has_the_adopted_names(adopting: Target) -> None:
    names = {
        "TASKS_TABLE": "old.tasks",
        "REGISTRY_TABLE": "old.registry",
        "PAYLOAD_BUCKET": "old-payloads",
        "PUSH_KEY_ARN": ADOPTED["PushKeyArn"],
    }
    for function in adopting.of_type("AWS::Lambda::Function").values():
        given = function["Environment"]["Variables"]
        assert {name: given[name] for name in names if name in given} == {
            name: value for name, value in names.items() if name in given
        }


def test_the_notifier_listens_to_the_adopted_stream(adopting: Target) -> None:
    sources = [
        item["EventSourceArn"] for item in adopting.of_type("AWS::Lambda::EventSourceMapping").values()
    ]
    assert ADOPTED["TasksTableStreamArn"] in sources


def test_without_adoption_nothing_changes() -> None:
    """What handlers' tests run with is the stack's own."""
    known = {name: name.lower() for name in ("TasksTable", "RegistryTable", "PayloadBucket", "PushKey")}
    known |= dict.fromkeys(("TaskQueue", "UrgentTaskQueue", "DirectTaskQueue"), "queue")
    assert environment(LOGICAL_IDS["api"], known)["TASKS_TABLE"] == "taskstable"


# ---------------------------------------------------------------- the preflight


def check(target: Target, **given: str) -> list[tuple[State, str, str]]:
    chosen = Target("prod", target.stack_name, target.template, {**target.given, **given})
    account = Preflighted(boto3.Session(region_name="us-east-1"), "us-east-1", STACK)
    return [(each.state, each.found, each.remedy) for each in check_adopted_storage(chosen, account)]


@pytest.fixture(scope="module")
def production() -> Target:
    return Target.of_environment("prod")


def test_a_stack_with_its_own_storage_needs_nothing(client: Any, production: Target) -> None:  # noqa: ARG001
    assert [state for state, *_ in check(production)] == [State.OK]


def test_a_restored_table_is_refused_until_it_is_ready(client: Any, production: Target) -> None:
    create(client, "old.tasks", "TasksTable")
    arn = client.describe_table(TableName="old.tasks")["Table"]["TableArn"]
    [(state, found, remedy)] = check(production, TasksTableArn=arn)
    assert (state, remedy) == (State.FAULT, "make adopt TASKS=old.tasks")
    assert STREAM in found

    stream = switch_on(client, "old.tasks", wanted("TasksTable")).stream_arn
    assert stream
    [(state, _, _)] = check(production, TasksTableArn=arn, TasksTableStreamArn=stream)
    assert state is State.OK
    [(state, found, _)] = check(production, TasksTableArn=arn, TasksTableStreamArn=f"{arn}/stream/another")
    assert (state, stream in found) == (State.FAULT, True)


def test_what_is_not_there_is_refused(client: Any, production: Target) -> None:  # noqa: ARG001
    found = check(production, **{name: value for name, value in ADOPTED.items() if "Stream" not in name})
    assert [state for state, *_ in found] == [State.FAULT] * 4
    assert [what.rpartition(" ")[0] for _, what, _ in found] == [
        "there is no table",
        "there is no table",
        "there is no bucket",
        "there is no key",
    ]


def test_a_table_of_another_region_is_refused(client: Any, production: Target) -> None:  # noqa: ARG001
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/t"
    [(state, found, _)] = check(production, RegistryTableArn=arn)
    assert (state, "is in eu-west-1, not in us-east-1" in found) == (State.FAULT, True)


def test_no_reference_to_storage_forgets_that_it_may_be_adopted() -> None:
    """For whoever adds a statement to a role: a plain reference fails where the table is adopted."""
    resources = transformed({})["Resources"]
    resources.pop("PayloadBucketPolicy")
    assert _references(_without_choices(resources)) == []
    assert len(_references(resources)) > 10


def _references(resources: Any) -> list[object]:
    return [
        node
        for node in walk(resources)
        if isinstance(node, dict)
        and (
            node.get("Ref") in TABLES
            or node.get("Fn::GetAtt", [""])[0] in (*TABLES, "PayloadBucket", "PushKey")
        )
    ]


def _without_choices(value: Any) -> Any:
    """What is there under every condition."""
    if isinstance(value, dict):
        return {key: _without_choices(item) for key, item in value.items() if key != "Fn::If"}
    return [_without_choices(item) for item in value] if isinstance(value, list) else value
