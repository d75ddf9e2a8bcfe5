"""``a2actl mcp``: the MCP servers that a project's agents may use."""

import sys
from getpass import getpass
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from a2a_tasks.domain.tools.catalog import McpServer
from a2a_tasks.domain.tools.definitions import servers_of
from a2actl.agents.commands import AsJson, Project, create_project, unknown_project
from a2actl.deployment.stack import chosen_stack
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note, show_json, show_table

app = typer.Typer(no_args_is_help=True, help="Add, list and remove the MCP servers of a project.")

MAX_NAME = 64
MAX_URL = 2_000
MAX_TOKEN = 8_000
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

Name = Annotated[str, typer.Option("--name", help="Its name in tool names: mcp__NAME__tool.", metavar="NAME")]


@app.command("add")
def add(
    context: typer.Context,
    name: Name,
    url: Annotated[str, typer.Option(metavar="URL", help="Its URL, https://…")],
    project: Project = None,
    token_from_stdin: Annotated[
        bool, typer.Option("--token-from-stdin", help="Read its bearer token from stdin and store it.")
    ] = False,
    secret_arn: Annotated[
        str | None, typer.Option(metavar="ARN", help="Your own secret, which contains only the token.")
    ] = None,
) -> None:
    """Add a server, or replace the one with that name. Its token is kept in Secrets Manager, never shown."""
    if token_from_stdin and secret_arn:
        raise Fault("--token-from-stdin and --secret-arn exclude each other; use one of them.")
    stack = chosen_stack(context)
    project_id = stack.project(project)
    check_name(name)
    check_url(url, is_emulated=stack.is_emulated)
    token = read_token() if token_from_stdin else None
    with stack.deployment() as deployment:
        registry, tokens = deployment.registry, deployment.mcp_tokens
        create_project(deployment, project_id)
        # the secret first: an entry never names one that is not there, and adding again finds this one
        if token is not None:
            arn: str | None = tokens.store(project_id, name, token)
        else:
            arn = tokens.existing(secret_arn) if secret_arn else None
        registry.put_mcp_server(project_id, McpServer(name, url, arn))
        if not tokens.is_kept(arn, project_id, name):
            tokens.delete(project_id, name)
    with_token = "with" if arn else "without"
    typer.echo(f"{name}: registered in project {project_id} {with_token} a token.")


@app.command("list")
def list_servers(context: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """List a project's servers, and whether they have a token."""
    stack = chosen_stack(context)
    project_id = stack.project(project)
    with stack.registry() as registry:
        found = registry.project(project_id)
    if found is None:
        raise unknown_project(project_id)
    if as_json:
        show_json([to_json(server) for server in found.mcp_servers])
        return
    show_table(
        ("NAME", "URL", "TOKEN"),
        [(server.name, server.url, "set" if server.secret_arn else "–") for server in found.mcp_servers],
    )


@app.command("remove")
def remove(context: typer.Context, name: Name, project: Project = None) -> None:
    """Remove a server, and the token that a2actl stored for it."""
    from a2actl.deployment.secret_store import RECOVERY_DAYS

    stack = chosen_stack(context)
    project_id = stack.project(project)
    with stack.deployment() as deployment:
        registry, tokens = deployment.registry, deployment.mcp_tokens
        users = [
            agent.agent_id for agent in registry.agents_of(project_id) if uses(agent.allowed_tools, name)
        ]
        # the entry is deleted first, so that it never refers to a deleted secret; removing again finds the
        # rest
        was_there = registry.remove_mcp_server(project_id, name)
        had_token = tokens.delete(project_id, name)
    if not was_there and not had_token:
        raise Fault(
            f"The project {project_id} has no MCP server {name!r};"
            f" `a2actl mcp list --project {project_id}` lists its servers."
        )
    typer.echo(f"{name}: removed from project {project_id}.")
    if had_token:
        note(f"The token can be restored in Secrets Manager for {RECOVERY_DAYS} days.")
    if users:
        note(f"These agents still use it, and their tasks will fail: {', '.join(users)}.")


def uses(tools: tuple[str, ...], server: str) -> bool:
    """Whether one of the tools is of that server."""
    return server in servers_of(tools)


def check_name(name: str) -> None:
    """Raises ``Fault`` if no tool could name the server."""
    if len(name) > MAX_NAME or not uses((f"mcp__{name}__tool",), name):
        raise Fault(
            f"--name takes at most {MAX_NAME} letters, digits, '-' and single '_' between them,"
            f" such as 'git-hub'; not {name!r}."
        )


def check_url(url: str, *, is_emulated: bool) -> None:
    """Raises ``Fault`` if tokens or results could be read on the way, or the address holds a secret."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Fault(f"--url {url!r} is not a URL.") from None
    is_clean = url.isascii() and url.isprintable() and " " not in url and len(url) <= MAX_URL
    if not host or not is_clean or parts.fragment:
        raise Fault(f"--url takes a URL such as https://mcp.example.com/v1; not {url!r}.")
    if parts.username is not None or parts.password is not None:
        raise Fault(
            "--url contains a user or a password, which would be stored unencrypted; use --token-from-stdin."
        )
    is_local = is_emulated and parts.scheme == "http" and host in _LOOPBACK
    if parts.scheme != "https" and not is_local:
        raise Fault("--url must start with https://, because a token is sent to it.")


def read_token() -> str:
    """The token on stdin, typed unseen on a terminal. Raises ``Fault``, which never repeats it."""
    try:
        text = getpass("Token: ") if sys.stdin.isatty() else sys.stdin.read(MAX_TOKEN + 2)
    except UnicodeError:
        text = "\n\n"
    token = text.removesuffix("\n").removesuffix("\r")
    if not token:
        raise Fault("There is no token on stdin; pipe it in: a2actl mcp add … --token-from-stdin <FILE")
    if not token.isascii() or not token.isprintable() or " " in token or len(token) > MAX_TOKEN:
        raise Fault(
            f"What is on stdin is no token: that is one line of at most {MAX_TOKEN} letters, digits and"
            " signs, without spaces and without 'Bearer'."
        )
    return token


def to_json(server: McpServer) -> dict[str, Any]:
    """``{"name", "url", "hasToken"}``."""
    return {"name": server.name, "url": server.url, "hasToken": server.secret_arn is not None}
