"""Services of the function that WeCom calls, beyond verifying a URL."""

from dataclasses import dataclass, replace

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.cached_agents import CachedAgents
from a2a_tasks.adapters.dynamodb.rates import DynamoDBRates
from a2a_tasks.adapters.dynamodb.tasks.records import DynamoDBSpend
from a2a_tasks.adapters.lazy import Lazy
from a2a_tasks.adapters.payloads.task_payloads import payloads_of_function
from a2a_tasks.adapters.secrets.kms_envelopes import Purpose
from a2a_tasks.adapters.wecom.cached_departments import CachedDepartments
from a2a_tasks.adapters.wecom.chat_files import HttpFiles
from a2a_tasks.adapters.wecom.chats import DynamoDBChats
from a2a_tasks.adapters.wecom.delivery_messages import delivery_sender
from a2a_tasks.adapters.wecom.departments_by_sender import DepartmentsBySender
from a2a_tasks.adapters.wecom.exchanges import DynamoDBExchanges
from a2a_tasks.adapters.wecom.first_messages import DynamoDBFirstMessages
from a2a_tasks.adapters.wecom.media_by_sender import MediaBySender
from a2a_tasks.adapters.wecom.sender_function import SenderFunction
from a2a_tasks.conversations.answers import Answerer
from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.ports.payloads import ArtifactLinks
from a2a_tasks.ports.queues import TimedSender
from a2a_tasks.ports.rates import RateStore
from a2a_tasks.ports.sealing import Sealer
from a2a_tasks.ports.tasks import SpendStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks.queries import Tasks
from a2a_tasks.tasks.results import Results
from a2a_tasks.tasks.submission import Submitter
from a2a_tasks.wecom.inbound.application import Application
from a2a_tasks.wecom.inbound.attachments import AppFiles, BotFiles
from a2a_tasks.wecom.inbound.bot import Bot
from a2a_tasks.wecom.inbound.buttons import ButtonHandler
from a2a_tasks.wecom.inbound.commands import CommandHandler
from a2a_tasks.wecom.inbound.handlers import MessageHandlers
from a2a_tasks.wecom.inbound.last_answers import LastAnswers
from a2a_tasks.wecom.inbound.messages import InboundMessages
from a2a_tasks.wecom.inbound.stream_refresh import StreamRefreshHandler
from a2a_tasks.wecom.inbound.user_limits import UserLimits
from a2a_tasks.wecom.ports import (
    ChatDelivery,
    ChatStore,
    DepartmentReader,
    ExchangeStore,
    FileFetcher,
    FirstMessages,
    MediaReader,
)
from a2a_tasks.wecom.result_texts import ResultTexts
from a2a_tasks.wiring.sealing import sealing_of_function
from a2a_tasks.wiring.submitter import submitter_of_function
from a2a_tasks.wiring.tasks import TaskServices, TaskWiring


@dataclass(frozen=True)
class ChatPorts:
    """What chats need beside ``TaskServices``."""

    exchanges: ExchangeStore
    first_messages: FirstMessages
    chats: ChatStore
    sealer: Sealer
    rates: RateStore
    spend: SpendStore
    deliveries: TimedSender[ChatDelivery]
    files: FileFetcher
    media: MediaReader
    departments: DepartmentReader


def message_handlers_of_function(telemetry: Telemetry) -> MessageHandlers:
    """The handlers of messages. Raises ``Misconfigured``."""
    tasks = TaskWiring.of_function(telemetry)
    payloads, table = payloads_of_function(tasks.texts), (tasks.dynamodb, tasks.table)
    sender = SenderFunction(Lazy(clients.functions), environment.text("WECOM_SENDER_FUNCTION"))
    ports = ChatPorts(
        exchanges=DynamoDBExchanges(*table),
        first_messages=DynamoDBFirstMessages(*table),
        chats=DynamoDBChats(*table),
        sealer=sealing_of_function(Purpose.RESPONSE_URL, tasks.clock, tasks.entropy),
        rates=DynamoDBRates(*table),
        spend=DynamoDBSpend(*table),
        deliveries=delivery_sender(clients.sqs(), environment.text("WECOM_QUEUE_URL")),
        files=HttpFiles(environment.text("ALLOW_LOOPBACK_WEBHOOKS") == "true"),
        media=MediaBySender(sender),
        departments=CachedDepartments(DepartmentsBySender(sender), tasks.clock),
    )
    # a read less of the few that WeCom waits for
    agents = CachedAgents(tasks.registry, tasks.clock)
    submitter = replace(submitter_of_function(tasks, payloads), registry=agents)
    return build_message_handlers(tasks, submitter, payloads, ports, _rate())


def build_message_handlers(
    services: TaskServices, submitter: Submitter, links: ArtifactLinks, ports: ChatPorts, rate: Rate | None
) -> MessageHandlers:
    """The handlers of one process. ``rate`` limits what each person may ask."""
    store, clock, telemetry = services.store, services.clock, services.telemetry
    payloads, finalizer = submitter.payloads, services.finalizer
    tasks = Tasks(store, submitter.registry, payloads, links, finalizer, pause=_never)
    answerer = Answerer(store, services.records, payloads, services.queue, finalizer, telemetry)
    asking = InboundMessages(
        submitter=submitter,
        answerer=answerer,
        slots=services.slots,
        tasks=tasks,
        exchanges=ports.exchanges,
        first_messages=ports.first_messages,
        sealer=ports.sealer,
        clock=clock,
        entropy=submitter.entropy,
    )
    texts = ResultTexts(store, Results(payloads, links), clock)
    answers = LastAnswers(services.contexts, tasks, texts, ports.deliveries)
    commander = CommandHandler(ports.chats, services.contexts, tasks, answers, clock)
    user_limits = UserLimits(ports.rates, ports.spend, clock, telemetry, rate)
    buttons = ButtonHandler(asking, tasks, user_limits, telemetry)
    return MessageHandlers(
        bot=Bot(
            asking=asking,
            chats=ports.chats,
            commander=commander,
            user_limits=user_limits,
            buttons=buttons,
            refreshes=StreamRefreshHandler(store, ports.exchanges, finalizer, texts, clock, telemetry),
            files=BotFiles(ports.files, telemetry),
            exchanges=ports.exchanges,
            clock=clock,
            telemetry=telemetry,
        ),
        app=Application(
            asking=asking,
            chats=ports.chats,
            commander=commander,
            user_limits=user_limits,
            buttons=buttons,
            files=AppFiles(ports.media, telemetry),
            telemetry=telemetry,
            departments=ports.departments,
        ),
    )


def _rate() -> Rate | None:
    """Rate limit of each person, or None."""
    per_hour = environment.integer("WECOM_QUESTIONS_PER_HOUR")
    return Rate(per_hour, environment.integer("WECOM_QUESTION_BURST")) if per_hour else None


def _never(seconds: float) -> None:
    raise NotImplementedError(f"nobody waits here, least of all {seconds} s")
