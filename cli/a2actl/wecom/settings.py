"""The options of a WeCom connection, under the names of its fields."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from a2a_tasks.wecom.connection import ConversationScope
from a2a_tasks.wecom.language import Language

FIELDS = {
    "agent": "agentId",
    "bot_id": "botId",
    "bot_name": "botName",
    "chat_id": "chatId",
    "chat_language": "language",
    "name_speaker": "namesSpeaker",
    "messages_per_minute": "messagesPerMinute",
    "tokens_per_day": "tokensPerDay",
    "corp_id": "corpId",
    "app_id": "appId",
    "conversation": "conversation",
    "allow_user": "allowedUsers",
    "allow_department": "allowedDepartments",
    "welcome": "welcome",
    "fallback": "fallback",
    "public_url": "publicUrl",
    "api_url": "apiUrl",
    "markdown": "markdown",
}
"""The field that each option sets, as files name it."""


@dataclass(frozen=True)
class ConnectionSettings:
    """What was given; None where nothing was."""

    agent: Annotated[str | None, typer.Option(metavar="ID", help="The project's agent that answers.")] = None
    bot_id: Annotated[str | None, typer.Option(metavar="ID", help="The bot's id, if known.")] = None
    bot_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The bot's name, as users mention it in groups.")
    ] = None
    chat_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The chat id of the group robot's group; a bot shows it on /id."),
    ] = None
    chat_language: Annotated[
        Language | None,
        typer.Option(help="Language of the system's messages in the chat, unless a user chooses one."),
    ] = None
    name_speaker: Annotated[
        bool | None,
        typer.Option(
            help="Whether the agent gets the writer's user id in 1:1 chats too; in groups it always does."
        ),
    ] = None
    messages_per_minute: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Limit per user; 0 removes it (set only).")
    ] = None
    tokens_per_day: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Limit per user and UTC day; 0 removes it (set only)."),
    ] = None
    corp_id: Annotated[str | None, typer.Option(metavar="ID", help="The CorpID (企业ID), ww….")] = None
    app_id: Annotated[str | None, typer.Option(metavar="NUMBER", help="The application's AgentId.")] = None
    conversation: Annotated[
        ConversationScope | None, typer.Option(help="In groups: one conversation per user, or one for all.")
    ] = None
    allow_user: Annotated[
        list[str] | None, typer.Option(metavar="USERID", help="A user who may write; repeatable.")
    ] = None
    allow_department: Annotated[
        list[int] | None,
        typer.Option(metavar="NUMBER", help="A department whose members may write; repeatable."),
    ] = None
    welcome: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The message when a user opens the chat.")
    ] = None
    fallback: Annotated[
        str | None,
        typer.Option(metavar="CONNECTION", help="The connection for answers that are too late for a bot."),
    ] = None
    public_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The API's URL at your own domain, https://….")
    ] = None
    api_url: Annotated[str | None, typer.Option(metavar="URL", help="The URL of a private WeCom API.")] = None
    markdown: Annotated[
        bool | None,
        typer.Option("--markdown/--plain", help="The message format of an application or group robot."),
    ] = None

    def document(self) -> dict[str, Any]:
        """What was given, as a file has it."""
        given = {field: getattr(self, name) for name, field in FIELDS.items()}
        return {field: value for field, value in given.items() if value not in (None, [])}
