"""Push configurations in A2A's shape, which is that of the REST API too."""

from typing import Any

from a2a_tasks.domain.webhooks.push import StoredPushConfig


def push_config_view(task_id: str, config: StoredPushConfig) -> dict[str, Any]:
    """``{"id", "taskId", "url", "authentication"?}``, without token and credentials."""
    view: dict[str, Any] = {"id": config.config_id, "taskId": task_id, "url": config.url}
    return view | ({"authentication": {"scheme": config.scheme}} if config.scheme is not None else {})
