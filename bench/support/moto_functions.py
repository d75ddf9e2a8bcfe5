"""The functions' own code on an in-memory AWS account (moto), with the template's environment."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from types import ModuleType
from typing import Any
from unittest.mock import patch

from moto import mock_aws

from bench.support.dynamodb_units import Units
from local.standin.client import StandInClient
from local.standin.running import running_standin
from tests.integration.support.account import PROJECT, Account, open_account
from tests.integration.support.aws_calls import AwsCalls
from tests.integration.support.caller import Caller
from tests.integration.support.cold_start import cold_start
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.task_units import task_units

NOBODYS = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
QUIET = {"LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
KINDS = {
    "BatchWriteItem": "writes",
    "DeleteItem": "writes",
    "PutItem": "writes",
    "TransactWriteItems": "writes",
    "UpdateItem": "writes",
    "BatchGetItem": "reads",
    "GetItem": "reads",
    "Query": "reads",
    "ChangeMessageVisibilityBatch": "sqs",
    "DeleteMessage": "sqs",
    "SendMessage": "sqs",
    "SendMessageBatch": "sqs",
    "GetObject": "s3",
    "PutObject": "s3",
    "Decrypt": "kms",
    "GenerateDataKey": "kms",
    "GetSecretValue": "secrets",
    "DescribeStream": "polls",
    "DescribeTable": "polls",
    "GetRecords": "polls",
    "GetShardIterator": "polls",
    "ReceiveMessage": "polls",
}
KIND_TITLES = ("DynamoDB writes", "DynamoDB reads", "SQS", "S3")


@dataclass(frozen=True)
class Calls:
    """How many AWS calls, by billing category, and the units that DynamoDB bills for its own."""

    writes: float = 0
    reads: float = 0
    sqs: float = 0
    s3: float = 0
    kms: float = 0
    write_units: float = 0
    read_units: float = 0

    def __add__(self, other: "Calls") -> "Calls":
        return Calls(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: "Calls") -> "Calls":
        return self + other / -1

    def __truediv__(self, by: float) -> "Calls":
        return Calls(*(number / by for number in astuple(self)))

    def cells(self) -> list[str]:
        """In the order of ``KIND_TITLES``."""
        return [f"{number:g}" for number in (self.writes, self.reads, self.sqs, self.s3)]


@dataclass(frozen=True)
class Functions:
    """An account without agents, and the stand-in for Claude; ``start`` cold-starts a function."""

    account: Account
    claude: StandInClient
    _units: Units
    _running: ExitStack

    def start(self, name: str, **variables: str) -> ModuleType:
        """The function's module; ``variables`` override those of its environment."""
        environment = QUIET | {"CLAUDE_BASE_URL": self.claude.base_url} | variables
        return self._running.enter_context(cold_start(name, self.account, environment))

    def submit(self, api: ModuleType, agent_id: str, message: str, **fields: Any) -> str:
        """Create a task; returns the path to read it."""
        answer = Caller(api.handler, PROJECT).post(agent_id, {"message": message, **fields})
        if answer.status != 202:
            raise RuntimeError(f"the task was not accepted: {answer.text}")
        return str(answer.body["checkUrl"])

    def read(self, api: ModuleType, path: str) -> Any:
        """A task as a caller sees it."""
        return Caller(api.handler, PROJECT).get(path).body

    def work(self, worker: ModuleType) -> None:
        """Invoke a worker with the queue's messages as one event."""
        worker.handler({"Records": self.account.receive()}, LambdaContext())

    def counted(self) -> Calls:
        """The calls since the previous count, except for reads of secrets, which happen every five minutes,
        and polls, which are Lambda's. Raises ``KeyError`` for a call of an unknown category."""
        seen = Counter(KINDS[call.operation] for call in self.account.calls.made)
        self.account.calls.made.clear()
        return Calls(seen["writes"], seen["reads"], seen["sqs"], seen["s3"], seen["kms"], *self._units.take())


@contextmanager
def functions_on_moto() -> Iterator[Functions]:
    """For the length of the block. Every call of an AWS client in this process is counted."""
    calls, units = AwsCalls(), task_units()
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with (
        patch.dict(os.environ, others | NOBODYS, clear=True),
        mock_aws(),
        units.metering(),
        calls.watching(),
        running_standin() as claude,
        ExitStack() as running,
    ):
        account = open_account(calls)
        calls.made.clear()
        yield Functions(account, claude, units, running)
