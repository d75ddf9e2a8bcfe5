"""Push configurations."""

from a2a_tasks.adapters import environment
from a2a_tasks.adapters.dynamodb.push_configs import DynamoDBPushConfigs
from a2a_tasks.adapters.dynamodb.tasks.reservations import DynamoDBReservations
from a2a_tasks.adapters.secrets.kms_envelopes import Purpose
from a2a_tasks.ports.sealing import Sealer
from a2a_tasks.ports.tasks import ReservationStore
from a2a_tasks.ports.webhooks import PushConfigStore
from a2a_tasks.webhooks.acceptance import PushAcceptance
from a2a_tasks.webhooks.push_configs import PushConfigs
from a2a_tasks.wiring.sealing import sealing_of_function
from a2a_tasks.wiring.tasks import TaskServices, TaskWiring


def push_configs_of_function(tasks: TaskWiring) -> PushConfigs:
    """The service for push configurations. Raises ``Misconfigured``."""
    return build_push_configs(
        tasks,
        store=DynamoDBPushConfigs(tasks.dynamodb, tasks.table),
        sealer=sealing_of_function(Purpose.RECEIVER, tasks.clock, tasks.entropy),
        reservations=DynamoDBReservations(tasks.dynamodb, tasks.table),
        allow_loopback=environment.text("ALLOW_LOOPBACK_WEBHOOKS") == "true",
    )


def build_push_configs(
    tasks: TaskServices,
    store: PushConfigStore,
    sealer: Sealer,
    reservations: ReservationStore,
    *,
    allow_loopback: bool,
) -> PushConfigs:
    """The service on these ports."""
    clock, projects = tasks.clock, tasks.registry
    acceptance = PushAcceptance(store, projects, sealer, clock, tasks.retention_ms, allow_loopback)
    return PushConfigs(tasks.store, store, acceptance, reservations, clock, tasks.entropy)
