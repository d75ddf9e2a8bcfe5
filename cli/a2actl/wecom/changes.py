"""``a2actl wecom connections`` that change something: create, set, apply, delete."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.wecom.connection import ConnectionKind, ConnectionSecrets
from a2actl.agents.commands import AsJson, Project
from a2actl.deployment.stack import Stack, chosen_stack
from a2actl.terminal import secret_input
from a2actl.terminal.fault import Fault
from a2actl.terminal.language import LanguageOption, chosen_language
from a2actl.terminal.output import note, show_json
from a2actl.terminal.secret_input import OwnKeys
from a2actl.terminal.spread import spread
from a2actl.wecom.connections import (
    ConnectionId,
    apply_one,
    check_all,
    found_connection,
    store_change,
    taken,
    unknown,
    url_of,
    with_keys,
)
from a2actl.wecom.guide import guide
from a2actl.wecom.settings import ConnectionSettings
from a2actl.wecom.view import document_of, to_json

if TYPE_CHECKING:
    from a2actl.wecom.file import FoundConnection


@spread
def create(
    context: typer.Context,
    connection: ConnectionId,
    kind: Annotated[ConnectionKind, typer.Option(help="bot: 智能机器人, app: 自建应用, group: 群机器人.")],
    settings: ConnectionSettings,
    project: Project = None,
    own_keys: OwnKeys = False,
    secret_later: Annotated[
        bool,
        typer.Option(
            "--secret-later", help="Do not read the application's Secret or the group's Webhook URL."
        ),
    ] = False,
    language: LanguageOption = None,
    as_json: AsJson = False,
) -> None:
    """Create a connection, and print what to enter in WeCom's console.

    Its secrets are read from stdin, one line each: Token and EncodingAESKey with --own-keys, then the Secret
    of an application or the Webhook URL of a group robot.
    """
    from a2a_tasks.adapters.wecom.connections import ConnectionTaken
    from a2actl.wecom.options import connection_of

    found = connection_of({"id": connection, "kind": kind.value} | settings.document())
    stack = chosen_stack(context)
    project_id = stack.project(project)
    given = _given_secrets(kind, own_keys=own_keys, secret_later=secret_later)
    with stack.deployment() as deployment:
        if deployment.connections.connection(connection):
            raise taken(connection)
        check_all(stack, deployment, [(found, project_id)])
        secrets = with_keys(deployment, found, given)
        # the secret first: a connection never names one that is not there
        arn = deployment.connection_secrets.write(connection, secrets)
        made = found.definition.to_connection(project_id, arn, SystemClock().now())
        try:
            deployment.connections.create(made)
        except ConnectionTaken:
            raise taken(connection) from None
    url = url_of(stack, made)
    if as_json:
        keys = {} if url is None else {"token": secrets.token, "encodingAesKey": secrets.aes_key}
        show_json(to_json(made, url) | keys)
        return
    note(f"{connection}: created in project {project_id}.")
    typer.echo(guide(made, url, secrets, chosen_language(language)))


@spread
def set_connection(
    context: typer.Context,
    connection: ConnectionId,
    settings: ConnectionSettings,
    allow_everybody: Annotated[
        bool, typer.Option("--allow-everybody", help="Remove the lists of users and departments.")
    ] = False,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Enable or disable the connection.")
    ] = None,
) -> None:
    """Change a connection. Other settings stay unchanged.

    An empty value ("") removes a setting; a list replaces the old one.
    """
    from a2actl.wecom.options import connection_of

    if allow_everybody and (settings.allow_user or settings.allow_department):
        raise Fault("--allow-everybody and lists exclude each other; use one of them.")
    change = settings.document()
    if allow_everybody:
        change |= {"allowedUsers": [], "allowedDepartments": []}
    if enabled is not None:
        change["enabled"] = enabled
    if not change:
        raise Fault("No setting was given; `a2actl wecom connections set --help` lists them.")
    stack = chosen_stack(context)
    with stack.deployment() as deployment:
        current = found_connection(deployment, connection)
        found = connection_of(document_of(current) | change)
        check_all(stack, deployment, [(found, current.project_id)])
        store_change(deployment, found, current)
    typer.echo(f"{connection}: changed.")
    note("It takes effect within half a minute.")


def apply(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="YAML files, or directories of them.")
    ],
    project: Annotated[
        str | None,
        typer.Option(help="Project of connections whose file names none.", metavar="ID"),
    ] = None,
) -> None:
    """Create or change connections: all of them, or none if one is not valid. Files hold no secrets.

    New connections get a Token and an EncodingAESKey; `setup` then shows what to enter in WeCom's console.
    """
    from a2actl.wecom.file import read_connections

    stack = chosen_stack(context)
    owned = [(found, _owner(found, project, stack)) for found in read_connections(files)]
    with stack.deployment() as deployment:
        check_all(stack, deployment, owned)
        for found, project_id in owned:
            connection_id = found.definition.id
            is_new = apply_one(deployment, found, project_id)
            typer.echo(f"{connection_id}: {'created' if is_new else 'applied'} in project {project_id}")
            if is_new:
                note(f"What to enter in WeCom's console: a2actl wecom connections setup {connection_id}")


def delete(context: typer.Context, connection: ConnectionId) -> None:
    """Delete a connection and its secrets. Running tasks continue, but their results are not sent to
    WeCom."""
    from a2a_tasks.adapters.wecom.connections import UnknownConnection
    from a2actl.deployment.secret_store import RECOVERY_DAYS

    with chosen_stack(context).deployment() as deployment:
        found = deployment.connections.connection(connection)
        users: list[str] = []
        # the connection is deleted first, so that it never refers to a deleted secret; deleting again finds
        # the rest
        if found is not None:
            others = deployment.connections.connections_of(found.project_id)
            users = [other.connection_id for other in others if other.fallback == connection]
            try:
                deployment.connections.delete(found)
            except UnknownConnection:
                raise Fault(
                    f"{connection}: it was created again by somebody else at the same time; check it."
                ) from None
        had_secrets = deployment.connection_secrets.delete(connection)
    if found is None and not had_secrets:
        raise unknown(connection)
    typer.echo(f"{connection}: deleted.")
    if had_secrets:
        note(f"Its secrets can be restored in Secrets Manager for {RECOVERY_DAYS} days.")
    if users:
        note(f"These connections still use it as their fallback: {', '.join(users)}.")


def _given_secrets(kind: ConnectionKind, *, own_keys: bool, secret_later: bool) -> ConnectionSecrets:
    """From stdin, as ``create`` says. Raises ``Fault``."""
    if kind is ConnectionKind.GROUP and own_keys:
        raise Fault("--own-keys does not apply to the kind group, which has no callback.")
    names = ["Token", "EncodingAESKey"] if own_keys else []
    secret = {ConnectionKind.APP: "Secret", ConnectionKind.GROUP: "Webhook URL"}.get(kind)
    if secret and not secret_later:
        names.append(secret)
    values: dict[str, str] = {}
    if names:
        values = dict(zip(names, secret_input.read_lines(*names), strict=True))
    return ConnectionSecrets(
        token=secret_input.token(values["Token"]) if own_keys else None,
        aes_key=secret_input.aes_key(values["EncodingAESKey"]) if own_keys else None,
        corp_secret=secret_input.corp_secret(values["Secret"]) if "Secret" in values else None,
        webhook_key=secret_input.webhook_key(values["Webhook URL"]) if "Webhook URL" in values else None,
    )


def _owner(found: "FoundConnection", project: str | None, stack: Stack) -> str:
    """The file's project, else the given one, else the local stack's. Raises ``Fault`` where they differ."""
    own = found.definition.project_id
    if own and project and own != project:
        raise Fault(
            f"{found.source}: projectId is {own!r}, but --project is {project!r}; remove one of them."
        )
    return stack.project(own or project)
