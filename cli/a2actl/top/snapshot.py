"""The state of a deployment at one time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.domain.task import Status, iso8601


@dataclass(frozen=True)
class AgentNow:
    """``counts`` are of its newest tasks, as many as were read; ``is_all`` says that it has no others.
    ``slots`` None: its tasks are not limited."""

    agent_id: str
    project_id: str
    counts: Mapping[Status, int]
    is_all: bool
    slots_held: int = 0
    slots: int | None = None


@dataclass(frozen=True)
class QueueNow:
    """``oldest_seconds`` None: unknown, or nothing waits."""

    name: str
    visible: int
    in_flight: int
    oldest_seconds: float | None = None


@dataclass(frozen=True)
class Measured:
    """What CloudWatch reports, a minute or two late: tasks a minute over the last five, and US dollars since
    midnight (UTC). None where it has no data."""

    per_minute: Mapping[str, float] = field(default_factory=dict)
    spent_today: float | None = None
    oldest_seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Cost:
    """The cost of a refresh, at list prices of us-east-1: all of them but CloudWatch's, which is asked less
    often, and that."""

    read_units: float
    requests: int
    usd: float
    usd_an_hour: float


@dataclass(frozen=True)
class Snapshot:
    """``at`` is in Unix milliseconds. ``alarms`` are the names of those that ring."""

    at: int
    agents: tuple[AgentNow, ...]
    agents_left_out: int
    queues: tuple[QueueNow, ...]
    workers: int
    measured: Measured
    alarms: tuple[str, ...]
    cost: Cost

    def to_json(self) -> dict[str, Any]:
        """Of one refresh; times in ISO 8601."""
        return {
            "at": iso8601(self.at),
            "agents": [_agent_json(agent) for agent in self.agents],
            "agentsLeftOut": self.agents_left_out,
            "queues": [
                {
                    "queue": queue.name,
                    "visible": queue.visible,
                    "inFlight": queue.in_flight,
                    "oldestSeconds": queue.oldest_seconds,
                }
                for queue in self.queues
            ],
            "workers": self.workers,
            "perMinute": dict(self.measured.per_minute),
            "spentTodayUsd": self.measured.spent_today,
            "alarms": list(self.alarms),
            "cost": {
                "readUnits": self.cost.read_units,
                "requests": self.cost.requests,
                "usd": self.cost.usd,
                "usdAnHour": self.cost.usd_an_hour,
            },
        }


def _agent_json(agent: AgentNow) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "agentId": agent.agent_id,
        "projectId": agent.project_id,
        "tasks": {status.value: agent.counts.get(status, 0) for status in Status},
        "isAll": agent.is_all,
    }
    if agent.slots is not None:
        shown |= {"slotsHeld": agent.slots_held, "slots": agent.slots}
    return shown
