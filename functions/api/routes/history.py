"""What happened to a task, for those who want to know why."""

from typing import Any

from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from a2a_tasks.views.deliveries import delivery_view
from a2a_tasks.views.timeline import timeline_view
from functions.api import request, services
from functions.api.models.deliveries import DeliveryList
from functions.api.models.timeline import TimelineView
from functions.api.parameters import AgentId, TaskId, refusals

router = APIGatewayRouter()


@router.get(
    "/a2a/<agent_id>/tasks/<task_id>/timeline",
    summary="Read a task's timeline",
    description=(
        "Its waits, attempts, turns and tools, with times, tokens and cost, but without "
        "texts: the first 2,000 turns and tools."
    ),
    responses={
        200: {"description": "The timeline", "content": {"application/json": {"model": TimelineView}}},
        **refusals(401, 404, 429, 503),
    },
    operation_id="getTimeline",
    tags=["project"],
)
def get_timeline(agent_id: AgentId, task_id: TaskId) -> dict[str, Any]:
    task = services.tasks.find(request.project(), agent_id, task_id)
    deliveries = [delivery_view(note) for note in services.reports.deliveries.of(task)]
    return timeline_view(services.reports.timelines.of(task)) | {"deliveries": deliveries}


@router.get(
    "/a2a/<agent_id>/tasks/<task_id>/deliveries",
    summary="List the deliveries of a task's notifications",
    description=("The delivery of each change of its status to each receiver, and the receiver's response."),
    responses={
        200: {"description": "Deliveries by time", "content": {"application/json": {"model": DeliveryList}}},
        **refusals(401, 404, 429, 503),
    },
    operation_id="listDeliveries",
    tags=["push notifications"],
)
def list_deliveries(agent_id: AgentId, task_id: TaskId) -> dict[str, Any]:
    task = services.tasks.find(request.project(), agent_id, task_id)
    return {"deliveries": [delivery_view(note) for note in services.reports.deliveries.of(task)]}
