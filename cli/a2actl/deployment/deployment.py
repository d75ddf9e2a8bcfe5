"""A stack's stores and services, found by its outputs."""

from dataclasses import dataclass, field

from a2a_tasks.adapters.dynamodb.push_configs import DynamoDBPushConfigs
from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
from a2a_tasks.adapters.dynamodb.tasks.records import DynamoDBSpend
from a2a_tasks.adapters.secrets.kms_envelopes import KmsEnvelopes, Purpose
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.adapters.wecom.connections import DynamoDBConnections
from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.wiring.reports import Reports, reports_of_tables
from a2actl.dead_letters.queue import DeadLetterQueue
from a2actl.dead_letters.queues import ALL as DEAD_LETTERS
from a2actl.dead_letters.queues import QueueName
from a2actl.deployment.account import Account
from a2actl.deployment.secret_store import SecretStore
from a2actl.projects.mcp_tokens import McpTokens
from a2actl.queue.queues import TaskQueues
from a2actl.queue.triggers import Triggers
from a2actl.terminal.fault import Fault
from a2actl.webhooks.secrets import WebhookSecrets
from a2actl.wecom.secrets import ConnectionSecretsStore


@dataclass(frozen=True)
class Deployment:
    """A deployed stack or the local one. Raises ``Fault`` where an output is missing."""

    account: Account
    stack_name: str
    outputs: dict[str, str]
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, account: Account, stack_name: str) -> "Deployment":
        """A deployed stack by its name or id. Raises ``Fault`` if there is none."""
        stack = account.stack(stack_name)
        return cls(account, stack.name, stack.outputs, stack.parameters)

    @property
    def registry(self) -> DynamoDBRegistry:
        """The projects, agents and keys."""
        return DynamoDBRegistry(self.account.dynamodb(), self.output("RegistryTable"))

    @property
    def spend(self) -> DynamoDBSpend:
        """What projects have spent by day."""
        return DynamoDBSpend(self.account.dynamodb(), self.output("TasksTable"))

    @property
    def reports(self) -> Reports:
        """Services that read tasks from the tables."""
        tables = (self.output("TasksTable"), self.output("RegistryTable"))
        return reports_of_tables(self.account.dynamodb(), *tables)

    @property
    def mcp_tokens(self) -> McpTokens:
        return McpTokens(self._secret_store, f"{self.stack_name}/mcp/")

    @property
    def connections(self) -> DynamoDBConnections:
        """How agents are reached from WeCom."""
        return DynamoDBConnections(self.account.dynamodb(), self.output("RegistryTable"))

    @property
    def connection_secrets(self) -> ConnectionSecretsStore:
        return ConnectionSecretsStore(self._secret_store, f"{self.stack_name}/wecom/")

    @property
    def push_configs(self) -> DynamoDBPushConfigs:
        """Receivers of tasks' changes."""
        return DynamoDBPushConfigs(self.account.dynamodb(), self.output("TasksTable"))

    @property
    def webhook_secrets(self) -> WebhookSecrets:
        clock, entropy = SystemClock(), SystemEntropy()
        sealing = KmsEnvelopes(self.account.kms, self.output("PushKey"), Purpose.SIGNING, clock, entropy)
        return WebhookSecrets(self.registry, sealing, clock, entropy)

    def dead_letters(self, name: QueueName) -> DeadLetterQueue:
        """A dead-letter queue, and the queues to which its messages can be sent again."""
        letters = DEAD_LETTERS[name]
        sources = tuple(self.output(source) for source in letters.sources)
        return DeadLetterQueue(self.account.sqs(), self.output(letters.output), sources)

    def queue_arn(self, url: str) -> str:
        """Of a queue of the stack."""
        answer = self.account.sqs().get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return answer["Attributes"]["QueueArn"]

    @property
    def task_queues(self) -> TaskQueues:
        urls = {
            "tasks": self.output("TaskQueueUrl"),
            "urgent": self.output("UrgentTaskQueueUrl"),
            "direct": self.output("DirectTaskQueueUrl"),
            "dead letters": self.output("TaskDeadLetterQueueUrl"),
        }
        return TaskQueues(self.account.sqs(), urls)

    @property
    def triggers(self) -> Triggers:
        """The event sources by which the task queues invoke workers."""
        return Triggers(self.account.functions())

    @property
    def _secret_store(self) -> SecretStore:
        return SecretStore(self.account.secretsmanager())

    @property
    def backend(self) -> Backend:
        """Where Claude is called; the Claude API if the stack's release had no other."""
        value = self.outputs.get("ClaudeBackend", Backend.CLAUDE_API)
        try:
            return Backend(value)
        except ValueError:
            raise Fault(
                f"The stack {self.stack_name!r} calls Claude by {value!r}, which this a2actl does not know;"
                " use the a2actl of the deployed release."
            ) from None

    def output(self, name: str) -> str:
        if name not in self.outputs:
            raise Fault(
                f"The stack {self.stack_name!r} has no output {name}: it is not a stack of a2a-tasks,"
                " or its deployment has not finished; check --stack."
            )
        return self.outputs[name]
