"""``a2actl wecom connections test``: against a callback that tests answer, and a double of WeCom."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets
from a2a_tasks.wecom.protocol.app_callback import verify_url
from a2a_tasks.wecom.protocol.crypto import CallbackKey, CallbackQuery
from a2a_tasks.wecom.protocol.refusal import CallbackRefused
from a2actl.terminal.language import Language
from a2actl.wecom.trial import Finding, Trial
from local.wecom.client import WeComClient
from local.wecom.faults import Fault
from local.wecom.faults import Kind as FaultKind
from local.wecom.settings import Settings
from tests.integration.cli.terminal import STACK, Operator
from tests.integration.support.account import PROJECT, Account
from tests.integration.wecom_double.receiver import Raw, Receiver, receiving

DOUBLE = Settings()
APP = DOUBLE.app
KEYS = ConnectionSecrets(APP.token, APP.encoding_aes_key)
HELPER = Connection("helper", PROJECT, ConnectionKind.BOT, "arn", 1, agent_id="assistant")
DESK = Connection(
    "desk",
    PROJECT,
    ConnectionKind.APP,
    "arn",
    1,
    agent_id="assistant",
    corp_id=APP.corp_id,
    app_id=str(APP.agent_id),
)
OPS = Connection("ops", PROJECT, ConnectionKind.GROUP, "arn", 1)


@pytest.fixture
def wecom(shared_wecom: WeComClient) -> WeComClient:
    shared_wecom.use(DOUBLE)
    return shared_wecom


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A callback that answers verifications as the product does."""
    with receiving(SystemClock()) as receiver:
        receiver.decide = lambda query, _body: _verified(query)
        yield receiver


def _verified(query: CallbackQuery, corp_id: str = "", added: bytes = b"") -> Raw:
    key = CallbackKey(APP.token, APP.encoding_aes_key, corp_id)
    try:
        message = verify_url([key], query, SystemClock().now()).message
    except CallbackRefused:
        return Raw(403)
    return Raw(body=message.encode() + added)


def keep(account: Account, connection: Connection, secrets: ConnectionSecrets, **changes: Any) -> None:
    """A connection with what only tests may have: addresses of this machine."""
    account.connections.create(replace(connection, **changes))
    text = json.dumps(secrets.to_named())
    account.secrets.create_secret(Name=f"{STACK}/wecom/{connection.connection_id}", SecretString=text)


def base_of(receiver: Receiver) -> str:
    return receiver.url.removesuffix("/callback")


def run(operator: Operator, connection: Connection, *options: str) -> Any:
    command = ("wecom", "connections", "test", connection.connection_id, "--language", "en", *options)
    return operator.run(*command)


def test_a_callback_that_answers_as_it_must(operator: Operator, account: Account, receiver: Receiver) -> None:
    keep(account, HELPER, KEYS, public_url=base_of(receiver))
    tried = run(operator, HELPER)
    assert (tried.exit_code, tried.stderr) == (0, "")
    assert tried.stdout.startswith("✓ The callback answers correctly, in 0.")
    in_chinese = run(operator, HELPER, "--language", "zh")
    assert in_chinese.stdout.startswith("✓ 回调验证通过，用时 0.")


def timed(receiver: Receiver, *seconds: float) -> Finding:
    """What comes of a callback that takes so long, one time after the other."""
    moments = iter([moment for took in seconds for moment in (10.0, 10.0 + took)])
    trial = Trial(
        HELPER,
        receiver.url,
        KEYS,
        Language.EN,
        SystemClock(),
        SystemEntropy(),
        stopwatch=lambda: next(moments),
    )
    [finding] = trial.findings(send=False)
    assert next(moments, None) is None
    return finding


def test_of_a_cold_start_the_second_answer_counts(receiver: Receiver) -> None:
    assert timed(receiver, 1.0).is_good
    woken = timed(receiver, 1.4, 0.2)
    assert woken.is_good
    assert "in 1.40 s at first (cold start), then in 0.20 s. Press 保存 (Save) now." in woken.text
    slow = timed(receiver, 1.4, 1.1)
    assert not slow.is_good
    assert slow.text.startswith("The callback's answer is right but took 1.10 s")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Raw(403), "✗ The function rejected the request (403)"),
        (Raw(404), "✗ 127.0.0.1 has no such path (404)"),
        (Raw(500), "✗ The callback returned 500, not 200; check the log of the function wecom."),
        (Raw(200, b"hello"), "✗ The response was changed on the way"),
        (Raw(0), "✗ 127.0.0.1 cannot be reached (RemoteProtocolError); check its DNS"),
    ],
)
def test_a_callback_that_answers_otherwise(
    operator: Operator, account: Account, receiver: Receiver, answer: Raw, said: str
) -> None:
    keep(account, HELPER, KEYS, public_url=base_of(receiver))
    receiver.decide = lambda _query, _body: answer
    tried = run(operator, HELPER)
    assert tried.exit_code == 1
    assert tried.stdout.startswith(said)


def test_an_answer_with_something_added_is_not_good(
    operator: Operator, account: Account, receiver: Receiver
) -> None:
    keep(account, HELPER, KEYS, public_url=base_of(receiver))
    receiver.decide = lambda query, _body: _verified(query, added=b"\n")
    assert run(operator, HELPER).exit_code == 1


def test_a_callback_that_nobody_serves(operator: Operator, account: Account) -> None:
    keep(account, HELPER, KEYS, public_url="http://127.0.0.1:1")
    tried = run(operator, HELPER)
    assert tried.exit_code == 1
    assert tried.stdout.startswith("✗ 127.0.0.1 cannot be reached (ConnectError)")


def test_a_connection_that_is_switched_off_is_said_to_be(
    operator: Operator, account: Account, receiver: Receiver
) -> None:
    keep(account, HELPER, KEYS, public_url=base_of(receiver), enabled=False)
    tried = run(operator, HELPER)
    assert "`a2actl wecom connections set helper --enable` enables it." in tried.stderr


def test_without_keys_there_is_nothing_to_try(operator: Operator, account: Account) -> None:
    keep(account, HELPER, ConnectionSecrets(), public_url="https://agents.example.cn")
    tried = run(operator, HELPER)
    assert (tried.exit_code, tried.stdout) == (
        1,
        "✗ Token and EncodingAESKey are missing; run: a2actl wecom connections rotate helper\n",
    )


# ---------------------------------------------------------------- WeCom's API


@pytest.fixture
def desk(receiver: Receiver, wecom: WeComClient) -> Connection:
    """An application whose callback is served, without a secret yet."""
    receiver.decide = lambda query, _body: _verified(query, APP.corp_id)
    return replace(DESK, public_url=base_of(receiver), api_url=wecom.base_url)


def test_an_application_s_secret_is_tried(operator: Operator, account: Account, desk: Connection) -> None:
    keep(account, desk, replace(KEYS, corp_secret=APP.secret))
    tried = run(operator, desk)
    assert tried.exit_code == 0
    assert tried.stdout.count("✓") == 2
    assert "The application's CorpID and Secret are valid (gettoken)." in tried.stdout
    assert APP.secret not in tried.output


@pytest.mark.parametrize(
    ("secret", "changes", "said"),
    [
        ("wrong-secret-0123456", {}, "✗ 40001: The application's Secret is wrong or was reset"),
        (APP.secret, {"corp_id": "wwother0123456789"}, "✗ 40013: The CorpID is wrong"),
        (None, {}, "✗ The application's Secret is missing; run: a2actl wecom connections rotate desk --corp"),
    ],
)
def test_what_is_wrong_with_an_application_is_said_in_words(
    operator: Operator,
    account: Account,
    receiver: Receiver,
    desk: Connection,
    secret: str | None,
    changes: dict[str, str],
    said: str,
) -> None:
    other = replace(desk, **changes)  # type: ignore[arg-type]
    receiver.decide = lambda query, _body: _verified(query, other.corp_id or "")
    keep(account, other, replace(KEYS, corp_secret=secret))
    tried = run(operator, other)
    assert tried.exit_code == 1
    assert [line[: len(said)] for line in tried.stdout.splitlines()][1] == said
    assert "secret-0123456" not in tried.output


@pytest.mark.parametrize(
    ("errcode", "said"),
    [
        (-1, "✗ -1: WeCom is busy; try again in a moment."),
        (45009, "✗ 45009: Too many calls"),
        (60020, "✗ 60020: The caller's IP is not among the application's trusted ones"),
        (50001, "✗ 50001: A WeCom error code; see https://developer.work.weixin.qq.com/document/path/90313"),
    ],
)
def test_error_codes_are_explained(
    operator: Operator, account: Account, desk: Connection, wecom: WeComClient, errcode: int, said: str
) -> None:
    keep(account, desk, replace(KEYS, corp_secret=APP.secret))
    wecom.plan("gettoken", Fault(FaultKind.ERRCODE, errcode))
    assert said in run(operator, desk).stdout


def test_an_api_that_cannot_be_reached_is_told_without_its_secrets(
    operator: Operator, account: Account, desk: Connection
) -> None:
    keep(account, replace(desk, api_url="http://127.0.0.1:1"), replace(KEYS, corp_secret=APP.secret))
    tried = run(operator, desk)
    assert tried.exit_code == 1
    assert "✗ WeCom cannot be reached at 127.0.0.1 (ConnectError)" in tried.stdout
    assert APP.secret not in tried.output


def test_something_that_is_not_wecom_is_told_as_such(
    operator: Operator, account: Account, desk: Connection, receiver: Receiver
) -> None:
    keep(account, replace(desk, api_url=base_of(receiver)), replace(KEYS, corp_secret=APP.secret))
    assert (
        "The response from 127.0.0.1 is not from WeCom (403); check --api-url." in run(operator, desk).stdout
    )


def test_a_group_gets_a_message_only_if_it_is_to(
    operator: Operator, account: Account, wecom: WeComClient
) -> None:
    [key] = DOUBLE.webhook_keys
    keep(account, OPS, ConnectionSecrets(webhook_key=key), api_url=wecom.base_url)
    unsent = run(operator, OPS)
    assert (unsent.exit_code, wecom.seen().deliveries) == (0, [])
    assert "send a test message to the group with --send." in unsent.stdout
    sent = run(operator, OPS, "--send")
    assert (sent.exit_code, sent.stdout) == (0, "✓ The test message was sent to the group.\n")
    assert wecom.seen().texts(key) == ["a2a-tasks: the connection ops works."]
    assert key not in sent.output


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("gone-key-0123456", "✗ 93000: The group robot does not exist, or it was removed"),
        (None, "✗ The Webhook URL of the group robot is missing; run: a2actl wecom connections rotate"),
    ],
)
def test_a_group_robot_that_is_not_there(
    operator: Operator, account: Account, wecom: WeComClient, key: str | None, said: str
) -> None:
    keep(account, OPS, ConnectionSecrets(webhook_key=key), api_url=wecom.base_url)
    tried = run(operator, OPS, "--send")
    assert tried.exit_code == 1
    assert tried.stdout.startswith(said)


def test_only_a_group_gets_a_message(operator: Operator, account: Account) -> None:
    keep(account, HELPER, KEYS)
    refused = run(operator, HELPER, "--send")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == "--send is for a group robot; helper is of kind bot.\n"
