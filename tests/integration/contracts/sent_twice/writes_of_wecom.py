"""What is written for conversations in WeCom."""

from a2a_tasks.adapters.wecom.access_tokens import DynamoDBAccessTokens
from a2a_tasks.adapters.wecom.delivery_progress import DynamoDBDeliveryProgress
from a2a_tasks.adapters.wecom.first_messages import DynamoDBFirstMessages
from a2a_tasks.domain.task import Status
from a2a_tasks.ports.tasks import Reservation
from a2a_tasks.wecom.exchange import (
    DeliveryClaim,
    DeliveryMeans,
    Exchange,
    ExchangeEnd,
    ExchangeRef,
    ExchangeState,
    Feedback,
)
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.ports import CachedToken, DeliveryProgress, DeliveryProgressRef
from tests.integration.contracts.sent_twice.write import Write
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.stored_task import NOW, new_task

LATER = NOW + 60_000
TASK_ID = new_task().ref.task_id
REF = ExchangeRef(TASK_ID)
ASKED = Exchange(REF, AGENT, PROJECT, "helper", "LiLei", None, Language.ZH, 5)
FULL = Exchange(
    REF,
    AGENT,
    PROJECT,
    "helper",
    "LiLei",
    "group",
    Language.ZH,
    5,
    ExchangeState.OPEN,
    b"\x00sealed",
    3,
    "toolu_1",
)
END = ExchangeEnd(7, Status.COMPLETED)
STREAM, URL, PUSH = (DeliveryClaim(means, means.value, 8) for means in DeliveryMeans)
TOKEN = CachedToken(b"sealed", NOW + 7_200_000)
PROGRESS_REF = DeliveryProgressRef(TASK_ID, "1")


def asked(account: Account) -> None:
    account.exchanges.put(ASKED, LATER)


def ended(account: Account) -> None:
    asked(account)
    account.exchanges.end(REF, END)


def claimed(account: Account) -> None:
    ended(account)
    account.exchanges.claim(REF, PUSH)


def tokens(account: Account) -> DynamoDBAccessTokens:
    return DynamoDBAccessTokens(account.dynamodb, account.resources["TasksTable"])


def locked(account: Account) -> None:
    tokens(account).lock("app", "a", NOW, LATER)


def cached(account: Account) -> None:
    locked(account)
    tokens(account).put("app", "a", TOKEN)


def progress(account: Account) -> DynamoDBDeliveryProgress:
    return DynamoDBDeliveryProgress(account.dynamodb, account.resources["TasksTable"])


def held(account: Account) -> None:
    progress(account).hold(PROGRESS_REF, "a", NOW, LATER)


def begin_first(account: Account) -> bool:
    first = DynamoDBFirstMessages(account.dynamodb, account.resources["TasksTable"])
    return first.begin(PROJECT, AGENT, "message-1", Reservation(TASK_ID, "digest", LATER), ASKED, NOW)


OF_WECOM = [
    Write("DynamoDBFirstMessages.begin", begin_first),
    Write("DynamoDBExchanges.put", lambda account: account.exchanges.put(FULL, LATER)),
    Write(
        "DynamoDBExchanges.remove",
        lambda account: account.exchanges.remove(REF),
        asked,
    ),
    Write("DynamoDBExchanges.end", lambda account: account.exchanges.end(REF, END), asked),
    Write("DynamoDBExchanges.close", lambda account: account.exchanges.close(REF), asked),
    Write("DynamoDBExchanges.claim", lambda account: account.exchanges.claim(REF, STREAM), ended),
    Write("DynamoDBExchanges.claim", lambda account: account.exchanges.claim(REF, URL), ended),
    Write("DynamoDBExchanges.claim", lambda account: account.exchanges.claim(REF, PUSH), ended),
    Write(
        "DynamoDBExchanges.settle",
        lambda account: account.exchanges.settle(REF, PUSH.claim_id, ExchangeState.DELIVERED),
        claimed,
    ),
    Write("DynamoDBExchanges.leave", lambda account: account.exchanges.leave(REF, PUSH.claim_id), claimed),
    Write(
        "DynamoDBExchanges.rate",
        lambda account: account.exchanges.rate(REF, Feedback(2, "too long", (1,), NOW)),
        ended,
    ),
    Write("DynamoDBChats.begin", lambda account: account.chats.begin("helper", "chat", "m1")),
    Write(
        "DynamoDBChats.choose_language",
        lambda account: account.chats.choose_language("helper", "chat", Language.EN),
    ),
    Write("DynamoDBAccessTokens.lock", lambda account: tokens(account).lock("app", "a", NOW, LATER)),
    Write("DynamoDBAccessTokens.put", lambda account: tokens(account).put("app", "a", TOKEN), locked),
    Write("DynamoDBAccessTokens.unlock", lambda account: tokens(account).unlock("app", "a"), locked),
    Write("DynamoDBAccessTokens.drop", lambda account: tokens(account).drop("app", TOKEN.sealed), cached),
    Write(
        "DynamoDBDeliveryProgress.hold", lambda account: progress(account).hold(PROGRESS_REF, "a", NOW, LATER)
    ),
    Write(
        "DynamoDBDeliveryProgress.note",
        lambda account: progress(account).note(PROGRESS_REF, "a", DeliveryProgress(2, "media")),
        held,
    ),
    Write(
        "DynamoDBDeliveryProgress.release", lambda account: progress(account).release(PROGRESS_REF, "a"), held
    ),
]
