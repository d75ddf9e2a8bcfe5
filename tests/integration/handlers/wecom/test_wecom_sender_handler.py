"""The sender: from a change of a task to what people see, with real calls of AWS and a double of WeCom."""

import json
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.adapters.wecom.delivery_messages import delivery_sender
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.wecom.connection import ConnectionKind
from a2a_tasks.wecom.exchange import DeliveryClaim, DeliveryMeans, ExchangeEnd, ExchangeState
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.ports import ChatDelivery, Resend
from local.wecom.client import WeComClient
from local.wecom.faults import Fault as WeComFault
from local.wecom.faults import Kind as FaultKind
from local.wecom.settings import Settings
from tests.integration.support.account import PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.stored_task import asking, canceled, failed
from tests.integration.support.table_stream import TableStream
from tests.integration.support.wecom.chat import GROUP_CHAT, USER, Chats
from tests.twins.clock import FakeClock

MINUTE = 60
HOUR = 3_600
ANSWER = "The contract ends in March."


@pytest.fixture
def wecom(shared_wecom: WeComClient) -> WeComClient:
    shared_wecom.use(Settings())
    return shared_wecom


class World:
    """The notifier and the sender on one account, and a clock for the sender."""

    def __init__(self, account: Account, start: Callable[..., ModuleType], wecom: WeComClient) -> None:
        self.account = account
        self.wecom = wecom
        self.stream = TableStream(account)
        self.notifier = start("notifier")
        self.sender = start("wecom_sender")
        self.clock = FakeClock(self.sender.worker.clock.now())
        self._tell_the_time()
        self.chats = Chats(account, wecom, self.clock.now())

    def tell(self) -> None:
        """Let the notifier see what has changed."""
        answer: dict[str, Any] = self.notifier.handler({"Records": self.stream.new()}, LambdaContext())
        assert answer == {"batchItemFailures": []}

    def send(self) -> int:
        """Let the sender run the visible messages; how many stay in the queue."""
        records = self.account.receive("WecomQueue")
        for record in records:
            # the queue's own clock stands beside the one that a test moves
            record["attributes"]["SentTimestamp"] = str(
                self.sent_at.setdefault(record["messageId"], self.clock.now())
            )
        answer: dict[str, Any] = self.sender.handler({"Records": records}, LambdaContext(90_000))
        kept = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        for record in records:
            url, receipt = self.account.resources["WecomQueue"], record["receiptHandle"]
            if record["messageId"] in kept:
                self.account.sqs.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0
                )
            else:
                self.account.sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt)
        return len(kept)

    def invisible_for(self) -> list[int]:
        """The seconds for which messages were put off by the sender, in order."""
        calls = self.account.calls.of("ChangeMessageVisibility")
        return [seconds for call in calls if (seconds := call.parameters["VisibilityTimeout"])]

    def texts(self, to: str = USER, via: str = "") -> list[str]:
        seen = self.wecom.seen()
        assert seen.violations == []
        assert seen.dropped == []
        assert not any(delivery.was_truncated for delivery in seen.deliveries)
        return seen.texts(to, via)

    def dead(self) -> list[str]:
        """Why messages were given up."""
        records = self.account.receive("WecomDeadLetterQueue")
        return [record["messageAttributes"]["reason"]["stringValue"] for record in records]

    def later(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.wecom.advance(seconds)

    def restart(self, start: Callable[..., ModuleType]) -> None:
        """Another process of the sender, with nothing in memory."""
        self.sender = start("wecom_sender")
        self._tell_the_time()

    def _tell_the_time(self) -> None:
        self.sent_at: dict[str, int] = getattr(self, "sent_at", {})
        worker = self.sender.worker
        for part in (worker, worker.sender, worker.sender.app.tokens):
            object.__setattr__(part, "clock", self.clock)
        for part in (worker.sender, worker.sender.app.tokens):
            object.__setattr__(part, "pause", self.later)


@pytest.fixture
def world(account: Account, start: Callable[..., ModuleType], wecom: WeComClient) -> World:
    return World(account, start, wecom)


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """All lines that were logged, with everything in them."""
    return [f"{record.getMessage()} {record.__dict__}" for record in caplog.records]


def by_app(world: World, text: str = "42", **changes: Any) -> Task:
    task = world.chats.asked(world.chats.connect(ConnectionKind.APP, **changes))
    world.chats.answered(task, text)
    world.tell()
    return task


def by_bot(
    world: World, text: str = "**42**", *, chat_id: str | None = None, number: int = 1, **changes: Any
) -> Task:
    """The answer to somebody's message to the bot, whose stream nobody asks for."""
    task = world.chats.asked(
        world.chats.connect(ConnectionKind.BOT, **changes), chat_id=chat_id, number=number
    )
    world.chats.answered(task, text)
    world.tell()
    return task


# ---------------------------------------------------------------- by an application


def test_an_applications_answer_comes_at_once(world: World) -> None:
    task = by_app(world, "It is **42**.")

    assert world.send() == 0

    (text,) = world.texts()
    assert re.fullmatch(r"It is 42\.\n\n\(asked at \d\d:\d\d · [0-9a-f]{4}\)", text)
    exchange = world.chats.exchange(task)
    assert (exchange.state, exchange.claim and exchange.claim.means) == (
        ExchangeState.DELIVERED,
        DeliveryMeans.PUSH,
    )
    assert world.account.message_counts("WecomQueue") == {"visible": 0, "in_flight": 0, "delayed": 0}


def test_markdown_stays_where_the_connection_says_so(world: World) -> None:
    by_app(world, "It is **42**.", markdown=True)
    world.send()
    (delivery,) = world.wecom.seen().deliveries
    assert (delivery.msgtype, delivery.text.startswith("It is **42**.")) == ("markdown", True)


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (failed, "That did not work. Please try again later."),
        (canceled, "The task was canceled."),
        (asking, "Which city?"),
    ],
)
def test_every_end_and_a_question_is_told_in_a_plain_sentence(
    world: World, end: Callable[..., Task], told: str
) -> None:
    task = world.chats.asked(world.chats.connect(ConnectionKind.APP))
    end(world.account.store, task, world.chats.now)
    world.tell()
    world.send()
    text, *cards = world.texts()
    assert text.startswith(f"{told}\n\n(asked at ")
    assert cards == (["The same question can be asked again"] if end is failed else [])


def test_a_long_answer_comes_in_numbered_parts_in_order(world: World) -> None:
    answer = "\n".join(f"第{n}行：一二三四五六七八九十" for n in range(150))
    by_app(world, answer)
    assert world.send() == 0
    texts = world.texts()
    assert [text.partition("\n")[0] for text in texts] == ["1/4", "2/4", "3/4", "4/4"]
    assert "".join(text.partition("\n")[2].rpartition("\n\n(asked")[0] for text in texts) == answer


def test_a_very_long_answer_comes_as_a_file(world: World) -> None:
    answer = "长" * 20_000
    task = by_app(world, answer)
    assert world.send() == 0
    text, file = world.texts()
    assert text.startswith("The answer is long; all of it is in the file.")
    assert file == f"{task.ref.task_id}.md"
    media_id = world.wecom.seen().deliveries[-1].message["file"]["media_id"]
    assert world.wecom.uploaded(media_id).decode() == answer


def test_many_answers_share_one_access_token(world: World) -> None:
    app = world.chats.connect(ConnectionKind.APP)
    for number in range(8):
        world.chats.answered(world.chats.asked(app, number=number), f"{number}")
    world.tell()
    assert world.send() == 0
    assert len(world.texts()) == 8
    assert [call.endpoint for call in world.wecom.seen().calls].count("gettoken") == 1


def test_a_token_that_wecom_takes_back_is_replaced_once(world: World) -> None:
    app = world.chats.connect(ConnectionKind.APP)
    world.chats.answered(world.chats.asked(app, number=1))
    world.tell()
    world.send()
    world.wecom.revoke_token()
    world.chats.answered(world.chats.asked(app, number=2))
    world.tell()
    assert world.send() == 0
    calls = [(call.endpoint, call.errcode) for call in world.wecom.seen().calls]
    assert calls[2:] == [("message/send", 40014), ("gettoken", 0), ("message/send", 0)]


def test_the_token_is_no_ones_to_read_in_the_table(world: World) -> None:
    by_app(world)
    world.send()
    items = world.account.dynamodb.scan(TableName=world.account.resources["TasksTable"])["Items"]
    (item,) = [item for item in items if item["sk"]["S"] == "TOKEN"]
    token = world.sender.worker.sender.app.tokens.token(
        world.account.connections.connection("app"), world.wecom.settings().app.secret
    )
    assert token.value
    assert token.value not in str(item)


# ---------------------------------------------------------------- what WeCom does wrong


@pytest.mark.parametrize(
    ("errcode", "advice"),
    [
        (60020, "trusted IPs"),
        (40056, "AgentID is wrong"),
        (81013, "visible range"),
        (99999, "its error 99999"),
    ],
)
def test_what_wecom_refuses_for_good_is_given_up_with_words_for_the_operator(
    world: World,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    errcode: int,
    advice: str,
) -> None:
    world.wecom.plan("message/send", WeComFault(FaultKind.ERRCODE, errcode))
    by_app(world)
    assert world.send() == 0
    (reason,) = world.dead()
    assert advice in reason
    assert world.texts() == []
    assert any(line.startswith("chat delivery given up") and advice in line for line in logged(caplog))
    assert f'"code":"{errcode if errcode != 99999 else "other"}"' in capsys.readouterr().out


def test_what_was_given_up_goes_on_when_it_is_put_back(
    world: World, start: Callable[..., ModuleType]
) -> None:
    world.wecom.plan("message/send", WeComFault(FaultKind.ERRCODE, 60020))
    task = by_app(world)
    world.send()
    (record,) = world.account.receive("WecomDeadLetterQueue")
    world.later(HOUR)
    world.account.sqs.send_message(QueueUrl=world.account.resources["WecomQueue"], MessageBody=record["body"])
    world.restart(start)
    assert world.send() == 0
    assert len(world.texts()) == 1
    assert world.chats.exchange(task).state is ExchangeState.DELIVERED


def test_a_wrong_secret_is_not_tried_again_and_again(world: World) -> None:
    app = world.chats.connect(ConnectionKind.APP)
    secret = {"corpSecret": "wr0ng-secret"}
    world.account.secrets.put_secret_value(SecretId=app.secret_arn, SecretString=json.dumps(secret))
    for number in range(8):
        world.chats.answered(world.chats.asked(app, number=number))
    world.tell()
    object.__setattr__(world.sender.worker.sender.app.tokens, "pause", lambda _: None)
    assert world.send() == 7
    (reason,) = world.dead()
    assert "secret is wrong" in reason
    assert [call.errcode for call in world.wecom.seen().calls] == [40001]


@pytest.mark.parametrize("errcode", [45009, 45033])
def test_what_is_too_much_for_wecom_is_tried_later(world: World, errcode: int) -> None:
    world.wecom.plan("message/send", WeComFault(FaultKind.ERRCODE, errcode))
    by_app(world)
    assert world.send() == 1
    assert len(world.texts()) == 0
    assert 5 <= world.invisible_for()[0] <= 8
    world.later(8)
    assert world.send() == 0
    assert len(world.texts()) == 1


def test_a_busy_wecom_is_asked_three_times(world: World) -> None:
    world.wecom.plan("message/send", WeComFault(FaultKind.ERRCODE, -1), times=2)
    by_app(world)
    assert world.send() == 0
    assert len(world.texts()) == 1


@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.LOSE])
def test_an_answer_is_seen_once_though_the_call_failed(world: World, kind: FaultKind) -> None:
    """WeCom drops what is the same again."""
    world.wecom.plan("message/send", WeComFault(kind))
    by_app(world)
    assert world.send() == 1
    assert world.send() == 0
    assert len(world.texts()) == 1


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST])
@pytest.mark.parametrize("write", range(1, 9))
def test_parts_go_on_where_they_stopped(
    world: World, start: Callable[..., ModuleType], write: int, fault: Fault
) -> None:
    """Whichever write fails, and whether or not it took effect. WeCom drops the one part that may repeat."""
    app = world.chats.connect(ConnectionKind.APP)
    world.chats.answered(world.chats.asked(app), "长" * 2_000)
    world.tell()
    world.account.calls.fail_nth("UpdateItem", write, fault)
    world.send()
    world.restart(start)
    world.later(5 * MINUTE)
    for _ in range(2):
        world.send()
    assert [text[:3] for text in world.texts()] == ["1/3", "2/3", "3/3"]
    assert world.dead() == []


def test_a_group_sees_no_part_twice_but_the_one_in_flight(world: World) -> None:
    world.wecom.plan("webhook/send", WeComFault(FaultKind.ERRCODE, 45009))
    news(world, "长" * 3_000)
    world.tell()
    world.wecom.plan("webhook/send", WeComFault(FaultKind.LOSE))
    for _ in range(4):
        world.send()
        world.later(10)
    texts = [text[:3] for text in world.texts("double-webhook-key")]
    assert texts == ["1/3", "1/3", "2/3", "3/3"]


def test_a_member_whom_nobody_reaches_is_told_to_the_operator(world: World) -> None:
    app = world.chats.connect(ConnectionKind.APP)
    task = world.chats.asked(app)
    world.wecom.use(Settings(members=("HanMeimei",)))
    world.chats.answered(task)
    world.tell()
    assert world.send() == 0
    (reason,) = world.dead()
    assert "visible range" in reason


def test_nothing_is_sent_faster_than_wecom_takes_it(world: World) -> None:
    app = world.chats.connect(ConnectionKind.APP)
    for number in range(20):
        world.chats.answered(world.chats.asked(app, number=number), f"{number}")
    world.tell()
    left = world.send() + world.send()
    assert 0 < left <= 6
    for _ in range(10):
        world.later(4)
        world.send()
    assert len(world.texts()) == 20  # and `texts` sees to it that none was dropped


# ---------------------------------------------------------------- by a bot's response URL


def test_an_answer_that_no_refresh_took_comes_through_the_response_url(world: World) -> None:
    task = by_bot(world)
    assert world.send() == 1
    assert world.invisible_for()[-1] == 20
    assert world.chats.exchange(task).end is not None, "a refresh must find it"
    assert world.texts() == []
    world.later(20)
    assert world.send() == 0
    assert world.texts(via="aibot/response") == ["**42**"]
    assert world.chats.exchange(task).state is ExchangeState.DELIVERED


def test_what_the_stream_has_taken_is_not_sent_again(world: World) -> None:
    task = by_bot(world)
    world.send()
    exchange = world.chats.exchange(task)
    world.chats.exchanges.claim(
        exchange.ref, DeliveryClaim(DeliveryMeans.STREAM, "refresh", world.clock.now())
    )
    world.later(20)
    assert world.send() == 0
    assert world.texts() == []


def test_a_closed_stream_is_not_waited_for(world: World) -> None:
    task = world.chats.asked(world.chats.connect(ConnectionKind.BOT))
    world.chats.exchanges.close(world.chats.exchange(task).ref)
    world.later(10 * MINUTE)
    world.chats.answered(task)
    world.tell()
    assert world.send() == 0
    assert world.texts(via="aibot/response") == ["42"]


@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.LOSE])
def test_a_response_url_is_used_once_though_the_answer_was_lost(world: World, kind: FaultKind) -> None:
    task = by_bot(world)
    world.send()
    world.later(20)
    world.wecom.plan("aibot/response", WeComFault(kind))
    assert world.send() == 1
    assert world.send() == 0
    assert len(world.wecom.seen().texts(USER)) == 1
    assert world.chats.exchange(task).state is ExchangeState.DELIVERED


def test_a_group_gets_its_answer_in_the_group(world: World) -> None:
    by_bot(world, chat_id=GROUP_CHAT)
    world.send()
    world.later(20)
    world.send()
    assert world.texts(GROUP_CHAT) == ["**42**"]


def test_after_an_hour_the_fallback_has_the_answer(world: World) -> None:
    world.chats.connect(ConnectionKind.APP)
    task = world.chats.asked(world.chats.connect(ConnectionKind.BOT, fallback="app"))
    world.chats.exchanges.close(world.chats.exchange(task).ref)
    world.later(HOUR)
    world.chats.answered(task)
    world.tell()
    assert world.send() == 0
    (text,) = world.texts(via="message/send")
    assert text.startswith("42\n\n(asked at ")


def test_without_a_fallback_it_is_undeliverable_and_somebody_is_told(
    world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    task = world.chats.asked(world.chats.connect(ConnectionKind.BOT))
    world.later(HOUR)
    world.chats.answered(task)
    world.tell()
    assert world.send() == 0
    assert world.chats.exchange(task).state is ExchangeState.UNDELIVERABLE
    assert any(line.startswith("answer not delivered to WeCom") for line in logged(caplog))
    assert '"WecomUndeliverable":[1.0]' in capsys.readouterr().out


@pytest.mark.parametrize("changes", [{"project_id": "rival"}, {"enabled": False}], ids=str)
def test_another_projects_application_and_one_that_is_switched_off_are_no_fallback(
    world: World, changes: dict[str, Any]
) -> None:
    world.chats.connect(ConnectionKind.APP, **changes)
    task = world.chats.asked(world.chats.connect(ConnectionKind.BOT, fallback="app"))
    world.later(HOUR)
    world.chats.answered(task)
    world.tell()
    assert world.send() == 0
    assert world.chats.exchange(task).state is ExchangeState.UNDELIVERABLE
    assert world.texts() == []


def test_a_group_that_is_the_fallback_gets_what_was_asked_in_it_alone(world: World) -> None:
    world.chats.connect(ConnectionKind.GROUP, chat_id=GROUP_CHAT)
    bot = world.chats.connect(ConnectionKind.BOT, fallback="group")
    asked = [world.chats.asked(bot, number=n, chat_id=c) for n, c in ((1, None), (2, GROUP_CHAT), (3, "wrB"))]
    world.later(HOUR)
    for task in asked:
        world.chats.answered(task)
    world.tell()
    assert world.send() == 0
    states = [world.chats.exchange(task).state for task in asked]
    assert states == [ExchangeState.UNDELIVERABLE, ExchangeState.DELIVERED, ExchangeState.UNDELIVERABLE]
    assert len(world.texts("double-webhook-key")) == 1


def test_a_group_whose_id_is_not_known_is_no_fallback(world: World) -> None:
    world.chats.connect(ConnectionKind.GROUP)
    task = world.chats.asked(world.chats.connect(ConnectionKind.BOT, fallback="group"), chat_id=GROUP_CHAT)
    world.later(HOUR)
    world.chats.answered(task)
    world.tell()
    assert world.send() == 0
    assert world.chats.exchange(task).state is ExchangeState.UNDELIVERABLE
    assert world.texts("double-webhook-key") == []


@pytest.mark.parametrize("deliveries", [1, 2])
def test_an_answer_that_is_asked_for_is_sent_once_more(world: World, deliveries: int) -> None:
    task = by_app(world, "长" * 1_500)
    world.send()
    resend = Resend("app", USER, Language.ZH, "k1")
    again = ChatDelivery(task.ref, PROJECT, Status.COMPLETED, 0, "request-2", resend=resend)
    queue = delivery_sender(world.account.sqs, world.account.resources["WecomQueue"])
    queue.send([again] * deliveries)
    world.send()
    world.later(5 * MINUTE)  # of two at once, one comes later, and finds it done
    assert world.send() == 0
    assert [text.partition("\n")[0] for text in world.texts()] == ["1/3", "2/3", "3/3"] * 2


def test_another_projects_answer_is_not_sent_once_more(world: World) -> None:
    task = by_app(world)
    world.send()
    world.chats.connect(ConnectionKind.APP, "theirs", project_id="rival")
    resend = Resend("theirs", USER, Language.ZH, "k1")
    again = ChatDelivery(task.ref, PROJECT, Status.COMPLETED, 0, "request-2", resend=resend)
    delivery_sender(world.account.sqs, world.account.resources["WecomQueue"]).send([again])
    assert world.send() == 0
    assert len(world.texts()) == 1


def test_no_secret_gets_into_the_log(
    world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    by_app(world, ANSWER)
    by_bot(world, ANSWER, number=2)
    world.wecom.plan("message/send", WeComFault(FaultKind.DROP))
    world.wecom.plan("gettoken", WeComFault(FaultKind.DROP))
    for _ in range(4):
        world.send()
        world.later(20)
    assert sum(ANSWER in text for text in world.texts()) == 2
    told = capsys.readouterr().out + "\n".join(logged(caplog))
    assert "answer delivered to WeCom" in told
    for text in (world.wecom.settings().app.secret, "response_code", "access_token", "http://", ANSWER):
        assert text not in told


# ---------------------------------------------------------------- news for groups


def news(world: World, text: str = "# Report\n\n- a\n- b", **changes: Any) -> Task:
    world.chats.connect(ConnectionKind.GROUP)
    task = world.chats.asked(world.chats.connect(ConnectionKind.APP), groups=("group",), **changes)
    return world.chats.answered(task, text)


def test_a_group_is_told_of_a_tasks_end(world: World) -> None:
    news(world)
    world.tell()
    assert world.send() == 0
    (text,) = world.texts("double-webhook-key")
    assert text == "**assistant: done**\n\n# Report\n\n- a\n- b"


def test_a_group_is_told_once_however_often_the_change_comes(world: World) -> None:
    news(world)
    records = world.stream.new()
    for _ in range(3):
        world.notifier.handler({"Records": records}, LambdaContext())
    for _ in range(3):
        world.send()
    assert len(world.texts("double-webhook-key")) == 1
    assert len(world.texts()) == 1


def test_no_more_than_twenty_messages_a_minute_go_to_a_group(world: World) -> None:
    group = world.chats.connect(ConnectionKind.GROUP)
    app = world.chats.connect(ConnectionKind.APP)
    for number in range(12):
        world.chats.answered(world.chats.asked(app, number=number, groups=(group.connection_id,)))
    world.tell()
    for _ in range(40):
        world.send()
        world.later(5)
    assert len(world.texts("double-webhook-key")) == 12
    calls = [call for call in world.wecom.seen().calls if call.endpoint == "webhook/send"]
    assert {call.errcode for call in calls} == {0}


def test_another_projects_group_gets_nothing(world: World) -> None:
    world.chats.connect(ConnectionKind.GROUP, project_id="rival")
    task = world.chats.asked(world.chats.connect(ConnectionKind.APP), groups=("group",))
    world.chats.answered(task)
    world.tell()
    assert world.send() == 0
    assert world.texts("double-webhook-key") == []


def test_a_question_that_is_answered_is_no_news(world: World) -> None:
    world.chats.connect(ConnectionKind.GROUP)
    task = world.chats.asked(world.chats.connect(ConnectionKind.APP), groups=("group",))
    asking(world.account.store, task, world.chats.now)
    world.tell()
    current = world.account.store.get(task.ref)
    assert current is not None
    assert current.question is not None
    world.account.store.resume(task.ref, current.question.call_id, world.chats.now + 1)
    world.send()
    assert world.texts("double-webhook-key") == []


# ---------------------------------------------------------------- what goes wrong here


@pytest.mark.parametrize(
    ("by", "operation", "fault"),
    [
        *((by, "GetItem", Fault.NOT_SENT) for by in (by_app, by_bot)),
        *((by, "UpdateItem", Fault.NOT_SENT) for by in (by_app, by_bot)),
        *((by, "UpdateItem", Fault.ANSWER_LOST) for by in (by_app, by_bot)),
        *((by, "UpdateItem", Fault.SENT_TWICE) for by in (by_app, by_bot)),
        (by_app, "GetSecretValue", Fault.THROTTLED),
        (by_bot, "Decrypt", Fault.THROTTLED),
    ],
)
def test_an_outage_here_loses_nothing_and_doubles_nothing(
    world: World, by: Callable[[World], Task], operation: str, fault: Fault
) -> None:
    task = by(world)
    world.account.calls.fail(operation, fault)
    for _ in range(4):
        world.send()
        world.later(20)
    assert len(world.texts()) == 1
    assert world.chats.exchange(task).state is ExchangeState.DELIVERED


def test_a_message_that_is_no_chat_delivery_stops_nobody(world: World) -> None:
    world.account.sqs.send_message(QueueUrl=world.account.resources["WecomQueue"], MessageBody="garbage")
    by_app(world)
    assert world.send() == 0
    assert len(world.texts()) == 1


def test_an_exchange_is_ended_as_its_task_has_ended(world: World) -> None:
    task = by_app(world)
    world.send()
    assert world.chats.exchange(task).end == ExchangeEnd(world.chats.now, Status.COMPLETED)


# ---------------------------------------------------------------- files of the result

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
FILES: dict[str, bytes | str] = {"图.png": PNG, "表.csv": b"a,b\n1,2\n", "网页": "https://example.com/x"}


def answered_with(world: World, files: dict[str, bytes | str]) -> Task:
    task = world.chats.asked(world.chats.connect(ConnectionKind.APP))
    world.chats.answered(task, "42", files)
    world.tell()
    return task


def sent_media(world: World) -> list[tuple[str, str, bytes]]:
    """Images and files that arrived: their kinds, names and contents."""
    arrived = [one for one in world.wecom.seen().deliveries if one.msgtype in ("image", "file")]
    ids = [one.message[one.msgtype]["media_id"] for one in arrived]
    return [
        (one.msgtype, one.text, world.wecom.uploaded(media_id))
        for one, media_id in zip(arrived, ids, strict=True)
    ]


def test_an_applications_files_come_as_images_and_files_and_the_rest_as_links(world: World) -> None:
    answered_with(world, FILES)

    assert world.send() == 0

    assert sent_media(world) == [("image", "图.png", PNG), ("file", "表.csv", b"a,b\n1,2\n")]
    first, *_, last = world.texts()
    assert first.startswith("42")
    assert "https://example.com/x" in last


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST])
@pytest.mark.parametrize("write", range(1, 10))
def test_each_file_is_seen_once_whatever_fails(
    world: World, start: Callable[..., ModuleType], write: int, fault: Fault
) -> None:
    answered_with(world, FILES)
    world.account.calls.fail_nth("UpdateItem", write, fault)
    world.send()
    world.restart(start)
    world.later(5 * MINUTE)
    for _ in range(2):
        world.send()

    assert [name for _, name, _ in sent_media(world)] == ["图.png", "表.csv"]
    assert world.dead() == []


def test_a_file_that_wecom_does_not_take_comes_as_a_link(world: World) -> None:
    world.wecom.plan("media/upload", WeComFault(FaultKind.ERRCODE, 40006))
    answered_with(world, FILES)

    assert world.send() == 0

    assert [name for _, name, _ in sent_media(world)] == ["表.csv"]
    assert any("图.png" in text and "https://" in text for text in world.texts())


def test_a_file_that_was_cleaned_up_is_said_to_be_gone(world: World) -> None:
    task = answered_with(world, {"表.csv": b"a,b\n1,2\n"})
    world.account.s3.delete_object(
        Bucket=world.account.resources["PayloadBucket"], Key=f"tasks/{task.ref.task_id}/artifact-1-表.csv"
    )

    assert world.send() == 0

    assert any("The file 表.csv is no longer there." in text for text in world.texts())
