"""What an operator may write about a connection, and what is said of the rest."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConversationScope
from a2a_tasks.wecom.connection_definition import InvalidConnection, parse_connection
from a2a_tasks.wecom.language import Language
from a2actl.wecom.view import document_of

BOT = {"id": "helper", "kind": "bot", "agentId": "assistant"}
APP = {"id": "desk", "kind": "app", "agentId": "assistant", "corpId": "ww0123456789abcdef", "appId": 1000002}
GROUP = {"id": "ops", "kind": "group"}


def made(document: dict[str, Any]) -> Connection:
    return parse_connection(document).to_connection("demo", "arn", 5)


def problems(document: object) -> list[str]:
    with pytest.raises(InvalidConnection) as raised:
        parse_connection(document)
    return str(raised.value).splitlines()


def test_what_is_left_out_has_its_default() -> None:
    assert made(BOT) == Connection("helper", "demo", ConnectionKind.BOT, "arn", 5, agent_id="assistant")
    assert made(GROUP) == Connection("ops", "demo", ConnectionKind.GROUP, "arn", 5)


def test_everything_that_a_bot_may_have() -> None:
    document = BOT | {
        "projectId": "demo",
        "botId": "aib0123456789",
        "conversation": "group",
        "allowedUsers": ["LiLei", "han@example.cn"],
        "welcome": " 你好 ",
        "fallback": "desk",
        "apiUrl": "https://wecom.example.cn",
        "publicUrl": "https://agents.example.cn/api",
        "botName": "小克",
        "language": "en",
        "namesSpeaker": False,
        "messagesPerMinute": 6,
        "tokensPerDay": 100_000,
        "enabled": False,
    }
    assert made(document) == Connection(
        "helper",
        "demo",
        ConnectionKind.BOT,
        "arn",
        5,
        agent_id="assistant",
        bot_id="aib0123456789",
        conversation=ConversationScope.GROUP,
        allowed_users=frozenset({"LiLei", "han@example.cn"}),
        welcome="你好",
        fallback="desk",
        api_url="https://wecom.example.cn",
        public_url="https://agents.example.cn/api",
        bot_name="小克",
        language=Language.EN,
        names_speaker=False,
        messages_per_minute=6,
        tokens_per_day=100_000,
        enabled=False,
    )


@pytest.mark.parametrize("number", [1000002, "1000002"])
def test_an_application_s_number_may_be_written_either_way(number: object) -> None:
    connection = made(APP | {"appId": number, "allowedDepartments": [2, 7]})
    assert (connection.app_id, connection.allowed_departments) == ("1000002", frozenset({2, 7}))


@pytest.mark.parametrize("document", [APP, GROUP])
@pytest.mark.parametrize("markdown", [True, False, None])
def test_applications_and_groups_may_say_how_they_write(
    document: dict[str, Any], markdown: bool | None
) -> None:
    connection = made(document | {"markdown": markdown})
    assert connection.markdown is markdown
    assert made(document_of(connection)) == connection


bots = st.builds(
    Connection,
    st.just("helper"),
    st.just("demo"),
    st.just(ConnectionKind.BOT),
    st.just("arn"),
    st.just(5),
    agent_id=st.just("assistant"),
    bot_id=st.none() | st.just("aib1"),
    conversation=st.sampled_from(ConversationScope),
    allowed_users=st.frozensets(st.sampled_from(["LiLei", "han"])),
    welcome=st.none() | st.text("你好 hello", min_size=1).map(str.strip).filter(bool),
    fallback=st.none() | st.just("desk"),
    public_url=st.none() | st.just("https://agents.example.cn"),
    bot_name=st.none() | st.just("AI 助手"),
    language=st.sampled_from(Language),
    names_speaker=st.booleans(),
    messages_per_minute=st.none() | st.integers(1, 1_000),
    tokens_per_day=st.none() | st.integers(1, 10**12),
    enabled=st.booleans(),
)


@given(bots)
def test_what_is_shown_of_a_connection_makes_it_again(connection: Connection) -> None:
    assert made(document_of(connection)) == connection


@pytest.mark.parametrize("document", [None, "helper", ["helper"], 5])
def test_a_connection_is_a_mapping(document: object) -> None:
    assert problems(document) == ["a connection is a mapping that begins with 'id:' and 'kind:'"]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (BOT | {"id": "Help Desk"}, "id: must be 1–64 lower-case letters, digits, '-' or '_'"),
        ({"kind": "bot", "agentId": "a"}, "id: is required"),
        (BOT | {"kind": "robot"}, "kind: Input should be 'bot', 'app' or 'group'"),
        ({"id": "helper", "kind": "bot"}, "agentId: is required for kind bot"),
        ({"id": "desk", "kind": "app", "agentId": "a", "appId": 1}, "corpId: is required for kind app"),
        (APP | {"appId": None}, "appId: is required for kind app"),
        (APP | {"corpId": "0123456789abcdef"}, "corpId: must be the corp's id such as ww0123456789abcdef"),
        (APP | {"corpId": "ww 123456789abcdef"}, "corpId: must be the corp's id"),
        (APP | {"appId": "my-app"}, "appId: must be the application's number such as 1000002"),
        (APP | {"appId": True}, "appId: must be the application's number"),
        (APP | {"appId": -4}, "appId: must be the application's number"),
        (APP | {"appId": 1.5}, "appId: must be the application's number"),
        (APP | {"botId": "aib1"}, "botId: is not for kind app: its fields are id, kind, projectId, agentId"),
        (APP | {"conversation": "group"}, "conversation: is not for kind app: nobody can write to an appli"),
        (APP | {"fallback": "ops"}, "fallback: is not for kind app: an application may write at any time"),
        (APP | {"allowedDepartments": ["2"]}, "allowedDepartments.0: Input should be a valid integer"),
        (APP | {"allowedDepartments": [0]}, "allowedDepartments.0: Input should be greater than or equal"),
        (BOT | {"allowedDepartments": [2]}, "allowedDepartments: is not for kind bot: a bot cannot look up"),
        (BOT | {"botId": "two words"}, "botId: must be the bot's id as WeCom's console shows it"),
        (BOT | {"allowedUsers": ["李雷"]}, "allowedUsers: '李雷' is no account of a member"),
        (BOT | {"allowedUsers": ["x" * 65]}, "allowedUsers: 'xxxx"),
        (BOT | {"fallback": "helper"}, "fallback: must be another connection"),
        (BOT | {"welcome": ""}, "welcome: String should have at least 1 character"),
        (BOT | {"markdown": True}, "markdown: is not for kind bot: a bot always writes Markdown"),
        (BOT | {"botName": "@小克"}, "botName: must be the bot's name as groups show it after the @"),
        (BOT | {"chatId": "wrG"}, "chatId: is not for kind bot: a bot may be in any group"),
        (APP | {"botName": "小克"}, "botName: is not for kind app: nobody mentions an application"),
        (GROUP | {"chatId": "一 群"}, "chatId: must be the group's id in WeCom; a bot in the group tells it"),
        (BOT | {"language": "fr"}, "language: Input should be 'zh' or 'en'"),
        (BOT | {"messagesPerMinute": 0}, "messagesPerMinute: Input should be greater than or equal to 1"),
        (BOT | {"tokensPerDay": "many"}, "tokensPerDay: Input should be a valid integer"),
        (GROUP | {"namesSpeaker": True}, "namesSpeaker: is not for kind group: its fields are id, kind"),
        (GROUP | {"markdown": "yes"}, "markdown: Input should be a valid boolean"),
        (BOT | {"enabled": "no"}, "enabled: Input should be a valid boolean"),
        (BOT | {"token": "hidden"}, "token: unknown field; known fields are id, kind, projectId, agentId"),
        (GROUP | {"agentId": "a"}, "agentId: is not for kind group: a group's robot only writes"),
        (
            GROUP | {"publicUrl": "https://a.cn"},
            "publicUrl: is not for kind group: its fields are id, k",
        ),
    ],
)
def test_what_cannot_be_is_named_with_what_to_do(document: dict[str, Any], problem: str) -> None:
    [line] = problems(document)
    assert line.startswith(problem)
    assert "hidden" not in line


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert [line.partition(":")[0] for line in problems(GROUP | {"agentId": "a", "welcome": "hi"})] == [
        "agentId",
        "welcome",
    ]
