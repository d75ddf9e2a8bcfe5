"""Alternatives to this system: public prices of tasks that wait 30 s, without tokens."""

from dataclasses import dataclass

AS_OF = "2026-11"
TASK_SECONDS = 30
HOURS_A_MONTH, SECONDS_AN_HOUR, MILLION = 730, 3_600, 1_000_000


@dataclass(frozen=True)
class Offer:
    """``usd`` for a million tasks, minimum and maximum, and ``usd_a_month`` as a fixed price,
    None if that is not known. ``sources`` are the pages with the prices."""

    name: str
    sources: tuple[str, ...]
    usd: tuple[float, float] = (0.0, 0.0)
    usd_a_month: float | None = 0.0


# -- two containers in two zones, always on: AWS Fargate on arm64, behind a load balancer

FARGATE_CPU_HOUR, FARGATE_GB_HOUR = 0.03238, 0.00356
LOAD_BALANCER_HOUR = 0.0225
CONTAINERS, CONTAINER_CPUS, CONTAINER_GB = 2, 1, 2
CONTAINER_MONTH = HOURS_A_MONTH * (
    CONTAINERS * (CONTAINER_CPUS * FARGATE_CPU_HOUR + CONTAINER_GB * FARGATE_GB_HOUR) + LOAD_BALANCER_HOUR
)

# -- Bedrock AgentCore Runtime: a session for each task, which is stopped, or ends at its timeout

AGENTCORE_CPU_HOUR, AGENTCORE_GB_HOUR = 0.0895, 0.00945
SESSION_CPU_SECONDS, SESSION_GB, SESSION_IDLE_SECONDS = 0.5, 0.5, 900


def agentcore(seconds: float) -> float:
    """USD of a million sessions of this duration."""
    of_processor = SESSION_CPU_SECONDS * AGENTCORE_CPU_HOUR
    of_memory = seconds * SESSION_GB * AGENTCORE_GB_HOUR
    return (of_processor + of_memory) / SECONDS_AN_HOUR * MILLION


MANAGED_AGENTS_HOUR = 0.08
"""Of a session while it runs."""
LANGSMITH_RUN = 0.005
"""Each deployment's time is charged in addition, at a price that could not be determined."""

OFFERS = (
    Offer(
        "containers",
        ("https://aws.amazon.com/fargate/pricing/", "https://aws.amazon.com/elasticloadbalancing/pricing/"),
        usd_a_month=CONTAINER_MONTH,
    ),
    Offer(
        "agentcore",
        ("https://aws.amazon.com/bedrock/agentcore/pricing/",),
        (agentcore(TASK_SECONDS), agentcore(TASK_SECONDS + SESSION_IDLE_SECONDS)),
    ),
    Offer(
        "managed_agents",
        ("https://platform.claude.com/docs/en/about-claude/pricing",),
        (TASK_SECONDS / SECONDS_AN_HOUR * MANAGED_AGENTS_HOUR * MILLION,) * 2,
    ),
    Offer(
        "langsmith",
        ("https://docs.langchain.com/langsmith/billing", "https://www.langchain.com/pricing"),
        (LANGSMITH_RUN * MILLION,) * 2,
        usd_a_month=None,
    ),
    Offer("openai", ("https://developers.openai.com/api/docs/guides/background",)),
)
