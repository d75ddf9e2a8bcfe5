"""Reads the state of a deployment, with bounded reads."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
from a2a_tasks.adapters.dynamodb.slots import DynamoDBSlots
from a2a_tasks.adapters.dynamodb.tasks.queries import DynamoDBTaskQueries
from a2a_tasks.adapters.dynamodb.workers import DUE_SHARD as WORKERS
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain.agents.agent import AgentRevision
from a2actl.dead_letters.queue import name_of
from a2actl.dead_letters.queues import ALL
from a2actl.deployment.deployment import Deployment
from a2actl.queue.queues import QueueState
from a2actl.tasks.slots import slots_held
from a2actl.top.meter import ALARM_REQUEST_USD, METRIC_USD, Meter
from a2actl.top.metrics import METRICS, measured, ringing
from a2actl.top.snapshot import AgentNow, Cost, Measured, QueueNow, Snapshot

MEASURED_MS = 60_000
"""CloudWatch has a point a minute, and each is billed."""
ALARMS_MS = 30_000
AGENTS_MS = 60_000


@dataclass
class DeploymentReader:
    """Reads ``newest`` tasks of each of up to ``most_agents`` agents. What changes seldom, or is billed by
    the request, is kept for up to a minute."""

    deployment: Deployment
    project_id: str | None
    most_agents: int
    newest: int
    clock: Callable[[], int] = SystemClock().now
    meter: Meter = field(default_factory=Meter)
    _kept: dict[str, tuple[int, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._dynamodb = self.meter.watch_tables(self.deployment.account.dynamodb())
        self._sqs = self.meter.watch_queues(self.deployment.account.sqs())
        self._cloudwatch = self.deployment.account.client("cloudwatch")
        self._table = self.deployment.output("TasksTable")

    def read(self, every_seconds: float) -> Snapshot:
        """The current state of the deployment; ``every_seconds`` is the refresh interval."""
        before = (self.meter.read_units, self.meter.requests, self.meter.usd)
        known = self._recent("agents", AGENTS_MS, self._agents)
        agents = tuple(self._agent(agent) for agent in known[: self.most_agents])
        told = Measured() if self._is_local else self._recent("measured", MEASURED_MS, self._measured)
        return Snapshot(
            at=self.clock(),
            agents=agents,
            agents_left_out=max(0, len(known) - self.most_agents),
            queues=self._queues(told),
            workers=self._workers(),
            measured=told,
            alarms=() if self._is_local else self._recent("alarms", ALARMS_MS, self._alarms),
            cost=self._cost(before, every_seconds),
        )

    @property
    def _is_local(self) -> bool:
        return self.deployment.parameters.get("Stage") == "local"

    def _recent(self, name: str, kept_ms: int, read: Callable[[], Any]) -> Any:
        now = self.clock()
        if name not in self._kept or now - self._kept[name][0] >= kept_ms:
            self._kept[name] = (now, read())
        return self._kept[name][1]

    def _agents(self) -> list[AgentRevision]:
        registry = DynamoDBRegistry(self._dynamodb, self.deployment.output("RegistryTable"))
        projects = [project.project_id for project in registry.projects()]
        chosen = [self.project_id] if self.project_id else projects
        return [agent for project_id in chosen for agent in registry.agents_of(project_id)]

    def _agent(self, agent: AgentRevision) -> AgentNow:
        summaries = DynamoDBTaskQueries(self._dynamodb, self._table).summaries(agent.agent_id, self.newest)
        slots, places = agent.max_concurrent_tasks, DynamoDBSlots(self._dynamodb, self._table)
        return AgentNow(
            agent.agent_id,
            agent.project_id,
            Counter(summary.status for summary in summaries),
            is_all=len(summaries) < self.newest,
            slots_held=0 if slots is None else slots_held(places, agent.agent_id, slots),
            slots=slots,
        )

    def _workers(self) -> int:
        """Processes with a lease, some of which may have died in the last minute."""
        answer = self._dynamodb.query(
            TableName=self._table,
            IndexName="due",
            KeyConditionExpression="dueShard = :shard",
            ExpressionAttributeValues={":shard": {"S": WORKERS}},
            Select="COUNT",
        )
        return int(answer["Count"])

    def _queue_urls(self) -> dict[str, str]:
        outputs = ("TaskQueueUrl", "UrgentTaskQueueUrl", "NotificationQueueUrl", "WecomQueueUrl")
        urls = {output.removesuffix("QueueUrl"): self.deployment.output(output) for output in outputs}
        return urls | {f"dlq {name.value}": self.deployment.output(dead.output) for name, dead in ALL.items()}

    def _queues(self, told: Measured) -> tuple[QueueNow, ...]:
        states = [QueueState.of(self._sqs, name, url) for name, url in self._queue_urls().items()]
        return tuple(
            QueueNow(state.name, state.waiting, state.in_flight, told.oldest_seconds.get(state.name))
            for state in states
        )

    def _measured(self) -> Measured:
        names = {called: name_of(url) for called, url in self._queue_urls().items()}
        return measured(self._cloudwatch, self.deployment.stack_name, names, self.clock())

    def _alarms(self) -> tuple[str, ...]:
        return ringing(self._cloudwatch, self.deployment.stack_name)

    def _cost(self, before: tuple[float, int, float], every_seconds: float) -> Cost:
        units, requests, usd = before
        look_usd = self.meter.usd - usd
        hourly = look_usd * 3_600 / every_seconds
        if not self._is_local:
            metrics = METRICS + len(self._queue_urls())
            hourly += 3_600_000 * (metrics * METRIC_USD / MEASURED_MS + ALARM_REQUEST_USD / ALARMS_MS)
        return Cost(self.meter.read_units - units, self.meter.requests - requests, look_usd, hourly)
