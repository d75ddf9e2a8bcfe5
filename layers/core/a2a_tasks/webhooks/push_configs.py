"""Push configurations of tasks within the caller's project."""

import uuid
from dataclasses import dataclass

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.task import Task
from a2a_tasks.domain.webhooks.push import MAX_CONFIGS, PushConfig, StoredPushConfig
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.tasks import Reservation, ReservationStore, TaskStore
from a2a_tasks.ports.webhooks import PushConfigStore
from a2a_tasks.tasks.queries import task_of_project
from a2a_tasks.tasks.submission import Idempotency, key_reused
from a2a_tasks.webhooks.acceptance import PushAcceptance


@dataclass(frozen=True)
class PushConfigs:
    """Manages push configurations. They are kept as long as their task, also after its end. All methods
    raise ``RequestRefused`` and ``StoreUnavailable``; ``create`` also ``SealingUnavailable``."""

    tasks: TaskStore
    store: PushConfigStore
    acceptance: PushAcceptance
    reservations: ReservationStore
    clock: Clock
    entropy: Entropy

    def create(
        self,
        project_id: str,
        agent_id: str,
        task_id: str,
        config: PushConfig,
        field: str = "",
        idempotency: Idempotency | None = None,
    ) -> StoredPushConfig:
        """Add a configuration, or replace the one with its id. After the response every change is
        delivered.

        Args:
            project_id: The caller's project.
            agent_id: The task's agent.
            task_id: The task.
            config: The configuration.
            field: Its place in the request, for errors.
            idempotency: Reserves the id that is generated for a configuration without one, so that a retry
                adds no second one.
        """
        task = task_of_project(self.tasks.get, project_id, agent_id, task_id)
        self.acceptance.check(project_id, config, field)
        config_id = self._config_id(project_id, task_id, config, idempotency)
        self._check_number(task, config_id)
        # the task is marked first: once the configuration is visible, every change is delivered
        if not task.notifies and not self.tasks.enable_notifications(task.ref):
            raise RequestRefused(ErrorCode.TASK_NOT_FOUND, "There is no such task.")
        return self.acceptance.keep(task_id, config_id, config)

    def get(self, project_id: str, agent_id: str, task_id: str, config_id: str) -> StoredPushConfig:
        """One configuration."""
        task_of_project(self.tasks.get, project_id, agent_id, task_id)
        config = self.store.get(task_id, config_id)
        if config is None:
            raise RequestRefused(
                ErrorCode.PUSH_CONFIG_NOT_FOUND, "This task has no such push notification configuration."
            )
        return config

    def list(self, project_id: str, agent_id: str, task_id: str) -> list[StoredPushConfig]:
        """All configurations, sorted by id."""
        task_of_project(self.tasks.get, project_id, agent_id, task_id)
        return self.store.all(task_id)

    def delete(self, project_id: str, agent_id: str, task_id: str, config_id: str) -> None:
        """Delete a configuration. Idempotent. Notifications already queued may still arrive."""
        task_of_project(self.tasks.get, project_id, agent_id, task_id)
        self.store.delete(task_id, config_id)

    def _config_id(self, project_id: str, task_id: str, config: PushConfig, asked: Idempotency | None) -> str:
        config_id = config.config_id or str(uuid.UUID(bytes=self.entropy.bytes(16), version=4))
        if asked is None:
            return config_id
        now = self.clock.now()
        wanted = Reservation(config_id, asked.digest, now + asked.ttl_ms)
        # reserved before anything is stored, so that a retry finds the generated id
        held = self.reservations.reserve(project_id, f"push {task_id}", asked.key, wanted, now)
        if held.digest != asked.digest:
            raise key_reused()
        return held.task_id

    def _check_number(self, task: Task, config_id: str) -> None:
        # two concurrent requests may both pass; one configuration too many does no harm
        others = {config.config_id for config in self.store.all(task.ref.task_id)} - {config_id}
        if len(others) >= MAX_CONFIGS:
            raise RequestRefused(
                ErrorCode.VALIDATION_ERROR,
                f"This task has {MAX_CONFIGS} push notification configurations, which is the most.",
            )
