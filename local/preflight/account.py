"""The AWS account and region of the deployment, and the resources already deployed there."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.preflight.finding import Finding
from local.preflight.target import Target

SUBJECT = "Account"
# A person is waiting: short timeouts and few retries.
_CONFIG = Config(connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 4})
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"}


@dataclass(frozen=True)
class DeployedStack:
    """``resources`` are the physical ids by logical id."""

    status: str
    resources: Mapping[str, str]


@dataclass(frozen=True)
class Account:
    session: boto3.Session
    region: str
    stack_name: str

    def client(self, service: Any, region: str | None = None) -> Any:
        return self.session.client(service, region_name=region or self.region, config=_CONFIG)

    @cached_property
    def stack(self) -> DeployedStack | None:
        """The deployed stack, or None. Raises ClientError or BotoCoreError if it cannot be read."""
        client = self.client("cloudformation")
        try:
            found = client.describe_stacks(StackName=self.stack_name)["Stacks"][0]
        except ClientError as error:
            # CloudFormation's error for a stack that does not exist
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            raise
        pages = client.get_paginator("list_stack_resources").paginate(StackName=self.stack_name)
        resources = {
            item["LogicalResourceId"]: item["PhysicalResourceId"]
            for page in pages
            for item in page["StackResourceSummaries"]
            if "PhysicalResourceId" in item and item["ResourceStatus"] != "DELETE_COMPLETE"
        }
        return DeployedStack(found["StackStatus"], resources)

    def owns(self, physical_id: str) -> bool:
        """Whether a resource belongs to the stack. Raises like ``stack``."""
        return self.stack is not None and physical_id in self.stack.resources.values()


@dataclass(frozen=True)
class AccountCheck:
    """A check that calls AWS. ``by_hand`` says where a person finds the same information."""

    subject: str
    look: Callable[[Target, Account], Iterator[Finding]]
    by_hand: str

    def findings(self, target: Target, account: Account) -> Iterator[Finding]:
        """Its findings. What cannot be read is a warning, since the deployment may still work."""
        try:
            yield from self.look(target, account)
        except (ClientError, BotoCoreError) as error:
            yield Finding.warning(
                self.subject, f"could not be checked: {explained(error)}", self._instead(error)
            )

    def _instead(self, error: ClientError | BotoCoreError) -> str:
        by_hand = f"check in {self.by_hand}."
        if isinstance(error, ClientError) and error.response["Error"].get("Code") in _DENIED:
            return f"Grant {_action(error)} to the deploying identity, or {by_hand}"
        return f"Try again, or {by_hand}"


def open_account(target: Target) -> tuple[Account | None, Finding]:
    """The account of the environment's credentials; None and the reason if none work."""
    remedy = "Sign in (`aws sso login` or `aws configure`), or select a profile with AWS_PROFILE."
    try:
        session = boto3.Session()
        region = target.region or session.region_name
        if region is None:
            return None, Finding.fault(
                SUBJECT, "no region is set", "Set AWS_DEFAULT_REGION, or region in samconfig.toml."
            )
        account = Account(session, region, target.stack_name)
        identity = account.client("sts").get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        return None, Finding.fault(SUBJECT, f"no valid credentials: {explained(error)}", remedy)
    return account, Finding.ok(SUBJECT, f"{identity['Account']} in {region}, as {identity['Arn']}")


def explained(error: ClientError | BotoCoreError) -> str:
    """An error of AWS or boto3 on one line."""
    if not isinstance(error, ClientError):
        return str(error)
    answer = error.response["Error"]
    if answer.get("Code") in _DENIED:
        return f"{_action(error)} is not allowed"
    return f"{error.operation_name} returned {answer.get('Code')}: {answer.get('Message')}"


def _action(error: ClientError) -> str:
    """The IAM action that is missing. AWS's message names it; S3's does not."""
    told = re.search(r"perform: ([a-z0-9-]+:\w+)", error.response["Error"].get("Message", ""))
    return told[1] if told else error.operation_name
