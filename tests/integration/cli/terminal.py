"""An operator who types commands, and the stacks to work on."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import boto3
import typer.testing
from typer.main import get_command
from typer.testing import CliRunner, Result

from a2actl import main
from tests.integration.support.account import QUEUES, Account

STACK = "a2a-tasks-test"
API_URL = "https://abc123.execute-api.eu-central-1.amazonaws.com/test"

# Making the tree of commands takes most of the time of a command on moto, and it is the same each time.
typer.testing._get_command = functools.cache(get_command)  # type: ignore[attr-defined]


@dataclass
class Operator:
    """Runs ``a2actl`` in a directory of its own; ``options`` go before each command."""

    directory: Path
    options: tuple[str, ...] = ()

    def run(self, *arguments: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(main.app, [*self.options, *arguments], input=stdin, catch_exceptions=False)

    def write(self, name: str, text: str) -> str:
        file = self.directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return str(file)


def stack_outputs(account: Account) -> dict[str, str]:
    """The outputs that name what the account has."""
    named = {
        name: account.resources[name] for name in ("RegistryTable", "TasksTable", "PayloadBucket", "PushKey")
    }
    named |= {f"{queue}Url": account.resources[queue] for queue in QUEUES}
    return named | {"ClaudeApiKeySecretArn": account.resources["ClaudeApiKeySecret"]}


def deploy(name: str, named: dict[str, str], parameters: dict[str, str] | None = None) -> None:
    """A CloudFormation stack with these outputs and parameters."""
    template = {
        "Parameters": {
            key: {"Type": "String", "Default": value} for key, value in (parameters or {}).items()
        },
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in named.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))
