"""The options that a connection with WeCom can be given, under the names of its fields."""

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
    bot_id: Annotated[str | None, typer.Option(metavar="ID", help="The bot's id, where it is known.")] = None
    bot_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The bot's name, as people mention it in groups.")
    ] = None
    chat_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The group that a group's robot writes to; a bot tells it: /id."),
    ] = None
    chat_language: Annotated[
        Language | None, typer.Option(help="What people in the chat are told things in, unless they choose.")
    ] = None
    name_speaker: Annotated[
        bool | None,
        typer.Option(help="Whether the agent learns who wrote, in 1:1 chats too; in groups it always does."),
    ] = None
    messages_per_minute: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Each person's limit; 0 gives it up (set only).")
    ] = None
    tokens_per_day: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Each person's limit a UTC day; 0 gives it up (set only)."),
    ] = None
    corp_id: Annotated[str | None, typer.Option(metavar="ID", help="The corp's id (企业ID), ww….")] = None
    app_id: Annotated[str | None, typer.Option(metavar="NUMBER", help="The application's AgentId.")] = None
    conversation: Annotated[
        ConversationScope | None,
        typer.Option(help="In groups: one conversation for each user, or one for all."),
    ] = None
    allow_user: Annotated[
        list[str] | None, typer.Option(metavar="USERID", help="Somebody who may write; repeat it.")
    ] = None
    allow_department: Annotated[
        list[int] | None,
        typer.Option(metavar="NUMBER", help="A department whose people may write; repeat it."),
    ] = None
    welcome: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What is said when somebody comes in.")
    ] = None
    fallback: Annotated[
        str | None, typer.Option(metavar="CONNECTION", help="Gets what comes too late for a bot.")
    ] = None
    public_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The API's address at your own domain, https://….")
    ] = None
    api_url: Annotated[
        str | None, typer.Option(metavar="URL", help="WeCom's API, if it is a private one.")
    ] = None
    markdown: Annotated[
        bool | None, typer.Option("--markdown/--plain", help="How an application or a group's robot writes.")
    ] = None

    def document(self) -> dict[str, Any]:
        """What was given, as a file has it."""
        given = {field: getattr(self, name) for name, field in FIELDS.items()}
        return {field: value for field, value in given.items() if value not in (None, [])}
