"""What an operator writes about a connection, validated. Only the command line imports this (pydantic)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from a2a_tasks.domain.ids import AGENT_ID
from a2a_tasks.wecom.connection import API_URL, Connection, ConnectionKind, ConversationScope
from a2a_tasks.wecom.language import Language

_CORP_ID = re.compile(r"w[a-z][A-Za-z0-9_-]{8,62}")
_APP_ID = re.compile(r"[1-9][0-9]{0,15}")
_BOT_ID = re.compile(r"[!-~]{1,128}")
_USER_ID = re.compile(r"[!-~]{1,64}")
_CHAT_ID = re.compile(r"[!-~]{1,128}")
_COMMON = frozenset({"id", "kind", "project_id", "api_url", "language", "enabled"})
_TALKING = _COMMON | {
    "agent_id",
    "allowed_users",
    "welcome",
    "public_url",
    "names_speaker",
    "messages_per_minute",
    "tokens_per_day",
}
_FIELDS = {
    ConnectionKind.BOT: _TALKING | {"bot_id", "bot_name", "conversation", "fallback"},
    ConnectionKind.APP: _TALKING | {"corp_id", "app_id", "allowed_departments", "markdown"},
    ConnectionKind.GROUP: _COMMON | {"chat_id", "markdown"},
}
_REQUIRED = {
    ConnectionKind.BOT: ("agent_id",),
    ConnectionKind.APP: ("agent_id", "corp_id", "app_id"),
    ConnectionKind.GROUP: (),
}
_HINTS = {
    (ConnectionKind.BOT, "allowed_departments"): (
        "a bot cannot look up who is in a department, which takes an application's token; list people in"
        " allowedUsers, or limit who sees the bot (可见范围) in WeCom's console"
    ),
    (ConnectionKind.BOT, "markdown"): "a bot always writes Markdown",
    (ConnectionKind.BOT, "chat_id"): "a bot may be in any group",
    (ConnectionKind.APP, "bot_name"): "nobody mentions an application in a group",
    (ConnectionKind.APP, "conversation"): "nobody can write to an application from a group",
    (
        ConnectionKind.APP,
        "fallback",
    ): "an application may write at any time, so nothing comes too late for it",
    (ConnectionKind.GROUP, "agent_id"): "a group's robot only writes, so no agent answers there",
}


@dataclass
class InvalidConnection(ValueError):
    """What cannot be: the name of each field (camelCase) that is wrong, and what to change."""

    problems: list[tuple[str, str]]

    def __str__(self) -> str:
        return "\n".join(f"{where}: {problem}" if where else problem for where, problem in self.problems)


class ConnectionDefinition(BaseModel):
    """A connection without its secrets. Which fields there may be depends on ``kind``."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, str_strip_whitespace=True
    )

    id: str
    kind: ConnectionKind
    project_id: str | None = None
    agent_id: str | None = None
    bot_id: str | None = None
    corp_id: str | None = None
    app_id: str | None = None
    conversation: ConversationScope = ConversationScope.USER
    allowed_users: Annotated[list[str], Field(max_length=1_000)] = []
    allowed_departments: Annotated[
        list[Annotated[int, Field(strict=True, ge=1, lt=2**53)]], Field(max_length=1_000)
    ] = []
    welcome: Annotated[str | None, Field(min_length=1, max_length=2_000)] = None
    fallback: str | None = None
    api_url: Annotated[str, Field(max_length=2_000)] = API_URL
    public_url: Annotated[str | None, Field(max_length=2_000)] = None
    markdown: Annotated[bool | None, Field(strict=True)] = None
    bot_name: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    chat_id: str | None = None
    language: Language = Language.ZH
    names_speaker: Annotated[bool, Field(strict=True)] = True
    messages_per_minute: Annotated[int | None, Field(strict=True, ge=1, le=1_000)] = None
    tokens_per_day: Annotated[int | None, Field(strict=True, ge=1, le=10**12)] = None
    enabled: Annotated[bool, Field(strict=True)] = True

    @field_validator("id", "project_id", "agent_id", "fallback")
    @classmethod
    def _is_identifier(cls, value: str | None) -> str | None:
        if value is not None and not AGENT_ID.fullmatch(value):
            raise ValueError("must be 1–64 lower-case letters, digits, '-' or '_', such as 'help-desk'")
        return value

    @field_validator("corp_id")
    @classmethod
    def _is_corp_id(cls, value: str | None) -> str | None:
        if value is not None and not _CORP_ID.fullmatch(value):
            raise ValueError(
                "must be the corp's id such as ww0123456789abcdef; in WeCom's console: 我的企业 → 企业ID"
            )
        return value

    @field_validator("app_id", mode="before")
    @classmethod
    def _is_app_id(cls, value: object) -> object:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if text is not None and not (isinstance(text, str) and _APP_ID.fullmatch(text)):
            raise ValueError(
                "must be the application's number such as 1000002; in WeCom's console: 应用管理 → AgentId"
            )
        return text

    @field_validator("bot_id")
    @classmethod
    def _is_bot_id(cls, value: str | None) -> str | None:
        if value is not None and not _BOT_ID.fullmatch(value):
            raise ValueError("must be the bot's id as WeCom's console shows it (智能机器人 → Bot ID)")
        return value

    @field_validator("bot_name")
    @classmethod
    def _is_bot_name(cls, value: str | None) -> str | None:
        if value is not None and (value.startswith("@") or not value.isprintable()):
            raise ValueError(
                "must be the bot's name as groups show it after the @, such as 小克, without the @"
            )
        return value

    @field_validator("chat_id")
    @classmethod
    def _is_chat_id(cls, value: str | None) -> str | None:
        if value is not None and not _CHAT_ID.fullmatch(value):
            raise ValueError("must be the group's id in WeCom; a bot in the group tells it in answer to /id")
        return value

    @field_validator("allowed_users")
    @classmethod
    def _are_user_ids(cls, value: list[str]) -> list[str]:
        wrong = [user for user in value if not _USER_ID.fullmatch(user)]
        if wrong:
            raise ValueError(
                f"{', '.join(map(repr, wrong))} is no account of a member (通讯录 → 成员 → 账号), which has"
                " 1–64 letters, digits and any of - _ . @"
            )
        return value

    def to_connection(self, project_id: str, secret_arn: str, created_at: int) -> Connection:
        """The connection, ``created_at`` in Unix milliseconds."""
        apart = {"id", "project_id", "allowed_users", "allowed_departments"}
        return Connection(
            connection_id=self.id,
            project_id=project_id,
            secret_arn=secret_arn,
            created_at=created_at,
            allowed_users=frozenset(self.allowed_users),
            allowed_departments=frozenset(self.allowed_departments),
            **self.model_dump(exclude=apart),  # the others have the same names
        )


def parse_connection(document: object) -> ConnectionDefinition:
    """Validate one YAML document. Raises ``InvalidConnection``."""
    if not isinstance(document, dict):
        raise InvalidConnection([("", "a connection is a mapping that begins with 'id:' and 'kind:'")])
    try:
        definition = ConnectionDefinition.model_validate(document)
    except ValidationError as error:
        raise InvalidConnection([_explain(e["loc"], e["type"], e["msg"]) for e in error.errors()]) from None
    problems = list(_problems(definition))
    if problems:
        raise InvalidConnection(problems)
    return definition


def _problems(definition: ConnectionDefinition) -> Iterator[tuple[str, str]]:
    kind = definition.kind
    for name in _REQUIRED[kind]:
        if getattr(definition, name) is None:
            yield to_camel(name), f"is required for kind {kind}"
    for name in sorted(definition.model_fields_set - _FIELDS[kind]):
        fitting = ", ".join(
            to_camel(field) for field in ConnectionDefinition.model_fields if field in _FIELDS[kind]
        )
        hint = _HINTS.get((kind, name), f"its fields are {fitting}")
        yield to_camel(name), f"is not for kind {kind}: {hint}"
    if definition.fallback == definition.id:
        yield "fallback", "must be another connection"


def _explain(location: tuple[int | str, ...], kind: str, message: str) -> tuple[str, str]:
    where = ".".join(str(part) for part in location)
    if kind == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in ConnectionDefinition.model_fields.items())
        return where, f"unknown field; known fields are {known}"
    if kind == "missing":
        return where, "is required"
    return where, message.removeprefix("Value error, ")
