"""WeCom connections defined by options: the same fields as in a file, under the options' names."""

from typing import Any

from a2a_tasks.wecom.connection_definition import ConnectionDefinition, InvalidConnection, parse_connection
from a2actl.terminal.fault import Fault
from a2actl.wecom.file import FoundConnection
from a2actl.wecom.settings import FIELDS

_OPTIONS = {field: f"--{name.replace('_', '-')}" for name, field in FIELDS.items()} | {
    "id": "CONNECTION",
    "projectId": "--project",
    "namesSpeaker": "--name-speaker/--no-name-speaker",
    "markdown": "--markdown/--plain",
}
_LIMITS = frozenset({"messagesPerMinute", "tokensPerDay"})


class GivenConnection(FoundConnection):
    """A definition that was given by options."""

    def problem(self, field: str, text: str) -> str:
        return f"{option_of(field)}: {text}"


def connection_of(options: dict[str, Any]) -> GivenConnection:
    """From fields in camelCase; what is None or empty counts as not given. Raises ``Fault``."""
    document = {
        name: value
        for name, value in options.items()
        if value not in (None, "", []) and not (name in _LIMITS and value == 0)
    }
    try:
        definition: ConnectionDefinition = parse_connection(document)
    except InvalidConnection as error:
        lines = [f"{option_of(where)}: {problem}" for where, problem in error.problems]
        raise Fault("\n".join(lines)) from None
    return GivenConnection("", definition)


def option_of(field: str) -> str:
    """The option of a field, whichever of its values is meant (``allowedUsers.0``)."""
    name = field.partition(".")[0]
    return _OPTIONS.get(name, f"--{name}")
