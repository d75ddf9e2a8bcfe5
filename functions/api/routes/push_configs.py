"""The routes of a task's push notification configurations: who is told of its changes."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from a2a_tasks.tasks.submission import Idempotency
from a2a_tasks.views.push_configs import push_config_view
from functions.api import request, services
from functions.api.creation import digest_of, to_push_config
from functions.api.models.push_configs import Deleted, NewPushConfig, PushConfigList, PushConfigView
from functions.api.parameters import AgentId, IdempotencyKey, TaskId, refusals

CONFIGS = "/a2a/<agent_id>/tasks/<task_id>/pushNotificationConfigs"
CONFIG = f"{CONFIGS}/<config_id>"
ConfigId = Annotated[str, Path(description="The configuration's id.")]

router = APIGatewayRouter()


@router.post(
    CONFIGS,
    summary="Add a receiver of a task's changes",
    description=(
        "Every later change of the task's status is posted to `url`, signed. A "
        "configuration with the same `id` is replaced. At most 10 per task."
    ),
    status_code=201,
    responses={
        201: {"description": "Kept", "content": {"application/json": {"model": PushConfigView}}},
        **refusals(400, 401, 404, 409, 422, 429, 503),
    },
    operation_id="createPushConfig",
    tags=["push notifications"],
)
def create_push_config(
    agent_id: AgentId,
    task_id: TaskId,
    body: Annotated[NewPushConfig, Body()],
    idempotency_key: IdempotencyKey = None,
) -> Response[dict[str, Any]]:
    key = None if idempotency_key is None else Idempotency(idempotency_key, digest_of(body))
    stored = services.push_configs.create(
        request.project(), agent_id, task_id, to_push_config(body), idempotency=key
    )
    return Response(
        status_code=201,
        content_type="application/json",
        headers={"Location": f"pushNotificationConfigs/{stored.config_id}"},
        body=push_config_view(task_id, stored),
    )


@router.get(
    CONFIGS,
    summary="List the receivers of a task's changes",
    responses={
        200: {"description": "All of them", "content": {"application/json": {"model": PushConfigList}}},
        **refusals(401, 404, 429, 503),
    },
    operation_id="listPushConfigs",
    tags=["push notifications"],
)
def list_push_configs(agent_id: AgentId, task_id: TaskId) -> dict[str, Any]:
    configs = services.push_configs.list(request.project(), agent_id, task_id)
    return {"configs": [push_config_view(task_id, config) for config in configs]}


@router.get(
    CONFIG,
    summary="Read one of a task's push notification configurations",
    responses={
        200: {"description": "It", "content": {"application/json": {"model": PushConfigView}}},
        **refusals(401, 404, 429, 503),
    },
    operation_id="getPushConfig",
    tags=["push notifications"],
)
def get_push_config(agent_id: AgentId, task_id: TaskId, config_id: ConfigId) -> dict[str, Any]:
    return push_config_view(
        task_id, services.push_configs.get(request.project(), agent_id, task_id, config_id)
    )


@router.delete(
    CONFIG,
    summary="Remove a receiver of a task's changes",
    description="Idempotent. Notifications that are on their way may still arrive.",
    responses={
        200: {"description": "Deleted", "content": {"application/json": {"model": Deleted}}},
        **refusals(401, 404, 429, 503),
    },
    operation_id="deletePushConfig",
    tags=["push notifications"],
)
def delete_push_config(agent_id: AgentId, task_id: TaskId, config_id: ConfigId) -> dict[str, Any]:
    services.push_configs.delete(request.project(), agent_id, task_id, config_id)
    return {}
