"""Definitions of WeCom connections in files. They hold no secrets."""

from dataclasses import dataclass
from pathlib import Path

from a2a_tasks.wecom.connection_definition import ConnectionDefinition, InvalidConnection, parse_connection
from a2actl.terminal.fault import Fault
from a2actl.terminal.yaml_files import documents_in


@dataclass(frozen=True)
class FoundConnection:
    """A valid definition; ``source`` names its file, and its document if the file holds several."""

    source: str
    definition: ConnectionDefinition

    def problem(self, field: str, text: str) -> str:
        """A line for the operator, where something about a field is wrong."""
        return f"{self.source}: {field}: {text}"


def read_connections(paths: list[Path]) -> list[FoundConnection]:
    """Every definition in the files, and in the directories' YAML files.

    Raises ``Fault`` with all problems of all files at once.
    """
    found: list[FoundConnection] = []
    problems: list[str] = []
    for source, document in documents_in(paths, "connection"):
        try:
            found.append(FoundConnection(source, parse_connection(document)))
        except InvalidConnection as error:
            problems += [f"{source}: {line}" for line in str(error).splitlines()]
    problems += _repeated(found)
    if problems:
        raise Fault("\n".join([*problems, "Nothing was applied; fix this and apply again."]))
    return found


def _repeated(found: list[FoundConnection]) -> list[str]:
    first: dict[str, str] = {}
    problems = []
    for connection in found:
        own_id = connection.definition.id
        if own_id in first:
            problems.append(
                connection.problem("id", f"{own_id!r} is already the connection of {first[own_id]}")
            )
        first.setdefault(own_id, connection.source)
    return problems
