"""The stack that ``make run`` starts on this machine, as its file describes it."""

import json
from dataclasses import dataclass
from pathlib import Path

from a2actl.terminal.fault import Fault

NAME = "a2a-tasks-local"
REGION = "us-east-1"
FILE = Path(".local/stack.json")


@dataclass(frozen=True)
class LocalStack:
    """Where the local stack listens, and the demo project with its API key."""

    api_url: str
    api_key: str
    project_id: str
    aws_endpoint_url: str


def find_local_stack(directory: Path) -> LocalStack | None:
    """The stack whose file lies in the directory or in the nearest parent that has one.

    Raises ``Fault`` if the file cannot be used.
    """
    for parent in (directory, *directory.parents):
        file = parent / FILE
        if file.is_file():
            return _read(file)
    return None


def _read(file: Path) -> LocalStack:
    try:
        stored = json.loads(file.read_text("utf-8"))
        names = ("api_url", "api_key", "project_id", "aws_endpoint_url")
        return LocalStack(**{name: _text(stored[name]) for name in names})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Fault(f"{file} cannot be used ({error!r}); `make run` writes a new one.") from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is not a text")
    return value
