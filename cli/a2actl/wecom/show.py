"""``a2actl wecom connections`` list, show, setup and test."""

from typing import Annotated

import typer

from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.wecom.connection import ConnectionKind
from a2actl.agents.commands import AsJson, Project, check_project
from a2actl.deployment.stack import chosen_stack
from a2actl.terminal.fault import Fault
from a2actl.terminal.language import LanguageOption, chosen_language
from a2actl.terminal.output import note, show_fields, show_json, show_table
from a2actl.wecom.connections import ConnectionId, found_connection, secrets_of, url_of
from a2actl.wecom.guide import guide
from a2actl.wecom.view import fields, state, to_json

NOT_GOOD = 1
"""Exit code of a test that found something wrong."""


def list_connections(context: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """List a project's connections, without their secrets."""
    stack = chosen_stack(context)
    project_id = stack.project(project)
    with stack.deployment() as deployment:
        found = deployment.connections.connections_of(project_id)
        if not found:
            check_project(deployment.registry, project_id)
    urls = [url_of(stack, connection) for connection in found]
    if as_json:
        show_json([to_json(connection, url) for connection, url in zip(found, urls, strict=True)])
        return
    show_table(
        ("CONNECTION", "KIND", "AGENT", "STATE", "CALLBACK URL"),
        [
            (one.connection_id, one.kind.value, one.agent_id or "–", state(one), url or "–")
            for one, url in zip(found, urls, strict=True)
        ],
    )


def show(context: typer.Context, connection: ConnectionId, as_json: AsJson = False) -> None:
    """Show a connection, and which secrets it has, but not their values."""
    stack = chosen_stack(context)
    with stack.deployment() as deployment:
        found = found_connection(deployment, connection)
        secrets = deployment.connection_secrets.read(connection)
    url = url_of(stack, found)
    if as_json:
        show_json(to_json(found, url))
    else:
        show_fields(fields(found, url, secrets))


def setup(context: typer.Context, connection: ConnectionId, language: LanguageOption = None) -> None:
    """Print again what to enter in WeCom's console, with Token and EncodingAESKey."""
    stack = chosen_stack(context)
    with stack.deployment() as deployment:
        found = found_connection(deployment, connection)
        secrets = secrets_of(deployment, connection)
    typer.echo(guide(found, url_of(stack, found), secrets, chosen_language(language)))


def try_out(
    context: typer.Context,
    connection: ConnectionId,
    send: Annotated[
        bool, typer.Option("--send", help="Send a message to the group of a group robot.")
    ] = False,
    language: LanguageOption = None,
) -> None:
    """Test a connection as WeCom does when its callback is saved. Exits with 1 if something is wrong."""
    # httpx and cryptography, which no other command of these should wait for
    from a2actl.wecom.trial import Trial

    stack = chosen_stack(context)
    with stack.deployment() as deployment:
        found = found_connection(deployment, connection)
        secrets = secrets_of(deployment, connection)
    if send and found.kind is not ConnectionKind.GROUP:
        raise Fault(f"--send is for a group robot; {connection} is of kind {found.kind}.")
    trial = Trial(
        found, url_of(stack, found), secrets, chosen_language(language), SystemClock(), SystemEntropy()
    )
    is_good = True
    for finding in trial.findings(send=send):
        typer.echo(f"{'✓' if finding.is_good else '✗'} {finding.text}")
        is_good = is_good and finding.is_good
    if not found.enabled:
        note(f"It is disabled; `a2actl wecom connections set {connection} --enable` enables it.")
    if not is_good:
        raise typer.Exit(NOT_GOOD)
