"""The AWS account, or the emulator, that a stack lives in. Only this file makes boto3's clients."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NotConnected

from a2a_tasks.adapters import clients
from a2a_tasks.adapters.dynamodb.stored_format import versioned
from a2a_tasks.ports.errors import SealingUnavailable, StoreUnavailable
from a2actl.deployment import local_stack
from a2actl.terminal.fault import Fault

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

_NO_IDENTITY = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    SSOError,
)
_REFUSED_IDENTITY = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


@dataclass(frozen=True)
class DescribedStack:
    """A stack's data from CloudFormation."""

    name: str
    outputs: dict[str, str]
    parameters: dict[str, str]
    status: str = ""


@dataclass(frozen=True)
class Resource:
    """A resource of a stack, with its type in CloudFormation's words and what ``!Ref`` gives of it."""

    kind: str
    physical_id: str


class Account:
    """Answers for one stack. ``endpoint_url`` None means AWS, or AWS_ENDPOINT_URL if that is set."""

    def __init__(self, session: boto3.Session, endpoint_url: str | None = None) -> None:
        self._session = session
        self._endpoint_url = endpoint_url

    @classmethod
    def of_user(cls, region: str | None, profile: str | None) -> "Account":
        """The account behind the user's own credentials."""
        return cls(boto3.Session(region_name=region, profile_name=profile))

    @classmethod
    def of_local_stack(cls, endpoint_url: str) -> "Account":
        # the emulator asks for credentials and takes any
        any_key = "test"
        session = boto3.Session(any_key, any_key, region_name=local_stack.REGION)
        return cls(session, endpoint_url)

    def stack(self, stack_name: str) -> DescribedStack:
        """A deployed stack by its name or id. Raises ``Fault`` if there is none."""
        client = self._session.client(
            "cloudformation", config=clients.CONFIG, endpoint_url=self._endpoint_url
        )
        try:
            stack = client.describe_stacks(StackName=stack_name)["Stacks"][0]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                where = client.meta.region_name
                raise Fault(
                    f"There is no stack {stack_name!r} in {where}; check --stack, --region and --profile,"
                    " or deploy it with `make deploy`."
                ) from None
            raise
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        parameters = {
            entry["ParameterKey"]: entry.get("ParameterValue", "") for entry in stack.get("Parameters", [])
        }
        return DescribedStack(stack["StackName"], outputs, parameters, stack["StackStatus"])

    def resources(self, stack_name: str) -> dict[str, Resource]:
        """The stack's resources, by logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            item["LogicalResourceId"]: Resource(item["ResourceType"], item["PhysicalResourceId"])
            for page in pages.paginate(StackName=stack_name)
            for item in page["StackResourceSummaries"]
            if item.get("PhysicalResourceId") and item["ResourceStatus"] != "DELETE_COMPLETE"
        }

    def client(self, service: Any) -> Any:
        """Of a service that is only read, such as alarms and schedules."""
        return self._session.client(service, config=clients.CONFIG, endpoint_url=self._endpoint_url)

    def dynamodb(self) -> "DynamoDBClient":
        client = self._session.client("dynamodb", config=clients.CONFIG, endpoint_url=self._endpoint_url)
        return versioned(client)

    def sqs(self) -> "SQSClient":
        return self._session.client("sqs", config=clients.CONFIG, endpoint_url=self._endpoint_url)

    def functions(self) -> "LambdaClient":
        return self._session.client("lambda", config=clients.CONFIG, endpoint_url=self._endpoint_url)

    def s3(self) -> "S3Client":
        return self._session.client("s3", config=clients.CONFIG, endpoint_url=self._endpoint_url)

    def kms(self) -> "KMSClient":
        return self._session.client("kms", config=clients.CONFIG, endpoint_url=self._endpoint_url)

    def secretsmanager(self) -> "SecretsManagerClient":
        return self._session.client("secretsmanager", config=clients.CONFIG, endpoint_url=self._endpoint_url)


@contextmanager
def explained(*, is_local: bool) -> Iterator[None]:
    """Turns errors of AWS and boto3 in the block into a ``Fault``."""
    try:
        yield
    except (SealingUnavailable, StoreUnavailable) as error:
        raise Fault(explain(error.__cause__ or error, is_local=is_local)) from error
    except (ClientError, BotoCoreError) as error:
        raise Fault(explain(error, is_local=is_local)) from error


def explain(error: BaseException, *, is_local: bool = False) -> str:
    """An error of AWS or boto3, in words for an operator."""
    match error:
        case ProfileNotFound():
            return f"{error}; select another with --profile, or set it up with `aws configure`."
        case NoRegionError():
            return "No AWS region is set; use --region or AWS_DEFAULT_REGION."
        case _ if isinstance(error, _NO_IDENTITY):
            return f"There are no AWS credentials ({error}); sign in, or select a profile with --profile."
        case NotConnected() | HTTPClientError() if is_local:
            return f"The local stack does not respond ({error}); start it with `make run`."
        case NotConnected() | HTTPClientError():
            return f"AWS does not respond ({error}); check the network, --region and AWS_ENDPOINT_URL."
        case ClientError():
            return _explain_answer(error.response["Error"])
        case _:
            return f"The call of AWS failed: {error}"


def _explain_answer(error: Any) -> str:
    code, message = error.get("Code", ""), error.get("Message", "")
    if code in _REFUSED_IDENTITY:
        return f"AWS rejected the credentials ({code}); sign in again, or select a profile with --profile."
    if code.startswith("AccessDenied"):
        return f"These AWS credentials lack a permission ({message}); select others with --profile."
    if code == "ResourceNotFoundException":
        return f"A resource of the stack does not exist ({message}); deploy it again with `make deploy`."
    return f"AWS returned an error: {message or code} ({code}); try again, it may be temporary."
