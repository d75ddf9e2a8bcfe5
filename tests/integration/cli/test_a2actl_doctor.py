"""``a2actl doctor`` on a deployed stack: its parts on moto, the real API function, one that lists models."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from a2a_tasks.domain.pause import Pause
from a2a_tasks.domain.tools.catalog import McpServer
from a2actl.deployment.account import Account as OperatorAccount
from a2actl.deployment.account import Resource
from tests.integration.cli.gateway import Gateway
from tests.integration.cli.terminal import STACK, Operator, deploy, stack_outputs
from tests.integration.support.account import CLAUDE_KEY, CREATED_AT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.receiver import Receiver, receiving, reply
from tests.integration.support.stored_task import created

QUEUES = {
    "TaskQueue": "TaskDeadLetterQueue",
    "UrgentTaskQueue": "TaskDeadLetterQueue",
    "NotificationQueue": "NotificationDeadLetterQueue",
    "WecomQueue": "WecomDeadLetterQueue",
}
PAGE = "The sweeper stands still. https://runbook.example.com/sweeper.md"


@dataclass
class Ward:
    """A whole deployment, and who looks after it."""

    operator: Operator
    account: Account
    claude: Receiver
    resources: dict[str, Resource] = field(default_factory=dict)
    topic: str = ""

    def look(self, *options: str) -> dict[str, Any]:
        """What the doctor finds, as JSON."""
        done = self.operator.run("doctor", "--json", *options)
        assert done.exit_code in (0, 1), done.output
        found: dict[str, Any] = json.loads(done.stdout)
        assert found["ok"] is (done.exit_code == 0)
        return found

    def troubles(self, *options: str) -> list[dict[str, Any]]:
        """What is not well."""
        found = self.look(*options)["findings"]
        return [finding for finding in found if finding["state"] != "ok"]

    def trouble(self, *options: str) -> dict[str, Any]:
        (finding,) = self.troubles(*options)
        return finding

    def alarm(self, *actions: str, state: str = "OK") -> None:
        name = f"{STACK}-SweeperAlarm-1"
        cloudwatch = boto3.client("cloudwatch")
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            AlarmDescription=PAGE,
            Namespace="A2ATasks",
            MetricName="Sweeps",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="LessThanThreshold",
            Statistic="Sum",
            AlarmActions=list(actions),
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")
        self.resources["SweeperAlarm"] = Resource("AWS::CloudWatch::Alarm", name)


@pytest.fixture
def ward(
    visitor: Operator, gateway: Gateway, account: Account, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ward]:
    with receiving(reply(200, b"{}")) as claude:
        found = Ward(Operator(visitor.directory, ("--stack", STACK)), account, claude)
        parameters = {"Stage": "prod", "ClaudeBaseUrl": claude.url.removesuffix("/hook")}
        deploy(STACK, stack_outputs(account) | _addresses(gateway), parameters)
        _furnish(account)
        found.resources |= _functions()
        found.topic = boto3.client("sns").create_topic(Name="alarms")["TopicArn"]
        boto3.client("sns").subscribe(
            TopicArn=found.topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-central-1:123456789012:TaskQueue"
        )
        found.alarm(found.topic)
        # of what a template makes, moto's CloudFormation has not everything
        monkeypatch.setattr(OperatorAccount, "resources", lambda *_: found.resources)
        yield found


def _addresses(gateway: Gateway) -> dict[str, str]:
    return {"ApiUrl": gateway.api_url, "ApiId": "abc123", "WorkerFunctionName": "worker"}


def _furnish(account: Account) -> None:
    """What moto leaves out where ``account`` makes tables and queues."""
    for table in ("TasksTable", "RegistryTable"):
        name = account.resources[table]
        account.dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True)
        account.dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    account.dynamodb.update_time_to_live(
        TableName=account.resources["TasksTable"],
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"},
    )
    for queue, dead in QUEUES.items():
        _redrive(account, queue, dead)


def _redrive(account: Account, queue: str, dead: str) -> None:
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:eu-central-1:123456789012:{dead}", "maxReceiveCount": "20"}
    account.sqs.set_queue_attributes(
        QueueUrl=account.resources[queue], Attributes={"RedrivePolicy": json.dumps(policy)}
    )


def _functions() -> dict[str, Resource]:
    """A worker with its layer, its queue and a schedule."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "")
    role = boto3.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client = boto3.client("lambda")
    layer = client.publish_layer_version(LayerName="core", Content={"ZipFile": packed.getvalue()})
    client.create_function(
        FunctionName="worker",
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
        Layers=[layer["LayerVersionArn"]],
    )
    version = client.publish_version(FunctionName="worker")["Version"]
    client.create_alias(FunctionName="worker", Name="live", FunctionVersion=version)
    queue = "arn:aws:sqs:eu-central-1:123456789012:TaskQueue"
    mapping = client.create_event_source_mapping(FunctionName="worker", EventSourceArn=queue)
    boto3.client("scheduler").create_schedule(
        Name="every-minute",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:lambda:eu-central-1:123456789012:function:worker", "RoleArn": role},
    )
    return {
        "CoreLayer": Resource("AWS::Lambda::LayerVersion", layer["LayerVersionArn"]),
        "WorkerFunction": Resource("AWS::Lambda::Function", "worker"),
        "WorkerTasks": Resource("AWS::Lambda::EventSourceMapping", mapping["UUID"]),
        "EveryMinute": Resource("AWS::Scheduler::Schedule", "every-minute"),
    }


# ---------------------------------------------------------------- a deployment that is well


def test_a_whole_deployment_is_well(ward: Ward) -> None:
    _, key = ward.account.add_key()
    found = ward.look("--key", key)
    assert [finding for finding in found["findings"] if finding["state"] != "ok"] == []
    assert found["stack"] == STACK
    subjects = {finding["subject"] for finding in found["findings"]}
    assert subjects >= {
        "Stack",
        "Table TasksTable",
        "Table RegistryTable",
        "Queues",
        "Functions",
        "Event sources",
        "Schedules",
        "Secrets",
        "Claude",
        "API",
        "Authorizer",
        "Alarms",
        "Alarms' receivers",
        "Dead letters",
        "Due",
    }


def test_it_is_a_table_with_marks_for_a_person(ward: Ward) -> None:
    ward.account.sqs.send_message(QueueUrl=ward.account.resources["WecomDeadLetterQueue"], MessageBody="x")
    done = ward.operator.run("doctor")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "\tSUBJECT\tFOUND"
    assert lines[1].startswith("✓\tStack\tCREATE_COMPLETE")
    assert "✗\tDead letters\twecom: 1 answers that did not reach WeCom" in lines
    assert lines[-1] == ("✗ Dead letters: Show them: a2actl dlq show wecom (docs/runbook/wecom.md)")
    assert done.stderr == "Not healthy: 1 fault.\n"


def test_no_secret_is_ever_shown(ward: Ward) -> None:
    for options in ((), ("--json",)):
        assert CLAUDE_KEY not in ward.operator.run("doctor", *options).output


def test_looking_changes_nothing(ward: Ward) -> None:
    ward.account.calls.made.clear()
    ward.look()
    changing = ("Put", "Update", "Delete", "Send", "Create", "Start", "Stop", "Invoke", "Receive")
    assert [call.operation for call in ward.account.calls.made if call.operation.startswith(changing)] == []


# ---------------------------------------------------------------- what is not well


def test_a_table_whose_items_do_not_expire(ward: Ward) -> None:
    ward.account.dynamodb.update_time_to_live(
        TableName=ward.account.resources["TasksTable"],
        TimeToLiveSpecification={"Enabled": False, "AttributeName": "ttl"},
    )
    found = ward.trouble()
    assert (found["state"], found["subject"], found["page"]) == (
        "fault",
        "Table TasksTable",
        "docs/restore.md",
    )
    assert "do not expire" in found["found"]
    assert "update-time-to-live" in found["remedy"]


def test_tables_that_cannot_be_restored_or_may_be_deleted(ward: Ward) -> None:
    name = ward.account.resources["RegistryTable"]
    ward.account.dynamodb.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    ward.account.dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    assert {(found["state"], found["found"].partition(":")[0]) for found in ward.troubles()} == {
        ("fault", "cannot be restored"),
        ("warning", "deletion protection is off"),
    }


def test_a_queue_that_gives_up_to_another(ward: Ward) -> None:
    _redrive(ward.account, "UrgentTaskQueue", "WecomDeadLetterQueue")
    found = ward.trouble()
    assert found["found"] == "UrgentTaskQueue has the dead-letter queue WecomDeadLetterQueue"


def test_a_function_with_another_layer_than_the_stack(ward: Ward) -> None:
    arn = ward.resources["CoreLayer"].physical_id
    ward.resources["CoreLayer"] = Resource("AWS::Lambda::LayerVersion", f"{arn.rpartition(':')[0]}:2")
    found = ward.trouble()
    assert found["found"] == "WorkerFunction: has core:1, the stack core:2"


def test_an_event_source_that_is_switched_off(ward: Ward) -> None:
    uuid = ward.resources["WorkerTasks"].physical_id
    boto3.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=False)
    found = ward.trouble()
    assert (found["state"], found["found"]) == ("fault", "disabled: WorkerTasks")
    assert found["page"] == "docs/runbook/tasks-wait.md"


def test_a_function_whose_alias_is_gone(ward: Ward) -> None:
    boto3.client("lambda").delete_alias(FunctionName="worker", Name="live")
    assert ward.trouble()["found"] == "WorkerFunction: it cannot be invoked: worker:live does not exist"


def test_a_release_that_takes_over_by_and_by(ward: Ward) -> None:
    boto3.client("lambda").update_alias(
        FunctionName="worker", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}}
    )
    found = ward.trouble()
    assert (found["state"], found["page"]) == ("warning", "docs/deploy.md")
    assert found["found"] == "a release is being rolled out: two versions serve WorkerFunction"


def test_work_that_somebody_has_paused(ward: Ward) -> None:
    uuid = ward.resources["WorkerTasks"].physical_id
    boto3.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=False)
    ward.account.registry.start_pause(Pause(CREATED_AT, "a bad release"))
    found = ward.trouble()
    assert found["state"] == "warning"
    assert found["found"].startswith(
        "work is paused since 2025-06-15T15:06:40.000Z (a bad release); disabled: W"
    )
    assert "a2actl queue resume" in found["remedy"]


def test_a_schedule_that_is_switched_off(ward: Ward) -> None:
    client = boto3.client("scheduler")
    schedule = client.get_schedule(Name="every-minute")
    kept = {name: schedule[name] for name in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    client.update_schedule(**kept, State="DISABLED")
    assert ward.trouble()["found"] == "disabled: EveryMinute"


def test_secrets_that_are_gone(ward: Ward) -> None:
    ward.account.secrets.create_secret(Name="a2a-tasks/mcp/demo/docs", SecretString="t0ken")
    arn = ward.account.secrets.describe_secret(SecretId="a2a-tasks/mcp/demo/docs")["ARN"]
    ward.account.registry.create_project(PROJECT, CREATED_AT)
    ward.account.registry.put_mcp_server(PROJECT, McpServer("docs", "https://mcp.example.com", arn))
    ward.account.secrets.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    found = ward.trouble()
    assert found["found"] == f"missing: token of MCP server docs of project {PROJECT}"
    assert found["remedy"] == f"a2actl mcp add --project {PROJECT} --name docs"


def test_the_key_that_seals_secrets_is_disabled(ward: Ward) -> None:
    key = ward.account.resources["PushKey"]
    ward.account.kms.disable_key(KeyId=key.rpartition("/")[2])
    found = ward.trouble()
    assert found["found"] == "the key that encrypts secrets is Disabled"
    assert f"aws kms enable-key --key-id {key}" in found["remedy"]


def test_a_stack_without_a_key_of_claude(ward: Ward) -> None:
    ward.account.put_claude_key("")
    found = ward.trouble()
    assert (found["subject"], found["found"]) == ("Claude", "the secret contains no key, so every task fails")
    assert ward.claude.requests == []


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        (401, "fault", "rejects the key (401)"),
        (529, "warning", "returns 529"),
        (503, "warning", "returns 503"),
    ],
)
def test_what_claude_says_of_the_key(ward: Ward, status: int, state: str, words: str) -> None:
    ward.claude.script = [_status(status)]
    found = ward.trouble()
    assert found["state"] == state
    assert words in found["found"]
    (asked,) = ward.claude.requests
    assert asked.line.startswith("GET /v1/models")
    assert asked.headers["x-api-key"] == CLAUDE_KEY


def _status(status: int) -> Any:
    from http import HTTPStatus

    known = status in {each.value for each in HTTPStatus}
    if known:
        return reply(status)

    async def send(writer: Any) -> None:
        writer.write(f"HTTP/1.1 {status} Overloaded\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    return send


def test_an_alarm_that_rings_says_its_sentence_and_its_page(ward: Ward) -> None:
    ward.alarm(ward.topic, state="ALARM")
    found = ward.trouble()
    assert found == {
        "state": "fault",
        "subject": "Alarms",
        "found": f"{STACK}-SweeperAlarm-1 is active: The sweeper stands still.",
        "remedy": "Follow its page.",
        "page": "docs/runbook/sweeper.md",
    }


def test_alarms_that_tell_nobody(ward: Ward) -> None:
    ward.alarm()
    assert ward.trouble()["found"] == "alarms notify nobody"
    lonely = boto3.client("sns").create_topic(Name="lonely")["TopicArn"]
    ward.alarm(lonely)
    assert ward.trouble()["found"] == "lonely notifies nobody"


def test_a_sweeper_that_lags(ward: Ward) -> None:
    created(ward.account.store, CREATED_AT)
    found = ward.trouble()
    assert found["page"] == "docs/runbook/sweeper.md"
    assert found["found"].startswith("the oldest entry has been due for ")


def test_a_wrong_key(ward: Ward) -> None:
    found = ward.trouble("--key", "a2a_nonsense")
    assert (found["subject"], found["found"]) == ("Authorizer", "rejects the given key (401)")


def test_a_missing_output_is_named_once_where_it_matters(
    visitor: Operator, account: Account, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = stack_outputs(account) | _addresses(gateway)
    del named["WecomQueueUrl"]
    deploy(STACK, named, {"Stage": "local"})
    monkeypatch.setattr(OperatorAccount, "resources", lambda *_: {})
    done = Operator(visitor.directory, ("--stack", STACK)).run("doctor", "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)["findings"]
    assert "outputs are missing: WecomQueueUrl" in [each["found"] for each in found]


# ---------------------------------------------------------------- what could not be looked at


@pytest.mark.parametrize(
    ("operation", "subject"),
    [
        ("DescribeContinuousBackups", "Tables"),
        ("GetFunctionConfiguration", "Functions"),
        ("GetEventSourceMapping", "Event sources"),
        ("GetSchedule", "Schedules"),
        ("DescribeAlarms", "Alarms"),
    ],
)
def test_what_aws_does_not_tell_is_a_warning_and_the_rest_goes_on(
    ward: Ward, operation: str, subject: str
) -> None:
    ward.account.calls.fail(operation, Fault.FORBIDDEN, times=9)
    found = ward.trouble()
    assert (found["state"], found["subject"]) == ("warning", subject)
    assert "could not be checked: These AWS credentials lack a permission" in found["found"]


# ---------------------------------------------------------------- a task


def test_a_task_without_a_model_goes_in_and_out(ward: Ward) -> None:
    _, key = ward.account.add_key()
    found = ward.look("--task", "--key", key)["findings"][-1]
    assert found["subject"] == "Task"
    assert found["found"].endswith("was accepted, read and canceled, without a worker or model")
    (task,) = ward.account.store.page("assistant", None, 9, None).tasks
    assert task.status == "canceled"


def test_a_task_takes_a_key(ward: Ward) -> None:
    refused = ward.operator.run("doctor", "--task")
    assert refused.exit_code == 2
    assert "The API requires a key" in refused.stderr


def test_a_task_that_is_refused_is_a_finding(ward: Ward) -> None:
    _, key = ward.account.add_key()
    found = ward.trouble("--task", "--key", key, "--agent", "nobody")
    assert found["subject"] == "Task"
    assert "There is no agent 'nobody'" in found["found"]
