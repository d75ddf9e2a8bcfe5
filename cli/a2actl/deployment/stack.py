"""The stack that a command works on, as the global options choose it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from a2a_tasks.domain import ids
from a2actl.deployment import local_stack
from a2actl.deployment.local_stack import LocalStack, find_local_stack
from a2actl.terminal.fault import Fault

if TYPE_CHECKING:
    from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
    from a2actl.deployment.deployment import Deployment


@dataclass(frozen=True)
class Stack:
    """A deployed stack by its name, or the local one; nothing is asked of AWS before it is needed."""

    name: str
    region: str | None = None
    profile: str | None = None
    local: LocalStack | None = None

    @classmethod
    def choose(cls, name: str | None, region: str | None, profile: str | None, directory: Path) -> "Stack":
        """The named stack; without a name the local one. Raises ``Fault`` if there is none."""
        if name:
            return cls(name, region, profile)
        if region or profile:
            raise Fault("--region and --profile need a deployed stack; name it with --stack.")
        local = find_local_stack(directory)
        if local is None:
            raise Fault(
                "There is no local stack here; start one with `make run`,"
                " or name a deployed one with --stack (or A2ACTL_STACK)."
            )
        return cls(local_stack.NAME, local=local)

    @property
    def is_emulated(self) -> bool:
        """Whether an emulator stands in for AWS."""
        return self.local is not None or bool(os.environ.get("AWS_ENDPOINT_URL"))

    @contextmanager
    def deployment(self) -> Iterator["Deployment"]:
        """What the stack has in its account. Whatever AWS raises inside the block becomes a ``Fault``."""
        # boto3 takes a third of a second to import, and commands on tasks do without it
        from a2actl.deployment.account import Account, explained
        from a2actl.deployment.deployment import Deployment

        with explained(is_local=self.local is not None):
            if self.local:
                account = Account.of_local_stack(self.local.aws_endpoint_url)
            else:
                account = Account.of_user(self.region, self.profile)
            yield Deployment.of(account, self.name)

    @contextmanager
    def registry(self) -> Iterator["DynamoDBRegistry"]:
        """The projects, agents and keys, as in ``deployment``."""
        with self.deployment() as deployment:
            yield deployment.registry

    def api_url(self) -> str:
        """The API's address, without a slash at the end. Raises ``Fault``."""
        if self.local:
            return self.local.api_url.rstrip("/")
        with self.deployment() as deployment:
            url = deployment.output("ApiUrl").rstrip("/")
        emulator = os.environ.get("AWS_ENDPOINT_URL")
        if not emulator:
            return url
        # an emulator serves every API below its own address, whatever its stacks call it
        stage = url.rpartition("/")[2]
        return f"{emulator.rstrip('/')}/_aws/execute-api/{deployment.output('ApiId')}/{stage}"

    def api_key(self, given: str | None) -> str:
        """The key to call the API with. The local stack's is used for that stack alone. Raises ``Fault``."""
        key = given or (self.local.api_key if self.local else None)
        if key is None:
            raise Fault(
                "The API requires a key; set --key or A2A_API_KEY. This makes one:"
                f" a2actl --stack {self.name} keys create --project ID"
            )
        return key

    def project(self, given: str | None) -> str:
        """The given project, else the local stack's. Raises ``Fault`` if there is none, or it has no id."""
        project_id = given or (self.local.project_id if self.local else None)
        if project_id is None:
            raise Fault("A deployed stack may have several projects; name one with --project.")
        if not ids.PROJECT_ID.fullmatch(project_id):
            raise Fault(
                f"--project takes 1 to 64 lower-case letters, digits, '-' or '_', beginning and ending with"
                f" a letter or digit; not {project_id!r}."
            )
        return project_id


def chosen_stack(context: typer.Context) -> Stack:
    """The stack of the global options, looked for only now so that ``--help`` works without one."""
    choose: Callable[[], Stack] = context.obj
    return choose()
