"""Reading and writing WeCom connections and their secrets together, as several commands do."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.wecom.connection import (
    KEY_RANDOM_BYTES,
    Connection,
    ConnectionKind,
    ConnectionSecrets,
    new_keys,
)
from a2actl.agents.commands import check_project
from a2actl.deployment.stack import Stack
from a2actl.terminal.fault import Fault
from a2actl.wecom.view import callback_url

if TYPE_CHECKING:
    from a2actl.deployment.deployment import Deployment
    from a2actl.wecom.file import FoundConnection

ConnectionId = Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection's id.")]


def found_connection(deployment: "Deployment", connection_id: str) -> Connection:
    found = deployment.connections.connection(connection_id)
    if found is None:
        raise unknown(connection_id)
    return found


def secrets_of(deployment: "Deployment", connection_id: str) -> ConnectionSecrets:
    secrets = deployment.connection_secrets.read(connection_id)
    if secrets is None:
        raise Fault(
            f"The secrets of {connection_id} are missing from Secrets Manager; this creates new ones:"
            f" a2actl wecom connections rotate {connection_id}"
        )
    return secrets


def url_of(stack: Stack, connection: Connection) -> str | None:
    """The connection's callback URL; AWS is asked only where it has no address of its own."""
    if connection.public_url or connection.kind is ConnectionKind.GROUP:
        return callback_url(connection, "")
    return callback_url(connection, stack.api_url())


def check_all(stack: Stack, deployment: "Deployment", owned: "list[tuple[FoundConnection, str]]") -> None:
    """Raises ``Fault`` if one of them names what is not there: before anything is written."""
    from a2actl.wecom import checks

    problems: list[str] = []
    for found, project_id in owned:
        check_project(deployment.registry, project_id)
        together = [other for other, owner in owned if owner == project_id]
        problems += checks.problems(found, project_id, together, deployment, is_emulated=stack.is_emulated)
    if problems:
        raise Fault("\n".join([*problems, "Nothing was changed."]))


def with_keys(
    deployment: "Deployment", found: "FoundConnection", given: ConnectionSecrets
) -> ConnectionSecrets:
    """What a new connection is to have: the given secrets, and a token and key if it takes them."""
    if found.definition.kind is ConnectionKind.GROUP or given.token:
        return given
    # of an interrupted creation, or of one in progress: then both print the same
    kept = deployment.connection_secrets.read(found.definition.id)
    if kept and kept.token and kept.aes_key:
        return replace(given, token=kept.token, aes_key=kept.aes_key)
    token, aes_key = new_keys(SystemEntropy().bytes(KEY_RANDOM_BYTES))
    return replace(given, token=token, aes_key=aes_key)


def apply_one(deployment: "Deployment", found: "FoundConnection", project_id: str) -> bool:
    """Whether the connection is new. Raises ``Fault`` if it was created or changed since the check."""
    from a2a_tasks.adapters.wecom.connections import ConnectionTaken

    connection_id = found.definition.id
    current = deployment.connections.connection(connection_id)
    if current is not None:
        store_change(deployment, found, current)
        return False
    secrets = with_keys(deployment, found, ConnectionSecrets())
    arn = deployment.connection_secrets.write(connection_id, secrets)
    try:
        deployment.connections.create(found.definition.to_connection(project_id, arn, SystemClock().now()))
    except ConnectionTaken:
        raise Fault(
            f"{found.source}: {connection_id!r} was created by somebody else at the same time; apply again."
        ) from None
    return True


def store_change(deployment: "Deployment", found: "FoundConnection", current: Connection) -> None:
    """As ``store``, of what a definition makes of the current connection."""
    store(
        deployment,
        found.definition.to_connection(current.project_id, current.secret_arn, current.created_at),
    )


def store(deployment: "Deployment", changed: Connection) -> None:
    """Raises ``Fault`` if the connection is no longer there."""
    from a2a_tasks.adapters.wecom.connections import UnknownConnection

    try:
        deployment.connections.replace(changed)
    except UnknownConnection:
        raise Fault(
            f"{changed.connection_id}: it was deleted by somebody else at the same time; check it."
        ) from None


def taken(connection_id: str) -> Fault:
    return Fault(
        f"The connection {connection_id!r} already exists; ids are unique in a deployment. If it is yours,"
        f" `a2actl wecom connections setup {connection_id}` shows what to enter in WeCom's console."
    )


def unknown(connection_id: str) -> Fault:
    return Fault(
        f"There is no connection {connection_id!r}; `a2actl wecom connections list --project ID` lists"
        " the connections."
    )
