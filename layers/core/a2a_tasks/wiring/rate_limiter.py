"""Rate limits of functions that callers with an API key reach."""

from a2a_tasks.access.open_streams import OpenStreams
from a2a_tasks.access.rate_limits import RateLimiter
from a2a_tasks.adapters import environment
from a2a_tasks.adapters.dynamodb.open_streams import DynamoDBOpenStreams
from a2a_tasks.adapters.dynamodb.rates import DynamoDBRates
from a2a_tasks.domain.access.rate import KeyLimits
from a2a_tasks.wiring.tasks import TaskWiring


def rate_limiter_of_function(tasks: TaskWiring) -> RateLimiter:
    """The rate limiter. Raises ``Misconfigured``."""
    deployed = KeyLimits(
        requests_per_hour=environment.integer("REQUESTS_PER_HOUR"),
        request_burst=environment.integer("REQUEST_BURST"),
        creations_per_hour=environment.integer("TASK_CREATIONS_PER_HOUR"),
        creation_burst=environment.integer("TASK_CREATION_BURST"),
        open_streams=environment.integer("OPEN_STREAMS"),
    )
    table = tasks.dynamodb, tasks.table
    streams = OpenStreams(DynamoDBOpenStreams(*table), tasks.clock, tasks.telemetry)
    return RateLimiter(DynamoDBRates(*table), tasks.clock, tasks.telemetry, deployed, streams)
