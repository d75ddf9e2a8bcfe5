"""`make adopt TASKS=… REGISTRY=…`: make tables ready for a stack, and say what to put into samconfig.toml."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
from rich.console import Console

from local.adoption.table import STREAM, TableState, switch_on
from local.progress import Terminal
from local.template.intrinsics import Template
from local.template.transformed import transformed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TASKS, REGISTRY = "TasksTable", "RegistryTable"


class NotFit(LookupError):
    """A table cannot replace the template's; the message says why."""


def adopt(tables: dict[str, str], console: Console) -> int:
    """``tables`` are names by logical id. Raises ``NotFit``, and ``ClientError`` of AWS."""
    template, client = transformed({}), boto3.Session().client("dynamodb")
    parameters: list[str] = []
    for logical_id, table in tables.items():
        with Terminal(console).step(f"Enable what {table} lacks"):
            parameters += parameters_of(logical_id, ready(client, table, logical_id, template))
    console.print("\nAdd to parameter_overrides in samconfig.toml, and deploy:\n")
    for parameter in parameters:
        console.print(f'    "{parameter}",', soft_wrap=True, markup=False, highlight=False)
    return 0


def ready(client: "DynamoDBClient", table: str, logical_id: str, template: Template) -> TableState:
    """The table, with every feature of the template's table switched on. Raises ``NotFit`` before any
    change."""
    wanted = template["Resources"][logical_id]["Properties"]
    found = TableState.read(client, table)
    if faults := list(found.faults(wanted)):
        raise NotFit(f"The table {table} cannot replace {logical_id}: it {', and '.join(faults)}.")
    return switch_on(client, table, wanted)


def parameters_of(logical_id: str, state: TableState) -> Iterator[str]:
    """Such as ``RegistryTableArn=arn:…``."""
    yield f"{logical_id}Arn={state.arn}"
    if logical_id == TASKS:
        if state.stream_arn is None:
            raise NotFit(f"{state.arn}: {STREAM} is still off; run the command again.")
        yield f"{logical_id}StreamArn={state.stream_arn}"
