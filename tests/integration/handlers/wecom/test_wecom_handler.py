"""What WeCom brings, through the real handler: the double's people, on the account in memory."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.tasks.live import DynamoDBLive
from a2a_tasks.adapters.secrets.kms_envelopes import Purpose
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.adapters.wecom.connections import from_connection
from a2a_tasks.domain.task import Progress, Status, Task
from a2a_tasks.ports.live import LiveChunk
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets, ConversationScope
from a2a_tasks.wecom.exchange import ExchangeRef, ExchangeState
from a2a_tasks.wecom.protocol.crypto import CallbackKey
from local.deployed import wait_until
from local.standin.client import StandInClient
from local.wecom.client import WeComClient
from local.wecom.exchange import Exchange, Outcome
from local.wecom.faults import Fault as WeComFault
from local.wecom.faults import Kind as FaultKind
from local.wecom.people import AppUser, BotUser, file, mixed, text, voice
from local.wecom.settings import App, Bot, Settings
from tests.integration.deployment.test_permissions import unused
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.table_stream import TableStream
from tests.integration.support.texts import incompressible
from tests.integration.support.wecom.gateway import callback_event, serving
from tests.integration.support.worker import Worker
from tests.twins.clock import FakeClock

type Start = Callable[..., ModuleType]
REFRESH_SECONDS = 0.05
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def soon(look: Callable[[], object], what: str) -> None:
    """Wait for what the double's threads do."""
    wait_until(look, 30, what, every=0.02)


@dataclass(frozen=True)
class Chat:
    """A bot and an application that an agent answers, the people who write to them, and a worker."""

    module: ModuleType
    account: Account
    wecom: WeComClient
    worker: Worker
    alone: threading.RLock

    @property
    def lilei(self) -> BotUser:
        return BotUser(self.wecom)

    def tasks(self) -> list[Task]:
        """All, oldest first."""
        with self.alone:
            tasks = self.account.store.page(AGENT, None, 100, None).tasks
        return sorted(tasks, key=lambda task: task.ref.task_id)

    def wait_for_tasks(self, count: int) -> list[Task]:
        soon(lambda: len(self.tasks()) >= count, f"{count} tasks")
        return self.tasks()

    def work(self) -> None:
        """Let the worker do what is queued. No notifier and no sender runs: a chat sees the end without."""
        with self.alone:
            self.worker.work()

    def asks(self, content: Any, user: BotUser | None = None, **manner: Any) -> Exchange:
        """Say something, have it done, and see what became of it."""
        count = len(self.tasks())
        person = user or self.lilei
        begun = person.say(content, **manner) if isinstance(content, str) else person.send(content, **manner)
        self.wait_for_tasks(count + 1)
        self.work()
        return self.wecom.ended(begun)

    def hears(self, content: str, user: BotUser | None = None) -> str:
        """What is answered at once."""
        return self.wecom.ended((user or self.lilei).say(content)).shown


@pytest.fixture
def question_burst() -> str:
    return "100"


@pytest.fixture
def function(agents: Account, start: Start, question_burst: str) -> ModuleType:  # noqa: ARG001  fills the account
    return start("wecom", ALLOW_LOOPBACK_WEBHOOKS="true", WECOM_QUESTION_BURST=question_burst)


@pytest.fixture
def chat(
    agents: Account,
    function: ModuleType,
    shared_wecom: WeComClient,
    start_worker: Callable[..., Worker],
    claude: StandInClient,  # noqa: ARG001
) -> Iterator[Chat]:
    alone = threading.RLock()
    with serving(function, alone) as url:
        shared_wecom.use(
            Settings(
                bot=Bot(callback_url=f"{url}/wecom/helper/callback"),
                app=App(callback_url=f"{url}/wecom/desk/callback"),
                refresh_seconds=REFRESH_SECONDS,
                verification_seconds=30.0,
                answer_seconds=20.0,
            )
        )
        connect(agents, shared_wecom)
        yield Chat(function, agents, shared_wecom, start_worker(), alone)
        assert shared_wecom.seen().violations == []


def connect(account: Account, wecom: WeComClient, **changes: Any) -> Connection:
    """Store the double's bot and application as connections."""
    settings = wecom.settings()
    bot, app = settings.bot, settings.app
    common: dict[str, Any] = {"created_at": 1, "agent_id": AGENT, "api_url": wecom.base_url} | changes
    helper = Connection(
        "helper", PROJECT, ConnectionKind.BOT, "", bot_id=bot.bot_id, bot_name=bot.name, **common
    )
    desk = Connection(
        "desk", PROJECT, ConnectionKind.APP, "", corp_id=app.corp_id, app_id=str(app.agent_id), **common
    )
    for connection, own in ((helper, bot), (desk, app)):
        store_secrets(
            account, connection, ConnectionSecrets(own.token, own.encoding_aes_key, corp_secret=app.secret)
        )
    return helper


def store_secrets(account: Account, connection: Connection, secrets: ConnectionSecrets) -> None:
    name = f"a2a-tasks/wecom/{connection.connection_id}"
    arn = f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}"
    found = account.secrets.list_secrets()["SecretList"]
    known = {secret["Name"]: secret["ARN"] for secret in found}
    text = json.dumps(secrets.to_named())
    if name in known:
        arn = known[name]
        account.secrets.put_secret_value(SecretId=arn, SecretString=text)
    else:
        arn = account.secrets.create_secret(Name=name, SecretString=text)["ARN"]
    account.dynamodb.put_item(
        TableName=account.resources["RegistryTable"],
        Item=to_attributes(from_connection(replace(connection, secret_arn=arn))),
    )


# ---------------------------------------------------------------- the URL


@contextmanager
def clock_of(module: Any, clock: FakeClock) -> Iterator[None]:
    before = module.callbacks
    module.callbacks = replace(before, clock=clock)
    try:
        yield
    finally:
        module.callbacks = before


def test_the_urls_of_both_are_verified(chat: Chat) -> None:
    for verification in (chat.wecom.verify_bot_url(), chat.wecom.verify_app_url()):
        assert (verification.is_verified, verification.problem) == (True, "")


def test_verifying_asks_for_the_connection_and_its_secret_and_nothing_else(
    agents: Account, function: ModuleType, shared_wecom: WeComClient
) -> None:
    shared_wecom.use(Settings())
    connect(agents, shared_wecom)
    agents.calls.made.clear()
    event = load_event("wecom_verify_url")
    clock = FakeClock(int(event["queryStringParameters"]["timestamp"]) * 1000)
    with clock_of(function, clock):
        answers = [function.handler(event, LambdaContext()) for _ in range(2)]
    assert [(one["statusCode"], one["body"]) for one in answers] == [(200, "1616140317555161061")] * 2
    assert answers[0]["headers"]["Content-Type"] == "text/plain; charset=utf-8"
    assert [call.operation for call in agents.calls.made] == ["GetItem", "GetSecretValue"]


# ---------------------------------------------------------------- refusals


def refused(answer: dict[str, Any]) -> bool:
    return (answer["statusCode"], answer["body"]) == (403, "Forbidden")


@pytest.mark.parametrize(
    ("path", "query", "body"),
    [
        ("nobody", {}, b"{}"),
        ("..", {}, b"{}"),
        ("helper", {}, b""),
        ("helper", {}, b"{}"),
        ("helper", {"msg_signature": "x", "timestamp": "1", "nonce": "2"}, b'{"encrypt": "AAAA"}'),
        ("helper", {}, b"[" * 100_000),
        ("helper", {}, b"x" * (256 * 1024 + 1)),
        ("desk", {}, b"<xml"),
        ("desk", {}, b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>'),
    ],
)
def test_what_is_not_wecom_s_is_refused_in_one_and_the_same_way(
    chat: Chat, path: str, query: dict[str, str], body: bytes
) -> None:
    for encoded in (False, True):
        event = callback_event("POST", path, query, body, base64_encoded=encoded)
        assert refused(chat.module.handler(event, LambdaContext()))
    assert chat.tasks() == []


def test_a_connection_that_is_switched_off_is_none(chat: Chat, agents: Account) -> None:
    connect(agents, chat.wecom, enabled=False)
    assert not chat.wecom.verify_bot_url().is_verified
    assert not chat.wecom.verify_app_url().is_verified


def test_an_event_of_long_ago_is_refused(chat: Chat) -> None:
    assert refused(chat.module.handler(load_event("wecom_verify_url"), LambdaContext()))


def test_a_rotated_key_works_at_once_and_the_one_before_too(chat: Chat, agents: Account) -> None:
    assert chat.wecom.verify_bot_url().is_verified
    old = chat.wecom.settings().bot
    new = replace(old, token="newToken", encoding_aes_key="QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY")
    secrets = ConnectionSecrets(new.token, new.encoding_aes_key, old.token, old.encoding_aes_key)
    helper = agents.connections.connection("helper")
    assert helper is not None
    store_secrets(agents, helper, secrets)
    # what is kept is older than what may be asked for anew
    chat.module.callbacks.secrets._cache._entries.clear()
    assert chat.wecom.verify_bot_url().is_verified
    chat.wecom.use(replace(chat.wecom.settings(), bot=new))
    assert chat.wecom.verify_bot_url().is_verified


def test_what_cannot_be_stored_is_to_come_again(chat: Chat, agents: Account) -> None:
    agents.calls.fail("TransactWriteItems", Fault.NOT_SENT)
    begun = chat.lilei.say("你好")
    chat.wait_for_tasks(1)
    chat.work()
    ended = chat.wecom.ended(begun)
    assert [attempt.status for attempt in ended.attempts] == [500, 200]
    assert ended.outcome == Outcome.DONE
    assert len(chat.tasks()) == 1


# ---------------------------------------------------------------- the bot


def test_a_question_is_answered_in_its_stream(chat: Chat) -> None:
    answered = chat.asks("[[standin: say=你好,李雷。]] 你好")
    (task,) = chat.tasks()
    assert answered.frames[0].content == "已收到。"
    assert (answered.outcome, answered.shown) == (Outcome.DONE, "你好,李雷。")
    assert answered.stream_ids == [task.ref.task_id]
    assert (task.project_id, task.live, task.notifies) == (PROJECT, True, True)
    exchange = chat.account.exchanges.get(ExchangeRef(task.ref.task_id))
    assert exchange is not None
    assert exchange.state is ExchangeState.DELIVERED
    opened = chat.account.sealing(Purpose.RESPONSE_URL).open(
        exchange.sealed_url or b"", exchange.sealing_context
    )
    assert opened.decode() == answered.response_url


def test_what_is_said_in_between_is_shown(chat: Chat) -> None:
    begun = chat.lilei.say("你好")
    (task,) = chat.wait_for_tasks(1)
    live = DynamoDBLive(chat.account.dynamodb, chat.account.resources["TasksTable"])
    with chat.alone:
        live.append(task.ref.task_id, LiveChunk(1, 1, 0, "我先", Progress("WebSearch")), task.deadline)
    said = "我先\n\n> 正在搜索网页…"
    soon(lambda: said in [frame.content for frame in chat.wecom.exchange(begun.id).frames], said)
    chat.work()
    assert said in [frame.content for frame in chat.wecom.ended(begun).frames]


def test_three_deliveries_at_once_are_one_task_and_one_answer(chat: Chat) -> None:
    answered = chat.asks("你好", copies=3)
    (task,) = chat.tasks()
    assert answered.stream_ids == [task.ref.task_id] * 3
    assert len(chat.wecom.seen().deliveries) == 1


def test_a_message_whose_answer_was_lost_is_the_same_when_it_comes_again(chat: Chat) -> None:
    answered = chat.asks("你好", lose_answers=2)
    assert len(answered.attempts) == 3
    assert answered.outcome == Outcome.DONE
    assert len(chat.tasks()) == 1


def test_a_conversation_goes_on_until_it_begins_anew(chat: Chat, claude: StandInClient) -> None:
    chat.asks("wecom-talk 一")
    chat.asks("wecom-talk 二")
    assert chat.hears("/new") == "已开始新的对话。"
    chat.asks("wecom-talk 三")
    assert [len(body["messages"]) for body in claude.bodies("wecom-talk")] == [1, 3, 1]


def test_in_a_group_the_mention_is_not_part_of_the_message(chat: Chat, claude: StandInClient) -> None:
    group = BotUser(chat.wecom, chat_id="wrGroup")
    chat.asks("wecom-group 一", group)
    chat.asks("wecom-group 二", BotUser(chat.wecom, user="HanMeimei", chat_id="wrGroup"))
    bodies = claude.bodies("wecom-group")
    assert [len(body["messages"]) for body in bodies] == [1, 1]
    assert "@Helper" not in json.dumps(bodies, ensure_ascii=False)


def test_a_group_may_share_a_conversation(chat: Chat, agents: Account, claude: StandInClient) -> None:
    connect(agents, chat.wecom, conversation=ConversationScope.GROUP)
    chat.asks("wecom-shared 一", BotUser(chat.wecom, chat_id="wrGroup"))
    chat.asks("wecom-shared 二", BotUser(chat.wecom, user="HanMeimei", chat_id="wrGroup"))
    assert [len(body["messages"]) for body in claude.bodies("wecom-shared")] == [1, 3]


def test_what_is_quoted_comes_first(chat: Chat, claude: StandInClient) -> None:
    chat.asks("wecom-quote 这是什么?", quote=text("第一行\n第二行"))
    (body,) = claude.bodies("wecom-quote")
    assert "引用的消息：\\n> 第一行\\n> 第二行\\nwecom-quote 这是什么?" in json.dumps(
        body["messages"], ensure_ascii=False
    )


def test_voice_is_what_was_said(chat: Chat, claude: StandInClient) -> None:
    chat.asks(voice("wecom-voice 你好"))
    assert len(claude.bodies("wecom-voice")) == 1


def test_images_and_files_reach_the_agent(chat: Chat, claude: StandInClient) -> None:
    chat.asks(mixed(text("wecom-files 看图"), file(PNG, "image")))
    chat.asks(file(b"%PDF-1.7 invoice"))
    chat.asks(file("wecom-notes 文本".encode()))
    last = claude.bodies("wecom-files")[-1]["messages"]
    blocks = [block for message in last for block in message["content"] if isinstance(block, dict)]
    kinds = [(block["type"], block.get("source", {}).get("media_type")) for block in blocks]
    for kind in (("image", "image/png"), ("document", "application/pdf"), ("document", "text/plain")):
        assert kind in kinds


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (file(b"PK\x03\x04\xff\xfe zip"), "读取失败"),
        (file(b"x" * (4 * 1024 * 1024)), "文件太大"),
        (file(b"\x00", "video"), "暂不支持"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(chat: Chat, content: Any, answer: str) -> None:
    ended = chat.wecom.ended(chat.lilei.send(content))
    assert (ended.outcome, len(ended.frames)) == (Outcome.DONE, 1)
    assert answer in ended.shown
    assert chat.tasks() == []


def test_a_question_is_shown_and_the_next_message_answers_it(chat: Chat, agents: Account) -> None:
    agents.add_agent(AGENT, PROJECT, allowedTools=["ask_user"])
    ask = 'tool=ask_user:{"question": "去哪里?"}'
    asked = chat.asks(f"[[standin: {ask} | say=已预订。]] 订票")
    assert (asked.outcome, asked.shown) == (Outcome.DONE, "去哪里?")
    begun = chat.lilei.say("巴黎")
    soon(lambda: chat.tasks()[0].status is not Status.INPUT_REQUIRED, "the answer to its question")
    (task,) = chat.tasks()
    chat.work()
    answered = chat.wecom.ended(begun)
    assert (answered.outcome, answered.shown) == (Outcome.DONE, "已预订。")
    assert len(chat.tasks()) == 1
    assert answered.stream_ids[0].startswith(f"{task.ref.task_id}.")


def test_what_is_under_way_is_told_and_canceled(chat: Chat) -> None:
    begun = chat.lilei.say("写一本书")
    chat.wait_for_tasks(1)
    assert chat.hears("/状态") == "1. 排队中（不到 1 分钟前提问）"
    assert chat.hears("/取消") == "已取消 1 个任务。"
    assert chat.wecom.ended(begun).shown == "任务已取消。"
    assert chat.hears("/cancel") == "没有可以取消的任务。"
    assert chat.hears("/状态") == "没有正在处理的任务。"
    assert "/新对话" in chat.hears("/help")


def test_a_failure_is_one_sentence(chat: Chat) -> None:
    assert chat.asks("[[standin: stop=refusal]] 你好").shown == "这个请求无法处理。"
    assert chat.asks("[[standin: stop=refusal]] Hello").shown != ""


def test_what_is_not_taken_is_told(chat: Chat, agents: Account) -> None:
    agents.add_agent(AGENT, PROJECT, enabled=False)
    assert chat.hears("Hello") == "助手已停用，请联系管理员。"
    connect(agents, chat.wecom, agent_id="nobody")
    chat.module.callbacks.connections._cache._entries.clear()
    assert chat.hears("你好") == "助手的设置有问题，请联系管理员。"


def test_only_who_is_on_the_list_may_write(chat: Chat, agents: Account) -> None:
    connect(agents, chat.wecom, allowed_users=frozenset({"hanmeimei"}))
    assert "没有使用权限" in chat.hears("你好")
    assert chat.asks("你好", BotUser(chat.wecom, user="HanMeimei")).outcome == Outcome.DONE
    assert len(chat.tasks()) == 1


def test_who_comes_in_is_welcomed(chat: Chat, agents: Account) -> None:
    connect(agents, chat.wecom, welcome="欢迎!")
    assert chat.wecom.ended(chat.lilei.enter()).outcome == Outcome.DONE
    (welcome,) = chat.wecom.seen().deliveries
    assert welcome.text == "欢迎!"


def test_a_card_that_is_none_of_ours_stays_as_it_is(chat: Chat) -> None:
    assert chat.wecom.ended(chat.lilei.click("yes", "card-1")).outcome == Outcome.EMPTY


def test_an_opinion_is_kept_with_its_answer(chat: Chat) -> None:
    answered = chat.asks("你好")
    rated = chat.wecom.ended(chat.lilei.rate(answered, 2, content="太长", inaccurate_reason_list=[2]))
    assert rated.outcome == Outcome.EMPTY
    (task,) = chat.tasks()
    exchange = chat.account.exchanges.get(ExchangeRef(task.ref.task_id))
    assert exchange is not None
    assert exchange.feedback is not None
    assert (exchange.feedback.type, exchange.feedback.content, exchange.feedback.reasons) == (2, "太长", (2,))


def test_a_stream_that_is_not_there_ends(chat: Chat) -> None:
    begun = chat.lilei.say("你好")
    (task,) = chat.wait_for_tasks(1)
    with chat.alone:
        assert chat.account.exchanges.remove(ExchangeRef(task.ref.task_id))
    ended = chat.wecom.ended(begun)
    assert (ended.outcome, ended.shown) == (Outcome.DONE, "这条消息已过期，请重新提问。")


# ---------------------------------------------------------------- the application


def test_what_an_application_is_asked_is_answered_later(chat: Chat) -> None:
    person = AppUser(chat.wecom)
    ended = chat.wecom.ended(person.say("你好", copies=3))
    assert ended.outcome == Outcome.DONE
    assert set(chat.wecom.seen().texts("LiLei", "reply")) == {"已收到，正在处理，完成后会把结果发给你。"}
    (task,) = chat.tasks()
    exchange = chat.account.exchanges.get(ExchangeRef(task.ref.task_id))
    assert exchange is not None
    assert (exchange.state, exchange.connection_id, exchange.user_id) == (
        ExchangeState.CLOSED,
        "desk",
        "LiLei",
    )


def test_an_application_answers_at_once_what_needs_no_task(chat: Chat) -> None:
    person = AppUser(chat.wecom)
    chat.wecom.ended(person.say("/help"))
    chat.wecom.ended(person.speak("media"))
    chat.wecom.ended(person.cause("subscribe"))
    chat.wecom.ended(person.cause("enter_agent"))
    said = chat.wecom.seen().texts("LiLei", "reply")
    assert [("直接输入问题" in one, "请改用文字" in one, "你好" in one) for one in said] == [
        (True, False, False),
        (False, True, False),
        (True, False, True),
    ]
    assert chat.tasks() == []


def test_a_place_and_a_link_are_told_in_words(chat: Chat, claude: StandInClient) -> None:
    person = AppUser(chat.wecom)
    chat.wecom.ended(person.locate("39.9", "116.4", "wecom-place 北京"))
    chat.wecom.ended(person.link("wecom-link", "https://example.com/a"))
    chat.worker.work()
    told = json.dumps(claude.bodies("wecom-place")[-1])
    assert "(39.9, 116.4)" in told
    assert "https://example.com/a" in told


@dataclass(frozen=True)
class Department:
    """An application for LiLei and for those in the second department, where only HanMeimei is."""

    chat: Chat

    def says(self, user: str, content: str = "你好") -> Exchange:
        return self.chat.wecom.ended(AppUser(self.chat.wecom, user).say(content))

    def users(self) -> list[str]:
        """Who has got a task."""
        found = [self.chat.account.exchanges.of_task(task.ref.task_id) for task in self.chat.tasks()]
        return [exchange.user_id for exchanges in found for exchange in exchanges]

    def looks(self) -> int:
        """How often WeCom has told departments."""
        calls = self.chat.wecom.seen().calls
        return sum(call.endpoint == "user/get" and call.errcode == 0 for call in calls)


@pytest.fixture
def department(chat: Chat, agents: Account, start: Start) -> Department:
    start("wecom_sender")
    chat.wecom.use(replace(chat.wecom.settings(), departments={"HanMeimei": [2, 7]}))
    listed = {"allowed_users": frozenset({"LiLei"}), "allowed_departments": frozenset({2})}
    connect(agents, chat.wecom, **listed)
    return Department(chat)


def test_who_is_in_a_department_on_the_list_may_write(department: Department) -> None:
    department.says("HanMeimei")
    department.says("WangWei")
    department.says("HanMeimei", "还有")
    department.says("WangWei")
    assert department.users() == ["HanMeimei", "HanMeimei"]
    refused = department.chat.wecom.seen().texts("WangWei", "reply")
    assert len(refused) == 2
    assert all("没有使用权限" in text for text in refused)
    assert department.looks() == 2


def test_who_is_on_the_list_by_name_is_not_looked_up(department: Department) -> None:
    department.says("LiLei")
    assert department.users() == ["LiLei"]
    assert department.chat.account.calls.of("Invoke") == []


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST, Fault.THROTTLED])
def test_a_message_comes_again_while_the_sender_cannot_be_asked(department: Department, fault: Fault) -> None:
    department.chat.account.calls.fail("Invoke", fault)
    department.says("HanMeimei")
    assert department.users() == ["HanMeimei"]
    assert len(department.chat.account.calls.of("Invoke")) == 2


@pytest.mark.parametrize("kind", [WeComFault(FaultKind.ERRCODE, 45009), WeComFault(FaultKind.DROP)])
def test_a_message_comes_again_while_wecom_cannot_be_asked(department: Department, kind: WeComFault) -> None:
    department.chat.wecom.plan("user/get", kind)
    department.says("HanMeimei")
    assert department.users() == ["HanMeimei"]
    assert department.chat.wecom.seen().texts("HanMeimei", "reply") == [
        "已收到，正在处理，完成后会把结果发给你。"
    ]


def test_an_address_that_wecom_does_not_trust_is_told_to_the_operator(
    department: Department, capsys: pytest.CaptureFixture[str]
) -> None:
    department.chat.wecom.plan("user/get", WeComFault(FaultKind.ERRCODE, 60020), times=2)
    department.says("HanMeimei")
    AppUser(department.chat.wecom, "HanMeimei").cause("subscribe")
    soon(lambda: len(department.chat.account.calls.of("Invoke")) == 2, "the second look")
    (told,) = department.chat.wecom.seen().texts("HanMeimei", "reply")
    assert told == "处理失败，请稍后再试。"
    assert department.users() == []
    department.says("HanMeimei")
    assert department.users() == ["HanMeimei"], "a refusal is not kept"
    logged = capsys.readouterr().out
    assert "WeCom refused to return departments" in logged
    assert "企业可信IP" in json.loads(next(line for line in logged.splitlines() if "60020" in line))["reason"]
    assert '"WecomErrors": 1' in logged


def test_who_says_nothing_that_shows_is_told_how_to_ask(chat: Chat) -> None:
    hint = "请输入问题，发送 /帮助 查看命令。"
    assert chat.hears("\u200b") == hint
    chat.wecom.ended(AppUser(chat.wecom).say("\u200b"))
    assert chat.wecom.seen().texts("LiLei", "reply") == [hint]
    assert chat.tasks() == []


def test_nothing_secret_is_logged(chat: Chat, capsys: pytest.CaptureFixture[str]) -> None:
    chat.asks("geheim-4711 你好")
    chat.hears("/help")
    key = CallbackKey(Bot().token, Bot().encoding_aes_key, "")
    logged = capsys.readouterr().out
    assert "WecomMessages" in logged
    for secret in ("geheim-4711", "response_code", key.token, key.encoding_aes_key):
        assert secret not in logged


SELDOM = {
    ("PutItem", "OWNED#*"),  # an answer to a question
    ("Query", "OWNED#*"),  # the same answer again
    ("DeleteItem", "LIVE#*"),  # an answer whose question ended at that moment
    ("GetItem", "LIVE#*"),  # what somebody thinks of an answer
    ("GetItem", "PENDING#*"),  # how many wait for an agent that lets many wait
    ("UpdateItem", "PENDING#*"),
    ("Query", "TASK#*"),  # a message that comes again
    ("GetItem", "SLOTS#*"),  # a task canceled that has a slot, with others in line,
    ("UpdateItem", "SLOTS#*"),  # of whom one gets it,
    ("SendMessage", None),  # and is told so first of all
    ("UpdateItem", "WORKER#*"),  # a task canceled or watched while a worker is at it
    ("SendMessageBatch", None),  # an answer that an application is asked for again
    ("GetItem", "WORKER#*"),  # and that worker's lease is over at that moment
}
"""What other tests use, or a race that needs two people."""


def test_it_may_call_what_it_calls_and_nothing_else(chat: Chat, agents: Account, start: Start) -> None:
    agents.add_agent(AGENT, PROJECT, maxPendingTasks=10)
    agents.registry.create_project(PROJECT, 1)
    agents.registry.set_project(PROJECT, daily_tokens=10**9)
    start("wecom_sender")
    listed = {"allowed_users": frozenset({"LiLei"}), "allowed_departments": frozenset({1})}
    connect(agents, chat.wecom, **listed)
    agents.calls.used.clear()
    assert chat.asks(f"[[standin: echo]] {incompressible(15_000)}").outcome == Outcome.DONE
    chat.lilei.say("你好")
    chat.wait_for_tasks(2)
    assert chat.hears("/取消") == "已取消 1 个任务。"
    chat.wecom.ended(AppUser(chat.wecom, "HanMeimei").say("你好"))
    assert chat.hears("/new") == "已开始新的对话。"
    assert {(grant.action.partition(":")[2], grant.condition) for grant in unused(agents, "wecom")} == SELDOM


# ---------------------------------------------------------------- with the notifier and the sender


@dataclass
class Later:
    """Time that a test moves on, for the double and for all functions."""

    chat: Chat
    ms: int = 0

    def pass_by(self, seconds: int) -> None:
        self.ms += seconds * 1000
        self.chat.wecom.advance(seconds)

    def now(self, _clock: object = None) -> int:
        return time.time_ns() // 1_000_000 + self.ms


@pytest.fixture
def later(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> Iterator[Later]:
    later = Later(chat)
    monkeypatch.setattr(SystemClock, "now", later.now)
    yield later
    chat.wecom.advance(-later.ms / 1000)


def test_an_answer_that_takes_longer_than_six_minutes_is_delivered_once(
    chat: Chat, agents: Account, start: Start, later: Later
) -> None:
    agents.add_agent(AGENT, PROJECT, timeoutMs=900_000)
    stream, notifier, sender = TableStream(agents), start("notifier"), start("wecom_sender")
    begun = chat.lilei.say("[[standin: say=终于好了。]] 慢慢来")
    chat.wait_for_tasks(1)
    later.pass_by(331)
    closed = chat.wecom.ended(begun)
    assert (closed.outcome, closed.shown) == (
        Outcome.DONE,
        "还在处理中，完成后结果会自动发到这里。如果一小时后仍未收到，请发送 /结果 查看。",
    )
    later.pass_by(60)
    with chat.alone:
        chat.worker.work()
        changes = stream.new()
        # what Lambda brings twice is told once
        for _ in range(2):
            notifier.handler({"Records": changes}, LambdaContext())
        sender.handler({"Records": agents.receive("WecomQueue")}, LambdaContext(90_000))
    (task,) = chat.tasks()
    assert task.completed_at is not None
    assert task.completed_at - task.created_at > 360_000
    assert chat.wecom.seen().texts("LiLei", "aibot/response") == ["终于好了。"]
    exchange = chat.account.exchanges.get(ExchangeRef(task.ref.task_id))
    assert exchange is not None
    assert exchange.state is ExchangeState.DELIVERED


def test_an_application_s_answer_is_sent(chat: Chat, agents: Account, start: Start) -> None:
    stream, notifier, sender = TableStream(agents), start("notifier"), start("wecom_sender")
    chat.wecom.ended(AppUser(chat.wecom).say("[[standin: say=你好,李雷。]] 你好", copies=3))
    with chat.alone:
        chat.worker.work()
        notifier.handler({"Records": stream.new()}, LambdaContext())
        sender.handler({"Records": agents.receive("WecomQueue")}, LambdaContext(90_000))
    (sent,) = chat.wecom.seen().texts("LiLei", "message/send")
    assert sent.startswith("你好,李雷。")


def test_an_application_sends_an_answer_again_when_it_is_asked_for(
    chat: Chat, agents: Account, start: Start
) -> None:
    stream, notifier, sender = TableStream(agents), start("notifier"), start("wecom_sender")
    person = AppUser(chat.wecom)
    chat.wecom.ended(person.say("[[standin: say=第一。]] 你好"))
    with chat.alone:
        chat.worker.work()
        notifier.handler({"Records": stream.new()}, LambdaContext())
        sender.handler({"Records": agents.receive("WecomQueue")}, LambdaContext(90_000))
    chat.wecom.ended(person.say("/结果", copies=3))
    with chat.alone:
        for _ in range(3):  # of several that ask for the same one sends, and the others look again
            sender.handler({"Records": agents.receive("WecomQueue")}, LambdaContext(90_000))
    sent = chat.wecom.seen().texts("LiLei", "message/send")
    assert [text.partition("\n")[0] for text in sent] == ["第一。"] * 2


def test_a_bot_shows_the_latest_answer_again(chat: Chat) -> None:
    chat.asks("[[standin: say=第一。]] 你好")
    assert chat.hears("／结果") == "第一。"


@pytest.mark.parametrize("question_burst", ["1"])
def test_who_asks_too_often_is_told_so_by_bots_and_applications(chat: Chat) -> None:
    told = "提问太频繁，请过几分钟再试。"
    chat.asks("你好")
    assert chat.hears("你好") == told

    person = AppUser(chat.wecom)
    person.say("你好")
    chat.wait_for_tasks(2)
    chat.wecom.ended(person.say("你好"))
    assert chat.wecom.seen().texts("LiLei", "reply")[1:] == [told]
    assert len(chat.tasks()) == 2


# ---------------------------------------------------------------- files to the application


@pytest.fixture
def desk(chat: Chat, start: Start) -> AppUser:
    """Somebody who writes to the application; the sender runs too."""
    start("wecom_sender")
    return AppUser(chat.wecom)


def test_the_agent_is_shown_the_image_that_somebody_sends_to_an_application(
    chat: Chat, desk: AppUser, claude: StandInClient
) -> None:
    replied = chat.wecom.ended(desk.attach(PNG, name="photo.png"))
    chat.work()

    (task,) = chat.tasks()
    assert task.status is Status.COMPLETED
    assert replied.outcome == Outcome.DONE
    assert base64.b64encode(PNG).decode() in json.dumps(claude.bodies("")[-1])


def test_a_file_is_read_by_its_content_whatever_the_client_calls_it(
    chat: Chat, desk: AppUser, claude: StandInClient
) -> None:
    chat.wecom.ended(desk.attach("姓名,金额".encode("gb18030"), "file", "wecom-table.csv"))
    chat.work()

    told = json.dumps(claude.bodies("")[-1], ensure_ascii=False)
    assert "姓名,金额" in told
    assert "wecom-table.csv" in told


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (bytes(4_000_000), "image", "文件太大"),
        (b"\x00\x01\x02", "image", "文件读取失败"),
        (b"RIFF....WAVE", "voice", "应用收不到语音的文字内容"),
        (b"", "video", "暂不支持这种消息，请发送文字或图片"),
    ],
)
def test_what_cannot_be_read_is_told_in_words_that_fit(
    chat: Chat, desk: AppUser, content: bytes, kind: str, words: str
) -> None:
    chat.wecom.ended(desk.attach(content, kind))

    (said,) = chat.wecom.seen().texts("LiLei", "reply")
    assert words in said
    assert chat.tasks() == []


def test_a_file_that_wecom_does_not_give_out_is_told_and_an_operator_hears_why(
    chat: Chat, desk: AppUser, capsys: pytest.CaptureFixture[str]
) -> None:
    chat.wecom.use(replace(chat.wecom.settings(), trusts_caller=False))

    chat.wecom.ended(desk.attach(PNG))

    (said,) = chat.wecom.seen().texts("LiLei", "reply")
    assert "文件读取失败" in said
    assert "trusted IPs" in capsys.readouterr().out
    assert chat.tasks() == []


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST, Fault.THROTTLED])
def test_a_sender_that_cannot_be_asked_costs_the_file_and_not_the_answer(
    chat: Chat, desk: AppUser, fault: Fault
) -> None:
    chat.account.calls.fail("Invoke", fault)

    chat.wecom.ended(desk.attach(PNG))

    (said,) = chat.wecom.seen().texts("LiLei", "reply")
    assert "文件读取失败，请重新发送" in said


# ---------------------------------------------------------------- buttons


def sends(chat: Chat, agents: Account, stream: TableStream, start: Start) -> None:
    """Let the worker work, and have told what came of it."""
    notifier, sender = start("notifier"), start("wecom_sender")
    with chat.alone:
        chat.worker.work()
        notifier.handler({"Records": stream.new()}, LambdaContext())
        sender.handler({"Records": agents.receive("WecomQueue")}, LambdaContext(90_000))


def test_a_question_to_an_application_has_buttons_and_a_press_answers_it(
    chat: Chat, agents: Account, start: Start
) -> None:
    stream, person = TableStream(agents), AppUser(chat.wecom)
    agents.add_agent(AGENT, PROJECT, allowedTools=["ask_user"])
    ask = json.dumps({"question": "Which year?", "options": ["2025", "2026"]})
    chat.wecom.ended(person.say(f"[[standin: tool=ask_user:{ask} | say=Done.]] report"))
    sends(chat, agents, stream, start)
    question, card = (one for one in chat.wecom.seen().deliveries if one.via == "message/send")
    assert "1. 2025\n2. 2026" in question.text
    shown = card.message["template_card"]
    assert [button["text"] for button in shown["button_list"]] == ["2025", "2026"]

    for key in ("1", "1", "0"):  # WeCom may bring it again, and others may be late
        chat.wecom.ended(person.click_card(key, shown["task_id"], f"code-{key}"))
    sends(chat, agents, stream, start)

    assert chat.wecom.seen().texts("LiLei", "reply")[-3:] == ["已选：2026", "已回答", "已回答"]
    assert any("Done." in text for text in chat.wecom.seen().texts("LiLei", "message/send"))
    (task,) = chat.tasks()
    assert task.status is Status.COMPLETED


def test_a_bots_question_has_buttons_and_what_follows_comes_by_itself(
    chat: Chat, agents: Account, start: Start
) -> None:
    stream = TableStream(agents)
    agents.add_agent(AGENT, PROJECT, allowedTools=["ask_user"])
    ask = json.dumps({"question": "Which year?", "options": ["2025", "2026"]})
    asked = chat.asks(f"[[standin: tool=ask_user:{ask} | say=Done.]] report")

    press = chat.wecom.ended(chat.lilei.press(asked.card, "2026"))
    sends(chat, agents, stream, start)

    assert press.outcome == Outcome.DONE
    (update,) = [one for one in chat.wecom.seen().deliveries if one.via == "update_template_card"]
    assert update.message["template_card"]["button_list"][0]["text"] == "已选：2026"
    assert chat.wecom.seen().texts("LiLei", "aibot/response") == ["Done."]
