"""boto3 clients with short timeouts: a call is aborted and retried within a lease."""

from typing import TYPE_CHECKING
from weakref import WeakSet

import boto3
from botocore.config import Config

from a2a_tasks.adapters.dynamodb.stored_format import versioned
from a2a_tasks.adapters.whole_answers import whole

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=100,  # as many as a worker may have calls under way
)

_made: "WeakSet[BaseClient]" = WeakSet()


def disconnect() -> None:
    """Close the connections of all clients of this process. Each opens another with its next call."""
    for client in list(_made):
        client.close()


def dynamodb() -> "DynamoDBClient":
    return _kept(versioned(boto3.client("dynamodb", config=CONFIG)))


def sqs() -> "SQSClient":
    return _kept(boto3.client("sqs", config=CONFIG))


def s3() -> "S3Client":
    # Links to objects are signed with version 4 too, which encrypted and newer buckets ask for; and they name
    # the bucket's region, since the redirect from the global address would break the signature.
    signed = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    return _kept(boto3.client("s3", config=CONFIG.merge(signed)))


def kms() -> "KMSClient":
    return _kept(boto3.client("kms", config=CONFIG))


def secretsmanager() -> "SecretsManagerClient":
    return _kept(boto3.client("secretsmanager", config=CONFIG))


def functions() -> "LambdaClient":
    """A client without retries, for callers who are waiting and retry by themselves."""
    once = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 1})
    return _kept(boto3.client("lambda", config=CONFIG.merge(once)))


def _kept[C: "BaseClient"](client: C) -> C:
    _made.add(client)
    return whole(client)
