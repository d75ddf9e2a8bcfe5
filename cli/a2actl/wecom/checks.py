"""Checks that a deployment and a project have what WeCom connections name."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from a2a_tasks.wecom.connection import Connection, ConnectionKind
from a2a_tasks.wecom.connection_definition import ConnectionDefinition
from a2actl.wecom.file import FoundConnection

if TYPE_CHECKING:
    from a2actl.deployment.deployment import Deployment

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def problems(
    found: FoundConnection,
    project_id: str,
    together: Collection[FoundConnection],
    deployment: "Deployment",
    *,
    is_emulated: bool,
) -> Iterator[str]:
    """Why the connection could not be, a line each with the fix. ``together`` is what the project gets."""
    definition = found.definition
    current = deployment.connections.connection(definition.id)
    if current and current.project_id != project_id:
        yield found.problem(
            "id",
            f"{definition.id!r} belongs to another project, and connection ids are unique in a"
            " deployment; choose another id",
        )
    elif current and current.kind is not definition.kind:
        yield found.problem("kind", f"is {current.kind} and cannot change; delete the connection first")
    if definition.agent_id is not None:
        agent = deployment.registry.agent(definition.agent_id)
        if agent is None or agent.project_id != project_id:
            yield found.problem(
                "agentId",
                f"the project {project_id} has no agent {definition.agent_id!r};"
                f" `a2actl agents list --project {project_id}` lists its agents",
            )
    if definition.fallback is not None:
        fallback = _found(definition.fallback, project_id, together, deployment)
        if problem := _problem_of_fallback(definition.fallback, project_id, fallback):
            yield found.problem("fallback", problem)
    if problem := problem_of_url(definition.api_url, is_base=True, is_emulated=is_emulated):
        yield found.problem("apiUrl", problem)
    if definition.public_url is not None:
        problem = problem_of_url(definition.public_url, is_base=False, is_emulated=is_emulated)
        if problem:
            yield found.problem("publicUrl", problem)


def _found(
    connection_id: str, project_id: str, together: Collection[FoundConnection], deployment: "Deployment"
) -> Connection | ConnectionDefinition | None:
    """What a connection of the project will be; None if it has none of this id."""
    for other in together:
        if other.definition.id == connection_id:
            return other.definition
    stored = deployment.connections.connection(connection_id)
    return stored if stored and stored.project_id == project_id else None


def _problem_of_fallback(
    name: str, project_id: str, fallback: Connection | ConnectionDefinition | None
) -> str | None:
    if fallback is None:
        return f"the project {project_id} has no connection {name!r}"
    if fallback.kind is ConnectionKind.GROUP and fallback.chat_id is None:
        return (
            f"{name!r} has no chatId, so it is unknown which group's answers it may get; a bot in the"
            f" group shows the id on /id: a2actl wecom connections set {name} --chat-id ID"
        )
    if fallback.kind is ConnectionKind.BOT:
        return f"{name!r} is a bot, which cannot start a conversation; name an application or a group"
    return None


def problem_of_url(url: str, *, is_base: bool, is_emulated: bool) -> str | None:
    """What is wrong with an address: ``is_base`` for one without a path."""
    example = "https://qyapi.weixin.qq.com" if is_base else "https://agents.example.cn"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return f"{url!r} is not a URL"
    is_clean = url.isascii() and url.isprintable() and " " not in url
    if not host or not is_clean or parts.query or parts.fragment or (is_base and parts.path not in ("", "/")):
        return f"must be a URL such as {example}; not {url!r}"
    if parts.username is not None or parts.password is not None:
        return "must not contain a user or a password"
    is_local = is_emulated and parts.scheme == "http" and host in _LOOPBACK
    if parts.scheme != "https" and not is_local:
        return "must start with https://"
    return None
