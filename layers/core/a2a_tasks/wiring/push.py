"""Push configurations."""

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb.push_configs import DynamoDBPushConfigs
from a2a_tasks.adapters.dynamodb.tasks.reservations import DynamoDBReservations
from a2a_tasks.adapters.kms import KmsSealing
from a2a_tasks.adapters.lazy import Lazy
from a2a_tasks.webhooks.acceptance import PushAcceptance
from a2a_tasks.webhooks.push_configs import PushConfigs
from a2a_tasks.wiring.tasks import TaskWiring


def push_configs_of_function(tasks: TaskWiring) -> PushConfigs:
    """The service for push configurations. Raises ``Misconfigured``."""
    store = DynamoDBPushConfigs(tasks.dynamodb, tasks.table)
    acceptance = PushAcceptance(
        store=store,
        projects=tasks.registry,
        sealer=KmsSealing(Lazy(clients.kms), environment.text("PUSH_KEY_ARN")),
        clock=tasks.clock,
        retention_ms=environment.retention_ms(),
        allow_loopback=environment.text("ALLOW_LOOPBACK_WEBHOOKS") == "true",
    )
    reservations = DynamoDBReservations(tasks.dynamodb, tasks.table)
    return PushConfigs(tasks.store, store, acceptance, reservations, tasks.clock, tasks.entropy)
