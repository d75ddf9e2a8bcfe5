"""AWS's list prices: us-east-1, functions on arm64, on-demand tables.

They are those of the pages named here as of ``AS_OF``, without free tiers: these belong to an account and not
to a deployment. The dashboard's is the exception, since a dashboard of fifty metrics is free if it is one of
the account's first three.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

AS_OF = "2026-11"
REGION = "us-east-1"
MILLION = 1_000_000
FREE_DASHBOARD_METRICS = 50
"""Of one dashboard: https://aws.amazon.com/cloudwatch/pricing"""


class Service(StrEnum):
    """The services that charge."""

    LAMBDA = "Lambda"
    API_GATEWAY = "API Gateway"
    DYNAMODB = "DynamoDB"
    SQS = "SQS"
    S3 = "S3"
    KMS = "KMS"
    SECRETS = "Secrets Manager"
    SCHEDULER = "EventBridge Scheduler"
    LOGS = "CloudWatch Logs"
    CLOUDWATCH = "CloudWatch"
    TRANSFER = "Data transfer out"


class Unit(StrEnum):
    """The units that are charged."""

    GB_SECONDS = "gigabyte-seconds"
    INVOCATIONS = "invocations"
    API_REQUESTS = "API requests"
    WRITE_UNITS = "write units"
    READ_UNITS = "read units"
    TABLE_GB = "table gigabyte-months"
    SQS_REQUESTS = "SQS requests"
    S3_PUTS = "S3 writes"
    S3_GETS = "S3 reads"
    S3_GB = "S3 gigabyte-months"
    KMS_REQUESTS = "KMS requests"
    KMS_KEYS = "KMS key-months"
    SECRET_READS = "secret reads"  # noqa: S105  no secret
    SECRETS = "secret-months"
    SCHEDULED_CALLS = "scheduled calls"
    LOG_GB = "log gigabytes"
    METRICS = "metric-months"
    ALARM_METRICS = "alarm metric-months"
    COMPOSITE_ALARMS = "composite alarm-months"
    DASHBOARDS = "dashboard-months"
    SENT_GB = "gigabytes sent"


@dataclass(frozen=True)
class Price:
    """``usd`` for each ``per`` of a unit; ``source`` is the page with the price."""

    service: Service
    usd: float
    per: float = 1

    @property
    def each(self) -> float:
        return self.usd / self.per

    @property
    def source(self) -> str:
        return SOURCES[self.service]


SOURCES: Mapping[Service, str] = MappingProxyType(
    {
        Service.LAMBDA: "https://aws.amazon.com/lambda/pricing/",
        Service.API_GATEWAY: "https://aws.amazon.com/api-gateway/pricing/",
        Service.DYNAMODB: "https://aws.amazon.com/dynamodb/pricing/on-demand/",
        Service.SQS: "https://aws.amazon.com/sqs/pricing/",
        Service.S3: "https://aws.amazon.com/s3/pricing/",
        Service.KMS: "https://aws.amazon.com/kms/pricing/",
        Service.SECRETS: "https://aws.amazon.com/secrets-manager/pricing/",
        Service.SCHEDULER: "https://aws.amazon.com/eventbridge/pricing/",
        Service.LOGS: "https://aws.amazon.com/cloudwatch/pricing/",
        Service.CLOUDWATCH: "https://aws.amazon.com/cloudwatch/pricing/",
        Service.TRANSFER: "https://aws.amazon.com/ec2/pricing/on-demand/",
    }
)
PRICES: Mapping[Unit, Price] = MappingProxyType(
    {
        Unit.GB_SECONDS: Price(Service.LAMBDA, 0.0000133334),
        Unit.INVOCATIONS: Price(Service.LAMBDA, 0.20, MILLION),
        Unit.API_REQUESTS: Price(Service.API_GATEWAY, 3.50, MILLION),
        Unit.WRITE_UNITS: Price(Service.DYNAMODB, 0.625, MILLION),
        Unit.READ_UNITS: Price(Service.DYNAMODB, 0.125, MILLION),
        # storage, and backups for point-in-time recovery
        Unit.TABLE_GB: Price(Service.DYNAMODB, 0.25 + 0.20),
        Unit.SQS_REQUESTS: Price(Service.SQS, 0.40, MILLION),
        Unit.S3_PUTS: Price(Service.S3, 5.00, MILLION),
        Unit.S3_GETS: Price(Service.S3, 0.40, MILLION),
        Unit.S3_GB: Price(Service.S3, 0.023),
        Unit.KMS_REQUESTS: Price(Service.KMS, 0.03, 10_000),
        Unit.KMS_KEYS: Price(Service.KMS, 1.00),
        Unit.SECRET_READS: Price(Service.SECRETS, 0.05, 10_000),
        Unit.SECRETS: Price(Service.SECRETS, 0.40),
        Unit.SCHEDULED_CALLS: Price(Service.SCHEDULER, 1.00, MILLION),
        # ingestion, and a month's storage, compressed to about a seventh
        Unit.LOG_GB: Price(Service.LOGS, 0.50 + 0.03 * 0.15),
        Unit.METRICS: Price(Service.CLOUDWATCH, 0.30),
        Unit.ALARM_METRICS: Price(Service.CLOUDWATCH, 0.10),
        Unit.COMPOSITE_ALARMS: Price(Service.CLOUDWATCH, 0.50),
        Unit.DASHBOARDS: Price(Service.CLOUDWATCH, 3.00),
        Unit.SENT_GB: Price(Service.TRANSFER, 0.09),
    }
)
