"""An AWS account on moto with what the template makes: two tables, queues, a bucket, a secret, a key."""

import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from a2a_tasks.adapters.dynamodb.batches import DynamoDBBatches
from a2a_tasks.adapters.dynamodb.open_streams import DynamoDBOpenStreams
from a2a_tasks.adapters.dynamodb.push_configs import DynamoDBPushConfigs
from a2a_tasks.adapters.dynamodb.rates import DynamoDBRates
from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
from a2a_tasks.adapters.dynamodb.stored_format import versioned
from a2a_tasks.adapters.dynamodb.tasks.contexts import DynamoDBContexts
from a2a_tasks.adapters.dynamodb.tasks.records import DynamoDBRecords, DynamoDBSpend
from a2a_tasks.adapters.dynamodb.tasks.reservations import DynamoDBReservations
from a2a_tasks.adapters.dynamodb.tasks.store import DynamoDBTaskStore
from a2a_tasks.adapters.dynamodb.tasks.texts import DynamoDBTexts
from a2a_tasks.adapters.payloads.s3_payloads import S3Payloads
from a2a_tasks.adapters.payloads.task_payloads import TaskPayloads
from a2a_tasks.adapters.secrets.kms_envelopes import KmsEnvelopes, Purpose
from a2a_tasks.adapters.sqs.notification_messages import notification_sender
from a2a_tasks.adapters.sqs.sender import SQSSender
from a2a_tasks.adapters.sqs.task_queue import SQSTaskQueue
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.adapters.wecom.chats import DynamoDBChats
from a2a_tasks.adapters.wecom.connections import DynamoDBConnections
from a2a_tasks.adapters.wecom.exchanges import DynamoDBExchanges
from a2a_tasks.domain.access import api_key
from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.agents.definition import parse_agent
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.webhooks.push import Notification, StatusChange, notification_of
from a2a_tasks.domain.webhooks.secret import WebhookSecret
from a2a_tasks.ports.clock import Clock
from a2a_tasks.webhooks.signing_secrets import sealed
from a2a_tasks.wecom.connection import ConnectionSecrets
from tests.integration.support.aws_calls import AwsCalls
from tests.integration.support.template import table_definition

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

PROJECT, OTHER_PROJECT = "demo", "rival"
AGENT, OTHER_AGENT = "assistant", "spy"
CLAUDE_KEY = "sk-ant-integration-0123456789"
QUEUES = (
    "ScheduleDeadLetterQueue",
    "TaskDeadLetterQueue",
    "TaskQueue",
    "UrgentTaskQueue",
    "DirectTaskQueue",
    "NotificationQueue",
    "NotificationDeadLetterQueue",
    "NotifierDeadLetterQueue",
    "WecomQueue",
    "WecomDeadLetterQueue",
)
TASK_QUEUES = ("UrgentTaskQueue", "TaskQueue")
"""As a worker looks at them."""
SENDER_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:a2a-tasks-wecom-sender:live"
CREATED_AT = 1_750_000_000_000
KEPT_MS = 30 * 24 * 3_600_000


@dataclass(frozen=True)
class Account:
    """``resources`` maps the template's logical ids to what ``!Ref`` gives."""

    dynamodb: "DynamoDBClient"
    sqs: "SQSClient"
    s3: "S3Client"
    secrets: "SecretsManagerClient"
    kms: "KMSClient"
    calls: AwsCalls
    resources: dict[str, str]

    @property
    def store(self) -> DynamoDBTaskStore:
        return DynamoDBTaskStore(self.dynamodb, self.resources["TasksTable"])

    @property
    def records(self) -> DynamoDBRecords:
        return DynamoDBRecords(self.dynamodb, self.resources["TasksTable"], KEPT_MS)

    @property
    def batches(self) -> DynamoDBBatches:
        return DynamoDBBatches(self.dynamodb, self.resources["TasksTable"])

    @property
    def reservations(self) -> DynamoDBReservations:
        return DynamoDBReservations(self.dynamodb, self.resources["TasksTable"])

    @property
    def open_streams(self) -> DynamoDBOpenStreams:
        return DynamoDBOpenStreams(self.dynamodb, self.resources["TasksTable"])

    def held_streams(self, key_id: str = "abcdefghijklmnop") -> set[str]:
        """The places that a key holds, also those whose time is over."""
        key = {"pk": {"S": f"RATE#{key_id}"}, "sk": {"S": "STREAMS"}}
        with self.calls.as_role(None):
            item = self.dynamodb.get_item(TableName=self.resources["TasksTable"], Key=key).get("Item", {})
        return set(item) - {"pk", "sk", "ttl", "v"}

    @property
    def rates(self) -> DynamoDBRates:
        return DynamoDBRates(self.dynamodb, self.resources["TasksTable"])

    @property
    def push(self) -> DynamoDBPushConfigs:
        return DynamoDBPushConfigs(self.dynamodb, self.resources["TasksTable"])

    def sealing(self, purpose: Purpose = Purpose.RECEIVER, clock: Clock | None = None) -> KmsEnvelopes:
        """That of a new process."""
        clock, key = clock or SystemClock(), self.resources["PushKey"]
        return KmsEnvelopes(lambda: self.kms, key, purpose, clock, SystemEntropy())

    @property
    def notifications(self) -> SQSSender[Notification]:
        return notification_sender(self.sqs, self.resources["NotificationQueue"])

    @property
    def contexts(self) -> DynamoDBContexts:
        return DynamoDBContexts(self.dynamodb, self.resources["TasksTable"], KEPT_MS)

    @property
    def spend(self) -> DynamoDBSpend:
        return DynamoDBSpend(self.dynamodb, self.resources["TasksTable"])

    @property
    def registry(self) -> DynamoDBRegistry:
        return DynamoDBRegistry(self.dynamodb, self.resources["RegistryTable"])

    @property
    def connections(self) -> DynamoDBConnections:
        return DynamoDBConnections(self.dynamodb, self.resources["RegistryTable"])

    @property
    def exchanges(self) -> DynamoDBExchanges:
        return DynamoDBExchanges(self.dynamodb, self.resources["TasksTable"])

    @property
    def chats(self) -> DynamoDBChats:
        return DynamoDBChats(self.dynamodb, self.resources["TasksTable"])

    @property
    def queue(self) -> SQSTaskQueue:
        return SQSTaskQueue(self.sqs, self.resources["TaskQueue"], self.resources["UrgentTaskQueue"])

    @property
    def payloads(self) -> TaskPayloads:
        return TaskPayloads(
            DynamoDBTexts(self.dynamodb, self.resources["TasksTable"], KEPT_MS),
            S3Payloads(lambda: self.s3, self.resources["PayloadBucket"]),
        )

    def add_agent(self, agent_id: str = AGENT, project_id: str = PROJECT, **definition: Any) -> AgentRevision:
        """Apply an agent; ``definition`` are fields of its YAML."""
        document = {"id": agent_id, "name": agent_id.title(), "systemPrompt": "Be brief."} | definition
        stored = parse_agent(document).to_stored()
        return self.registry.apply_agent(agent_id, project_id, stored, CREATED_AT)

    def add_key(
        self, project_id: str = PROJECT, *, expires_at: int | None = None, random: bytes = bytes(range(42))
    ) -> tuple[str, str]:
        """Issue an API key: its id, and what the caller sends."""
        key_id, shown, secret_sha256 = api_key.issue(random)
        self.registry.create_key(
            ApiKey(key_id, project_id, "tests", secret_sha256, CREATED_AT, expires_at=expires_at)
        )
        return key_id, shown

    def give_signing_secret(self, project_id: str = PROJECT) -> WebhookSecret:
        """Make the project, and the secret that signs its notifications."""
        secret = WebhookSecret.new(bytes(range(32)), CREATED_AT)
        self.registry.create_project(project_id, CREATED_AT)
        self.replace_signing_secret(secret, project_id)
        return secret

    def replace_signing_secret(self, secret: WebhookSecret, project_id: str = PROJECT) -> None:
        """Let this be the secret of a project that is there."""
        project = self.registry.project(project_id)
        assert project is not None
        kept = sealed(self.sealing(Purpose.SIGNING), project_id, secret)
        assert self.registry.replace_webhook_secret(project_id, project.webhook_secret, kept)

    def take_signing_secret(self, project_id: str = PROJECT) -> None:
        """Let a project have none, as before its operator has made one."""
        self.dynamodb.update_item(
            TableName=self.resources["RegistryTable"],
            Key={"pk": {"S": f"PROJECT#{project_id}"}, "sk": {"S": "PROJECT"}},
            UpdateExpression="REMOVE webhookSecret",
        )

    def keep_connection_secrets(self, connection_id: str, secrets: ConnectionSecrets) -> str:
        """The ARN of a WeCom connection's secret."""
        name, text = f"a2a-tasks/wecom/{connection_id}", json.dumps(secrets.to_named())
        return self.secrets.create_secret(Name=name, SecretString=text)["ARN"]

    def notify(self, task: Task, config_id: str = "a") -> Notification:
        """Put a notification of what has become of a task into its queue."""
        notification = notification_of(StatusChange(task, Status.PENDING), config_id)
        queue = notification_sender(self.sqs, self.resources["NotificationQueue"])
        assert queue.send([notification]) == []
        return notification

    def put_claude_key(self, key: str) -> None:
        secret = self.resources["ClaudeApiKeySecret"]
        self.secrets.put_secret_value(SecretId=secret, SecretString=json.dumps({"apiKey": key}))

    def receive(self, *queues: str) -> list[dict[str, Any]]:
        """The records of the events that Lambda would make of the messages that are visible now, without a
        name in the queues of tasks."""
        records = []
        for queue in queues or TASK_QUEUES:
            answer = self.sqs.receive_message(
                QueueUrl=self.resources[queue],
                MaxNumberOfMessages=10,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            records += [record_of(message, queue) for message in answer.get("Messages", [])]
        return records

    def message_counts(self, *queues: str) -> dict[str, int]:
        """Messages by state, ``{"visible", "in_flight", "delayed"}``; by default in the queues of tasks."""
        names = {
            "visible": "ApproximateNumberOfMessages",
            "in_flight": "ApproximateNumberOfMessagesNotVisible",
            "delayed": "ApproximateNumberOfMessagesDelayed",
        }
        counts = dict.fromkeys(names, 0)
        for queue in queues or TASK_QUEUES:
            answer = self.sqs.get_queue_attributes(QueueUrl=self.resources[queue], AttributeNames=["All"])
            attributes: dict[Any, str] = dict(answer["Attributes"])
            for state, name in names.items():
                counts[state] += int(attributes[name])
        return counts


@functools.cache
def _clients() -> "tuple[DynamoDBClient, SQSClient, S3Client, SecretsManagerClient, KMSClient]":
    """They hold no state of an account, so that all tests of a process share them."""
    return (
        versioned(boto3.client("dynamodb")),
        boto3.client("sqs"),
        boto3.client("s3"),
        boto3.client("secretsmanager"),
        boto3.client("kms"),
    )


def open_account(calls: AwsCalls) -> Account:
    """Make everything in moto, empty."""
    dynamodb, sqs, s3, secrets, kms = _clients()
    resources = {"TasksTable": "tasks", "RegistryTable": "registry", "PayloadBucket": "payloads"}
    resources["WecomSenderFunction"] = SENDER_ARN
    for table in ("TasksTable", "RegistryTable"):
        dynamodb.create_table(TableName=resources[table], **table_definition(table))
    for queue in QUEUES:
        resources[queue] = sqs.create_queue(QueueName=queue, Attributes={"VisibilityTimeout": "5400"})[
            "QueueUrl"
        ]
    s3.create_bucket(
        Bucket=resources["PayloadBucket"],
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    value = json.dumps({"apiKey": CLAUDE_KEY})
    resources["ClaudeApiKeySecret"] = secrets.create_secret(Name="claude", SecretString=value)["ARN"]
    resources["PushKey"] = kms.create_key()["KeyMetadata"]["Arn"]
    return account_of(calls, resources)


def account_of(calls: AwsCalls, resources: dict[str, str]) -> Account:
    """What was made is there."""
    return Account(*_clients(), calls, dict(resources))


def record_of(message: Any, queue: str = "TaskQueue") -> dict[str, Any]:
    """A record of the event that Lambda makes of messages of this queue."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-central-1:123456789012:{queue}",
        "awsRegion": "eu-central-1",
    }
