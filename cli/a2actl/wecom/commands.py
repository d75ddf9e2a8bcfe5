"""``a2actl wecom``: the connections by which agents are reached from WeCom (企业微信)."""

import typer

from a2actl.wecom.changes import apply, create, delete, set_connection
from a2actl.wecom.rotation import rotate
from a2actl.wecom.show import list_connections, setup, show, try_out

app = typer.Typer(no_args_is_help=True, help="Connect agents with WeCom (企业微信).")
connections = typer.Typer(
    no_args_is_help=True, help="Bots, applications and group robots through which users reach agents."
)
app.add_typer(connections, name="connections")

connections.command("create")(create)
connections.command("list")(list_connections)
connections.command("show")(show)
connections.command("setup")(setup)
connections.command("test")(try_out)
connections.command("set")(set_connection)
connections.command("apply")(apply)
connections.command("rotate")(rotate)
connections.command("delete")(delete)
