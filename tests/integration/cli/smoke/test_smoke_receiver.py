"""The receiver that a run of the smoke test makes on AWS: its template, its function's code, its end."""

import itertools
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from a2actl.deployment.stack import Stack
from tests.integration.cli.terminal import API_URL, STACK, deploy, stack_outputs
from tests.integration.support.account import Account
from tests.smoke.check import Failed
from tests.smoke.receiver import TEMPLATE, FunctionReceiver, Received, delete_receiver, stack_of_receiver
from tests.smoke.target import Target
from tests.smoke.time_limit import TimeLimit

PROJECT = "smoke-0a1b2c3d"
NAME = stack_of_receiver(PROJECT)
EVENT = {"headers": {"webhook-id": "1"}, "body": "eyJ0YXNrIjoge319", "isBase64Encoded": True}


@pytest.fixture
def target(account: Account) -> Target:
    deploy(STACK, stack_outputs(account) | {"ApiUrl": API_URL, "ApiId": "abc123"})
    return Target.of(Stack(STACK))


@pytest.fixture
def time_limit() -> TimeLimit:
    return TimeLimit(5, sleep=lambda _: None)


@pytest.fixture
def queue(account: Account) -> Iterator[str]:
    url: str = account.sqs.create_queue(QueueName=NAME)["QueueUrl"]
    os.environ["QUEUE_URL"] = url
    yield url
    del os.environ["QUEUE_URL"]


def test_its_template_is_one_that_cloudformation_takes() -> None:
    linter = Path(sys.executable).with_name("cfn-lint")
    linted = subprocess.run([linter, TEMPLATE], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_what_its_function_is_told_arrives(
    target: Target, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code: dict[str, Any] = {}
    exec(_code(), code)  # noqa: S102
    assert code["handler"](EVENT, None) == {"statusCode": 200}
    receiver = FunctionReceiver(target, NAME)
    outputs = [{"OutputKey": "QueueUrl", "OutputValue": queue}]
    monkeypatch.setattr(receiver, "_described", lambda: {"Outputs": outputs})

    for _ in range(2):
        assert receiver.received() == [Received({"webhook-id": "1"}, '{"task": {}}')]


def test_a_stack_that_cannot_be_made_fails_only_who_needs_it(target: Target, time_limit: TimeLimit) -> None:
    boto3.client("cloudformation").create_stack(StackName=NAME, TemplateBody=_small())
    receiver = FunctionReceiver(target, NAME)
    receiver.begin()
    with pytest.raises(Failed, match=f"{NAME} could not be created: .*already exists"):
        receiver.url(time_limit)


def test_deleting_it_is_harmless_where_there_is_none(target: Target, time_limit: TimeLimit) -> None:
    boto3.client("cloudformation").create_stack(StackName=NAME, TemplateBody=_small())
    for _ in range(2):
        delete_receiver(target, PROJECT, time_limit)
    assert [one["StackName"] for one in boto3.client("cloudformation").describe_stacks()["Stacks"]] == [STACK]


def _small() -> str:
    return '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'


def _code() -> str:
    """Of the function, which the template has as a block of text."""
    _, _, rest = TEMPLATE.read_text("utf-8").partition("ZipFile: |\n")
    block = itertools.takewhile(lambda line: line.startswith(" " * 10), rest.splitlines())
    return textwrap.dedent("\n".join(block))
