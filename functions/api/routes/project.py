"""The caller's project: its agents, the tasks of all of them, and what these have used."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter
from pydantic import Field

from a2a_tasks.domain.task import Status
from a2a_tasks.tasks.usage import UsageGrouping
from a2a_tasks.views.agents import agent_view
from a2a_tasks.views.tasks import task_view
from a2a_tasks.views.usage import usage_row_view
from functions.api import request, services
from functions.api.models.project import AgentList, ProjectTaskList, UsageReport
from functions.api.parameters import refusals
from functions.api.queries import ID_PART, days, listed, task_filter

Agents = Annotated[
    list[str] | None,
    Query(alias="agentId", description="Only tasks of these agents; repeated, or separated by commas."),
]
StatusName = Annotated[str, Field(json_schema_extra={"enum": [status.value for status in Status]})]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Day = Annotated[str, Field(json_schema_extra={"format": "date"})]
IdPart = Annotated[str, Field(json_schema_extra={"pattern": f"^{ID_PART.pattern}$"})]

router = APIGatewayRouter()


@router.get(
    "/agents",
    summary="List the project's agents",
    responses={
        200: {"description": "All of them", "content": {"application/json": {"model": AgentList}}},
        **refusals(401, 429, 503),
    },
    operation_id="listAgents",
    tags=["project"],
)
def list_agents() -> dict[str, Any]:
    return {"agents": [agent_view(agent) for agent in services.wired.registry.agents_of(request.project())]}


@router.get(
    "/tasks",
    summary="List the tasks of all agents, newest first",
    description=(
        "Of up to 100 agents; a project with more names some of them. Where few tasks match, a page may be "
        "short, even empty, and still have a `nextPageToken`."
    ),
    responses={
        200: {"description": "A page", "content": {"application/json": {"model": ProjectTaskList}}},
        **refusals(400, 401, 404, 429, 503),
    },
    operation_id="listProjectTasks",
    tags=["project"],
)
def list_project_tasks(
    status: Annotated[
        list[StatusName] | None,
        Query(description="Only tasks in these states; repeated, or separated by commas."),
    ] = None,
    agent_id: Agents = None,
    created_after: Annotated[
        Moment | None, Query(alias="createdAfter", description="Only tasks created at this moment or later.")
    ] = None,
    created_before: Annotated[
        Moment | None, Query(alias="createdBefore", description="Only tasks created before this moment.")
    ] = None,
    id_part: Annotated[
        IdPart | None, Query(alias="id", description="Part of the task's id, of 4 or more characters.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Maximum number of tasks.")] = 20,
    page_token: Annotated[
        str | None, Query(alias="pageToken", description="`nextPageToken` of the previous page.")
    ] = None,
) -> dict[str, Any]:
    wanted = task_filter(status, created_after, created_before, id_part)
    page = services.project_tasks.page(request.project(), listed(agent_id), wanted, limit, page_token)
    shown = {"tasks": [task_view(task) for task in page.tasks]}
    return shown | ({"nextPageToken": page.cursor} if page.cursor else {})


@router.get(
    "/usage",
    summary="Read the usage of the project's tasks",
    description=(
        "Of ended tasks within their retention, by the day (UTC) on which they were created; tasks that "
        "agents started count for themselves. A request looks at ten thousand tasks at most: go on with "
        "`nextPageToken`, and add up rows of the same day and value."
    ),
    responses={
        200: {"description": "A page", "content": {"application/json": {"model": UsageReport}}},
        **refusals(400, 401, 404, 429, 503),
    },
    operation_id="getUsage",
    tags=["project"],
)
def get_usage(
    by: Annotated[UsageGrouping, Query(description="One row per day, and by what else.")] = UsageGrouping.DAY,
    first: Annotated[
        Day | None, Query(alias="from", description="The first day; 29 days before the last if left out.")
    ] = None,
    last: Annotated[
        Day | None, Query(alias="to", description="The last day; today if left out. At most 366 in all.")
    ] = None,
    agent_id: Agents = None,
    page_token: Annotated[
        str | None, Query(alias="pageToken", description="`nextPageToken` of the previous page.")
    ] = None,
) -> dict[str, Any]:
    asked = days(first, last, services.wired.clock.now())
    page = services.reports.usage.page(request.project(), by, asked, listed(agent_id), page_token)
    view = {"by": by.value, "from": asked.first.isoformat(), "to": asked.last.isoformat()}
    shown = view | {"rows": [usage_row_view(by, row) for row in page.rows]}
    return shown | ({"nextPageToken": page.token} if page.token else {})
