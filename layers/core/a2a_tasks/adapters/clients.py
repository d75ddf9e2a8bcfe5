"""Clients of AWS with short timeouts: a call is aborted and retried within a lease.

They are botocore's, which boto3 hands out as they are. What else boto3 has, resources and transfers of files,
is called by nothing here, and takes an eighth of what a client takes to import.
"""

import functools
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from botocore.config import Config
from botocore.session import get_session

from a2a_tasks.adapters.dynamodb.stored_format import versioned
from a2a_tasks.adapters.truncation import retry_truncated

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.credentials import Credentials
    from botocore.session import Session
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
    max_pool_connections=100,  # maximum of concurrent calls of a worker
)

_made: "WeakSet[BaseClient]" = WeakSet()


def disconnect() -> None:
    """Close the connections of all clients of this process. Each opens another with its next call."""
    for client in list(_made):
        client.close()


def credentials() -> "Credentials | None":
    """Those of the clients."""
    return _session().get_credentials()


def dynamodb() -> "DynamoDBClient":
    client: DynamoDBClient = _client("dynamodb")
    return versioned(client)


def sqs() -> "SQSClient":
    client: SQSClient = _client("sqs")
    return client


def s3() -> "S3Client":
    # Presigned links use signature version 4, which encrypted and newer buckets require, and the regional
    # endpoint, because a redirect from the global one would invalidate the signature.
    signed = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    client: S3Client = _client("s3", signed)
    return client


def kms() -> "KMSClient":
    client: KMSClient = _client("kms")
    return client


def secretsmanager() -> "SecretsManagerClient":
    client: SecretsManagerClient = _client("secretsmanager")
    return client


def functions() -> "LambdaClient":
    """A client without retries, for callers who are waiting and retry by themselves."""
    once = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 1})
    client: LambdaClient = _client("lambda", once)
    return client


@functools.cache
def _session() -> "Session":
    """One, so that clients share their credentials and what was read from disk."""
    return get_session()


def _client(service: str, config: Config | None = None) -> Any:
    client = _session().create_client(service, config=CONFIG.merge(config) if config else CONFIG)
    _made.add(client)
    return retry_truncated(client)
