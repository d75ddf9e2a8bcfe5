"""A project's agents, the tasks of all of them, and what these have used."""

from typing import Annotated

from pydantic import Field

from a2a_tasks.tasks.usage import UsageGrouping
from functions.api.models.fields import ApiModel
from functions.api.models.task_view import TaskView


class AgentView(ApiModel):
    """An agent that accepts the key's tasks, unless it is disabled."""

    agent_id: str
    name: str
    description: str | None = None
    model: Annotated[str, Field(description="Alias or model id, as in the agent's definition.")]
    enabled: bool


class AgentList(ApiModel):
    """Sorted by id."""

    agents: list[AgentView]


class ProjectTaskList(ApiModel):
    """Tasks without their output, newest first. While there is a ``nextPageToken`` there may be more, even
    where a page is empty: a request looks at a thousand tasks at most."""

    tasks: list[TaskView]
    next_page_token: str | None = None


class UsageRowView(ApiModel):
    """A sum over the ended tasks that were created on one day."""

    day: str
    agent_id: str | None = None
    model: str | None = None
    key_id: Annotated[
        str | None,
        Field(description="The API key, or `wecom:` and the connection; absent where it is not known."),
    ] = None
    tasks: int
    completed: int
    failed: int
    canceled: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    turns: int
    cost_usd: Annotated[float, Field(description="Sum over the tasks whose cost is known.")]
    unpriced_tasks: Annotated[
        int | None, Field(description="Tasks whose cost is not known, if there are any.")
    ] = None


class UsageReport(ApiModel):
    """By day and value. While there is a ``nextPageToken`` there is more: rows of the same day and value on
    several pages add up."""

    by: UsageGrouping
    from_: Annotated[str, Field(alias="from")]
    to: str
    rows: list[UsageRowView]
    next_page_token: str | None = None
