"""``a2actl wecom connections`` on a deployed stack: what is made, changed and deleted."""

import json
from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.adapters.wecom.connection_secrets import CachedConnectionSecrets
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets, ConversationScope
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.protocol.callback_keys import callback_keys
from a2actl.terminal import secret_input
from tests.integration.cli.terminal import API_URL, STACK, Operator
from tests.integration.support.account import OTHER_PROJECT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.twins.clock import FakeClock

AES_KEY = "Zk3mQ9vT7xYbR2nLcW5dHsJ8pA1gUeF6oKtXiVyBhMr"
CORP_SECRET = "corp-secret-0123456789"
WEBHOOK_KEY = "0197a4e0-0000-7000-8000-000000000001"
ADDRESS = f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={WEBHOOK_KEY}"
APP_OPTIONS = ("--kind", "app", "--corp-id", "ww0123456789abcdef", "--app-id", "1000002")


@pytest.fixture
def account(agents: Account) -> Account:
    """With the agents of two projects."""
    for project in (PROJECT, OTHER_PROJECT):
        agents.registry.create_project(project, 1)
    agents.calls.made.clear()
    return agents


def run(operator: Operator, *command: str, stdin: str | bytes | None = None) -> Any:
    return operator.run("wecom", "connections", *command, stdin=stdin)


def create_bot(operator: Operator, *options: str, stdin: str | bytes | None = None) -> Any:
    given = ("--kind", "bot", "--agent", "assistant", "--project", PROJECT, "--language", "en")
    return run(operator, "create", "helper", *given, *options, stdin=stdin)


def create_app(operator: Operator, *options: str, stdin: str | bytes | None = CORP_SECRET) -> Any:
    given = (*APP_OPTIONS, "--agent", "assistant", "--project", PROJECT, "--language", "en")
    return run(operator, "create", "desk", *given, *options, stdin=stdin)


def create_group(operator: Operator, *options: str, stdin: str | bytes | None = ADDRESS) -> Any:
    return run(
        operator,
        "create",
        "ops",
        "--kind",
        "group",
        "--project",
        PROJECT,
        "--language",
        "en",
        *options,
        stdin=stdin,
    )


def stored(account: Account, connection_id: str = "helper") -> Connection:
    found = account.connections.connection(connection_id)
    assert found is not None
    return found


def secrets(account: Account, connection_id: str = "helper") -> ConnectionSecrets:
    """As a function reads them."""
    reader = CachedConnectionSecrets(lambda: account.secrets, FakeClock())
    return reader.secrets(stored(account, connection_id))


def secret_names(account: Account) -> list[str]:
    listed = account.secrets.list_secrets(IncludePlannedDeletion=False)["SecretList"]
    return [secret["Name"] for secret in listed if "/wecom/" in secret["Name"]]


# ---------------------------------------------------------------- create


def test_a_bot_gets_its_keys_and_the_operator_what_to_paste(operator: Operator, account: Account) -> None:
    made = create_bot(operator)
    assert (made.exit_code, made.stderr) == (0, "helper: created in project demo.\n")
    connection, kept = stored(account), secrets(account)
    assert connection == Connection(
        "helper",
        PROJECT,
        ConnectionKind.BOT,
        connection.secret_arn,
        connection.created_at,
        agent_id="assistant",
    )
    assert connection.secret_arn.rpartition(":")[2].startswith(f"{STACK}/wecom/helper-")
    assert len(callback_keys(connection, kept)) == 1
    pasted = [line.split()[-1] for line in made.stdout.splitlines() if line.startswith("       ")]
    assert pasted[1:4] == [f"{API_URL}/wecom/helper/callback", kept.token, kept.aes_key]
    assert "手动创建 → API模式创建" in made.stdout
    assert "amazonaws.com is AWS's own domain" in made.stdout
    assert "--bot-id BOT_ID" in made.stdout


def test_everything_is_said_in_chinese_to_who_wants_it(
    operator: Operator, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_chinese = create_bot(operator, "--language", "zh", "--public-url", "https://agents.example.cn/")
    assert "填写这三项：" in in_chinese.stdout
    assert "https://agents.example.cn/wecom/helper/callback" in in_chinese.stdout
    assert "AWS 自带" not in in_chinese.stdout
    monkeypatch.setenv("LC_ALL", "")
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert run(operator, "setup", "helper").stdout == in_chinese.stdout
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert "Paste these three:" in run(operator, "setup", "helper").stdout
    assert str(secrets(account).token) in in_chinese.stdout


def test_an_application_s_secret_comes_by_stdin(operator: Operator, account: Account) -> None:
    made = create_app(operator, "--allow-user", "LiLei", "--allow-department", "7")
    assert made.exit_code == 0
    assert secrets(account, "desk").corp_secret == CORP_SECRET
    assert CORP_SECRET not in made.output
    connection = stored(account, "desk")
    assert (connection.corp_id, connection.app_id) == ("ww0123456789abcdef", "1000002")
    assert connection.allowed_users == {"LiLei"}
    assert connection.allowed_departments == {7}
    assert "应用管理 → your application (AgentId 1000002) → 接收消息 → 设置API接收" in made.stdout
    assert "企业可信IP" in made.stdout
    assert "Secret is missing" not in made.stdout


def test_an_application_s_secret_may_come_later(operator: Operator, account: Account) -> None:
    made = create_app(operator, "--secret-later", stdin=None)
    assert made.exit_code == 0
    assert "a2actl wecom connections rotate desk --corp-secret" in made.stdout
    assert secrets(account, "desk").corp_secret is None


@pytest.mark.parametrize("given", [ADDRESS, WEBHOOK_KEY, f"  {ADDRESS}\r\n"])
def test_a_group_s_robot_is_its_address_or_the_key_in_it(
    operator: Operator, account: Account, given: str
) -> None:
    made = create_group(operator, stdin=given)
    assert made.exit_code == 0
    assert secrets(account, "ops") == ConnectionSecrets(webhook_key=WEBHOOK_KEY)
    assert WEBHOOK_KEY not in made.output
    assert "callback" not in made.stdout


def test_keys_that_wecom_has_made_may_be_given(operator: Operator, account: Account) -> None:
    made = create_app(operator, "--own-keys", stdin=f"T0ken\n{AES_KEY}\n{CORP_SECRET}\n")
    assert made.exit_code == 0
    assert secrets(account, "desk") == ConnectionSecrets("T0ken", AES_KEY, corp_secret=CORP_SECRET)


def test_json_has_what_a_program_needs(operator: Operator, account: Account) -> None:
    made = json.loads(create_bot(operator, "--json", "--conversation", "group", "--welcome", "你好").stdout)
    kept = secrets(account)
    assert made.pop("createdAt").endswith("Z")
    assert made == {
        "id": "helper",
        "kind": "bot",
        "projectId": PROJECT,
        "agentId": "assistant",
        "conversation": "group",
        "welcome": "你好",
        "apiUrl": "https://qyapi.weixin.qq.com",
        "language": "zh",
        "enabled": True,
        "callbackUrl": f"{API_URL}/wecom/helper/callback",
        "token": kept.token,
        "encodingAesKey": kept.aes_key,
    }


def test_secrets_are_in_secrets_manager_and_nowhere_else(operator: Operator, account: Account) -> None:
    create_app(operator)
    create_group(operator)
    kept = [secrets(account, name) for name in ("desk", "ops")]
    looks = [
        run(operator, *command)
        for name in ("desk", "ops")
        for command in (("show", name), ("show", name, "--json"), ("list", "--project", PROJECT))
    ]
    items = str(account.dynamodb.scan(TableName=account.resources["RegistryTable"])["Items"])
    for value in [value for one in kept for value in one.to_named().values()]:
        assert value not in items
        assert not any(value in look.output for look in looks)


@pytest.mark.parametrize(
    ("options", "stdin", "problem"),
    [
        (("--agent", "spy"), None, "--agent: the project demo has no agent 'spy'; `a2actl agents list"),
        (("--agent", "nobody"), None, "--agent: the project demo has no agent 'nobody'; `a2actl agents"),
        (("--project", "new"), None, "There is no project 'new'"),
        (("--corp-id", "ww0123456789abcdef"), None, "--corp-id: is not for kind bot"),
        (("--allow-department", "4"), None, "--allow-department: is not for kind bot: a bot cannot look up"),
        (("--allow-user", "two words"), None, "--allow-user: 'two words' is no account"),
        (("--fallback", "nowhere"), None, "--fallback: the project demo has no connection 'nowhere'"),
        (("--fallback", "theirs"), None, "--fallback: the project demo has no connection 'theirs'"),
        (
            ("--fallback", "other-bot"),
            None,
            "--fallback: 'other-bot' is a bot, which cannot start a conversation",
        ),
        (("--public-url", "http://agents.example.cn"), None, "--public-url: must start with https://"),
        (("--public-url", "agents.example.cn"), None, "--public-url: must be a URL such as https://agents"),
        (("--public-url", "https://a.cn:port"), None, "--public-url: 'https://a.cn:port' is not a URL"),
        (("--public-url", "https://a.cn/x?y=z"), None, "--public-url: must be a URL such as"),
        (("--public-url", "https://me:pw@a.cn"), None, "--public-url: must not contain a user or a password"),
        (("--api-url", "https://a.cn/cgi-bin"), None, "--api-url: must be a URL such as https://qyapi"),
        (("--own-keys",), None, "Expected on stdin, one line each: Token, then EncodingAESKey; got 0 lines."),
        (("--own-keys",), "T0ken", "Expected on stdin, one line each: Token, then EncodingAESKey; got 1"),
        (("--own-keys",), f"T0ken\n{AES_KEY}\nmore", "Expected on stdin, one line each"),
        (("--own-keys",), f"T0\n{AES_KEY}", "The Token must be 3 to 32 letters and digits"),
        (("--own-keys",), f"T0ken\n{AES_KEY}x", "The EncodingAESKey must be 43 letters and digits"),
        (("--own-keys",), b"\xff\n\xff", "Expected on stdin, one line each"),
    ],
)
def test_create_refuses_what_cannot_be_before_anything_is_written(
    operator: Operator, account: Account, options: tuple[str, ...], stdin: str | bytes | None, problem: str
) -> None:
    for other in (
        Connection("theirs", OTHER_PROJECT, ConnectionKind.GROUP, "arn", 1),
        Connection("other-bot", PROJECT, ConnectionKind.BOT, "arn", 1),
    ):
        account.connections.create(other)
    refused = create_bot(operator, *options, stdin=stdin)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert problem in refused.stderr
    assert AES_KEY not in refused.stderr
    assert account.connections.connection("helper") is None
    assert secret_names(account) == []


@pytest.mark.parametrize(
    ("create", "stdin", "problem"),
    [
        (create_app, "short", "This is not the Secret of an application"),
        (create_app, "two words and more", "This is not the Secret of an application"),
        (create_app, "", "Expected on stdin, one line each: Secret; got 0 lines."),
        (create_group, "https://example.com/send?key=", "This is neither the Webhook URL of a group"),
        (create_group, "https://qyapi.weixin.qq.com/cgi-bin/webhook/send", "This is neither the Webhook URL"),
        (create_group, "key with spaces", "This is neither the Webhook URL"),
    ],
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(
    operator: Operator, account: Account, create: Any, stdin: str, problem: str
) -> None:
    refused = create(operator, stdin=stdin)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert problem in refused.stderr
    assert not stdin or stdin not in refused.stderr
    assert secret_names(account) == []


def test_a_group_takes_no_keys(operator: Operator) -> None:
    refused = create_group(operator, "--own-keys", stdin=f"T0ken\n{AES_KEY}\n{ADDRESS}")
    assert refused.stderr == "--own-keys does not apply to the kind group, which has no callback.\n"


def test_an_id_that_is_taken_is_refused_and_its_secrets_stay(operator: Operator, account: Account) -> None:
    create_bot(operator)
    before = (stored(account), secrets(account))
    again = create_bot(operator)
    command = ("create", "helper", "--kind", "bot", "--agent", "spy", "--project", OTHER_PROJECT)
    theirs = run(operator, *command)
    for refused in (again, theirs):
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert refused.stderr.startswith("The connection 'helper' already exists; ids are unique")
    assert (stored(account), secrets(account)) == before


def test_on_a_terminal_secrets_are_typed_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = {"Token: ": "T0ken", "EncodingAESKey: ": AES_KEY}
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(secret_input, "getpass", typed.__getitem__)
    assert secret_input.read_lines("Token", "EncodingAESKey") == ["T0ken", AES_KEY]


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("DescribeSecret", Fault.NOT_SENT),
        ("CreateSecret", Fault.NOT_SENT),
        ("CreateSecret", Fault.ANSWER_LOST),
        ("TransactWriteItems", Fault.NOT_SENT),
        ("TransactWriteItems", Fault.ANSWER_LOST),
    ],
)
def test_a_creation_that_broke_off_is_completed_by_the_next(
    operator: Operator, account: Account, operation: str, fault: Fault
) -> None:
    account.calls.fail(operation, fault)
    broken = create_bot(operator)
    assert broken.exit_code == 2
    left = account.connections.connection("helper")
    if left is not None:
        assert len(callback_keys(left, secrets(account))) == 1, "it never names a secret that is not there"
        assert run(operator, "setup", "helper").exit_code == 0
    else:
        assert create_bot(operator).exit_code == 0
    assert len(callback_keys(stored(account), secrets(account))) == 1


def test_keys_that_were_printed_stay_good_when_the_creation_is_repeated(
    operator: Operator, account: Account
) -> None:
    account.calls.fail("TransactWriteItems")
    create_bot(operator)
    text = account.secrets.get_secret_value(SecretId=f"{STACK}/wecom/helper")["SecretString"]
    assert create_bot(operator).exit_code == 0
    assert secrets(account) == ConnectionSecrets.from_named(json.loads(text))


# ---------------------------------------------------------------- list and show


def test_list_and_show_tell_what_there_is(operator: Operator, account: Account) -> None:
    create_app(operator)
    create_bot(operator, "--fallback", "desk", "--allow-user", "LiLei", "--bot-id", "aib1")
    create_group(operator, "--secret-later", stdin=None)
    account.connections.replace(replace(stored(account, "desk"), enabled=False))
    assert run(operator, "list", "--project", PROJECT).stdout.splitlines() == [
        "CONNECTION\tKIND\tAGENT\tSTATE\tCALLBACK URL",
        f"desk\tapp\tassistant\tdisabled\t{API_URL}/wecom/desk/callback",
        f"helper\tbot\tassistant\tenabled\t{API_URL}/wecom/helper/callback",
        "ops\tgroup\t–\tenabled\t–",
    ]
    listed = json.loads(run(operator, "list", "--project", PROJECT, "--json").stdout)
    assert [one["id"] for one in listed] == ["desk", "helper", "ops"]
    assert listed[1] == json.loads(run(operator, "show", "helper", "--json").stdout)
    shown = run(operator, "show", "helper").stdout
    for line in (
        "Kind:         bot",
        "Bot:          aib1",
        "May write:    LiLei",
        "Conversation: per user",
        "Fallback:     desk",
        "Secrets:      Token and EncodingAESKey set",
    ):
        assert line in shown
    group = run(operator, "show", "ops").stdout
    assert "Secrets:     webhook key missing" in group
    assert "Writes:      Markdown" in group
    assert "ww0123456789abcdef / 1000002" in run(operator, "show", "desk").stdout
    assert run(operator, "list", "--project", OTHER_PROJECT, "--json").stdout == "[]\n"


@pytest.mark.parametrize(
    "command", [("show",), ("setup",), ("test",), ("rotate",), ("delete",), ("set", "--disable")]
)
def test_a_connection_that_is_not_there(operator: Operator, command: tuple[str, ...]) -> None:
    refused = run(operator, command[0], "nobody", *command[1:])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        "There is no connection 'nobody'; `a2actl wecom connections list --project ID` lists"
        " the connections.\n"
    )


def test_a_project_that_does_not_exist(operator: Operator) -> None:
    refused = run(operator, "list", "--project", "nobody")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("There is no project 'nobody'")


# ---------------------------------------------------------------- set


NO_LIMITS = {"messages_per_minute": None, "tokens_per_day": None, "bot_name": None}


def test_a_group_whose_id_is_not_known_is_no_fallback(operator: Operator, account: Account) -> None:
    create_group(operator)
    create_bot(operator)
    refused = run(operator, "set", "helper", "--fallback", "ops")
    assert (refused.exit_code, "--fallback: 'ops' has no chatId" in refused.stderr) == (2, True)
    assert run(operator, "set", "ops", "--chat-id", "wrGROUP").exit_code == 0
    assert run(operator, "set", "helper", "--fallback", "ops").exit_code == 0
    assert stored(account).fallback == "ops"


def test_set_changes_what_is_named_and_nothing_else(operator: Operator, account: Account) -> None:
    create_app(operator)
    create_bot(operator, "--welcome", "hi", "--fallback", "desk", "--allow-user", "LiLei")
    before, kept = stored(account), secrets(account)
    changes: list[tuple[tuple[str, ...], dict[str, Any]]] = [
        (("--bot-id", "aib1"), {"bot_id": "aib1"}),
        (("--conversation", "group"), {"conversation": ConversationScope.GROUP}),
        (("--allow-user", "han", "--allow-user", "wang"), {"allowed_users": frozenset({"han", "wang"})}),
        (("--allow-everybody",), {"allowed_users": frozenset()}),
        (("--welcome", "", "--fallback", ""), {"welcome": None, "fallback": None}),
        (("--public-url", "https://agents.example.cn"), {"public_url": "https://agents.example.cn"}),
        (("--bot-name", "AI 助手"), {"bot_name": "AI 助手"}),
        (("--chat-language", "en"), {"language": Language.EN}),
        (("--no-name-speaker",), {"names_speaker": False}),
        (("--messages-per-minute", "6"), {"messages_per_minute": 6}),
        (("--tokens-per-day", "100000"), {"tokens_per_day": 100_000}),
        (("--messages-per-minute", "0", "--tokens-per-day", "0", "--bot-name", ""), NO_LIMITS),
        (("--disable",), {"enabled": False}),
        (("--enable",), {"enabled": True}),
    ]
    for options, change in changes:
        changed = run(operator, "set", "helper", *options)
        assert (changed.exit_code, changed.stdout) == (0, "helper: changed.\n")
        before = replace(before, **change)
        assert stored(account) == before
    assert secrets(account) == kept


def test_an_application_writes_markdown_if_it_is_told_to(operator: Operator, account: Account) -> None:
    create_app(operator)
    told = [("--markdown", True, "Markdown"), ("--plain", False, "plain text")]
    for option, markdown, shown in told:
        assert run(operator, "set", "desk", option).exit_code == 0
        assert stored(account, "desk").markdown is markdown
        assert run(operator, "show", "desk").stdout.count(shown) == 1


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ((), "No setting was given; `a2actl wecom connections set --help` lists them."),
        (("--agent", ""), "--agent: is required for kind bot"),
        (("--agent", "spy"), "--agent: the project demo has no agent 'spy'"),
        (("--app-id", "5"), "--app-id: is not for kind bot"),
        (("--fallback", "helper"), "--fallback: must be another connection"),
        (("--allow-everybody", "--allow-user", "han"), "--allow-everybody and lists exclude each other"),
    ],
)
def test_set_refuses_what_cannot_be(
    operator: Operator, account: Account, options: tuple[str, ...], problem: str
) -> None:
    create_bot(operator)
    before = stored(account)
    refused = run(operator, "set", "helper", *options)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert problem in refused.stderr
    assert stored(account) == before


# ---------------------------------------------------------------- apply

FILE = """
id: helper
kind: bot
agentId: assistant
conversation: group
fallback: ops
---
id: ops
chatId: wrGROUP
kind: group
"""


def apply(operator: Operator, text: str, *options: str) -> Any:
    return run(operator, "apply", operator.write("wecom.yaml", text), *options)


def test_a_file_makes_connections_and_applying_it_again_changes_nothing(
    operator: Operator, account: Account
) -> None:
    made = apply(operator, FILE, "--project", PROJECT)
    assert (made.exit_code, made.stdout) == (
        0,
        "helper: created in project demo\nops: created in project demo\n",
    )
    assert made.stderr.splitlines() == [
        "What to enter in WeCom's console: a2actl wecom connections setup helper",
        "What to enter in WeCom's console: a2actl wecom connections setup ops",
    ]
    before = [(stored(account, name), secrets(account, name)) for name in ("helper", "ops")]
    assert not any(value in made.output for _, kept in before for value in kept.to_named().values())
    again = apply(operator, FILE, "--project", PROJECT)
    assert (again.exit_code, again.stdout, again.stderr) == (
        0,
        "helper: applied in project demo\nops: applied in project demo\n",
        "",
    )
    assert [(stored(account, name), secrets(account, name)) for name in ("helper", "ops")] == before
    assert "a2actl wecom connections rotate ops --webhook-key" in run(operator, "setup", "ops").stdout


def test_a_file_changes_what_is_there_and_its_secrets_stay(operator: Operator, account: Account) -> None:
    create_app(operator, "--welcome", "hi")
    before, kept = stored(account, "desk"), secrets(account, "desk")
    text = (
        "id: desk\nkind: app\nprojectId: demo\nagentId: assistant\ncorpId: ww0123456789abcdef\n"
        "appId: 1000003\nenabled: false\n"
    )
    assert apply(operator, text).exit_code == 0
    assert stored(account, "desk") == replace(before, app_id="1000003", welcome=None, enabled=False)
    assert secrets(account, "desk") == kept


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            FILE + "---\nid: third\nkind: bot\nagentId: spy\n",
            "(document 3): agentId: the project demo has",
        ),
        (FILE + "---\nid: helper\nkind: group\n", "(document 3): id: 'helper' is already the connection of"),
        (FILE + "---\nid: theirs\nkind: group\n", "id: 'theirs' belongs to another project"),
        (FILE + "---\nid: own\nkind: group\n", "kind: is bot and cannot change; delete the connection first"),
        (FILE + "---\nid: x\nkind: group\ntoken: hidden-1\n", "token: unknown field; known fields are id, k"),
        (
            FILE + "---\nid: x\nkind: group\nprojectId: rival\n",
            "projectId is 'rival', but --project is",
        ),
        (
            FILE + "---\nid: x\nkind: bot\nagentId: assistant\nfallback: helper\n",
            "fallback: 'helper' is a",
        ),
        ("# nothing\n", "contains no connection."),
        ("id: [", "is not valid YAML"),
    ],
)
def test_of_a_file_with_a_mistake_nothing_is_applied(
    operator: Operator, account: Account, text: str, problem: str
) -> None:
    account.connections.create(Connection("theirs", OTHER_PROJECT, ConnectionKind.GROUP, "arn", 1))
    account.connections.create(Connection("own", PROJECT, ConnectionKind.BOT, "arn", 1))
    refused = apply(operator, text, "--project", PROJECT)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert problem in refused.stderr
    assert "hidden-1" not in refused.stderr
    assert account.connections.connection("helper") is None
    assert secret_names(account) == []


# ---------------------------------------------------------------- rotate


def test_new_keys_are_good_beside_the_old_ones_until_those_are_retired(
    operator: Operator, account: Account
) -> None:
    create_app(operator)
    before = secrets(account, "desk")
    rotated = run(operator, "rotate", "desk", "--language", "en")
    after = secrets(account, "desk")
    assert rotated.exit_code == 0
    assert (after.previous_token, after.previous_aes_key) == (before.token, before.aes_key)
    assert after.corp_secret == CORP_SECRET
    assert after.token not in (None, before.token)
    assert f"EncodingAESKey  {after.aes_key}" in rotated.stdout
    assert "rotate desk --retire-previous" in rotated.stdout
    assert "the previous ones still valid" in run(operator, "show", "desk").stdout
    retired = run(operator, "rotate", "desk", "--retire-previous")
    assert retired.exit_code == 0
    assert secrets(account, "desk") == ConnectionSecrets(after.token, after.aes_key, corp_secret=CORP_SECRET)
    again = run(operator, "rotate", "desk", "--retire-previous")
    assert again.stderr == "desk has no previous Token and EncodingAESKey to retire.\n"


def test_rotating_twice_does_not_lose_the_keys_that_wecom_has(operator: Operator, account: Account) -> None:
    create_bot(operator)
    account.calls.fail("PutSecretValue", Fault.ANSWER_LOST)
    assert run(operator, "rotate", "helper").exit_code == 2
    after = secrets(account)
    again = run(operator, "rotate", "helper")
    assert again.exit_code == 2
    assert "helper already has new and previous keys." in again.stderr
    assert secrets(account) == after
    assert after.token is not None
    assert after.token in run(operator, "setup", "helper").stdout


def test_keys_may_be_rotated_to_those_that_wecom_has_made(operator: Operator, account: Account) -> None:
    create_bot(operator)
    before = secrets(account)
    assert run(operator, "rotate", "helper", "--own-keys", stdin=f"T0ken\n{AES_KEY}\n").exit_code == 0
    assert secrets(account) == ConnectionSecrets("T0ken", AES_KEY, before.token, before.aes_key)


def test_an_application_s_secret_and_a_group_s_address_are_replaced(
    operator: Operator, account: Account
) -> None:
    create_app(operator, "--secret-later", stdin=None)
    create_group(operator)
    kept = secrets(account, "desk")
    new = "another-secret-0123"
    replaced = run(operator, "rotate", "desk", "--corp-secret", stdin=new)
    assert (replaced.exit_code, replaced.stdout) == (
        0,
        "desk: replaced. The new secret is used within five minutes.\n",
    )
    assert secrets(account, "desk") == replace(kept, corp_secret=new)
    assert run(operator, "rotate", "ops", "--webhook-key", stdin="another-key-1").exit_code == 0
    assert secrets(account, "ops") == ConnectionSecrets(webhook_key="another-key-1")


@pytest.mark.parametrize(
    ("connection", "options", "problem"),
    [
        ("helper", ("--corp-secret",), "--corp-secret is for an application; helper is of kind bot."),
        ("helper", ("--webhook-key",), "--webhook-key is for a group robot; helper is of kind bot."),
        ("ops", (), "A group robot has only a Webhook URL: --webhook-key."),
        ("ops", ("--retire-previous",), "A group robot has only a Webhook URL: --webhook-key."),
        (
            "helper",
            ("--own-keys", "--retire-previous"),
            "--retire-previous, --corp-secret, --webhook-key and",
        ),
    ],
)
def test_rotate_refuses_what_a_connection_does_not_have(
    operator: Operator, account: Account, connection: str, options: tuple[str, ...], problem: str
) -> None:
    create_bot(operator)
    create_group(operator)
    before = [secrets(account), secrets(account, "ops")]
    refused = run(operator, "rotate", connection, *options)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(problem)
    assert [secrets(account), secrets(account, "ops")] == before


@pytest.mark.parametrize("for_good", [False, True])
def test_secrets_that_are_gone_are_made_anew(operator: Operator, account: Account, for_good: bool) -> None:
    create_bot(operator)
    account.secrets.delete_secret(SecretId=f"{STACK}/wecom/helper", ForceDeleteWithoutRecovery=for_good)
    gone = run(operator, "setup", "helper")
    assert gone.exit_code == 2
    assert "a2actl wecom connections rotate helper" in gone.stderr
    assert run(operator, "rotate", "helper").exit_code == 0
    assert len(callback_keys(stored(account), secrets(account))) == 1


def test_a_secret_of_another_shape_is_not_told(operator: Operator, account: Account) -> None:
    create_bot(operator)
    account.secrets.put_secret_value(SecretId=f"{STACK}/wecom/helper", SecretString="hidden-1")
    refused = run(operator, "setup", "helper")
    assert refused.exit_code == 2
    assert f"The secret {STACK}/wecom/helper was not created by a2actl" in refused.stderr
    assert "hidden-1" not in refused.output


# ---------------------------------------------------------------- delete


def test_delete_takes_the_connection_and_its_secrets(operator: Operator, account: Account) -> None:
    create_app(operator)
    create_bot(operator, "--fallback", "desk")
    deleted = run(operator, "delete", "desk")
    assert (deleted.exit_code, deleted.stdout) == (0, "desk: deleted.\n")
    assert deleted.stderr.splitlines() == [
        "Its secrets can be restored in Secrets Manager for 7 days.",
        "These connections still use it as their fallback: helper.",
    ]
    assert account.connections.connection("desk") is None
    assert secret_names(account) == [f"{STACK}/wecom/helper"]
    assert run(operator, "delete", "desk").exit_code == 2


def test_a_connection_that_is_made_anew_has_nothing_of_the_one_before(
    operator: Operator, account: Account
) -> None:
    create_app(operator)
    before = secrets(account, "desk")
    run(operator, "delete", "desk")
    assert create_app(operator, "--secret-later", stdin=None).exit_code == 0
    after = secrets(account, "desk")
    assert after.corp_secret is None
    assert after.token not in (None, before.token)
    assert after.previous_token is None


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST, Fault.SENT_TWICE])
@pytest.mark.parametrize("operation", ["TransactWriteItems", "DeleteSecret"])
def test_a_deletion_that_broke_off_is_completed_by_the_next(
    operator: Operator, account: Account, operation: str, fault: Fault
) -> None:
    create_bot(operator)
    account.calls.fail(operation, fault)
    run(operator, "delete", "helper")
    left = account.connections.connection("helper")
    assert left is None or len(callback_keys(left, secrets(account))) == 1
    run(operator, "delete", "helper")
    assert account.connections.connection("helper") is None
    assert secret_names(account) == []
