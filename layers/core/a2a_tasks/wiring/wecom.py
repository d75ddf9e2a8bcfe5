"""Services of the function that WeCom calls, beyond verifying a URL."""

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb.rates import DynamoDBRates
from a2a_tasks.adapters.dynamodb.tasks.records import DynamoDBSpend
from a2a_tasks.adapters.kms import KmsSealing
from a2a_tasks.adapters.lazy import Lazy
from a2a_tasks.adapters.wecom.cached_departments import CachedDepartments
from a2a_tasks.adapters.wecom.chat_files import HttpFiles
from a2a_tasks.adapters.wecom.chats import DynamoDBChats
from a2a_tasks.adapters.wecom.delivery_messages import delivery_sender
from a2a_tasks.adapters.wecom.departments_by_sender import DepartmentsBySender
from a2a_tasks.adapters.wecom.exchanges import DynamoDBExchanges
from a2a_tasks.conversations.answers import Answerer
from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks.queries import Tasks
from a2a_tasks.tasks.results import Results
from a2a_tasks.wecom.inbound.application import Application
from a2a_tasks.wecom.inbound.attachments import Files
from a2a_tasks.wecom.inbound.bot import Bot
from a2a_tasks.wecom.inbound.commands import CommandHandler
from a2a_tasks.wecom.inbound.handlers import MessageHandlers
from a2a_tasks.wecom.inbound.last_answers import LastAnswers
from a2a_tasks.wecom.inbound.messages import InboundMessages
from a2a_tasks.wecom.inbound.people import People
from a2a_tasks.wecom.inbound.stream_refresh import Refreshes
from a2a_tasks.wecom.result_texts import ResultTexts
from a2a_tasks.wiring.payloads import payloads_of_function
from a2a_tasks.wiring.submitter import submitter_of_function
from a2a_tasks.wiring.tasks import TaskWiring


def message_handlers_of_function(telemetry: Telemetry) -> MessageHandlers:
    """The handlers of messages. Raises ``Misconfigured``."""
    wired = TaskWiring.of_function(telemetry)
    payloads = payloads_of_function(wired.texts)
    tasks = Tasks(wired.store, wired.registry, payloads, payloads, wired.finalizer, pause=_never)
    answerer = Answerer(
        wired.store,
        wired.records,
        payloads,
        wired.queue,
        wired.finalizer,
        telemetry,
    )
    submitter = submitter_of_function(wired, payloads)
    exchanges = DynamoDBExchanges(wired.dynamodb, wired.table)
    chats = DynamoDBChats(wired.dynamodb, wired.table)
    sealer = KmsSealing(Lazy(clients.kms), environment.text("PUSH_KEY_ARN"))
    asking = InboundMessages(submitter, answerer, wired.slots, tasks, exchanges, sealer, wired.clock)
    people = People(
        DynamoDBRates(wired.dynamodb, wired.table),
        DynamoDBSpend(wired.dynamodb, wired.table),
        wired.clock,
        telemetry,
        _rate(),
    )
    texts = ResultTexts(wired.store, Results(payloads, payloads), wired.clock)
    deliveries = delivery_sender(clients.sqs(), environment.text("WECOM_QUEUE_URL"))
    answers = LastAnswers(wired.contexts, tasks, texts, deliveries)
    commander = CommandHandler(chats, wired.contexts, tasks, answers, wired.clock)
    files = Files(HttpFiles(environment.text("ALLOW_LOOPBACK_WEBHOOKS") == "true"), telemetry)
    asked = DepartmentsBySender(Lazy(clients.functions), environment.text("WECOM_SENDER_FUNCTION"))
    return MessageHandlers(
        bot=Bot(
            asking=asking,
            chats=chats,
            commander=commander,
            people=people,
            refreshes=Refreshes(wired.store, exchanges, wired.finalizer, texts, wired.clock, telemetry),
            files=files,
            exchanges=exchanges,
            clock=wired.clock,
            telemetry=telemetry,
        ),
        app=Application(asking, chats, commander, people, telemetry, CachedDepartments(asked, wired.clock)),
    )


def _rate() -> Rate | None:
    """Rate limit of each person, or None."""
    per_hour = environment.integer("WECOM_QUESTIONS_PER_HOUR")
    return Rate(per_hour, environment.integer("WECOM_QUESTION_BURST")) if per_hour else None


def _never(seconds: float) -> None:
    raise NotImplementedError(f"nobody waits here, least of all {seconds} s")
