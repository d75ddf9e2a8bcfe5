"""Services that the routes call, one instance per process."""

import time

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

from a2a_tasks.adapters import environment
from a2a_tasks.adapters.dynamodb.tasks.live import DynamoDBLive
from a2a_tasks.adapters.payloads.task_payloads import payloads_of_function
from a2a_tasks.adapters.telemetry.lean_logger import lean_logger
from a2a_tasks.adapters.telemetry.powertools import PowertoolsTelemetry
from a2a_tasks.adapters.telemetry.span_outlet import SpanOutlet
from a2a_tasks.adapters.wecom.connections import DynamoDBConnections
from a2a_tasks.conversations.answers import Answerer
from a2a_tasks.conversations.conversations import Conversations
from a2a_tasks.conversations.follow import Follower
from a2a_tasks.conversations.message_sender import MessageSender
from a2a_tasks.domain.text.json_text import deserialize, serialize
from a2a_tasks.tasks.project_tasks import ProjectTasks
from a2a_tasks.tasks.queries import Tasks
from a2a_tasks.tasks.retries import Retries
from a2a_tasks.wecom.groups import Groups
from a2a_tasks.wiring.push import push_configs_of_function
from a2a_tasks.wiring.rate_limiter import rate_limiter_of_function
from a2a_tasks.wiring.reports import reports_of_tables
from a2a_tasks.wiring.submitter import submitter_of_function
from a2a_tasks.wiring.tasks import TaskWiring
from functions.api.limits import Limits
from functions.api.streams import Streams

logger = lean_logger()
telemetry = PowertoolsTelemetry(logger, SpanOutlet.of_function())
app = APIGatewayRestResolver(enable_validation=True, serializer=serialize, json_body_deserializer=deserialize)

wired = TaskWiring.of_function(telemetry)
limits = Limits(rate_limiter_of_function(wired))
_payloads = payloads_of_function(wired.texts)
push_configs = push_configs_of_function(wired)
_connections = DynamoDBConnections(wired.dynamodb, environment.text("REGISTRY_TABLE"))
submitter = submitter_of_function(wired, _payloads, push_configs.acceptance, Groups(_connections))
tasks = Tasks(wired.store, wired.registry, _payloads, _payloads, wired.finalizer, pause=time.sleep)
project_tasks = ProjectTasks(wired.store, wired.registry, wired.finalizer)
reports = reports_of_tables(wired.dynamodb, wired.table, environment.text("REGISTRY_TABLE"))
retries = Retries(submitter, _payloads, wired.finalizer)
answerer = Answerer(wired.store, wired.records, _payloads, wired.queue, wired.finalizer, telemetry)
message_sender = MessageSender(submitter, answerer, wired.slots, tasks, push_configs)
_live = DynamoDBLive(wired.dynamodb, wired.table)
streams = Streams(Follower(wired.store, _live, wired.finalizer, pause=time.sleep), tasks, telemetry)
conversations = Conversations(wired.contexts, wired.store, wired.registry, _payloads, wired.finalizer)
